// Double maps: an address of a domain that is handed out while it is live.
//
// Devices without translation may map one page any number of times: that is no fault. The line of an unmap
// may come late, after another CPU mapped the address again (trace format, races): so the second map is
// only noted, and it is told when the first one ends, or at the end of the trace.

import { Flag, Op, type RequestBatch } from '@dmalab/trace';
import type { CheckState } from './check.ts';
import { certain, judge, likely } from './judging.ts';
import { NONE } from './mappings.ts';

/** Value of `doubled`: it was made over another, of which one unmap was seen. */
const SUSPECT = 2;

/** Notes the live mapping that the new one lies over. */
export function onDoubleMap(s: CheckState, b: RequestBatch, i: number, m: number): void {
  if (b.domain[i] === 0) return;
  const { mappings } = s;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  for (let at = mappings.firstAt(low, high); at !== NONE; at = mappings.nextAt(at, low, high)) {
    if (at === m || mappings.state[at] !== 1 || mappings.domain[at] !== b.domain[i]) continue;
    mappings.over[m] = mappings.id[at]!;
    if (mappings.doubled[at] === 0) mappings.doubled[at] = 1;
    return;
  }
}

/** Mapping `m` ends by row `i`: was it mapped over while it lived, or made over another? */
export function onEndOfDouble(s: CheckState, b: RequestBatch, i: number, m: number): void {
  const { mappings } = s;
  // Pairing closes by a row of its own what was mapped again and never unmapped.
  const isClosedByPairing = (b.flags[i]! & Flag.synthetic) !== 0;
  const endsAfter = (newer: number): boolean =>
    (b.flags[i]! & Flag.reordered) === 0 && isAfter(s, newer, b.line[i]!, b.cpu[i]!, b.time[i]!);
  if (mappings.doubled[m] === SUSPECT) {
    if (isClosedByPairing || endsAfter(m)) tell(s, mappings.findEnded(mappings.over[m]!), m);
    return;
  }
  if (mappings.doubled[m] === 0 && !isClosedByPairing) return;
  const newer = newestOver(s, m);
  if (isClosedByPairing) tell(s, m, newer);
  else if (newer !== NONE && endsAfter(newer)) suspect(s, m, newer);
}

/** At the end of the trace one of the two may still be live. */
export function onLiveDouble(s: CheckState, m: number): void {
  const { mappings } = s;
  if (mappings.doubled[m] === SUSPECT) tell(s, mappings.findEnded(mappings.over[m]!), m);
  else if (mappings.doubled[m] !== 0) tell(s, m, newestOver(s, m));
}

// Two maps and the first of two unmaps: which of the maps it ends is a guess. Only if the other unmap comes
// after the second map as well, or never, were both live.
function suspect(s: CheckState, older: number, newer: number): void {
  const { mappings } = s;
  if (mappings.state[newer] === 1) {
    mappings.doubled[newer] = SUSPECT;
    return;
  }
  const { endLine, endCpu, endTime } = mappings;
  if (isAfter(s, newer, endLine[newer]!, endCpu[newer]!, endTime[newer]!)) tell(s, older, newer);
}

/**
 * Whether an unmap came after the map `newer` for certain. Lines tell it, not rows: a map takes its place
 * among the requests with its allocation, and an interrupt may unmap before it is printed.
 */
function isAfter(s: CheckState, newer: number, line: number, cpu: number, time: number): boolean {
  const { mappings } = s;
  if (line < mappings.line[newer]!) return false;
  return cpu === mappings.cpu[newer] || time - mappings.time[newer]! > s.window;
}

function newestOver(s: CheckState, older: number): number {
  const { mappings } = s;
  const low = mappings.addressLow[older]!;
  const high = mappings.addressHigh[older]!;
  let found = NONE;
  for (let at = mappings.firstAt(low, high); at !== NONE; at = mappings.nextAt(at, low, high)) {
    if (mappings.over[at] === mappings.id[older]) found = at;
  }
  return found;
}

/** One of the two may be forgotten (NONE). */
function tell(s: CheckState, older: number, newer: number): void {
  const { mappings, log, capture } = s;
  const first = older === NONE ? newer : older;
  const second = newer === NONE ? older : newer;
  const hasTable = (capture.report.events.unmap ?? 0) > 0;
  const judged = judge(
    s,
    mappings.losses[first]!,
    mappings.flags[first]! | mappings.flags[second]!,
    hasTable
      ? certain('no unmap lies between the two maps, and nothing was lost')
      : likely('no unmap lies between the two maps; without iommu:unmap its line could be late'),
  );
  const call = mappings.op[second] === Op.alloc ? 'allocated' : 'mapped';
  log.add({
    code: 'DOUBLE_MAP',
    ...judged,
    device: log.device(mappings.device[second]!),
    task: log.task(mappings.task[second]!),
    address: log.hex(mappings, second),
    count: 1,
    bytes: mappings.size[second]!,
    time: mappings.time[second]!,
    lines: [
      ...(older === NONE ? [] : [log.mapOf(mappings, older)]),
      ...(newer === NONE ? [] : [log.mapOf(mappings, newer, 'other map')]),
    ],
    message: `${mappings.size[second]} bytes were ${call} where ${mappings.size[first]} bytes of ${log.device(mappings.device[first]!)} were live`,
  });
}
