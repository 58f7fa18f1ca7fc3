// dma_sync_*: inside the life, the range and the direction of a mapping.

import { Direction, type RequestBatch } from '@dmalab/trace';
import type { CheckState } from './check.ts';
import { certain, hasWholeHistory, judge, likely, possible } from './judging.ts';
import { NONE } from './mappings.ts';
import { directionName } from './unmaps.ts';

const HIGH = 2 ** 32;
const PAGE = 4096;
/** How many pages before the address an ended mapping is looked for. */
const REACH = 64;

/** Op.sync. */
export function onSync(s: CheckState, b: RequestBatch, i: number): void {
  const m = b.id[i] === 0 ? NONE : s.mappings.find(b.id[i]!);
  if (m !== NONE) compare(s, b, i, m);
  else if (b.id[i] === 0) onUnmapped(s, b, i);
}

function compare(s: CheckState, b: RequestBatch, i: number, m: number): void {
  const { mappings, log } = s;
  // Of a list only the first segment is known.
  if (mappings.segments[m]! > 1) return;
  const lines = [log.mapOf(mappings, m), log.at('sync', b.line[i]!)];
  const sure = certain('map and sync both were recorded, and nothing was lost in between');
  const judged = judge(s, mappings.losses[m]!, mappings.flags[m]!, sure);
  const offset =
    (b.addressHigh[i]! - mappings.addressHigh[m]!) * HIGH +
    (b.addressLow[i]! - mappings.addressLow[m]!);
  if (offset < 0 || offset + b.size[i]! > mappings.size[m]!) {
    const message = `bytes ${offset} to ${offset + b.size[i]!} of a mapping of ${mappings.size[m]} bytes`;
    log.addRow('SYNC_OUTSIDE', judged, b, i, lines, message);
  }
  const made = mappings.direction[m]!;
  const asked = b.direction[i]!;
  const isKnown = made !== Direction.unknown && asked !== Direction.unknown;
  if (isKnown && made !== asked && made !== Direction.bidirectional) {
    const message = `mapped ${directionName(made)}, synchronised ${directionName(asked)}`;
    log.addRow('SYNC_DIRECTION', judged, b, i, lines, message);
  }
}

function onUnmapped(s: CheckState, b: RequestBatch, i: number): void {
  const { mappings, log } = s;
  const here = log.at('sync', b.line[i]!);
  const m = endedOver(s, b, i);
  if (m === NONE) {
    const sure = hasWholeHistory(s, b, i)
      ? certain('the domain was recorded from its creation')
      : possible('it may have been mapped before the trace began');
    const judged = withLists(s, b, i, judge(s, 0, b.flags[i]!, sure));
    const message = `${b.size[i]} bytes were synchronised that are not mapped`;
    log.addRow('SYNC_UNMAPPED', judged, b, i, [here], message);
    return;
  }
  const after = b.time[i]! - mappings.endTime[m]!;
  const isClose = mappings.endCpu[m] !== b.cpu[i] && after <= s.window;
  const sure = isClose
    ? possible('another CPU unmapped it at about the same time, and lines may be late')
    : b.domain[i] !== 0
      ? certain('the unmap stands before the sync, and nothing was lost')
      : likely('the unmap stands before the sync; an older map of the same page could be live');
  log.addRow(
    'SYNC_AFTER_UNMAP',
    withLists(s, b, i, judge(s, mappings.endLosses[m]!, b.flags[i]!, sure)),
    b,
    i,
    [log.mapOf(mappings, m), log.at('unmap', mappings.endLine[m]!), here],
    `synchronised ${after / 1000} us after its unmap`,
  );
}

type Judged = ReturnType<typeof judge>;

function withLists(s: CheckState, b: RequestBatch, i: number, judged: Judged): Judged {
  if (s.lists[b.device[i]!] === 0) return judged;
  return possible('the device has live scatter lists, of which it could be a later segment');
}

/** The mapping of the device that covered the address and ended last, as far as it is remembered. */
function endedOver(s: CheckState, b: RequestBatch, i: number): number {
  const { mappings } = s;
  const high = b.addressHigh[i]!;
  for (let back = 0; back < REACH; back++) {
    const low = b.addressLow[i]! - back * PAGE;
    if (low < -PAGE) return NONE;
    const at = Math.max(0, low);
    for (let m = mappings.firstAt(at, high); m !== NONE; m = mappings.nextAt(m, at, high)) {
      const offset = b.addressLow[i]! - mappings.addressLow[m]!;
      const covers = offset >= 0 && offset < mappings.size[m]!;
      if (covers && mappings.state[m] === 2 && mappings.device[m] === b.device[i]) return m;
    }
  }
  return NONE;
}
