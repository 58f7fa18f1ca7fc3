// The probes of the IOVA allocator and of the DMA layer: they show a call before its tracepoints do, and
// tell device, domain, limit and exact size.
//
// Breakpoint probes (kernel 6.1) hide their true context behind 'Z' or 'z'. Interrupts nest, so the
// newest open call of a breakpoint is the one that goes on.

import { DomainClass, type EventBatch } from '../batch.ts';
import { PAGE } from './address.ts';
import { Call, isNmi, type OpenCall, Seen } from './call-table.ts';
import { keyOf } from './finding.ts';
import { NONE } from './live-set.ts';
import { beginMapping, endMapping, onFreeAlone } from './probes-alone.ts';
import { currentCall, openCall, resolve } from './resolving.ts';
import { moveRow } from './rows.ts';
import { evidence, isProbesAlone, type Pairing } from './state.ts';
import { onTableMap } from './table-map.ts';
import { unmapRange } from './table-unmap.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const PAGE_BYTES = PAGE;
const Calls = Call;
const Signs = Seen;
const NO_ENTRY = NONE;

const BELOW_4G = 2 ** 32;
/** ns within which two probes of one address on one CPU are of one call. */
const NESTED = 5_000;

/** iommu_dma_alloc_iova: the first sign of a map on a translated device. */
export function onAllocProbe(p: Pairing, b: EventBatch, i: number): void {
  let call = openMap(p, b, i);
  if (call !== null && (call.record !== NO_ENTRY || (call.seen & ~Signs.bounce) !== 0)) {
    endOther(p, call);
    call = null;
  }
  if (call === null) call = openCall(p, b, i, Calls.map);
  const limit = b.aux[i]!;
  call.seen |= Signs.allocProbe;
  call.device = b.device[i]!;
  call.domainToken = b.token[i]!;
  call.place(p.attribution.ofPointer(b.token[i]!), Classes.A);
  call.bytes = b.size[i]!;
  call.limit = limit;
  const known = evidence(p, b.device[i]!);
  if (limit > known.limit) known.limit = limit;
}

/** alloc_iova_fast: tells the iovad. A second try of the same call has a higher limit. */
export function onIovaAlloc(p: Pairing, b: EventBatch, i: number): void {
  const { attribution } = p;
  p.tableEvents = true;
  p.allocations = true;
  let call = openMap(p, b, i);
  if (call !== null && !continuesAllocation(call)) {
    endOther(p, call);
    call = null;
  }
  if (call === null) call = openCall(p, b, i, Calls.map);
  const token = b.token[i]!;
  const domain = attribution.ofToken(token, p.tokens[token] ?? '');
  const state = attribution.domains[domain]!;
  const granule = state.granule || p.unit * PAGE_BYTES;
  state.inUse = true;
  state.allocations++;
  const isRetry = (call.seen & Signs.allocFailed) !== 0;
  call.seen = (call.seen | Signs.iova) & ~Signs.allocFailed;
  call.place(domain, Classes.A);
  takeEffect(p, b, i, call);
  if (call.bytes === 0) call.bytes = b.size[i]! * granule;
  if ((call.seen & Signs.allocProbe) === 0) return;
  attribution.linkPointer(call.domainToken, domain);
  attribution.link(call.device, domain);
  noteLimit(p, call, domain, (b.aux[i]! + 1) * granule, isRetry);
}

// The call takes effect at this event, not at its first sign: an interrupt may have come in between.
function takeEffect(p: Pairing, b: EventBatch, i: number, call: OpenCall): void {
  call.row = moveRow(p, call.row, b.time[i]!);
}

// The limit of a try against that of the device: below 4 GiB first or not, and where the aperture ends.
function noteLimit(
  p: Pairing,
  call: OpenCall,
  domain: number,
  end: number,
  isRetry: boolean,
): void {
  const limit = call.limit;
  if (limit < BELOW_4G) return;
  const state = p.attribution.domains[domain]!;
  const known = evidence(p, call.device);
  if (end <= BELOW_4G) known.lowFirst++;
  else {
    if (!isRetry) known.highFirst++;
    if (end - 1 < limit && end > state.apertureEnd) state.apertureEnd = end;
  }
}

function continuesAllocation(call: OpenCall): boolean {
  const seen = call.seen;
  if (call.record !== NO_ENTRY) return false;
  return (seen & Signs.iova) === 0 || (seen & Signs.allocFailed) !== 0;
}

/** alloc_iova_fast returned. */
export function onIovaAllocReturn(p: Pairing, b: EventBatch, i: number): void {
  p.allocReturns = true;
  const call = openMap(p, b, i);
  if (call === null || (call.seen & Signs.iova) === 0) return;
  const pfn = b.aux[i]!;
  if (pfn === 0) call.seen |= Signs.allocFailed;
  else {
    call.page = pfn * granuleOf(p, call.domain);
    if (isProbesAlone(p)) beginMapping(p, call);
  }
}

function granuleOf(p: Pairing, domain: number): number {
  const granule = p.attribution.domains[domain]!.granule;
  return granule === 0 ? p.unit : granule / PAGE_BYTES;
}

