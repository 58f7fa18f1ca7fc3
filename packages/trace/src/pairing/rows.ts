// Rows of the request store: reserved at the first sign of a call, completed when it is understood.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { highOf, lowOf, PAGE } from './address.ts';
import { NONE, State } from './live-set.ts';
import type { Pairing } from './state.ts';

/** Reserves a row with time, place and task of event `i`; it is Op.none until completed. */
export function beginRow(p: Pairing, b: EventBatch, i: number): number {
  const row = p.store.reserve();
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.time[r] = b.time[i]!;
  c.cpu[r] = b.cpu[i]!;
  c.tid[r] = b.tid[i]!;
  c.task[r] = b.task[i]!;
  c.context[r] = b.context[i]!;
  c.line[r] = b.line[i]!;
  c.direction[r] = 255;
  if (p.losses > 0 && isAfterLoss(p, b.cpu[i]!)) c.flags[r] = Flag.lossBefore;
  return row;
}

function isAfterLoss(p: Pairing, cpu: number): boolean {
  const last = Math.max(p.lossAnywhere, p.lossAt[cpu] ?? 0);
  if (last <= (p.lossShown[cpu] ?? 0)) return false;
  p.lossShown[cpu] = last;
  return true;
}

/** Completes the row of a live mapping from its entry, and gives it an id. Line 0 keeps the first sign's. */
export function writeMap(
  p: Pairing,
  entry: number,
  op: Op,
  segments: number,
  flags: number,
  line: number,
): void {
  const live = p.live;
  if (live.id[entry] === 0) live.id[entry] = ++p.nextId;
  const row = live.row[entry]!;
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.op[r] = op;
  c.device[r] = live.device[entry]!;
  c.domain[r] = live.domain[entry]!;
  c.id[r] = live.id[entry]!;
  c.size[r] = live.size[entry]!;
  c.addressLow[r] = live.addressLow[entry]!;
  c.addressHigh[r] = live.addressHigh[entry]!;
  c.physLow[r] = live.physLow[entry]!;
  c.physHigh[r] = live.physHigh[entry]!;
  c.dmaLimit[r] = live.limit[entry]!;
  c.direction[r] = live.direction[entry]!;
  c.flags[r] = (c.flags[r]! & Flag.lossBefore) | flags;
  c.segments[r] = segments;
  if (line !== 0) c.line[r] = line;
  live.flags[entry] = flags;
  live.state[entry] = live.state[entry]! | State.filled;
}

/** Completes a mapping that only iommu events told of: its size is its extent in the page table. */
export function writeTableMap(p: Pairing, entry: number): void {
  const live = p.live;
  const state = live.state[entry]!;
  if (live.domain[entry] === 0) live.domain[entry] = onlyDomain(p);
  let flags = (state & State.guessed) !== 0 ? Flag.domainInferred : 0;
  if ((state & State.exact) === 0) {
    live.size[entry] = live.pages[entry]! * PAGE;
    live.addressLow[entry] = lowOf(live.page[entry]!);
    live.addressHigh[entry] = highOf(live.page[entry]!);
    flags |= Flag.sizeDerived;
  }
  if ((state & State.claimed) === 0) live.direction[entry] = 255;
  writeMap(p, entry, Op.map, 1, flags, 0);
  p.counts.map++;
}

/** The domain of table events that nothing attributes: the only one there ever was, else unknown. */
function onlyDomain(p: Pairing): number {
  return p.attribution.domains.length === 2 ? 1 : 0;
}

/** Completes the row of an unmap (or free, or sync) of a live mapping. */
export function writeUnmap(
  p: Pairing,
  row: number,
  entry: number,
  op: Op,
  size: number,
  low: number,
  high: number,
  direction: number,
  flags: number,
  line: number,
): void {
  const live = p.live;
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.op[r] = op;
  c.device[r] = live.device[entry]!;
  c.domain[r] = live.domain[entry]!;
  c.id[r] = live.id[entry]!;
  c.size[r] = size;
  c.addressLow[r] = low;
  c.addressHigh[r] = high;
  c.physLow[r] = live.physLow[entry]!;
  c.physHigh[r] = live.physHigh[entry]!;
  c.direction[r] = direction;
  c.flags[r] = (c.flags[r]! & Flag.lossBefore) | flags;
  c.segments[r] = 1;
  if (line !== 0) c.line[r] = line;
}

/** Takes a mapping out of all indexes and forgets it. */
export function releaseEntry(p: Pairing, entry: number): void {
  if (entry === NONE) return;
  p.live.unindex(entry);
  p.live.release(entry);
}

/** Turns a completed row into nothing. */
export function voidRow(p: Pairing, row: number): void {
  const c = p.store.block(row);
  c.op[row & BLOCK_MASK] = Op.none;
  c.id[row & BLOCK_MASK] = 0;
}

/** Sets flags of a row. */
export function addFlags(p: Pairing, row: number, flags: number): void {
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.flags[r] = c.flags[r]! | flags;
}
