// Recorded failures: maps without an address, folded into demands.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { isMappingError } from './address.ts';
import type { Draft } from './draft.ts';
import { NONE } from './live-set.ts';
import { addFlags, countRequest, writeDraft } from './rows.ts';
import type { Pairing } from './state.ts';

/** In the place of a size: a list, of which a failure shows only the part that was tried. */
export const ANY_LIST = -1;

/**
 * Completes the row of a failed call; retries are superseded, the first failure is held. `size` tells
 * the demands of a buffer apart.
 */
export function writeFailure(p: Pairing, d: Draft, size: number = d.size): void {
  const first = p.demands.find(d.device, d.task, d.physLow, d.physHigh, size);
  if (first === NONE) {
    p.demands.add(d.row, d.device, d.task, d.physLow, d.physHigh, size);
    d.flags |= Flag.synthetic;
  } else d.flags |= Flag.superseded;
  d.flags |= Flag.failed;
  d.addressLow = 0;
  d.addressHigh = 0;
  writeDraft(p.store, d, ++p.nextId);
  p.counts.failed++;
  countRequest(p, d.op);
}

/** A map succeeded: the failures before it were its retries. */
export function settleDemand(
  p: Pairing,
  device: number,
  task: number,
  physLow: number,
  physHigh: number,
  size: number,
): void {
  if (p.demands.count === 0) return;
  const row = p.demands.find(device, task, physLow, physHigh, size);
  if (row === NONE) return;
  p.demands.remove(device, task, physLow, physHigh, size);
  const c = p.store.block(row);
  c.flags[row & BLOCK_MASK] = c.flags[row & BLOCK_MASK]! & ~Flag.synthetic;
  addFlags(p, row, Flag.superseded);
}

/** Whether the map or allocation of event `i` failed. */
export function isFailed(b: EventBatch, i: number, op: Op): boolean {
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  if ((b.flags[i]! & Flag.failed) !== 0) return true;
  if (op === Op.alloc && low === 0 && high === 0) return true;
  return isMappingError(low, high, b.physLow[i]!);
}
