// iommu:map and iommu:unmap: what happens in the page table.
//
// A table map opens a mapping (or extends the one of its call); the DMA API event of the call claims it.
// A table unmap takes the mapping out of the live set at once, because its order against other CPUs is
// right, and the DMA API event of the call completes the request. Without DMA API events (kernel 6.1)
// the table unmap itself completes it: it tells the extent, and the maps it covers become one request.

import type { EventBatch } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { pageOf, pagesFor } from './address.ts';
import { Call, Seen } from './call-table.ts';
import { adoptExact, closeUnseen, keyOf, resolve } from './closing.ts';
import { NONE, State } from './live-set.ts';
import { beginRow, releaseEntry, voidRow } from './rows.ts';
import type { Pairing } from './state.ts';

/** iommu:map. */
export function onTableMap(p: Pairing, b: EventBatch, i: number): void {
  const { calls, live } = p;
  p.tableEvents = true;
  const page = pageOf(b.addressLow[i]!, b.addressHigh[i]!);
  const pages = pagesFor(b.size[i]!);
  let call = findMapCall(p, b, i, page);
  let continues = 0;
  if (call !== NONE && calls.record[call] !== NONE) {
    const entry = calls.record[call]!;
    const isNext = page === live.page[entry]! + live.pages[entry]!;
    if (isNext && extendsCall(p, call, entry, pages)) return;
    if (isNext && !p.dmaEvents) continues = live.row[entry]! + 1;
    resolve(p, call);
    call = NONE;
  }
  if (call === NONE) call = openCall(p, b, i, Call.map);
  const entry = live.add(page, pages, calls.row[call]!);
  live.time[entry] = calls.time[call]!;
  live.physLow[entry] = b.physLow[i]!;
  live.physHigh[entry] = b.physHigh[i]!;
  live.cpu[entry] = b.cpu[i]!;
  live.epoch[entry] = p.losses;
  live.limit[entry] = calls.limit[call]!;
  live.device[entry] = calls.device[call]!;
  live.domain[entry] = calls.domain[call]!;
  live.continues[entry] = continues;
  live.ranges[entry] = 1;
  live.state[entry] = State.translated;
  calls.record[call] = entry;
  calls.seen[call] = calls.seen[call]! | Seen.table;
  if (!p.dmaEvents) placeAlone(p, b, i, call, entry);
}

// In a call whose allocation is known the maps fill it; with DMA API events the maps up to the event belong together.
function extendsCall(p: Pairing, call: number, entry: number, pages: number): boolean {
  const { calls, live } = p;
  const isKnown = (calls.seen[call]! & (Seen.allocProbe | Seen.iova)) !== 0;
  if (!p.dmaEvents && !isKnown) return false;
  if (isKnown && live.pages[entry]! + pages > pagesFor(calls.bytes[call]!)) return false;
  live.pages[entry] = live.pages[entry]! + pages;
  if (!p.dmaEvents) closeWhenFull(p, call, entry);
  return true;
}

// Without DMA API events nothing else will tell the domain of this map, nor end its call.
function placeAlone(p: Pairing, b: EventBatch, i: number, call: number, entry: number): void {
  const { live } = p;
  if (live.domain[entry] === 0) live.domain[entry] = p.attribution.ofDevice(live.device[entry]!);
  if (live.domain[entry] === 0) placeVirtually(p, entry);
  else closeTwins(p, b, i, entry);
  closeWhenFull(p, call, entry);
}

function closeWhenFull(p: Pairing, call: number, entry: number): void {
  const { calls, live } = p;
  if ((calls.seen[call]! & (Seen.allocProbe | Seen.iova)) === 0) return;
  if (live.pages[entry]! >= pagesFor(calls.bytes[call]!)) resolve(p, call);
}

// The first domain in which the address is not live.
function placeVirtually(p: Pairing, entry: number): void {
  const { live, attribution } = p;
  let candidate = 1;
  for (; candidate < attribution.domains.length; candidate++) {
    let isTaken = attribution.domains[candidate]!.destroyedAt !== null;
    for (let e = live.first(live.page[entry]!); e !== NONE && !isTaken; e = live.next(e)) {
      isTaken = e !== entry && live.domain[e] === candidate;
    }
    if (!isTaken) break;
  }
  if (candidate === attribution.domains.length) {
    if (candidate > 1) p.oddities.count('OVERLAP_UNKNOWN_DOMAIN');
    attribution.addVirtual();
  }
  live.domain[entry] = candidate;
  live.state[entry] = live.state[entry]! | State.guessed;
}

// The domain is certain and the address is live in it: the unmap in between was never seen.
function closeTwins(p: Pairing, b: EventBatch, i: number, entry: number): void {
  const { live } = p;
  for (let other = live.first(live.page[entry]!); other !== NONE; ) {
    const twin = other;
    other = live.next(other);
    if (twin === entry || live.domain[twin] !== live.domain[entry]) continue;
    p.oddities.count(live.epoch[twin] === p.losses ? 'DOUBLE_MAP' : 'LOSS_WINDOW');
    closeUnseen(p, twin, b, i);
  }
}

