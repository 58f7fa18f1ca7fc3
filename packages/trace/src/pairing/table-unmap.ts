// iommu:unmap: a range goes from the page table.
//
// It takes its mapping out of the live set at once, because its order against other CPUs is right, and
// the DMA API event of the call completes the request. Without DMA API events it completes the request
// itself: it tells the extent, and the maps it covers become one. What covers only a part of a mapping
// splits it (splitting.ts), once it is clear that no DMA API event follows.

import { DomainClass, type EventBatch } from '../batch.ts';
import { pageOf, pagesFor } from './address.ts';
import { Call, type OpenCall, Seen } from './call-table.ts';
import { adoptExact, firstUnclaimed, keyOf } from './finding.ts';
import { NONE, State } from './live-set.ts';
import { currentCall, hold, openCall, resolve } from './resolving.ts';
import { dissolvePiece } from './rows.ts';
import { cutFront } from './splitting.ts';
import type { Pairing } from './state.ts';
import { unveil } from './table-map.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const Calls = Call;
const Signs = Seen;
const NO_ENTRY = NONE;
const States = State;

/** How far into a range a piece of a call is looked for, in pages. */
const REACH = 1024;

/** iommu:unmap. */
export function onTableUnmap(p: Pairing, b: EventBatch, i: number): void {
  const size = b.size[i]!;
  const unmapped = b.aux[i]!;
  if (size === 0 || unmapped === 0) {
    p.oddities.count('ROLLBACK');
    return;
  }
  if (unmapped < size) p.oddities.count('UNMAP_SHORT');
  else if (unmapped > size) p.oddities.count('UNMAP_LONG');
  unmapRange(p, b, i, unmapped);
}

/** What event `i` says was unmapped: `bytes` from its address on. */
export function unmapRange(p: Pairing, b: EventBatch, i: number, bytes: number): void {
  p.tableEvents = true;
  p.unmapped = true;
  const page = pageOf(b.addressLow[i]!, b.addressHigh[i]!);
  let call = findCall(p, b, i, page);
  if (call === null) call = openCall(p, b, i, Calls.unmap);
  const seen = call.seen;
  call.seen = seen | Signs.table;
  if ((seen & (Signs.list | Signs.free)) !== 0) closeListed(p, b, i, call, page, bytes);
  else closePlain(p, b, i, call, page, bytes);
}

/** The open unmap call that this table unmap belongs to. */
function findCall(p: Pairing, b: EventBatch, i: number, page: number): OpenCall | null {
  const { calls } = p;
  if (p.breakpoints) {
    let hidden = calls.findNmi(b.cpu[i]!, b.tid[i]!, Calls.unmap);
    while (hidden !== null && keyOf(p, hidden.addressLow, hidden.addressHigh) !== page) {
      hidden = calls.findNmi(b.cpu[i]!, b.tid[i]!, Calls.unmap, hidden);
    }
    if (hidden !== null) return unveil(p, b, i, hidden);
  }
  const call = currentCall(p, b, i);
  if (call === null) return null;
  const seen = call.seen;
  const isListed = (seen & (Signs.list | Signs.free)) !== 0;
  const waits = isListed ? call.pending > 0 : (seen & Signs.table) === 0;
  if (call.kind === Calls.unmap && waits) return call;
  resolve(p, call);
  return null;
}

/** Takes the mapping at `page` away from an unmap that is no list's, and ends the call unless an event of the DMA API follows. */
export function closePlain(
  p: Pairing,
  b: EventBatch,
  i: number,
  call: OpenCall,
  page: number,
  bytes: number,
): void {
  const isProbed = (call.seen & Signs.unmapProbe) !== 0;
  const entry = take(p, page, pagesFor(bytes), call, b.time[i]!);
  hold(p, call, entry);
  if (entry === NO_ENTRY) {
    if (!isProbed) noteRange(b, i, call, bytes);
  } else if (isProbed && (p.live.state[entry]! & States.claimed) === 0) {
    adoptExact(p, entry, call.device, call.bytes, call.addressLow, call.addressHigh);
  }
  if (!p.dmaEvents) resolve(p, call);
}

// The unmap of a list or a free: its mapping is known, or comes to light now.
function closeListed(
  p: Pairing,
  b: EventBatch,
  i: number,
  call: OpenCall,
  page: number,
  bytes: number,
): void {
  const { live } = p;
  const entry = call.record;
  const isItsOwn = entry !== NO_ENTRY && (live.page[entry] === page || live.ranges[entry]! > 1);
  if (!isItsOwn) {
    const taken = take(p, page, pagesFor(bytes), call, b.time[i]!);
    hold(p, call, taken);
    if (taken === NO_ENTRY && call.bytes === 0) {
      noteRange(b, i, call, bytes);
      if (call.domain === 0) {
        call.place(p.attribution.ofTranslated(call.device), Classes.B);
      }
    }
  }
  call.pending--;
  if (call.pending === 0) resolve(p, call);
}

