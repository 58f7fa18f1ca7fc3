// Rows of the request store: reserved at the first sign of a call, completed when it is understood.

import { DomainClass, type EventBatch, Flag, Op } from '../batch.ts';
import { BLOCK_MASK, type RequestStore } from '../request-store.ts';
import { highOf, lowOf, PAGE } from './address.ts';
import type { Draft } from './draft.ts';
import { NONE, State } from './live-set.ts';
import type { Pairing } from './state.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const Flags = Flag;
const Ops = Op;
const ROW_MASK = BLOCK_MASK;
const PAGE_BYTES = PAGE;
const NO_ENTRY = NONE;
const States = State;

/** Reserves a row with time, place and task of event `i`; it is Op.none until completed. */
export function beginRow(p: Pairing, b: EventBatch, i: number): number {
  const row = p.store.reserve();
  const c = p.store.block(row);
  const r = row & ROW_MASK;
  c.time[r] = b.time[i]!;
  c.cpu[r] = b.cpu[i]!;
  c.tid[r] = b.tid[i]!;
  c.task[r] = b.task[i]!;
  c.context[r] = b.context[i]!;
  c.line[r] = b.line[i]!;
  c.direction[r] = 255;
  if (p.losses > 0 && isAfterLoss(p, b.cpu[i]!)) c.flags[r] = Flags.lossBefore;
  return row;
}

/** Moves a row that is not completed to the end, where it takes effect at `at` (ns; its own time by default). */
export function moveRow(p: Pairing, from: number, at: number = -1): number {
  if (p.store.isNewest(from)) {
    if (at >= 0) p.store.block(from).time[from & ROW_MASK] = at;
    return from;
  }
  const row = p.store.reserve();
  const old = p.store.block(from);
  const f = from & ROW_MASK;
  const time = old.time[f]!;
  const cpu = old.cpu[f]!;
  const tid = old.tid[f]!;
  const task = old.task[f]!;
  const context = old.context[f]!;
  const line = old.line[f]!;
  const flags = old.flags[f]!;
  // Only one block is valid at a time.
  const c = p.store.block(row);
  const r = row & ROW_MASK;
  c.time[r] = time;
  c.cpu[r] = cpu;
  c.tid[r] = tid;
  c.task[r] = task;
  c.context[r] = context;
  c.line[r] = line;
  c.flags[r] = flags;
  if (at >= 0) c.time[r] = at;
  return row;
}

function isAfterLoss(p: Pairing, cpu: number): boolean {
  const last = Math.max(p.lossAnywhere, p.lossAt[cpu] ?? 0);
  if (last <= (p.lossShown[cpu] ?? 0)) return false;
  p.lossShown[cpu] = last;
  return true;
}

/** Completes a row of `store` from a draft. */
export function writeDraft(store: RequestStore, d: Draft, id: number): void {
  const c = store.block(d.row);
  const r = d.row & ROW_MASK;
  c.op[r] = d.op;
  c.id[r] = id;
  c.device[r] = d.device;
  c.domain[r] = d.domain;
  c.domainClass[r] = d.domain === 0 ? Classes.none : d.domainClass;
  c.size[r] = d.size;
  c.addressLow[r] = d.addressLow;
  c.addressHigh[r] = d.addressHigh;
  c.physLow[r] = d.physLow;
  c.physHigh[r] = d.physHigh;
  c.dmaLimit[r] = d.limit;
  c.direction[r] = d.direction;
  c.segments[r] = d.segments;
  c.flags[r] = (c.flags[r]! & Flags.lossBefore) | d.flags;
  if (d.line !== 0) c.line[r] = d.line;
}

