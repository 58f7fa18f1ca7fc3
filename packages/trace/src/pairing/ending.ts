// The end of a trace, or of a segment: open calls are over, live mappings stay mapped.

import { Flag } from '../batch.ts';
import { pageOf } from './address.ts';
import { NONE, State } from './live-set.ts';
import { resolveCalls } from './resolving.ts';
import { addFlags, releaseEntry, writeTableMap } from './rows.ts';
import type { Pairing } from './state.ts';

const HALF = 0x1_0000;

/** Ends all calls, then all mappings. */
export function closeAll(p: Pairing): void {
  resolveCalls(p, -1);
  const { live } = p;
  const order = byRow(p);
  mergePieces(p, order);
  for (const entry of order) {
    if (live.used[entry] === 1 && (live.state[entry]! & State.filled) === 0)
      writeTableMap(p, entry);
  }
  // The newest first: it is the first of those of its page, of which there may be very many.
  for (const entry of order.reverse()) {
    if (live.used[entry] !== 1) continue;
    if (hasTwin(p, entry)) p.oddities.count(p.losses > 0 ? 'LOSS_WINDOW' : 'DOUBLE_MAP');
    addFlags(p, live.row[entry]!, Flag.openEnd);
    p.counts.openEnd++;
    releaseEntry(p, entry);
  }
}

// Entries in the order of their rows. Of more than a comparing sort is good for: by the lower half of the number, then by the upper one.
function byRow({ live }: Pairing): Uint32Array {
  let order = new Uint32Array(live.count);
  let filled = 0;
  for (let entry = 0; entry < live.top; entry++)
    if (live.used[entry] === 1) order[filled++] = entry;
  if (order.length < HALF) return order.sort((a, b) => live.row[a]! - live.row[b]!);
  for (const divisor of [1, HALF]) {
    const at = new Uint32Array(HALF + 1);
    const half = (entry: number): number => Math.floor(live.row[entry]! / divisor) % HALF;
    for (const entry of order) at[half(entry) + 1]!++;
    for (let i = 0; i < HALF; i++) at[i + 1]! += at[i]!;
    const next = new Uint32Array(order.length);
    for (const entry of order) next[at[half(entry)]!++] = entry;
    order = next;
  }
  return order;
}

/** Whether a translated mapping is live a second time in its domain. */
function hasTwin(p: Pairing, entry: number): boolean {
  const { live } = p;
  if ((live.state[entry]! & State.translated) === 0 || live.domain[entry] === 0) return false;
  let other = live.first(live.page[entry]!);
  while (other !== NONE && (other === entry || live.domain[other] !== live.domain[entry])) {
    other = live.next(other);
  }
  return other !== NONE;
}

// Pieces that one thread mapped one after the other at rising addresses may be one call. They are taken
// together as far as the range is one that the allocator gives: aligned to its size rounded up to a power
// of two. Pieces that also follow each other in physical memory are not: one call maps them at once.
function mergePieces(p: Pairing, order: Uint32Array): void {
  const { live } = p;
  const follower = new Map<number, number>();
  for (const entry of order) {
    const isPiece = (live.state[entry]! & State.filled) === 0 && live.continues[entry] !== 0;
    if (isPiece) follower.set(live.continues[entry]! - 1, entry);
  }
  if (follower.size === 0) return;
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
  live.resize(head, goodTotal);
  for (let i = 0; i < good; i++) releaseEntry(p, pieces[i]!);
}

function isOneRun(p: Pairing, piece: number, next: number): boolean {
  const { live } = p;
  const end = pageOf(live.physLow[piece]!, live.physHigh[piece]!) + live.pages[piece]!;
  return end === pageOf(live.physLow[next]!, live.physHigh[next]!);
}
