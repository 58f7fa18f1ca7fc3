// dma_map_*, dma_map_sg and dma_alloc*: they complete the call that the lower layers began.
//
// An event claims the mapping that iommu:map opened in the same call. Without an open call (the event
// was recorded alone, or the trace switched) it claims an unclaimed mapping at its address, or opens one
// of its own: then the device may be mapped directly.

import { type EventBatch, EventKind, Flag, Op } from '../batch.ts';
import { isMappingError, PAGE, pageOf, pagesFor } from './address.ts';
import { Call, Seen } from './call-table.ts';
import { closeUnseen, keyOf, resolve } from './closing.ts';
import { isFlaggedFailed, settleDemand, writeFailure } from './failures.ts';
import { listHash } from './list-hash.ts';
import { NONE, State } from './live-set.ts';
import { beginRow, releaseEntry, voidRow, writeMap } from './rows.ts';
import { evidence, type Pairing } from './state.ts';

/** dma_map_page, dma_map_phys, dma_map_resource, dma_map_sg, dma_alloc*. */
export function onMap(p: Pairing, b: EventBatch, i: number, op: Op): void {
  if (isFailed(b, i, op)) failMap(p, b, i, op, b.size[i]!);
  else succeed(p, b, i, op);
}

/** dma_map_sg_err: the only trace of a failed list, and of rare errors only. */
export function onMapError(p: Pairing, b: EventBatch, i: number): void {
  failMap(p, b, i, Op.map, 0);
}

function isFailed(b: EventBatch, i: number, op: Op): boolean {
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  if (isFlaggedFailed(b, i)) return true;
  if (op === Op.alloc && low === 0 && high === 0) return true;
  return isMappingError(low, high, b.physLow[i]!);
}

function succeed(p: Pairing, b: EventBatch, i: number, op: Op): void {
  const { live, calls } = p;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  const device = b.device[i]!;
  const call = takeCall(p, b, i, pageOf(low, high));
  let entry = call === NONE ? NONE : calls.record[call]!;
  const seen = call === NONE ? 0 : calls.seen[call]!;
  let isTranslated = (seen & Seen.iova) !== 0;
  if (entry === NONE) entry = findUnclaimed(p, low, high);
  if (entry === NONE) {
    const row = call === NONE ? beginRow(p, b, i) : calls.row[call]!;
    entry = live.add(keyOf(p, low, high), pagesFor((low % PAGE) + b.size[i]!), row);
    live.time[entry] = call === NONE ? b.time[i]! : calls.time[call]!;
  } else {
    isTranslated = true;
    if ((live.state[entry]! & State.filled) !== 0) p.counts.map--;
  }
  claim(p, b, i, op, entry, call, isTranslated);
  if (b.kind[i] === EventKind.dmaMapSg) enterList(p, b, i, entry);
  if (p.demands.count > 0) {
    settleDemand(p, device, b.task[i]!, b.physLow[i]!, b.physHigh[i]!, b.size[i]!);
  }
  if (isTranslated) checkDouble(p, b, i, entry);
  finish(p, b, i, op, entry, seen, isTranslated);
  if (call !== NONE) calls.close(call);
}

function claim(
  p: Pairing,
  b: EventBatch,
  i: number,
  op: Op,
  entry: number,
  call: number,
  isTranslated: boolean,
): void {
  const { live, calls, attribution } = p;
  const device = b.device[i]!;
  let domain = call === NONE ? live.domain[entry]! : calls.domain[call]! || live.domain[entry]!;
  if (domain !== 0) attribution.link(device, domain);
  else if (isTranslated) domain = attribution.ofTranslated(device);
  live.device[entry] = device;
  live.domain[entry] = domain;
  live.size[entry] = b.size[i]!;
  live.addressLow[entry] = b.addressLow[i]!;
  live.addressHigh[entry] = b.addressHigh[i]!;
  live.physLow[entry] = b.physLow[i]!;
  live.physHigh[entry] = b.physHigh[i]!;
  live.direction[entry] = b.direction[i]!;
  live.cpu[entry] = b.cpu[i]!;
  live.epoch[entry] = p.losses;
  let state = live.state[entry]! | State.claimed;
  if (op === Op.alloc) state |= State.alloc;
  if (isTranslated) {
    state |= State.translated;
    live.ranges[entry] = Math.max(1, live.ranges[entry]!);
  }
  if (call !== NONE) {
    live.limit[entry] = calls.limit[call]!;
    live.bounces[entry] = calls.pending[call]!;
    if ((calls.seen[call]! & Seen.bounce) !== 0) state |= State.bounced;
  }
  live.state[entry] = state;
}

function finish(
  p: Pairing,
  b: EventBatch,
  i: number,
  op: Op,
  entry: number,
  seen: number,
  isTranslated: boolean,
): void {
  const known = evidence(p, b.device[i]!);
  let flags = b.flags[i]! & (Flag.listCapped | Flag.nonUtf8);
  if ((flags & Flag.listCapped) !== 0) p.oddities.count('LIST_CAPPED');
  if ((seen & Seen.bounce) !== 0) flags |= Flag.bounced;
  if (isTranslated) known.translated++;
  else {
    known.untranslated++;
    flags |= Flag.direct;
    if (op === Op.map && (seen & Seen.bounce) === 0 && differs(b, i)) known.differing++;
  }
  const isList = b.kind[i] === EventKind.dmaMapSg;
  const segments = isList ? Math.max(1, b.aux[i]!) : 1;
  writeMap(p, entry, op, segments, flags, b.line[i]!);
  if (op === Op.alloc) p.counts.alloc++;
  else p.counts.map++;
}

