// How calls end: unmaps that found their mapping, those that found none, and calls that just stop.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { highOf, lowOf, PAGE, pageOf } from './address.ts';
import { Seen } from './call-table.ts';
import { writeFailure } from './failures.ts';
import { NONE, State } from './live-set.ts';
import { addFlags, releaseEntry, writeTableMap, writeUnmap } from './rows.ts';
import type { Pairing } from './state.ts';

/** Completes an unmap or free: writes its row, counts the lifetime, forgets the mapping. */
export function finishUnmap(
  p: Pairing,
  row: number,
  entry: number,
  op: Op,
  size: number,
  low: number,
  high: number,
  direction: number,
  flags: number,
  time: number,
  line: number,
): void {
  const live = p.live;
  const state = live.state[entry]!;
  if ((state & State.filled) === 0) writeTableMap(p, entry);
  let all = flags | (live.flags[entry]! & KEPT);
  if ((state & State.bounced) !== 0) all |= Flag.bounced;
  writeUnmap(p, row, entry, op, size, low, high, direction, all, line);
  p.lifetimes.add(live.device[entry]!, live.size[entry]!, time - live.time[entry]!);
  if (op === Op.free) p.counts.free++;
  else p.counts.unmap++;
  releaseEntry(p, entry);
}

/** Flags of a map that its unmap carries too. */
const KEPT: number = Flag.deviceInferred | Flag.domainInferred | Flag.sizeDerived | Flag.direct;

/** An unmap without a map: a mapping from before the trace, where the domain's history is not complete. */
export function finishOrphan(
  p: Pairing,
  row: number,
  op: Op,
  device: number,
  domain: number,
  size: number,
  low: number,
  high: number,
  direction: number,
  flags: number,
  line: number,
): void {
  if (domain !== 0 && p.attribution.domains[domain]!.created) {
    p.oddities.count(p.losses > 0 ? 'LOSS_WINDOW' : 'ORPHAN_UNMAP');
    return;
  }
  const id = ++p.nextId;
  writeOrphan(p, row, op, device, domain, id, size, low, high, direction, flags, line);
  const before = p.preloaded.reserve();
  const c = p.preloaded.block(before);
  const r = before & BLOCK_MASK;
  c.op[r] = Op.map;
  c.device[r] = device;
  c.domain[r] = domain;
  c.id[r] = id;
  c.size[r] = size;
  c.addressLow[r] = low;
  c.addressHigh[r] = high;
  c.direction[r] = direction;
  c.flags[r] = Flag.openStart | Flag.synthetic | flags;
  c.segments[r] = 1;
  c.tid[r] = -1;
  c.line[r] = line;
  p.counts.openStart++;
  if (op === Op.free) p.counts.free++;
  else p.counts.unmap++;
}

function writeOrphan(
  p: Pairing,
  row: number,
  op: Op,
  device: number,
  domain: number,
  id: number,
  size: number,
  low: number,
  high: number,
  direction: number,
  flags: number,
  line: number,
): void {
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.op[r] = op;
  c.device[r] = device;
  c.domain[r] = domain;
  c.id[r] = id;
  c.size[r] = size;
  c.addressLow[r] = low;
  c.addressHigh[r] = high;
  c.direction[r] = direction;
  c.flags[r] = (c.flags[r]! & Flag.lossBefore) | Flag.openStart | flags;
  c.segments[r] = 1;
  if (line !== 0) c.line[r] = line;
}

/** Closes a mapping whose unmap was never printed, by a row of its own. */
export function closeUnseen(p: Pairing, entry: number, b: EventBatch, i: number): void {
  const live = p.live;
  const row = p.store.reserve();
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.time[r] = b.time[i]!;
  c.cpu[r] = b.cpu[i]!;
  c.tid[r] = -1;
  if ((live.state[entry]! & State.filled) === 0) writeTableMap(p, entry);
  const op = (live.state[entry]! & State.alloc) !== 0 ? Op.free : Op.unmap;
  const low = live.addressLow[entry]!;
  const high = live.addressHigh[entry]!;
  const size = live.size[entry]!;
  writeUnmap(
    p,
    row,
    entry,
    op,
    size,
    low,
    high,
    live.direction[entry]!,
    Flag.synthetic,
    b.line[i]!,
  );
  if (op === Op.free) p.counts.free++;
  else p.counts.unmap++;
  releaseEntry(p, entry);
}

