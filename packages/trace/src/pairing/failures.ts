// Recorded failures: maps without an address, folded into demands.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { NONE } from './live-set.ts';
import { addFlags } from './rows.ts';
import type { Pairing } from './state.ts';

/** Completes the row of a failed call; retries are superseded, the first failure is held. */
export function writeFailure(
  p: Pairing,
  row: number,
  op: Op,
  device: number,
  domain: number,
  task: number,
  size: number,
  physLow: number,
  physHigh: number,
  direction: number,
  limit: number,
  segments: number,
  flags: number,
  line: number,
): void {
  const first = p.demands.find(device, task, physLow, physHigh, size);
  const fate = first === NONE ? Flag.synthetic : Flag.superseded;
  if (first === NONE) p.demands.add(row, device, task, physLow, physHigh, size);
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.op[r] = op;
  c.id[r] = ++p.nextId;
  c.device[r] = device;
  c.domain[r] = domain;
  c.size[r] = size;
  c.physLow[r] = physLow;
  c.physHigh[r] = physHigh;
  c.dmaLimit[r] = limit;
  c.direction[r] = direction;
  c.segments[r] = segments;
  c.flags[r] = (c.flags[r]! & Flag.lossBefore) | Flag.failed | fate | flags;
  if (line !== 0) c.line[r] = line;
  p.counts.failed++;
  if (op === Op.alloc) p.counts.alloc++;
  else p.counts.map++;
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

/** Whether event `i` says that its call failed. */
export function isFlaggedFailed(b: EventBatch, i: number): boolean {
  return (b.flags[i]! & Flag.failed) !== 0;
}
