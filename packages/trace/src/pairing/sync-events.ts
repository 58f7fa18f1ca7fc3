// dma_sync_*: activity inside the life of a mapping.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { pageOf } from './address.ts';
import { draftEvent } from './draft.ts';
import { keyOf } from './finding.ts';
import { NONE, State } from './live-set.ts';
import { beginRow, countRequest, writeDraft } from './rows.ts';
import type { Pairing } from './state.ts';

/** How many pages before the address a mapping may start that a partial sync still finds. */
const REACH = 64;

/** dma_sync_single_for_*, dma_sync_sg_for_*: one row, with the id of the mapping where it is found. */
export function onSync(p: Pairing, b: EventBatch, i: number): void {
  const { live } = p;
  const d = draftEvent(p, b, i, beginRow(p, b, i), Op.sync);
  if (b.aux[i] === 1) d.flags |= Flag.forDevice;
  const entry = findCovering(p, d.device, d.addressLow, d.addressHigh);
  if (entry === NONE) d.domain = p.attribution.ofDevice(d.device);
  else {
    d.domain = live.domain[entry]!;
    d.physLow = live.physLow[entry]!;
    d.physHigh = live.physHigh[entry]!;
    d.flags |= live.flags[entry]! & (Flag.direct | Flag.bounced);
  }
  writeDraft(p.store, d, entry === NONE ? 0 : live.id[entry]!);
  countRequest(p, Op.sync);
}

// Mappings share a page where the device is not translated: the bytes decide. Of a scatter list only the
// pages of its first range are known.
function findCovering(p: Pairing, device: number, low: number, high: number): number {
  const { live } = p;
  const page = pageOf(low, high);
  const key = keyOf(p, low, high);
  let listed = NONE;
  for (let at = key; at >= 0 && at > key - REACH * p.unit; at -= p.unit) {
    for (let entry = live.first(at); entry !== NONE; entry = live.next(entry)) {
      if (live.device[entry] !== device || (live.state[entry]! & State.claimed) === 0) continue;
      const offset = (high - live.addressHigh[entry]!) * 2 ** 32 + (low - live.addressLow[entry]!);
      if (offset >= 0 && offset < live.size[entry]!) return entry;
      const isInList =
        (live.state[entry]! & State.listed) !== 0 && page < live.page[entry]! + live.pages[entry]!;
      if (isInList && listed === NONE) listed = entry;
    }
  }
  return listed;
}
