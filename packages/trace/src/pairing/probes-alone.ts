// Captures of probes alone: no iommu:* and no dma:* events.
//
// A map begins at its first probe and is known when alloc_iova_fast returns: device and bytes from
// iommu_dma_alloc_iova, else the pages that were asked for (flag sizeDerived). It ends at __iommu_dma_unmap, or
// where that was not recorded at free_iova_fast, which in a lazy domain is after the flush. With
// iommu_map and iommu_unmap alone these stand for the events of the page table.
// Left out: allocations whose return was not recorded, as nothing tells their address.

import { DomainClass, type EventBatch, Flag, Op } from '../batch.ts';
import { highOf, lowOf, PAGE, pagesFor } from './address.ts';
import { type OpenCall, Seen } from './call-table.ts';
import { finishOrphan, finishUnmap } from './closing.ts';
import { draftCall, draftEvent } from './draft.ts';
import { adoptExact, keyOf } from './finding.ts';
import { NONE, State } from './live-set.ts';
import { beginRow } from './rows.ts';
import { evidence, type Pairing } from './state.ts';

/** alloc_iova_fast returned an address: the mapping is live, the call is over. */
export function beginMapping(p: Pairing, call: OpenCall): void {
  const { calls, live } = p;
  const entry = live.add(call.page, pagesFor(call.bytes), call.row);
  live.time[entry] = call.time;
  live.device[entry] = call.device;
  live.domain[entry] = call.domain;
  live.domainClass[entry] = call.domainClass;
  live.limit[entry] = call.limit;
  live.cpu[entry] = call.cpu;
  live.epoch[entry] = p.losses;
  live.ranges[entry] = 1;
  live.state[entry] = State.translated;
  if ((call.seen & Seen.allocProbe) !== 0) {
    live.state[entry] = State.translated | State.exact;
    live.size[entry] = call.bytes;
    live.addressLow[entry] = lowOf(call.page);
    live.addressHigh[entry] = highOf(call.page);
    evidence(p, call.device).translated++;
  }
  calls.close(call);
}

/** __iommu_dma_unmap: the mapping at its address ends. */
export function endMapping(p: Pairing, call: OpenCall): void {
  const { calls } = p;
  p.unmapProbes = true;
  const low = call.addressLow;
  const high = call.addressHigh;
  const entry = findProbed(p, keyOf(p, low, high), call.domain);
  const d = draftCall(p, call, Op.unmap);
  if (entry === NONE) {
    if (d.domain === 0) d.domain = p.attribution.ofTranslated(d.device);
    finishOrphan(p, d);
  } else {
    adoptExact(p, entry, call.device, call.bytes, low, high);
    finishUnmap(p, entry, d);
  }
  calls.close(call);
}

/** free_iova_fast: the end of a mapping whose unmap has no probe. */
export function onFreeAlone(
  p: Pairing,
  b: EventBatch,
  i: number,
  domain: number,
  page: number,
): void {
  if (p.unmapProbes) return;
  const entry = findProbed(p, page, domain);
  const d = draftEvent(p, b, i, beginRow(p, b, i), Op.unmap);
  d.domain = domain;
  d.domainClass = DomainClass.A;
  d.size = b.size[i]! * p.unit * PAGE;
  d.addressLow = lowOf(page);
  d.addressHigh = highOf(page);
  d.flags |= Flag.sizeDerived;
  if (entry === NONE) finishOrphan(p, d);
  else {
    if ((p.live.state[entry]! & State.exact) !== 0) d.size = p.live.size[entry]!;
    finishUnmap(p, entry, d);
  }
}

function findProbed(p: Pairing, page: number, domain: number): number {
  const { live } = p;
  let entry = live.first(page);
  while (entry !== NONE && domain !== 0 && live.domain[entry] !== domain) entry = live.next(entry);
  return entry;
}
