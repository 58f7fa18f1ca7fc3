// The probes of the IOVA allocator and of the DMA layer: they show a call before its tracepoints do, and
// tell device, domain, limit and exact size.
//
// Breakpoint probes (kernel 6.1) hide their true context behind 'Z' or 'z'. Interrupts nest, so the
// newest open call of a breakpoint is the one that goes on.

import { DomainClass, type EventBatch } from '../batch.ts';
import { PAGE } from './address.ts';
import { Call, isNmi, Seen } from './call-table.ts';
import { keyOf } from './finding.ts';
import { NONE } from './live-set.ts';
import { beginMapping, endMapping, onFreeAlone } from './probes-alone.ts';
import { currentCall, openCall, resolve } from './resolving.ts';
import { moveRow } from './rows.ts';
import { evidence, isProbesAlone, type Pairing } from './state.ts';
import { onTableMap } from './table-map.ts';
import { unmapRange } from './table-unmap.ts';

const BELOW_4G = 2 ** 32;
/** ns within which two probes of one address on one CPU are of one call. */
const NESTED = 5_000;

/** iommu_dma_alloc_iova: the first sign of a map on a translated device. */
export function onAllocProbe(p: Pairing, b: EventBatch, i: number): void {
  const { calls } = p;
  let call = openMap(p, b, i);
  if (call !== NONE && (calls.record[call] !== NONE || (calls.seen[call]! & ~Seen.bounce) !== 0)) {
    endOther(p, call);
    call = NONE;
  }
  if (call === NONE) call = openCall(p, b, i, Call.map);
  const limit = b.aux[i]!;
  calls.seen[call] = calls.seen[call]! | Seen.allocProbe;
  calls.device[call] = b.device[i]!;
  calls.domainToken[call] = b.token[i]!;
  calls.place(call, p.attribution.ofPointer(b.token[i]!), DomainClass.A);
  calls.bytes[call] = b.size[i]!;
  calls.limit[call] = limit;
  const known = evidence(p, b.device[i]!);
  if (limit > known.limit) known.limit = limit;
}

/** alloc_iova_fast: tells the iovad. A second try of the same call has a higher limit. */
export function onIovaAlloc(p: Pairing, b: EventBatch, i: number): void {
  const { calls, attribution } = p;
  p.tableEvents = true;
  p.allocations = true;
  let call = openMap(p, b, i);
  if (call !== NONE && !continuesAllocation(p, call)) {
    endOther(p, call);
    call = NONE;
  }
  if (call === NONE) call = openCall(p, b, i, Call.map);
  const token = b.token[i]!;
  const domain = attribution.ofToken(token, p.tokens[token] ?? '');
  const state = attribution.domains[domain]!;
  const granule = state.granule || p.unit * PAGE;
  state.inUse = true;
  state.allocations++;
  const isRetry = (calls.seen[call]! & Seen.allocFailed) !== 0;
  calls.seen[call] = (calls.seen[call]! | Seen.iova) & ~Seen.allocFailed;
  calls.place(call, domain, DomainClass.A);
  takeEffect(p, b, i, call);
  if (calls.bytes[call] === 0) calls.bytes[call] = b.size[i]! * granule;
  if ((calls.seen[call]! & Seen.allocProbe) === 0) return;
  attribution.linkPointer(calls.domainToken[call]!, domain);
  attribution.link(calls.device[call]!, domain);
  noteLimit(p, call, domain, (b.aux[i]! + 1) * granule, isRetry);
}

// The call takes effect at this event, not at its first sign: an interrupt may have come in between.
function takeEffect(p: Pairing, b: EventBatch, i: number, call: number): void {
  p.calls.row[call] = moveRow(p, p.calls.row[call]!, b.time[i]!);
}

// The limit of a try against that of the device: below 4 GiB first or not, and where the aperture ends.
function noteLimit(p: Pairing, call: number, domain: number, end: number, isRetry: boolean): void {
  const limit = p.calls.limit[call]!;
  if (limit < BELOW_4G) return;
  const state = p.attribution.domains[domain]!;
  const known = evidence(p, p.calls.device[call]!);
  if (end <= BELOW_4G) known.lowFirst++;
  else {
    if (!isRetry) known.highFirst++;
    if (end - 1 < limit && end > state.apertureEnd) state.apertureEnd = end;
  }
}

function continuesAllocation(p: Pairing, call: number): boolean {
  const seen = p.calls.seen[call]!;
  if (p.calls.record[call] !== NONE) return false;
  return (seen & Seen.iova) === 0 || (seen & Seen.allocFailed) !== 0;
}

/** alloc_iova_fast returned. */
export function onIovaAllocReturn(p: Pairing, b: EventBatch, i: number): void {
  const { calls } = p;
  p.allocReturns = true;
  const call = openMap(p, b, i);
  if (call === NONE || (calls.seen[call]! & Seen.iova) === 0) return;
  const pfn = b.aux[i]!;
  if (pfn === 0) calls.seen[call] = calls.seen[call]! | Seen.allocFailed;
  else {
    calls.page[call] = pfn * granuleOf(p, calls.domain[call]!);
    if (isProbesAlone(p)) beginMapping(p, call);
  }
}