/** iommu:unmap. */
export function onTableUnmap(p: Pairing, b: EventBatch, i: number): void {
  const { calls } = p;
  p.tableEvents = true;
  const size = b.size[i]!;
  const unmapped = b.aux[i]!;
  if (size === 0 || unmapped === 0) {
    p.oddities.count('ROLLBACK');
    return;
  }
  if (unmapped < size) p.oddities.count('UNMAP_SHORT');
  else if (unmapped > size) p.oddities.count('UNMAP_LONG');
  const page = pageOf(b.addressLow[i]!, b.addressHigh[i]!);
  const pages = pagesFor(size);
  const call = findUnmapCall(p, b, i, page) ?? openCall(p, b, i, Call.unmap);
  const seen = calls.seen[call]!;
  calls.seen[call] = seen | Seen.table;
  if ((seen & (Seen.list | Seen.free)) !== 0) {
    closeListed(p, b, i, call, page, pages);
    return;
  }
  const entry = take(p, page, pages, calls.device[call]!, b.time[i]!);
  if (entry === PARTIAL) {
    calls.close(call);
    return;
  }
  calls.record[call] = entry;
  if (entry === NONE && (seen & Seen.unmapProbe) === 0) {
    calls.bytes[call] = size;
    calls.addressLow[call] = b.addressLow[i]!;
    calls.addressHigh[call] = b.addressHigh[i]!;
  } else if (entry !== NONE && (seen & Seen.unmapProbe) !== 0) {
    const device = calls.device[call]!;
    if ((p.live.state[entry]! & State.claimed) === 0) {
      adoptExact(
        p,
        entry,
        device,
        calls.bytes[call]!,
        calls.addressLow[call]!,
        calls.addressHigh[call]!,
      );
    }
  }
  if (!p.dmaEvents) resolve(p, call);
}

// The unmap of a list or a free: its mapping is known, or comes to light now.
function closeListed(
  p: Pairing,
  b: EventBatch,
  i: number,
  call: number,
  page: number,
  pages: number,
): void {
  const { calls, live } = p;
  const entry = calls.record[call]!;
  const isFirst = entry === NONE || live.page[entry] === page || live.ranges[entry]! <= 1;
  if (isFirst && (entry === NONE || live.page[entry] !== page)) {
    const actual = take(p, page, pages, calls.device[call]!, b.time[i]!);
    if (actual !== PARTIAL) calls.record[call] = actual;
    if (actual === NONE && calls.bytes[call] === 0) {
      calls.bytes[call] = b.size[i]!;
      calls.addressLow[call] = b.addressLow[i]!;
      calls.addressHigh[call] = b.addressHigh[i]!;
      calls.domain[call] = p.attribution.ofTranslated(calls.device[call]!);
    }
  }
  calls.pending[call] = calls.pending[call]! - 1;
  if (calls.pending[call] === 0) resolve(p, call);
}

const PARTIAL = -2;
/** How far into a range a piece of a call is looked for, in pages. */
const MAX_PIECES = 1024;

/** Takes the mapping at `page` out of the live set: one entry, or several pieces that become one. */
function take(p: Pairing, page: number, pages: number, device: number, time: number): number {
  const { live } = p;
  let entry = choose(p, page, pages, device, time);
  if (entry === NONE) {
    entry = laterPiece(p, page, pages);
    if (entry === NONE) return NONE;
    absorb(p, entry, page + pages);
    live.unindex(entry);
    live.page[entry] = page;
    live.pages[entry] = pages;
    return entry;
  }
  const isClaimed = (live.state[entry]! & State.claimed) !== 0;
  if (isClaimed || live.pages[entry] === pages) {
    live.unindex(entry);
    return entry;
  }
  if (live.pages[entry]! > pages) {
    p.oddities.count('PARTIAL_UNMAP');
    live.unindex(entry);
    live.page[entry] = page + pages;
    live.pages[entry] = live.pages[entry]! - pages;
    live.index(entry);
    return PARTIAL;
  }
  absorb(p, entry, page + pages);
  live.unindex(entry);
  return entry;
}

// Where the first maps of a call were lost, a later piece in the range stands for it.
function laterPiece(p: Pairing, page: number, pages: number): number {
  const { live } = p;
  const end = page + Math.min(pages, MAX_PIECES);
  for (let at = page + 1; at < end; at++) {
    let piece = live.first(at);
    while (piece !== NONE && (live.state[piece]! & State.claimed) !== 0) piece = live.next(piece);
    if (piece !== NONE && at + live.pages[piece]! <= page + pages) return piece;
  }
  return NONE;
}

