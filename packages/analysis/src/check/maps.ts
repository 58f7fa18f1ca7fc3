// Double maps: an address of a domain that is handed out while it is live.
//
// Devices without translation may map one page any number of times: that is no fault. The line of an unmap
// may come late, after another CPU mapped the address again (trace format, races): so the second map is
// only noted, and it is told when the first one ends, or at the end of the trace.

import { Flag, Op, type RequestBatch } from '@dmalab/trace';
import type { CheckState } from './check.ts';
import { certain, judge, likely } from './judging.ts';
import { NONE } from './mappings.ts';

/** Notes the live mapping that the new one lies over. */
export function onDoubleMap(s: CheckState, b: RequestBatch, i: number, m: number): void {
  if (b.domain[i] === 0) return;
  const { mappings } = s;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  for (let at = mappings.firstAt(low, high); at !== NONE; at = mappings.nextAt(at, low, high)) {
    if (at === m || mappings.state[at] !== 1 || mappings.domain[at] !== b.domain[i]) continue;
    mappings.over[m] = mappings.id[at]!;
    mappings.doubled[at] = 1;
    return;
  }
}

/** Mapping `m` ends by row `i`: was it mapped over while it lived? */
export function onEndOfDouble(s: CheckState, b: RequestBatch, i: number, m: number): void {
  const { mappings } = s;
  // Pairing closes by a row of its own what was mapped again and never unmapped.
  const isClosedByPairing = (b.flags[i]! & Flag.synthetic) !== 0;
  if (mappings.doubled[m] === 0 && !isClosedByPairing) return;
  const newer = newestOver(s, m);
  if (isClosedByPairing || isAfter(s, b, i, newer)) tell(s, m, newer);
}

/** At the end of the trace the older may still be live. */
export function onLiveDouble(s: CheckState, m: number): void {
  if (s.mappings.doubled[m] !== 0) tell(s, m, newestOver(s, m));
}

/**
 * Whether the unmap of row `i` came after the map `newer` for certain. Lines tell it, not rows: a map takes
 * its place among the requests with its allocation, and an interrupt may unmap before it is printed.
 */
function isAfter(s: CheckState, b: RequestBatch, i: number, newer: number): boolean {
  const { mappings } = s;
  if (newer === NONE || b.line[i]! < mappings.line[newer]!) return false;
  if ((b.flags[i]! & Flag.reordered) !== 0) return false;
  return b.cpu[i] === mappings.cpu[newer] || b.time[i]! - mappings.time[newer]! > s.window;
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

function tell(s: CheckState, older: number, newer: number): void {
  const { mappings, log, capture } = s;
  const hasTable = (capture.report.events.unmap ?? 0) > 0;
  const judged = judge(
    s,
    mappings.losses[older]!,
    mappings.flags[older]! | (newer === NONE ? 0 : mappings.flags[newer]!),
    hasTable
      ? certain('no unmap lies between the two maps, and nothing was lost')
      : likely('no unmap lies between the two maps; without iommu:unmap its line could be late'),
  );
  const m = newer === NONE ? older : newer;
  const call = mappings.op[m] === Op.alloc ? 'allocated' : 'mapped';
  log.add({
    code: 'DOUBLE_MAP',
    ...judged,
    device: log.device(mappings.device[m]!),
    task: log.task(mappings.task[m]!),
    address: log.hex(mappings, m),
    count: 1,
    bytes: mappings.size[m]!,
    time: mappings.time[m]!,
    lines: [
      log.mapOf(mappings, older),
      ...(newer === NONE ? [] : [log.mapOf(mappings, newer, 'other map')]),
    ],
    message: `${mappings.size[m]} bytes were ${call} where ${mappings.size[older]} bytes of ${log.device(mappings.device[older]!)} were live`,
  });
}
