// dma_map_*, dma_map_sg and dma_alloc*: they complete the call that the lower layers began.
//
// An event claims the mapping that iommu:map opened in the same call. Without an open call (the event
// was recorded alone, or the trace switched) it claims an unclaimed mapping at its address, or opens one
// of its own: then the device may be mapped directly.

import { DomainClass, type EventBatch, EventKind, Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { PAGE, pageOf, pagesFor } from './address.ts';
import { Call, type OpenCall, Seen } from './call-table.ts';
import { closeUnseen } from './closing.ts';
import { draftEvent, skipFlag } from './draft.ts';
import { ANY_LIST, isFailed, settleDemand, writeFailure } from './failures.ts';
import { findUnclaimed, keyOf } from './finding.ts';
import { listHash } from './list-hash.ts';
import { NONE, State } from './live-set.ts';
import { currentCall, resolve } from './resolving.ts';
import { beginRow, dissolvePiece, releaseEntry, writeMap } from './rows.ts';
import { evidence, type Pairing } from './state.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const Kinds = EventKind;
const Flags = Flag;
const Ops = Op;
const ROW_MASK = BLOCK_MASK;
const PAGE_BYTES = PAGE;
const Calls = Call;
const Signs = Seen;
const NO_ENTRY = NONE;
const States = State;

/** dma_map_page, dma_map_phys, dma_map_resource, dma_map_sg, dma_alloc*. */
export function onMap(p: Pairing, b: EventBatch, i: number, op: Op): void {
  if (isFailed(b, i, op)) onFailure(p, b, i, op);
  else onSuccess(p, b, i, op);
  if (b.size[i] === 0) p.oddities.count('ZERO_SIZE');
}

/** dma_map_sg_err: the only trace of a failed list, and of rare errors only. */
export function onMapError(p: Pairing, b: EventBatch, i: number): void {
  onFailure(p, b, i, Ops.map);
}

function onSuccess(p: Pairing, b: EventBatch, i: number, op: Op): void {
  const { live, calls } = p;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  const call = takeCall(p, b, i, pageOf(low, high));
  const seen = call === null ? 0 : call.seen;
  let entry = call === null ? NO_ENTRY : call.record;
  if (entry === NO_ENTRY) entry = findUnclaimed(p, low, high);
  const isTranslated = entry !== NO_ENTRY || (seen & Signs.iova) !== 0;
  if (entry === NO_ENTRY) {
    const row = call === null ? beginRow(p, b, i) : call.row;
    entry = live.add(keyOf(p, low, high), pagesFor((low % PAGE_BYTES) + b.size[i]!), row);
    live.time[entry] = call === null ? b.time[i]! : call.time;
  } else if ((live.state[entry]! & States.filled) !== 0) p.counts.map--;
  claim(p, b, i, entry, call, isTranslated);
  if (op === Ops.alloc) live.state[entry] = live.state[entry]! | States.alloc;
  const { device, task, physLow, physHigh } = b;
  if (b.kind[i] === Kinds.dmaMapSg) {
    enterList(p, b, i, entry);
    settleDemand(p, device[i]!, task[i]!, physLow[i]!, physHigh[i]!, ANY_LIST);
  }
  settleDemand(p, device[i]!, task[i]!, physLow[i]!, physHigh[i]!, b.size[i]!);
  if (isTranslated && p.losses > 0) closeLost(p, b, i, entry);
  complete(p, b, i, op, entry, seen, isTranslated);
  if (call !== null) calls.close(call);
}

/** The open map call of this context if the event fits it; what does not fit is ended. */
function takeCall(p: Pairing, b: EventBatch, i: number, page: number): OpenCall | null {
  const { live } = p;
  const call = currentCall(p, b, i);
  if (call === null) return null;
  if (call.kind === Calls.map) {
    const entry = call.record;
    const first = entry === NO_ENTRY ? call.page : live.page[entry]!;
    const count = entry === NO_ENTRY ? p.unit : live.pages[entry]!;
    if (first < 0 || (page >= first && page < first + count)) return call;
  }
  resolve(p, call);
  return null;
}

function claim(
  p: Pairing,
  b: EventBatch,
  i: number,
  entry: number,
  call: OpenCall | null,
  isTranslated: boolean,
): void {
  const { live } = p;
  live.device[entry] = b.device[i]!;
  place(p, b, i, entry, call, isTranslated);
  live.size[entry] = b.size[i]!;
  live.addressLow[entry] = b.addressLow[i]!;
  live.addressHigh[entry] = b.addressHigh[i]!;
  live.physLow[entry] = b.physLow[i]!;
  live.physHigh[entry] = b.physHigh[i]!;
  live.direction[entry] = b.direction[i]!;
  live.cpu[entry] = b.cpu[i]!;
  live.epoch[entry] = p.losses;
  let state = live.state[entry]! | States.claimed;
  if (isTranslated) {
    state |= States.translated;
    live.ranges[entry] = Math.max(1, live.ranges[entry]!);
  }
  if (call !== null) {
    live.limit[entry] = call.limit;
    live.bounces[entry] = call.pending;
    if ((call.seen & Signs.bounce) !== 0) state |= States.bounced;
  }
  live.state[entry] = state;
}

// The domain is that of the call's iovad, else of the table entry, else of the device.
function place(
  p: Pairing,
  b: EventBatch,
  i: number,
  entry: number,
  call: OpenCall | null,
  isTranslated: boolean,
): void {
  const { live, attribution } = p;
  const device = b.device[i]!;
  const ofCall = call === null ? 0 : call.domain;
  const shown = ofCall || live.domain[entry]!;
  if (shown !== 0) {
    attribution.link(device, shown);
    live.domain[entry] = shown;
    if (call !== null && ofCall !== 0) live.domainClass[entry] = call.domainClass;
  } else if (isTranslated) {
    live.domain[entry] = attribution.ofTranslated(device);
    live.domainClass[entry] = Classes.B;
  } else return;
  p.pageOwners.note(b.tid[i]!, b.physLow[i]!, b.physHigh[i]!, live.domain[entry]!, device);
}

// The other segments of a list that was mapped piece by piece are entries of their own until now.
function enterList(p: Pairing, b: EventBatch, i: number, entry: number): void {
  const { live } = p;
  const { size, addressLow, addressHigh } = b.segments;
  const start = b.listStart[i]!;
  live.list(entry, listHash(b, i), b.aux[i]!);
  for (let s = start + 1; s < start + b.listLength[i]!; s++) {
    if (size[s] === 0) continue;
    const other = findUnclaimed(p, addressLow[s]!, addressHigh[s]!);
    if (other === NO_ENTRY) continue;
    live.ranges[entry] = live.ranges[entry]! + 1;
    dissolvePiece(p, other);
  }
}

// The address is live already. If its unmap comes soon, its line was only late (REORDERED, see
// unmap-events.ts): both stay. With losses in between nothing is claimed and the older one is closed.
function closeLost(p: Pairing, b: EventBatch, i: number, entry: number): void {
  const { live } = p;
  for (let at = live.first(live.page[entry]!); at !== NO_ENTRY; ) {
    const older = at;
    at = live.next(at);
    if (older === entry || live.domain[older] !== live.domain[entry]) continue;
    const isKnown = (live.state[older]! & States.claimed) !== 0;
    if (!isKnown || live.epoch[older] === p.losses) continue;
    p.oddities.count('LOSS_WINDOW');
    closeUnseen(p, older, b, i);
  }
}

function complete(
  p: Pairing,
  b: EventBatch,
  i: number,
  op: Op,
  entry: number,
  seen: number,
  isTranslated: boolean,
): void {
  const known = evidence(p, b.device[i]!);
  const isBounced = (seen & Signs.bounce) !== 0;
  let flags = b.flags[i]! & (Flags.listCapped | Flags.nonUtf8);
  if ((flags & Flags.listCapped) !== 0) p.oddities.count('LIST_CAPPED');
  if (isBounced) flags |= Flags.bounced;
  if (isTranslated) known.translated++;
  else {
    known.untranslated++;
    flags |= Flags.direct;
    if (op === Ops.map && !isBounced && isElsewhere(b, i)) known.differing++;
  }
  const segments = b.kind[i] === Kinds.dmaMapSg ? Math.max(1, b.aux[i]!) : 1;
  flags |= skipFlag(b, i);
  writeMap(p, entry, op, segments, flags, b.line[i]!);
  if (segments > 1 && !isTranslated) keepSegments(p, b, i, entry);
}

// Of a list that was cut while recording the rest is not known.
function keepSegments(p: Pairing, b: EventBatch, i: number, entry: number): void {
  const { physLow, physHigh, size } = b.segments;
  const first = b.listStart[i]!;
  const end = first + b.listLength[i]!;
  if (b.listLength[i] !== b.aux[i] || size.subarray(first, end).includes(0)) return;
  let list = 0;
  for (let s = first; s < end; s++) {
    const number = p.lists.append(physHigh[s]! * 2 ** 32 + physLow[s]!, size[s]!);
    list ||= number;
  }
  const row = p.live.row[entry]!;
  p.store.block(row).list[row & ROW_MASK] = list;
}

function isElsewhere(b: EventBatch, i: number): boolean {
  return b.addressLow[i] !== b.physLow[i] || b.addressHigh[i] !== b.physHigh[i];
}

function onFailure(p: Pairing, b: EventBatch, i: number, op: Op): void {
  const { calls } = p;
  const open = currentCall(p, b, i);
  const row = open === null ? NO_ENTRY : takeFailedRow(p, open);
  const d = draftEvent(p, b, i, row === NO_ENTRY ? beginRow(p, b, i) : row, op);
  d.segments = Math.max(1, b.listLength[i]!);
  if (open !== null && row !== NO_ENTRY) {
    const seen = open.seen;
    d.limit = open.limit;
    if (open.domain !== 0) {
      d.domain = open.domain;
      d.domainClass = open.domainClass as DomainClass;
    }
    if ((seen & Signs.bounce) !== 0) d.flags |= Flags.bounced;
    if (d.size === 0) {
      d.size = open.bytes;
      d.flags |= Flags.sizeDerived;
    }
    calls.close(open);
  }
  if (d.domain === 0) d.domain = p.attribution.ofDevice(d.device);
  else p.attribution.link(d.device, d.domain);
  if (d.domain === 0) d.flags |= Flags.direct;
  writeFailure(p, d);
}

// The row of the failed call; NONE if the open call is another one, which is ended. What the failed call
// had mapped already was rolled back by an unmap.
function takeFailedRow(p: Pairing, call: OpenCall): number {
  const { live } = p;
  const entry = call.record;
  if (call.kind === Calls.map) {
    if (entry !== NO_ENTRY) releaseEntry(p, entry);
    return call.row;
  }
  if (entry === NO_ENTRY || (live.state[entry]! & (States.claimed | States.filled)) !== 0) {
    resolve(p, call);
    return NO_ENTRY;
  }
  p.oddities.count('ROLLBACK');
  const row = live.row[entry]!;
  releaseEntry(p, entry);
  return row;
}