/** Counts a completed request. */
export function countRequest(p: Pairing, op: Op): void {
  const { counts } = p;
  if (op === Ops.map) counts.map++;
  else if (op === Ops.unmap) counts.unmap++;
  else if (op === Ops.alloc) counts.alloc++;
  else if (op === Ops.free) counts.free++;
  else if (op === Ops.sync) counts.sync++;
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
  const { live } = p;
  if (live.id[entry] === 0) live.id[entry] = ++p.nextId;
  const row = live.row[entry]!;
  const c = p.store.block(row);
  const r = row & ROW_MASK;
  c.op[r] = op;
  c.device[r] = live.device[entry]!;
  c.domain[r] = live.domain[entry]!;
  c.domainClass[r] = live.domainClass[entry]!;
  c.id[r] = live.id[entry]!;
  c.size[r] = live.size[entry]!;
  c.addressLow[r] = live.addressLow[entry]!;
  c.addressHigh[r] = live.addressHigh[entry]!;
  c.physLow[r] = live.physLow[entry]!;
  c.physHigh[r] = live.physHigh[entry]!;
  c.dmaLimit[r] = live.limit[entry]!;
  c.direction[r] = live.direction[entry]!;
  c.flags[r] = (c.flags[r]! & Flags.lossBefore) | flags;
  c.segments[r] = segments;
  if (line !== 0) c.line[r] = line;
  live.flags[entry] = flags;
  live.state[entry] = live.state[entry]! | States.filled;
  countRequest(p, op);
}

/** Completes a mapping that only iommu events told of: its size is its extent in the page table. */
export function writeTableMap(p: Pairing, entry: number): void {
  const { live } = p;
  const state = live.state[entry]!;
  let flags = (state & States.guessed) !== 0 ? Flags.domainInferred : 0;
  if (live.domain[entry] === 0) flags |= inferDomain(p, entry);
  if ((state & States.exact) === 0) {
    live.size[entry] = live.pages[entry]! * PAGE_BYTES;
    live.addressLow[entry] = lowOf(live.page[entry]!);
    live.addressHigh[entry] = highOf(live.page[entry]!);
    flags |= Flags.sizeDerived;
  }
  if ((state & States.claimed) === 0) live.direction[entry] = 255;
  writeMap(p, entry, Ops.map, 1, flags, 0);
}

// The domain of table events that nothing attributes: the only one there ever was, else that in which the
// thread had the same physical page. Returns the flags that say so.
function inferDomain(p: Pairing, entry: number): number {
  const { live } = p;
  if (p.attribution.domains.length === 2) {
    live.domain[entry] = 1;
    live.domainClass[entry] = Classes.D;
    return 0;
  }
  const row = live.row[entry]!;
  const tid = p.store.block(row).tid[row & ROW_MASK]!;
  const known = p.pageOwners.find(tid, live.physLow[entry]!, live.physHigh[entry]!);
  if (known === NO_ENTRY) return 0;
  const domain = p.pageOwners.domain[known]!;
  if (p.attribution.domains[domain]!.destroyedAt !== null) return 0;
  live.domain[entry] = domain;
  live.domainClass[entry] = Classes.E;
  if (live.device[entry] !== 0) return Flags.domainInferred;
  live.device[entry] = p.pageOwners.device[known]!;
  return Flags.domainInferred | (live.device[entry] === 0 ? 0 : Flags.deviceInferred);
}

/** Takes a mapping out of all indexes and forgets it. */
export function releaseEntry(p: Pairing, entry: number): void {
  p.live.unindex(entry);
  p.live.release(entry);
}

/** Forgets a piece that became part of another request, its row included. */
export function dissolvePiece(p: Pairing, piece: number): void {
  const { live } = p;
  if ((live.state[piece]! & States.filled) !== 0) {
    const row = live.row[piece]!;
    const c = p.store.block(row);
    c.op[row & ROW_MASK] = Ops.none;
    c.id[row & ROW_MASK] = 0;
    p.counts.map--;
  }
  releaseEntry(p, piece);
}

/** Sets flags of a row. */
export function addFlags(p: Pairing, row: number, flags: number): void {
  const c = p.store.block(row);
  const r = row & ROW_MASK;
  c.flags[r] = c.flags[r]! | flags;
}