function noteRange(b: EventBatch, i: number, call: OpenCall, bytes: number): void {
  call.bytes = bytes;
  call.addressLow = b.addressLow[i]!;
  call.addressHigh = b.addressHigh[i]!;
}

/** Takes the mapping at `page` out of the live set: one entry, or several pieces that become one. */
function take(p: Pairing, page: number, pages: number, call: OpenCall, time: number): number {
  const { live } = p;
  const end = page + pages;
  const entry = choose(p, page, pages, call, time);
  if (entry === NO_ENTRY) return takeLater(p, page, end);
  const isClaimed = (live.state[entry]! & States.claimed) !== 0;
  if (!isClaimed && live.pages[entry]! > pages) return NO_ENTRY;
  if (!isClaimed && live.pages[entry]! < pages) absorb(p, entry, end);
  live.unindex(entry);
  return entry;
}

// Where the first maps of a call were lost, a later piece in the range stands for it.
function takeLater(p: Pairing, page: number, end: number): number {
  const { live } = p;
  for (let at = page + 1; at < Math.min(end, page + REACH); at++) {
    const piece = firstUnclaimed(p, at);
    if (piece === NO_ENTRY || at + live.pages[piece]! > end) continue;
    absorb(p, piece, end);
    live.unindex(piece);
    live.page[piece] = page;
    live.resize(piece, end - page);
    return piece;
  }
  return NO_ENTRY;
}

// The pieces up to `end` become part of the first.
function absorb(p: Pairing, entry: number, end: number): void {
  const { live } = p;
  let at = live.page[entry]! + live.pages[entry]!;
  while (at < end) {
    const piece = pieceAt(p, at, entry);
    if (piece === NO_ENTRY) return;
    const beyond = at + live.pages[piece]! - end;
    live.resize(entry, live.pages[entry]! + live.pages[piece]! - Math.max(0, beyond));
    if (beyond > 0) {
      p.oddities.count('PARTIAL_UNMAP');
      cutFront(p, piece, end, beyond);
      return;
    }
    at += live.pages[piece]!;
    dissolvePiece(p, piece);
  }
}

/** An unclaimed entry at `page` in the domain of `entry`. */
function pieceAt(p: Pairing, page: number, entry: number): number {
  const { live } = p;
  let piece = live.first(page);
  while (
    piece !== NO_ENTRY &&
    (live.domain[piece] !== live.domain[entry] || (live.state[piece]! & States.claimed) !== 0)
  ) {
    piece = live.next(piece);
  }
  return piece;
}

// Several domains may have a mapping here. Device and domain decide, then the extent (of all pieces); else the
// newest. In one domain the older goes first as long as its unmap may just be late.
function choose(p: Pairing, page: number, pages: number, call: OpenCall, time: number): number {
  const { live } = p;
  const device = call.device;
  const domain = call.domain;
  const only = live.first(page);
  if (only === NO_ENTRY || live.next(only) === NO_ENTRY) return only;
  let best = NO_ENTRY;
  let bestScore = -1;
  for (let entry = only; entry !== NO_ENTRY; entry = live.next(entry)) {
    const score = scoreOf(p, entry, page + pages, device, domain);
    const mayBeLate =
      best !== NO_ENTRY &&
      live.domain[best] === live.domain[entry] &&
      time - live.time[best]! <= p.reorderWindow;
    if (score > bestScore || (score === bestScore && mayBeLate)) {
      best = entry;
      bestScore = score;
    }
  }
  if (device === 0 && domain === 0 && !p.dmaEvents) p.oddities.count('AMBIGUOUS_PAIR');
  return best;
}

// The mapping of another device or domain scores -2: it is not even a guess.
function scoreOf(p: Pairing, entry: number, end: number, device: number, domain: number): number {
  const { live } = p;
  let score = 0;
  if (live.page[entry]! + live.pages[entry]! === end) score = 2;
  else if (!p.dmaEvents && hasPieces(p, entry, end)) score = 1;
  if (device !== 0 && live.device[entry] === device) return score + 4;
  if (domain !== 0 && live.domain[entry] !== 0)
    return live.domain[entry] === domain ? score + 4 : -2;
  return device === 0 || live.device[entry] === 0 ? score : -2;
}

/** Whether an entry and the pieces after it in its domain end exactly at `end`. */
function hasPieces(p: Pairing, entry: number, end: number): boolean {
  const { live } = p;
  let at = live.page[entry]! + live.pages[entry]!;
  while (at < end) {
    const piece = pieceAt(p, at, entry);
    if (piece === NO_ENTRY) return false;
    at += live.pages[piece]!;
  }
  return at === end;
}