/** Ends a call of which nothing more will come. */
export function resolve(p: Pairing, call: number): void {
  if (p.calls.kind[call] === 1) resolveMap(p, call);
  else resolveUnmap(p, call);
  p.calls.close(call);
}

// A map with a table entry stays as it is: its row is completed by its unmap or at the end.
function resolveMap(p: Pairing, call: number): void {
  const calls = p.calls;
  const seen = calls.seen[call]!;
  if (calls.record[call] !== NONE) return;
  if ((seen & Seen.allocFailed) !== 0) {
    const device = calls.device[call]!;
    const domain = calls.domain[call]! || p.attribution.ofDevice(device);
    writeFailure(
      p,
      calls.row[call]!,
      Op.map,
      device,
      domain,
      calls.task[call]!,
      calls.bytes[call]!,
      calls.physLow[call]!,
      calls.physHigh[call]!,
      255,
      calls.limit[call]!,
      1,
      Flag.sizeDerived,
      0,
    );
  } else if ((seen & Seen.bounceFailed) !== 0) p.oddities.count('FAILED_LIST');
}

function resolveUnmap(p: Pairing, call: number): void {
  const calls = p.calls;
  const seen = calls.seen[call]!;
  if ((seen & Seen.filled) !== 0) return;
  const op = (seen & Seen.free) !== 0 ? Op.free : Op.unmap;
  const device = calls.device[call]!;
  const low = calls.addressLow[call]!;
  const high = calls.addressHigh[call]!;
  let entry = calls.record[call]!;
  if (entry === NONE && (seen & Seen.unmapProbe) !== 0) entry = findMapping(p, device, low, high);
  if (entry !== NONE) finishFound(p, call, entry, op);
  else if (calls.bytes[call]! > 0) {
    let domain = calls.domain[call]! || p.attribution.ofDevice(device);
    let derived = (seen & (Seen.unmapProbe | Seen.free)) === 0 ? Flag.sizeDerived : 0;
    if (domain === 0 && device === 0) {
      domain = p.attribution.guess();
      derived |= Flag.domainInferred;
    }
    finishOrphan(
      p,
      calls.row[call]!,
      op,
      device,
      domain,
      calls.bytes[call]!,
      low,
      high,
      calls.direction[call]!,
      derived,
      0,
    );
  }
}

function finishFound(p: Pairing, call: number, entry: number, op: Op): void {
  const calls = p.calls;
  const live = p.live;
  if ((live.state[entry]! & State.claimed) === 0 && (calls.seen[call]! & Seen.unmapProbe) !== 0) {
    adoptExact(
      p,
      entry,
      calls.device[call]!,
      calls.bytes[call]!,
      calls.addressLow[call]!,
      calls.addressHigh[call]!,
    );
  }
  const isClaimed = (live.state[entry]! & (State.claimed | State.exact)) !== 0;
  const size = isClaimed ? live.size[entry]! : live.pages[entry]! * PAGE;
  const low = isClaimed ? live.addressLow[entry]! : lowOf(live.page[entry]!);
  const high = isClaimed ? live.addressHigh[entry]! : highOf(live.page[entry]!);
  finishUnmap(
    p,
    calls.row[call]!,
    entry,
    op,
    size,
    low,
    high,
    calls.direction[call]!,
    0,
    calls.time[call]!,
    0,
  );
}