// The pieces up to `end` become part of the first.
function absorb(p: Pairing, entry: number, end: number): void {
  const { live } = p;
  let at = live.page[entry]! + live.pages[entry]!;
  while (at < end) {
    let piece = live.first(at);
    while (piece !== NONE && !isPiece(p, piece, entry)) piece = live.next(piece);
    if (piece === NONE) return;
    at += live.pages[piece]!;
    live.pages[entry] = live.pages[entry]! + live.pages[piece]!;
    if ((live.state[piece]! & State.filled) !== 0) {
      voidRow(p, live.row[piece]!);
      p.counts.map--;
    }
    releaseEntry(p, piece);
  }
}

function isPiece(p: Pairing, piece: number, entry: number): boolean {
  const { live } = p;
  return (live.state[piece]! & State.claimed) === 0 && live.domain[piece] === live.domain[entry];
}

// Several domains may have a mapping here. The device decides, then the extent; else the newest. In
// one domain the older goes first as long as its unmap may just be late.
function choose(p: Pairing, page: number, pages: number, device: number, time: number): number {
  const { live } = p;
  const domain = device === 0 ? 0 : p.attribution.ofDevice(device);
  let best = NONE;
  let bestScore = -1;
  let several = false;
  for (let entry = live.first(page); entry !== NONE; entry = live.next(entry)) {
    if (best !== NONE) several = true;
    let score = live.pages[entry] === pages ? 1 : 0;
    if (device !== 0 && live.device[entry] === device) score += 4;
    else if (domain !== 0 && live.domain[entry] === domain) score += 4;
    else if (device !== 0 && live.device[entry] !== 0) continue;
    const isOlder =
      best !== NONE &&
      live.domain[best] === live.domain[entry] &&
      time - live.time[best]! <= p.reorderWindow;
    if (score > bestScore || (score === bestScore && isOlder)) {
      best = entry;
      bestScore = score;
    }
  }
  if (several && device === 0 && !p.dmaEvents) p.oddities.count('AMBIGUOUS_PAIR');
  return best;
}

function openCall(p: Pairing, b: EventBatch, i: number, kind: Call): number {
  const row = beginRow(p, b, i);
  const call = p.calls.open(kind, row, b.cpu[i]!, b.tid[i]!, b.context[i]!);
  p.calls.time[call] = b.time[i]!;
  p.calls.task[call] = b.task[i]!;
  return call;
}

/** The open map call that this table map belongs to. */
function findMapCall(p: Pairing, b: EventBatch, i: number, page: number): number {
  const { calls } = p;
  if (p.breakpoints) {
    const call = adoptMap(p, b, i, page);
    if (call !== NONE) return call;
  }
  const call = calls.find(b.cpu[i]!, b.tid[i]!, b.context[i]!);
  if (call === NONE) return NONE;
  const known = calls.page[call]!;
  const isOther = calls.record[call] === NONE && known >= 0 && known !== page;
  if (calls.kind[call] === Call.map && !isOther) return call;
  resolve(p, call);
  return NONE;
}

// A call that a breakpoint probe opened gets the context of its first ordinary event.
function adoptMap(p: Pairing, b: EventBatch, i: number, page: number): number {
  const { calls } = p;
  let call = calls.findNmi(b.cpu[i]!, b.tid[i]!, Call.map);
  while (call !== NONE && calls.page[call] !== page) {
    call = calls.findNmi(b.cpu[i]!, b.tid[i]!, Call.map, call);
  }
  return call === NONE ? NONE : adopt(p, b, i, call);
}

function adopt(p: Pairing, b: EventBatch, i: number, call: number): number {
  const { calls } = p;
  const stale = calls.find(b.cpu[i]!, b.tid[i]!, b.context[i]!);
  if (stale !== NONE && stale !== call) resolve(p, stale);
  calls.context[call] = b.context[i]!;
  const c = p.store.block(calls.row[call]!);
  c.context[calls.row[call]! & BLOCK_MASK] = b.context[i]!;
  return call;
}

/** The open unmap call that this table unmap belongs to, null if it opens one. */
function findUnmapCall(p: Pairing, b: EventBatch, i: number, page: number): number | null {
  const { calls } = p;
  if (p.breakpoints) {
    let call = calls.findNmi(b.cpu[i]!, b.tid[i]!, Call.unmap);
    while (call !== NONE && keyOf(p, calls.addressLow[call]!, calls.addressHigh[call]!) !== page) {
      call = calls.findNmi(b.cpu[i]!, b.tid[i]!, Call.unmap, call);
    }
    if (call !== NONE) return adopt(p, b, i, call);
  }
  const call = calls.find(b.cpu[i]!, b.tid[i]!, b.context[i]!);
  if (call === NONE) return null;
  if (calls.kind[call] === Call.unmap) {
    const seen = calls.seen[call]!;
    const isOpen =
      (seen & (Seen.list | Seen.free)) !== 0 ? calls.pending[call]! > 0 : (seen & Seen.table) === 0;
    if (isOpen) return call;
  }
  resolve(p, call);
  return null;
}