/** free_iova_fast: inside the unmap of the same range it shows a strict domain. */
export function onIovaFree(p: Pairing, b: EventBatch, i: number): void {
  const { live } = p;
  const call = currentCall(p, b, i);
  if (isProbesAlone(p)) {
    const domain = p.attribution.ofToken(b.token[i]!, p.tokens[b.token[i]!] ?? '');
    onFreeAlone(p, b, i, domain, b.aux[i]! * granuleOf(p, domain));
    return;
  }
  if (call === null || call.kind !== Calls.unmap) return;
  const entry = call.record;
  const domain = p.attribution.ofToken(b.token[i]!, p.tokens[b.token[i]!] ?? '');
  if (entry === NO_ENTRY || live.page[entry] !== b.aux[i]! * granuleOf(p, domain)) return;
  p.attribution.domains[domain]!.freedInCall++;
  // Only now is the range free for others.
  takeEffect(p, b, i, call);
}

/** __iommu_dma_unmap: the first sign of a page unmap; part of a list unmap or a free. */
export function onUnmapProbe(p: Pairing, b: EventBatch, i: number): void {
  const context = b.context[i]!;
  let call = null;
  if (isNmi(context)) p.breakpoints = true;
  else {
    call = currentCall(p, b, i);
    const isListed = call !== null && call.kind === Calls.unmap && call.pending > 0;
    if (call !== null && !isListed) {
      resolve(p, call);
      call = null;
    }
  }
  if (call === null) call = openCall(p, b, i, Calls.unmap);
  else if (call.record !== NO_ENTRY) return;
  call.seen |= Signs.unmapProbe;
  call.device = b.device[i]!;
  call.bytes = b.size[i]!;
  call.addressLow = b.addressLow[i]!;
  call.addressHigh = b.addressHigh[i]!;
  call.place(p.attribution.ofDevice(b.device[i]!), Classes.A);
  if (isProbesAlone(p)) endMapping(p, call);
}

/** The map call that a probe goes on with; an unmap in the same context is over. */
function openMap(p: Pairing, b: EventBatch, i: number): OpenCall | null {
  const { calls } = p;
  const context = b.context[i]!;
  if (isNmi(context)) {
    p.breakpoints = true;
    return calls.findNmi(b.cpu[i]!, b.tid[i]!, Calls.map);
  }
  const call = currentCall(p, b, i);
  if (call === null || call.kind === Calls.map) return call;
  resolve(p, call);
  return null;
}

// A breakpoint call that is not over may just be interrupted: it stays open.
function endOther(p: Pairing, call: OpenCall): void {
  const isFailed = (call.seen & Signs.allocFailed) !== 0;
  if (isFailed || !isNmi(call.context)) resolve(p, call);
}

/**
 * iommu_map*, iommu_unmap*: tell the domain of the table event that follows. Mappings of the DMA layer
 * have a domain by their iovad; for others (VFIO) the domain pointer stands for it.
 */
export function onDomainHint(p: Pairing, b: EventBatch, i: number): void {
  hint(p, b, i);
  if (!isProbesAlone(p) || p.allocations) return;
  if (isUnmapHint(p, b, i)) unmapRange(p, b, i, b.size[i]!);
  else if (!isMappedAlready(p, b, i)) onTableMap(p, b, i);
}

function isUnmapHint(p: Pairing, b: EventBatch, i: number): boolean {
  return p.names[b.name[i]!]!.startsWith('iommu_unmap');
}

// iommu_map calls iommu_map_nosync, which may have a probe too.
function isMappedAlready(p: Pairing, b: EventBatch, i: number): boolean {
  const { live } = p;
  const domain = p.attribution.ofPointer(b.token[i]!);
  for (
    let entry = live.first(keyOf(p, b.addressLow[i]!, b.addressHigh[i]!));
    entry !== NO_ENTRY;
    entry = live.next(entry)
  ) {
    const isNested = live.cpu[entry] === b.cpu[i] && b.time[i]! - live.time[entry]! < NESTED;
    if (isNested && live.domain[entry] === domain) return true;
  }
  return false;
}

function hint(p: Pairing, b: EventBatch, i: number): void {
  const isUnmap = isUnmapHint(p, b, i);
  const pointer = b.token[i]!;
  if (isUnmap) {
    const call = currentCall(p, b, i);
    const waits = call !== null && call.kind === Calls.unmap && !isTableSeen(call);
    if (!waits) endAndOpen(p, b, i, call, Calls.unmap, p.attribution.ofPointer(pointer));
    return;
  }
  const call = openMap(p, b, i);
  const known = call === null ? 0 : call.domain;
  if (call !== null && known !== 0 && (call.seen & Signs.iova) !== 0) {
    p.attribution.linkPointer(pointer, known);
    return;
  }
  const domain = p.attribution.ofPointer(pointer) || addDomain(p, pointer);
  if (known !== domain) endAndOpen(p, b, i, call, Calls.map, domain);
}

function isTableSeen(call: OpenCall): boolean {
  const seen = call.seen;
  return (seen & (Signs.list | Signs.free)) === 0 && (seen & Signs.table) !== 0;
}

function addDomain(p: Pairing, pointer: number): number {
  const domain = p.attribution.ofToken(pointer, p.tokens[pointer] ?? '');
  p.attribution.linkPointer(pointer, domain);
  return domain;
}

// A map that is open without any table event (it bounced) goes on; all else is another call.
function endAndOpen(
  p: Pairing,
  b: EventBatch,
  i: number,
  open: OpenCall | null,
  kind: Call,
  domain: number,
): void {
  if (open !== null && open.kind === kind && open.record === NO_ENTRY) {
    open.place(domain, Classes.A);
    return;
  }
  if (open !== null) resolve(p, open);
  openCall(p, b, i, kind).place(domain, Classes.A);
}