/** Takes device, exact size and address of a mapping from the probe of its unmap. */
export function adoptExact(
  p: Pairing,
  entry: number,
  device: number,
  size: number,
  low: number,
  high: number,
): void {
  const live = p.live;
  const page = pageOf(low, high);
  if (page < live.page[entry]! || page >= live.page[entry]! + live.pages[entry]!) return;
  live.device[entry] = device;
  live.size[entry] = size;
  live.addressLow[entry] = low;
  live.addressHigh[entry] = high;
  live.state[entry] = live.state[entry]! | State.exact;
}

/** The page that a mapping at this address is found by. */
export function keyOf(p: Pairing, low: number, high: number): number {
  const page = pageOf(low, high);
  return p.unit === 1 ? page : page - (page % p.unit);
}

/** The mapping of `device` at exactly this address: the newest, as for direct mappings the last in is the first out. */
export function findMapping(p: Pairing, device: number, low: number, high: number): number {
  const live = p.live;
  let entry = live.first(keyOf(p, low, high));
  while (
    entry !== NONE &&
    (live.addressLow[entry] !== low ||
      live.addressHigh[entry] !== high ||
      live.device[entry] !== device ||
      (live.state[entry]! & State.claimed) === 0)
  ) {
    entry = live.next(entry);
  }
  return entry;
}

/** Ends what is open when nothing more comes: all calls, then all mappings (which stay mapped). */
export function closeAll(p: Pairing): void {
  resolveCalls(p, -1);
  const live = p.live;
  const order: number[] = [];
  for (let entry = 0; entry < live.top; entry++) if (live.used[entry] === 1) order.push(entry);
  order.sort((a, b) => live.row[a]! - live.row[b]!);
  mergePieces(p, order);
  for (const entry of order) {
    if (live.used[entry] !== 1) continue;
    if ((live.state[entry]! & State.filled) === 0) writeTableMap(p, entry);
    addFlags(p, live.row[entry]!, Flag.openEnd);
    p.counts.openEnd++;
    releaseEntry(p, entry);
  }
}

// Pieces that one thread mapped one after the other at rising addresses may be one call. They are taken
// together as far as the range is one that the allocator gives: aligned to its size rounded up to a power
// of two. Pieces that also follow each other in physical memory are not: one call maps them at once.
function mergePieces(p: Pairing, order: readonly number[]): void {
  const { live } = p;
  const follower = new Map<number, number>();
  for (const entry of order) {
    const isPiece = (live.state[entry]! & State.filled) === 0 && live.continues[entry] !== 0;
    if (isPiece) follower.set(live.continues[entry]! - 1, entry);
  }
  for (const entry of order) {
    if (live.used[entry] === 1 && (live.state[entry]! & State.filled) === 0) {
      mergeFollowers(p, entry, follower);
    }
  }
}

function mergeFollowers(p: Pairing, head: number, follower: ReadonlyMap<number, number>): void {
  const { live } = p;
  const pieces: number[] = [];
  let total = live.pages[head]!;
  let good = 0;
  let goodTotal = total;
  for (let last = head; ; ) {
    const next = follower.get(live.row[last]!);
    if (next === undefined || live.used[next] !== 1 || isOneRun(p, last, next)) break;
    pieces.push(next);
    total += live.pages[next]!;
    last = next;
    if (live.page[head]! % 2 ** Math.ceil(Math.log2(total)) !== 0) continue;
    good = pieces.length;
    goodTotal = total;
  }
  live.pages[head] = goodTotal;
  for (let i = 0; i < good; i++) releaseEntry(p, pieces[i]!);
}

function isOneRun(p: Pairing, piece: number, next: number): boolean {
  const { live } = p;
  const end = pageOf(live.physLow[piece]!, live.physHigh[piece]!) + live.pages[piece]!;
  return end === pageOf(live.physLow[next]!, live.physHigh[next]!);
}

/** Ends the open calls of one CPU, or of all (-1). */
export function resolveCalls(p: Pairing, cpu: number): void {
  const calls = p.calls;
  for (let call = 0; call < calls.top; call++) {
    if (calls.kind[call] !== 0 && (cpu < 0 || calls.cpu[call] === cpu)) resolve(p, call);
  }
}
