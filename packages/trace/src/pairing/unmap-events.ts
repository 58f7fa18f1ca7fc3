// dma_unmap_*, dma_unmap_sg and dma_free*.
//
// A page unmap is printed after the table unmap of the same call, which took the mapping out of the
// live set already: so a CPU that reuses the address before the line is printed does no harm. List
// unmaps and frees are printed before; the table unmap that follows closes them.

import { DomainClass, type EventBatch, Flag, Op } from '../batch.ts';
import { Call, type OpenCall, Seen } from './call-table.ts';
import { closeUnseen, finishOrphan, finishUnmap, noteUnmatched } from './closing.ts';
import { draftEvent } from './draft.ts';
import { adoptExact, findMapping } from './finding.ts';
import { listHash } from './list-hash.ts';
import { NONE, State } from './live-set.ts';
import { currentCall, hold, openCall, resolve } from './resolving.ts';
import { beginRow } from './rows.ts';
import type { Pairing } from './state.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const Flags = Flag;
const Ops = Op;
const Calls = Call;
const Signs = Seen;
const NO_ENTRY = NONE;
const States = State;

/** dma_unmap_page, dma_unmap_phys, dma_unmap_resource. */
export function onUnmap(p: Pairing, b: EventBatch, i: number): void {
  const { calls } = p;
  const call = takeCall(p, b, i);
  const seen = call === null ? 0 : call.seen;
  const taken = call === null ? NO_ENTRY : call.record;
  const entry = mappingOf(p, b, i, taken, seen);
  const row = call === null ? beginRow(p, b, i) : call.row;
  const reordered = entry === NO_ENTRY ? 0 : checkTwins(p, b, i, entry);
  const d = draftEvent(p, b, i, row, Ops.unmap);
  d.flags |= reordered;
  if (call !== null) {
    d.time = call.time;
    if (call.domainClass === Classes.A) d.domainClass = Classes.A;
  }
  if ((seen & Signs.bounce) !== 0) d.flags |= Flags.bounced;
  if (entry !== NO_ENTRY) {
    if ((p.live.state[entry]! & States.claimed) !== 0) {
      if (p.live.size[entry] !== d.size) p.oddities.count('SIZE_MISMATCH');
      if (p.live.direction[entry] !== d.direction) p.oddities.count('DIR_MISMATCH');
    }
    finishUnmap(p, entry, d);
  } else {
    const isTranslated = (seen & Signs.table) !== 0;
    d.domain = isTranslated
      ? p.attribution.ofTranslated(d.device)
      : p.attribution.ofDevice(d.device);
    if (d.domain === 0) d.flags |= Flags.direct;
    finishOrphan(p, d);
  }
  if (call !== null) calls.close(call);
}

/** dma_unmap_sg: no DMA address; its table unmaps (or bounce unmaps) follow. */
export function onUnmapList(p: Pairing, b: EventBatch, i: number): void {
  endOpen(p, b, i);
  const hash = listHash(b, i);
  const entry = p.live.findList(b.device[i]!, hash, b.aux[i]!, b.physLow[i]!, b.physHigh[i]!);
  openUnmap(p, b, i, entry, Signs.list);
}

/** dma_free*: its table unmap follows. Freeing a null pointer is ignored. */
export function onFree(p: Pairing, b: EventBatch, i: number): void {
  if (b.addressLow[i] === 0 && b.addressHigh[i] === 0 && b.size[i] === 0) {
    p.oddities.count('NULL_FREE');
    noteUnmatched(p, draftEvent(p, b, i, beginRow(p, b, i), Ops.none));
    return;
  }
  endOpen(p, b, i);
  const entry = findMapping(p, b.device[i]!, b.addressLow[i]!, b.addressHigh[i]!);
  openUnmap(p, b, i, entry, Signs.free);
}

function endOpen(p: Pairing, b: EventBatch, i: number): void {
  const open = currentCall(p, b, i);
  if (open !== null) resolve(p, open);
}

