// What pairing remembers between two events. The functions beside it work on this one record.

import type { RequestStore } from '../request-store.ts';
import type { SegmentStore } from '../segment-store.ts';
import { Attribution } from './attribution.ts';
import { BounceEvidence } from './bounce-evidence.ts';
import { CallTable } from './call-table.ts';
import { Demands } from './demands.ts';
import { createDraft, type Draft } from './draft.ts';
import { Lifetimes } from './lifetimes.ts';
import { LiveSet } from './live-set.ts';
import { NestedContexts } from './nested-context.ts';
import { Oddities } from './oddities.ts';
import { PageOwners } from './page-owners.ts';
import { InTheWay } from './virtual-domains.ts';

/** Requests by op and by fate. */
export interface RequestCounts {
  map: number;
  unmap: number;
  alloc: number;
  free: number;
  sync: number;
  failed: number;
  openStart: number;
  openEnd: number;
}

/** What the requests of one device show about it. */
export interface DeviceEvidence {
  /** Requests with an iommu event or an allocation probe, and those without. */
  translated: number;
  untranslated: number;
  /** Maps without such evidence and without bouncing whose address is not the physical one. */
  differing: number;
  /** Highest DMA limit of a probe, and mask of swiotlb_bounced; 0 = none. */
  limit: number;
  mask: number;
  /** The first tries at an address: below 4 GiB though the device could do more, or not. */
  lowFirst: number;
  highFirst: number;
}

export interface Pairing {
  readonly store: RequestStore;
  readonly preloaded: RequestStore;
  readonly lists: SegmentStore;
  readonly live: LiveSet;
  readonly calls: CallTable;
  readonly contexts: NestedContexts;
  readonly attribution: Attribution;
  readonly demands: Demands;
  readonly lifetimes: Lifetimes;
  readonly oddities: Oddities;
  readonly pageOwners: PageOwners;
  readonly inTheWay: InTheWay;
  readonly counts: RequestCounts;
  readonly draft: Draft;
  /** By device index. */
  readonly devices: DeviceEvidence[];
  readonly bounce: BounceEvidence;
  /** Event names, and names of pointer tokens. */
  readonly names: readonly string[];
  readonly tokens: readonly string[];
  /** Probe events are skipped, as if they had not been recorded. */
  readonly ignoreProbes: boolean;
  /** DMA API events were seen: they, not the lower layers, make the requests. */
  dmaEvents: boolean;
  /** Events of the page table (iommu:*) were seen. */
  pageTable: boolean;
  /** Events of a page table or of the IOVA allocator were seen. */
  tableEvents: boolean;
  /** Ranges were seen to leave a page table. */
  unmapped: boolean;
  /** alloc_iova_fast was seen, and its return. */
  allocations: boolean;
  allocReturns: boolean;
  /** __iommu_dma_unmap was seen without any event: frees tell nothing more. */
  unmapProbes: boolean;
  /** Breakpoint probes were seen. */
  breakpoints: boolean;
  /** intel_iommu:unmap_single was seen: unmap_sg adds nothing. */
  vtdUnmaps: boolean;
  /** swiotlb_tbl_unmap_single was seen: swiotlb_release_slots adds nothing. */
  bounceUnmaps: boolean;
  /** Events of any flush queue, and calls of iommu_dma_init_fq. */
  queueEvents: number;
  /** Pages of a granule: mappings are found by their first granule. */
  unit: number;
  /** Pages of the longest mapping whose domain is a guess. */
  longestGuessed: number;
  /** ns of two printed times that may be in either order, and how late an unmap line may come. */
  reorderWindow: number;
  nextId: number;
  /** Losses so far, and the number of the last one on an unknown CPU. */
  losses: number;
  lossAnywhere: number;
  /** By CPU: number of its last loss, and of the last one that one of its rows showed. */
  readonly lossAt: number[];
  readonly lossShown: number[];
  readonly offline: Set<number>;
  /** The domain that a thread made last and that nobody used yet. */
  readonly fresh: Map<number, number>;
}

/** Neither the DMA API nor the page table was recorded: probes make the requests. */
export function isProbesAlone(p: Pairing): boolean {
  return !p.dmaEvents && !p.pageTable;
}

export function createPairing(
  store: RequestStore,
  preloaded: RequestStore,
  lists: SegmentStore,
  names: readonly string[],
  tokens: readonly string[],
  ignoreProbes: boolean,
): Pairing {
  return {
    store,
    preloaded,
    lists,
    live: new LiveSet(),
    calls: new CallTable(),
    contexts: new NestedContexts(),
    attribution: new Attribution(),
    demands: new Demands(),
    lifetimes: new Lifetimes(),
    oddities: new Oddities(),
    pageOwners: new PageOwners(),
    inTheWay: new InTheWay(),
    counts: { map: 0, unmap: 0, alloc: 0, free: 0, sync: 0, failed: 0, openStart: 0, openEnd: 0 },
    draft: createDraft(),
    devices: [],
    bounce: new BounceEvidence(),
    names,
    tokens,
    ignoreProbes,
    dmaEvents: false,
    pageTable: false,
    tableEvents: false,
    unmapped: false,
    allocations: false,
    allocReturns: false,
    unmapProbes: false,
    breakpoints: false,
    vtdUnmaps: false,
    bounceUnmaps: false,
    queueEvents: 0,
    unit: 1,
    longestGuessed: 0,
    reorderWindow: 50_000,
    nextId: 0,
    losses: 0,
    lossAnywhere: 0,
    lossAt: [],
    lossShown: [],
    offline: new Set(),
    fresh: new Map(),
  };
}

/** The evidence about a device, made when it is first needed. */
export function evidence(p: Pairing, device: number): DeviceEvidence {
  while (p.devices.length <= device) {
    p.devices.push({
      translated: 0,
      untranslated: 0,
      differing: 0,
      limit: 0,
      mask: 0,
      lowFirst: 0,
      highFirst: 0,
    });
  }
  return p.devices[device]!;
}
