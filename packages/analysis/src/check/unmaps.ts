// Unmaps and frees: against the mapping that they end, or why they find none.

import { Direction, Flag, Op, type RequestBatch } from '@dmalab/trace';
import type { CheckState } from './check.ts';
import type { FindingLine } from './finding.ts';
import type { Judgement } from './finding-log.ts';
import { certain, hasWholeHistory, judge, likely, possible } from './judging.ts';
import { NONE } from './mappings.ts';
import { onEndOfDouble } from './maps.ts';

const ALL_ONES = 0xffff_ffff;

/** Op.unmap or Op.free. */
export function onUnmap(s: CheckState, b: RequestBatch, i: number): void {
  if ((b.flags[i]! & Flag.openStart) !== 0) {
    onUnmatched(s, b, i);
    return;
  }
  const { mappings } = s;
  const m = mappings.find(b.id[i]!);
  if (m === NONE) return;
  onEndOfDouble(s, b, i, m);
  if ((b.flags[i]! & Flag.synthetic) === 0) compare(s, b, i, m);
  if (mappings.segments[m]! > 1) s.lists[mappings.device[m]!] = s.lists[mappings.device[m]!]! - 1;
  s.leaks.onUnmap(s, mappings.device[m]!, mappings.op[m]!, mappings.direction[m]!);
  mappings.end(m, b, i, s.losses);
}

function compare(s: CheckState, b: RequestBatch, i: number, m: number): void {
  const { mappings, log } = s;
  const flags = b.flags[i]! | mappings.flags[m]!;
  const lines = (): FindingLine[] => [log.mapOf(mappings, m), log.at('unmap', b.line[i]!)];
  const judged = (): Judgement => {
    const sure = hasTwin(s, m)
      ? possible('the same page is mapped several times, so the pair is a guess')
      : certain('map and unmap both were recorded, and nothing was lost in between');
    return judge(s, mappings.losses[m]!, flags, sure);
  };
  const size = mappings.size[m]!;
  if (size !== b.size[i] && (flags & Flag.sizeDerived) === 0) {
    const message = `${size} bytes were mapped, ${b.size[i]} bytes unmapped`;
    log.addRow('SIZE_MISMATCH', judged(), b, i, lines(), message);
  }
  const from = mappings.direction[m]!;
  const to = b.direction[i]!;
  if (from !== to && from !== Direction.unknown && to !== Direction.unknown) {
    const message = `mapped ${directionName(from)}, unmapped ${directionName(to)}`;
    log.addRow('DIRECTION_MISMATCH', judged(), b, i, lines(), message);
  }
  const isAlloc = mappings.op[m] === Op.alloc;
  if (isAlloc !== (b.op[i] === Op.free)) {
    const message = isAlloc
      ? 'allocated memory was unmapped, not freed'
      : 'a mapping was freed, not unmapped';
    log.addRow('WRONG_CALL', judged(), b, i, lines(), message);
  }
}

/** Another live mapping of the same device and address: only without translation. */
function hasTwin(s: CheckState, m: number): boolean {
  const { mappings } = s;
  const low = mappings.addressLow[m]!;
  const high = mappings.addressHigh[m]!;
  for (let at = mappings.firstAt(low, high); at !== NONE; at = mappings.nextAt(at, low, high)) {
    const isLive = at !== m && mappings.state[at] === 1;
    if (isLive && mappings.device[at] === mappings.device[m]) return true;
  }
  return false;
}

/** An unmap or free that no live mapping of its device matches. */
export function onUnmatched(s: CheckState, b: RequestBatch, i: number): void {
  const { log } = s;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  const here = log.at('unmap', b.line[i]!);
  if (low === ALL_ONES && (high === ALL_ONES || high === 0)) {
    const judged = certain('all ones is what a failed map returns');
    log.addRow('UNMAP_OF_ERROR', judged, b, i, [here], 'DMA_MAPPING_ERROR was unmapped');
  } else if (low === 0 && high === 0 && b.size[i] === 0 && b.physLow[i] === 0) {
    const judged = possible('the kernel returns at once');
    log.addRow('FREE_OF_NULL', judged, b, i, [here], 'a null pointer was freed');
  } else if (!isOfOther(s, b, i) && !isSecond(s, b, i)) {
    const size = b.size[i] === 0 ? 'a scatter list' : `${b.size[i]} bytes`;
    const message = `${size} were unmapped that nothing in the trace mapped`;
    log.addRow('UNMATCHED_UNMAP', unmatched(s, b, i), b, i, [here], message);
  }
}

function unmatched(s: CheckState, b: RequestBatch, i: number): Judgement {
  if (!hasWholeHistory(s, b, i)) return possible('it may have been mapped before the trace began');
  return judge(s, 0, b.flags[i]!, certain('the domain was recorded from its creation'));
}

/** The address is live, but for another device. */
function isOfOther(s: CheckState, b: RequestBatch, i: number): boolean {
  const { mappings, log } = s;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  for (let at = mappings.firstAt(low, high); at !== NONE; at = mappings.nextAt(at, low, high)) {
    if (mappings.state[at] !== 1 || !isSameAddress(s, at, low, high)) continue;
    if (mappings.device[at] === b.device[i] || mappings.size[at] !== b.size[i]) continue;
    const isSameDomain = b.domain[i] !== 0 && mappings.domain[at] === b.domain[i];
    // In domains of their own two devices may well have the same address.
    if (!isSameDomain && mappings.domain[at] !== 0 && !hasWholeHistory(s, b, i)) continue;
    const sure = isSameDomain
      ? certain('both devices share the domain, and the address is live in it')
      : hasWholeHistory(s, b, i)
        ? certain('its own domain, recorded from its creation, has no such mapping')
        : possible('the device may have mapped the page before the trace began');
    const owner = log.device(mappings.device[at]!);
    log.addRow(
      'OTHER_DEVICE',
      judge(s, mappings.losses[at]!, b.flags[i]!, sure),
      b,
      i,
      [log.mapOf(mappings, at), log.at('unmap', b.line[i]!)],
      `${owner} mapped it, ${log.device(b.device[i]!)} unmaps it`,
    );
    return true;
  }
  return false;
}

/** The same device unmapped it before, and nobody mapped it since. */
function isSecond(s: CheckState, b: RequestBatch, i: number): boolean {
  const { mappings, log } = s;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  for (let at = mappings.firstAt(low, high); at !== NONE; at = mappings.nextAt(at, low, high)) {
    if (mappings.state[at] !== 2 || mappings.device[at] !== b.device[i]) continue;
    if (!isSameAddress(s, at, low, high)) continue;
    const sure =
      b.domain[i] !== 0
        ? certain('the address was unmapped and not mapped again, and nothing was lost')
        : likely('without translation a page can also be mapped twice, once before the trace');
    log.addRow(
      'DOUBLE_UNMAP',
      judge(s, mappings.endLosses[at]!, b.flags[i]!, sure),
      b,
      i,
      [
        log.mapOf(mappings, at),
        log.at('first unmap', mappings.endLine[at]!),
        log.at('unmap', b.line[i]!),
      ],
      `${mappings.size[at]} bytes were mapped once and unmapped twice`,
    );
    return true;
  }
  return false;
}

function isSameAddress(s: CheckState, m: number, low: number, high: number): boolean {
  return s.mappings.addressLow[m] === low && s.mappings.addressHigh[m] === high;
}

/** As the kernel writes it. */
export function directionName(direction: number): string {
  return ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE', 'NONE'][direction] ?? 'unknown';
}