function granuleOf(p: Pairing, domain: number): number {
  const granule = p.attribution.domains[domain]!.granule;
  return granule === 0 ? p.unit : granule / PAGE;
}

/** free_iova_fast: inside the unmap of the same range it shows a strict domain. */
export function onIovaFree(p: Pairing, b: EventBatch, i: number): void {
  const { calls, live } = p;
  const call = currentCall(p, b, i);
  if (isProbesAlone(p)) {
    const domain = p.attribution.ofToken(b.token[i]!, p.tokens[b.token[i]!] ?? '');
    onFreeAlone(p, b, i, domain, b.aux[i]! * granuleOf(p, domain));
    return;
  }
  if (call === NONE || calls.kind[call] !== Call.unmap) return;
  const entry = calls.record[call]!;
  const domain = p.attribution.ofToken(b.token[i]!, p.tokens[b.token[i]!] ?? '');
  if (entry === NONE || live.page[entry] !== b.aux[i]! * granuleOf(p, domain)) return;
  p.attribution.domains[domain]!.freedInCall++;
  // Only now is the range free for others.
  takeEffect(p, b, i, call);
}

/** __iommu_dma_unmap: the first sign of a page unmap; part of a list unmap or a free. */
export function onUnmapProbe(p: Pairing, b: EventBatch, i: number): void {
  const { calls } = p;
  const context = b.context[i]!;
  let call = NONE;
  if (isNmi(context)) p.breakpoints = true;
  else {
    call = currentCall(p, b, i);
    const isListed = call !== NONE && calls.kind[call] === Call.unmap && calls.pending[call]! > 0;
    if (call !== NONE && !isListed) {
      resolve(p, call);
      call = NONE;
    }
  }
  if (call === NONE) call = openCall(p, b, i, Call.unmap);
  else if (calls.record[call] !== NONE) return;
  calls.seen[call] = calls.seen[call]! | Seen.unmapProbe;
  calls.device[call] = b.device[i]!;
  calls.bytes[call] = b.size[i]!;
  calls.addressLow[call] = b.addressLow[i]!;
  calls.addressHigh[call] = b.addressHigh[i]!;
  calls.place(call, p.attribution.ofDevice(b.device[i]!), DomainClass.A);
  if (isProbesAlone(p)) endMapping(p, call);
}

/** The map call that a probe goes on with; an unmap in the same context is over. */
function openMap(p: Pairing, b: EventBatch, i: number): number {
  const { calls } = p;
  const context = b.context[i]!;
  if (isNmi(context)) {
    p.breakpoints = true;
    return calls.findNmi(b.cpu[i]!, b.tid[i]!, Call.map);
  }
  const call = currentCall(p, b, i);
  if (call === NONE || calls.kind[call] === Call.map) return call;
  resolve(p, call);
  return NONE;
}

// A breakpoint call that is not over may just be interrupted: it stays open.
function endOther(p: Pairing, call: number): void {
  const isFailed = (p.calls.seen[call]! & Seen.allocFailed) !== 0;
  if (isFailed || !isNmi(p.calls.context[call]!)) resolve(p, call);
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
    entry !== NONE;
    entry = live.next(entry)
  ) {
    const isNested = live.cpu[entry] === b.cpu[i] && b.time[i]! - live.time[entry]! < NESTED;
    if (isNested && live.domain[entry] === domain) return true;
  }
  return false;
}

function hint(p: Pairing, b: EventBatch, i: number): void {
  const { calls } = p;
  const isUnmap = isUnmapHint(p, b, i);
  const pointer = b.token[i]!;
  if (isUnmap) {
    const call = currentCall(p, b, i);
    const waits = call !== NONE && calls.kind[call] === Call.unmap && !isTableSeen(p, call);
    if (!waits) endAndOpen(p, b, i, call, Call.unmap, p.attribution.ofPointer(pointer));
    return;
  }
  const call = openMap(p, b, i);
  const known = call === NONE ? 0 : calls.domain[call]!;
  if (known !== 0 && (calls.seen[call]! & Seen.iova) !== 0) {
    p.attribution.linkPointer(pointer, known);
    return;
  }
  const domain = p.attribution.ofPointer(pointer) || addDomain(p, pointer);
  if (known !== domain) endAndOpen(p, b, i, call, Call.map, domain);
}

function isTableSeen(p: Pairing, call: number): boolean {
  const seen = p.calls.seen[call]!;
  return (seen & (Seen.list | Seen.free)) === 0 && (seen & Seen.table) !== 0;
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
  open: number,
  kind: Call,
  domain: number,
): void {
  const { calls } = p;
  let call = open;
  const goesOn = call !== NONE && calls.kind[call] === kind && calls.record[call] === NONE;
  if (!goesOn) {
    if (call !== NONE) resolve(p, call);
    call = openCall(p, b, i, kind);
  }
  calls.place(call, domain, DomainClass.A);
}