function openUnmap(p: Pairing, b: EventBatch, i: number, entry: number, seen: number): void {
  const { live } = p;
  const call = openCall(p, b, i, Calls.unmap);
  call.seen = seen;
  hold(p, call, entry);
  call.device = b.device[i]!;
  call.place(p.attribution.ofDevice(b.device[i]!), Classes.B);
  call.direction = b.direction[i]!;
  call.addressLow = b.addressLow[i]!;
  call.addressHigh = b.addressHigh[i]!;
  call.physLow = b.physLow[i]!;
  call.physHigh = b.physHigh[i]!;
  call.bytes = b.size[i]!;
  call.pending = entry === NO_ENTRY ? 1 : live.ranges[entry]! + live.bounces[entry]!;
  if (call.pending === 0) resolve(p, call);
}

/** The open unmap of this context that this page unmap completes; any other call is ended. */
function takeCall(p: Pairing, b: EventBatch, i: number): OpenCall | null {
  const call = currentCall(p, b, i);
  if (call === null) return null;
  const isPage = (call.seen & (Signs.list | Signs.free)) === 0;
  if (call.kind === Calls.unmap && isPage) return call;
  resolve(p, call);
  return null;
}

/** The mapping that is unmapped: what the table unmap took if it fits, else by device and address. */
function mappingOf(p: Pairing, b: EventBatch, i: number, taken: number, seen: number): number {
  const { live } = p;
  const device = b.device[i]!;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  if (taken === NO_ENTRY) {
    if ((seen & Signs.table) !== 0) return NO_ENTRY;
    return ofSize(p, findMapping(p, device, low, high), b.size[i]!);
  }
  if ((live.state[taken]! & States.claimed) === 0) {
    adoptExact(p, taken, device, b.size[i]!, low, high);
    if (live.domain[taken] === 0) {
      live.domain[taken] = p.attribution.ofTranslated(device);
      live.domainClass[taken] = Classes.B;
    }
    return taken;
  }
  const isIt =
    live.device[taken] === device &&
    live.addressLow[taken] === low &&
    live.addressHigh[taken] === high;
  if (isIt) return taken;
  // The table unmap had to guess where several domains share an address.
  live.index(taken);
  const other = findMapping(p, device, low, high);
  if (other !== NO_ENTRY) live.unindex(other);
  return other;
}

// The same page may be mapped directly several times: the newest of the same size is closed.
function ofSize(p: Pairing, newest: number, size: number): number {
  if (newest === NO_ENTRY) return NO_ENTRY;
  const { live } = p;
  let found = live.size[newest] === size ? newest : NONE;
  let several = false;
  for (let other = live.next(newest); other !== NO_ENTRY; other = live.next(other)) {
    if (several && found !== NO_ENTRY) break;
    if (!isSameAddress(p, other, newest)) continue;
    several = true;
    if (found === NO_ENTRY && live.size[other] === size) found = other;
  }
  if (several) p.oddities.count('AMBIGUOUS_PAIR');
  return found === NO_ENTRY ? newest : found;
}

function isSameAddress(p: Pairing, a: number, b: number): boolean {
  const { live } = p;
  return (
    live.device[a] === live.device[b] &&
    live.addressLow[a] === live.addressLow[b] &&
    live.addressHigh[a] === live.addressHigh[b] &&
    (live.state[a]! & States.claimed) !== 0
  );
}

// Another mapping of the same address in the domain: made by another CPU just before this line was
// printed, or left by an unmap that was never seen.
function checkTwins(p: Pairing, b: EventBatch, i: number, entry: number): number {
  const { live } = p;
  if ((live.state[entry]! & States.translated) === 0) return 0;
  let flags = 0;
  for (let at = live.first(live.page[entry]!); at !== NO_ENTRY; ) {
    const twin = at;
    at = live.next(at);
    if (twin === entry || live.device[twin] !== live.device[entry]) continue;
    const isKnown = (live.state[twin]! & States.claimed) !== 0;
    if (!isKnown || live.domain[twin] !== live.domain[entry]) continue;
    if (live.time[twin]! < live.time[entry]!) {
      p.oddities.count(live.epoch[twin] === p.losses ? 'DOUBLE_MAP' : 'LOSS_WINDOW');
      closeUnseen(p, twin, b, i);
    } else if (live.cpu[twin] !== b.cpu[i] && b.time[i]! - live.time[twin]! <= p.reorderWindow) {
      p.oddities.count('REORDERED');
      flags = Flags.reordered;
    }
  }
  return flags;
}