function differs(b: EventBatch, i: number): boolean {
  return b.addressLow[i] !== b.physLow[i] || b.addressHigh[i] !== b.physHigh[i];
}

// The other segments of a list that was mapped piece by piece are entries of their own until now.
function enterList(p: Pairing, b: EventBatch, i: number, entry: number): void {
  const { live } = p;
  const start = b.listStart[i]!;
  const { segments } = b;
  live.list(entry, listHash(b, i), b.aux[i]!);
  for (let s = start + 1; s < start + b.listLength[i]!; s++) {
    if (segments.size[s] === 0) continue;
    const other = findUnclaimed(p, segments.addressLow[s]!, segments.addressHigh[s]!);
    if (other === NONE || other === entry) continue;
    if ((live.state[other]! & State.filled) !== 0) {
      voidRow(p, live.row[other]!);
      p.counts.map--;
    }
    live.ranges[entry] = live.ranges[entry]! + 1;
    releaseEntry(p, other);
  }
}

/** The open map call of this context if the event fits it; what does not fit is ended. */
function takeCall(p: Pairing, b: EventBatch, i: number, page: number): number {
  const { calls, live } = p;
  const call = calls.find(b.cpu[i]!, b.tid[i]!, b.context[i]!);
  if (call === NONE) return NONE;
  if (calls.kind[call] === Call.map) {
    const entry = calls.record[call]!;
    const first = entry === NONE ? calls.page[call]! : live.page[entry]!;
    const count = entry === NONE ? p.unit : live.pages[entry]!;
    if (first < 0 || (page >= first && page < first + count)) return call;
  }
  resolve(p, call);
  return NONE;
}

/** A mapping from iommu events alone that covers this address with its first granule. */
function findUnclaimed(p: Pairing, low: number, high: number): number {
  const { live } = p;
  let entry = live.first(keyOf(p, low, high));
  while (entry !== NONE && (live.state[entry]! & State.claimed) !== 0) entry = live.next(entry);
  return entry;
}

// The address is live already. If its unmap comes soon, its line was only late (REORDERED, see
// unmap-events.ts): both stay. With losses in between nothing is claimed and the older one is closed.
function checkDouble(p: Pairing, b: EventBatch, i: number, entry: number): void {
  const { live } = p;
  for (let other = live.first(live.page[entry]!); other !== NONE; ) {
    const older = other;
    other = live.next(other);
    if (older === entry || live.domain[older] !== live.domain[entry]) continue;
    if ((live.state[older]! & State.claimed) === 0) continue;
    if (live.epoch[older] === p.losses) continue;
    p.oddities.count('LOSS_WINDOW');
    closeUnseen(p, older, b, i);
  }
}

function failMap(p: Pairing, b: EventBatch, i: number, op: Op, size: number): void {
  const { calls } = p;
  const device = b.device[i]!;
  const call = calls.find(b.cpu[i]!, b.tid[i]!, b.context[i]!);
  let row = NONE;
  let seen = 0;
  let limit = 0;
  let domain = p.attribution.ofDevice(device);
  let bytes = size;
  if (call !== NONE) {
    row = failedRow(p, call);
    if (row === NONE) resolve(p, call);
    else {
      seen = calls.seen[call]!;
      limit = calls.limit[call]!;
      domain = calls.domain[call]! || domain;
      if (bytes === 0) bytes = calls.bytes[call]!;
      calls.close(call);
    }
  }
  if (row === NONE) row = beginRow(p, b, i);
  if ((seen & Seen.iova) !== 0 && domain !== 0) p.attribution.link(device, domain);
  const flags =
    (b.flags[i]! & (Flag.listCapped | Flag.nonUtf8)) |
    ((seen & Seen.bounce) !== 0 ? Flag.bounced : 0) |
    (size === 0 ? Flag.sizeDerived : 0) |
    (domain === 0 ? Flag.direct : 0);
  const segments = Math.max(1, b.listLength[i]!);
  writeFailure(
    p,
    row,
    op,
    device,
    domain,
    b.task[i]!,
    bytes,
    b.physLow[i]!,
    b.physHigh[i]!,
    b.direction[i]!,
    limit,
    segments,
    flags,
    b.line[i]!,
  );
}

// The row of the failed call, NONE if the open call is another one. What the call had mapped already
// was rolled back by an unmap.
function failedRow(p: Pairing, call: number): number {
  const { calls, live } = p;
  const entry = calls.record[call]!;
  if (calls.kind[call] === Call.map) {
    if (entry !== NONE) releaseEntry(p, entry);
    return calls.row[call]!;
  }
  if (entry === NONE || (live.state[entry]! & (State.claimed | State.filled)) !== 0) return NONE;
  p.oddities.count('ROLLBACK');
  const row = live.row[entry]!;
  releaseEntry(p, entry);
  return row;
}
