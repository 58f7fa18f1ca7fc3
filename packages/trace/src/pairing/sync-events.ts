// dma_sync_*: activity inside the life of a mapping.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { pageOf } from './address.ts';
import { keyOf } from './closing.ts';
import { NONE, State } from './live-set.ts';
import { beginRow, writeUnmap } from './rows.ts';
import type { Pairing } from './state.ts';

/** How many pages before the address a mapping may start that a partial sync still finds. */
const REACH = 64;

/** dma_sync_single_for_*, dma_sync_sg_for_*: one row, with the id of the mapping where it is found. */
export function onSync(p: Pairing, b: EventBatch, i: number): void {
  const row = beginRow(p, b, i);
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  const device = b.device[i]!;
  const entry = findCovering(p, device, low, high);
  p.counts.sync++;
  if (entry !== NONE) {
    const flags = p.live.flags[entry]! & (Flag.direct | Flag.bounced);
    writeUnmap(p, row, entry, Op.sync, b.size[i]!, low, high, b.direction[i]!, flags, b.line[i]!);
    return;
  }
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.op[r] = Op.sync;
  c.device[r] = device;
  c.domain[r] = p.attribution.ofDevice(device);
  c.size[r] = b.size[i]!;
  c.addressLow[r] = low;
  c.addressHigh[r] = high;
  c.direction[r] = b.direction[i]!;
  c.segments[r] = 1;
}

function findCovering(p: Pairing, device: number, low: number, high: number): number {
  const { live } = p;
  const page = pageOf(low, high);
  const key = keyOf(p, low, high);
  for (let at = key; at >= 0 && at > key - REACH * p.unit; at -= p.unit) {
    for (let entry = live.first(at); entry !== NONE; entry = live.next(entry)) {
      if (live.device[entry] !== device || (live.state[entry]! & State.claimed) === 0) continue;
      if (page < live.page[entry]! + live.pages[entry]!) return entry;
    }
  }
  return NONE;
}
