// iommu:map: a range appears in the page table.
//
// It opens a mapping, or extends the one of its call; the DMA API event of the call claims it. Without
// DMA API events (kernel 6.1) each map is a mapping until its unmap tells which belong together, or a
// probe of the allocator tells how much the call will map.

import { DomainClass, type EventBatch } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { pageOf, pagesFor } from './address.ts';
import { Call, type OpenCall, Seen } from './call-table.ts';
import { closeUnseen } from './closing.ts';
import { NONE, State } from './live-set.ts';
import { currentCall, hold, openCall, resolve } from './resolving.ts';
import type { Pairing } from './state.ts';
import { placeVirtually } from './virtual-domains.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const ROW_MASK = BLOCK_MASK;
const Calls = Call;
const Signs = Seen;
const NO_ENTRY = NONE;
const States = State;

/** iommu:map. */
export function onTableMap(p: Pairing, b: EventBatch, i: number): void {
  const { live } = p;
  p.tableEvents = true;
  const page = pageOf(b.addressLow[i]!, b.addressHigh[i]!);
  const pages = pagesFor(b.size[i]!);
  let call = findCall(p, b, i, page);
  let previous = NO_ENTRY;
  if (call !== null && call.record !== NO_ENTRY) {
    const entry = call.record;
    const isNext = page === live.page[entry]! + live.pages[entry]!;
    if (isNext && extendsCall(p, call, entry, pages)) return;
    if (isNext && !p.dmaEvents) previous = entry;
    resolve(p, call);
    call = null;
  }
  if (call === null) call = openCall(p, b, i, Calls.map);
  const entry = addEntry(p, b, i, call, page, pages);
  hold(p, call, entry);
  call.seen |= Signs.table;
  if (p.dmaEvents) return;
  if (previous !== NO_ENTRY) live.continues[entry] = live.row[previous]! + 1;
  placeByProbe(p, b, i, entry);
  if (live.domain[entry] !== 0) closeTwins(p, b, i, entry);
  else placeVirtually(p, b, i, entry, previous === NO_ENTRY ? 0 : live.domain[previous]!);
  closeWhenFull(p, call, entry);
}

// The domain of the call, else of the device that its probe told.
function placeByProbe(p: Pairing, b: EventBatch, i: number, entry: number): void {
  const { live } = p;
  const device = live.device[entry]!;
  if (live.domain[entry] === 0) live.domain[entry] = p.attribution.ofDevice(device);
  if (live.domain[entry] === 0) return;
  live.domainClass[entry] = Classes.A;
  p.pageOwners.note(b.tid[i]!, b.physLow[i]!, b.physHigh[i]!, live.domain[entry]!, device);
}

/** A mapping of `call` from what event `i` says; its device and domain are those of the call. */
export function addEntry(
  p: Pairing,
  b: EventBatch,
  i: number,
  call: OpenCall,
  page: number,
  pages: number,
): number {
  const { live } = p;
  const entry = live.add(page, pages, call.row);
  live.time[entry] = call.time;
  live.physLow[entry] = b.physLow[i]!;
  live.physHigh[entry] = b.physHigh[i]!;
  live.cpu[entry] = b.cpu[i]!;
  live.epoch[entry] = p.losses;
  live.limit[entry] = call.limit;
  live.device[entry] = call.device;
  live.domain[entry] = call.domain;
  live.domainClass[entry] = call.domainClass;
  live.ranges[entry] = 1;
  live.state[entry] = States.translated;
  return entry;
}

// Where the allocation of a call is known its maps fill it; with DMA API events all maps up to the event
// belong to it.
function extendsCall(p: Pairing, call: OpenCall, entry: number, pages: number): boolean {
  const { live } = p;
  const isKnown = (call.seen & (Signs.allocProbe | Signs.iova)) !== 0;
  if (!p.dmaEvents && !isKnown) return false;
  if (isKnown && live.pages[entry]! + pages > pagesFor(call.bytes)) return false;
  live.resize(entry, live.pages[entry]! + pages);
  if (!p.dmaEvents) closeWhenFull(p, call, entry);
  return true;
}

function closeWhenFull(p: Pairing, call: OpenCall, entry: number): void {
  const { live } = p;
  if ((call.seen & (Signs.allocProbe | Signs.iova)) === 0) return;
  if (live.pages[entry]! >= pagesFor(call.bytes)) resolve(p, call);
}

// The domain is certain and the address is live in it: the unmap in between was never seen.
function closeTwins(p: Pairing, b: EventBatch, i: number, entry: number): void {
  const { live } = p;
  for (let at = live.first(live.page[entry]!); at !== NO_ENTRY; ) {
    const twin = at;
    at = live.next(at);
    if (twin === entry || live.domain[twin] !== live.domain[entry]) continue;
    p.oddities.count(live.epoch[twin] === p.losses ? 'DOUBLE_MAP' : 'LOSS_WINDOW');
    closeUnseen(p, twin, b, i);
  }
}

/** The open map call that this map belongs to. */
function findCall(p: Pairing, b: EventBatch, i: number, page: number): OpenCall | null {
  const { calls } = p;
  if (p.breakpoints) {
    let hidden = calls.findNmi(b.cpu[i]!, b.tid[i]!, Calls.map);
    while (hidden !== null && !mayMap(p, hidden, page)) {
      hidden = calls.findNmi(b.cpu[i]!, b.tid[i]!, Calls.map, hidden);
    }
    if (hidden !== null) return unveil(p, b, i, hidden);
  }
  const call = currentCall(p, b, i);
  if (call === null) return null;
  const known = call.page;
  const isOther = call.record === NO_ENTRY && known >= 0 && known !== page;
  if (call.kind === Calls.map && !isOther) return call;
  resolve(p, call);
  return null;
}

// The call was given this page; or nothing tells what it was given, as returns have no probe.
function mayMap({ allocReturns }: Pairing, call: OpenCall, page: number): boolean {
  if (call.page === page) return true;
  return !allocReturns && call.record === NO_ENTRY && (call.seen & Signs.iova) !== 0;
}

/** Gives a call that a breakpoint probe opened the context of event `i`, its first ordinary one. */
export function unveil(p: Pairing, b: EventBatch, i: number, call: OpenCall): OpenCall {
  const stale = currentCall(p, b, i);
  if (stale !== null && stale !== call) resolve(p, stale);
  call.context = b.context[i]!;
  const row = call.row;
  p.store.block(row).context[row & ROW_MASK] = b.context[i]!;
  return call;
}
