// The columns that travel between the packages: events as recorded, requests as the driver made them.
//
// A batch is a structure of arrays with at most BATCH_ROWS rows; only the first `length` rows count.
// Readers refill the arrays of the batch they hand out: it is valid until the next one is asked for.
// An address is two 32-bit columns (low, high), never a BigInt. A time is in ns since the first
// event of the capture. Names, device names and pointer tokens are indices into interned tables.

/** In a column of CPUs: not known. */
export const UNKNOWN_CPU = 65_535;

/** Rows of a full batch. */
export const BATCH_ROWS = 65_536;

/** What one recorded event is. The meaning of `size`, `aux`, `aux2` and `token` by kind stands beside it. */
export const EventKind = {
  /** An event that was recognised by name only: counted, carries no columns but time, CPU and task. */
  other: 0,
  /** dma_map_page, dma_map_phys, dma_map_resource: address = dma_addr, phys, size in bytes, aux = attrs. */
  dmaMap: 1,
  /** dma_unmap_page, dma_unmap_phys, dma_unmap_resource: address = dma_addr, size, aux = attrs. */
  dmaUnmap: 2,
  /** dma_map_sg: segments hold the lists; address, phys = the first of each, size = sum of sizes, aux = full nents, aux2 = full ents. */
  dmaMapSg: 3,
  /** dma_unmap_sg: segments hold the physical list; phys = its first, aux = number of entries. */
  dmaUnmapSg: 4,
  /** dma_alloc, dma_alloc_pages, dma_alloc_sgt(_err): address, size in bytes, token = virt_addr. */
  dmaAlloc: 5,
  /** dma_free, dma_free_pages, dma_free_sgt: address, size in bytes, token = virt_addr. */
  dmaFree: 6,
  /** dma_map_sg_err: aux = errno (negative); phys = the first of the list. */
  dmaMapSgErr: 7,
  /** dma_sync_single_for_*: address, size; aux = 0 for_cpu, 1 for_device. */
  dmaSync: 8,
  /** dma_sync_sg_for_*: segments hold addresses and sizes; aux = 0 for_cpu, 1 for_device. */
  dmaSyncSg: 9,
  /** iommu:map: address = iova, phys = paddr, size. */
  iommuMap: 10,
  /** iommu:unmap: address = iova, size asked, aux = unmapped_size. */
  iommuUnmap: 11,
  /** iommu:add_device_to_group: device, aux = groupID. remove_device_from_group has aux2 = 1. */
  groupAdd: 12,
  /** iommu:attach_device_to_domain: device. */
  attach: 13,
  /** intel_iommu:map_single, map_sg, bounce_map_single: device, address = dev_addr, phys, size; aux2 = 1 for a list or a segment of one. */
  vtdMap: 14,
  /** intel_iommu:unmap_single, unmap_sg, bounce_unmap_single: device, address = dev_addr, size; aux2 = 1 for unmap_sg. */
  vtdUnmap: 15,
  /** alloc_iova_fast: token = iovad, size in PAGES, aux = limit_pfn, aux2 = flush_rcache. */
  iovaAlloc: 20,
  /** alloc_iova_fast_ret: aux = pfn (0 = failed). */
  iovaAllocRet: 21,
  /** free_iova_fast: token = iovad, aux = pfn, size in PAGES. */
  iovaFree: 22,
  /** alloc_iova (the tree, inside alloc_iova_fast or alone): token = iovad, size in PAGES, aux = limit_pfn, aux2 = size_aligned. */
  treeAlloc: 23,
  /** alloc_iova_ret: aux = pfn_lo, aux2 = pfn_hi. */
  treeAllocRet: 24,
  /** free_iova: token = iovad, aux = pfn. __free_iova: aux = pfn_lo, aux2 = pfn_hi. */
  treeFree: 25,
  /** remove_iova: token = iovad, aux = pfn_lo, aux2 = pfn_hi. */
  treeRemove: 26,
  /** init_iova_domain: token = iovad, size = granule in bytes, aux = start_pfn. */
  domainInit: 27,
  /** put_iova_domain: token = iovad. */
  domainPut: 28,
  /** reserve_iova: token = iovad, aux = pfn_lo, aux2 = pfn_hi (inclusive). */
  reserve: 29,
  /** iommu_dma_alloc_iova: token = domain, device, size in bytes, aux = dma_limit (all ones reads 2^64). */
  dmaAllocIova: 30,
  /** __iommu_dma_unmap: device, address = dma_addr, size in bytes. */
  dmaUnmapCall: 31,
  /** iommu_dma_init_fq: token = domain. */
  fqInit: 32,
  /** fq_flush_iotlb: token = cookie. */
  fqFlush: 33,
  /** fq_flush_timeout: token = timer. */
  fqTimeout: 34,
  /** fq_ring_free_locked (6.12), fq_ring_free (6.1): token = cookie, aux = index of the fq pointer in the token table. */
  fqRingFree: 35,
  /** iova_depot_work_func: token = work. */
  depotWork: 36,
  /** free_cpu_cached_iovas: token = iovad, aux = cpu. */
  cpuCacheFlush: 37,
  /** iova_magazine_free_pfns: token = iovad, aux = index of the magazine pointer in the token table. */
  magazineFree: 38,
  /** Invalidations: intel_iommu_tlb_sync, cache_tag_flush_range (probe): token = domain, address = start, aux = length in bytes. */
  tlbRange: 39,
  /** Invalidations of a whole domain: cache_tag_flush_all (probe), intel_flush_iotlb_all: token = domain. */
  tlbAll: 40,
  /** iommu_map, iommu_map_nosync, iommu_unmap, iommu_unmap_fast probes: token = domain, address = iova, size. */
  domainHint: 41,
  /** swiotlb:swiotlb_bounced: device, address = dev_addr, size, aux = dma_mask, aux2 = 1 FORCE. */
  bounced: 50,
  /** swiotlb_tbl_map_single: device, phys = orig_addr, size = mapping_size, aux = alloc_align_mask. */
  bounceMap: 51,
  /** swiotlb_tbl_map_single_ret: address = tlb_addr (all ones = failed). */
  bounceMapRet: 52,
  /** swiotlb_tbl_unmap_single: device, address = tlb_addr, size. */
  bounceUnmap: 53,
  /** swiotlb_release_slots: device, address = tlb_addr. */
  bounceRelease: 54,
  /**
   * tracing_mark_write: a line of text by the user. Where it has the numbers of debugfs/swiotlb: size = io_tlb_nslabs,
   * aux = io_tlb_used, aux2 = io_tlb_used_hiwater, address = io_tlb_transient_nslabs; all 0 else.
   */
  mark: 60,
  /** Events lost on `cpu`: aux = how many, 0 where the number is not recorded. cpu 65535: unknown CPU. */
  lost: 61,
  /** "CPU n buffer started": nothing of this CPU is known before. */
  bufferStart: 62,
  /** Clock or source boundary: a header in mid-file, or a reset of time. */
  segment: 63,
  /** swiotlb_find_slots: device, phys = orig_addr, size = alloc_size with the offset in front, aux = alloc_align_mask. */
  bounceFind: 64,
  /** swiotlb_find_slots_ret: aux = slot in its pool (-1 = failed). */
  bounceFindRet: 65,
  /** swiotlb_search_pool_area: device, token = pool, address = its start, aux2 = area, phys = orig_addr, size = alloc_size, aux = alloc_align_mask. */
  bounceSearch: 66,
  /** swiotlb_search_pool_area_ret: aux = slot in the pool (-1 = nothing free in this area). */
  bounceSearchRet: 67,
  /** swiotlb_alloc_pool: token = struct device (null = growth), aux = minslabs, size = nslabs, aux2 = nareas, address = phys_limit. */
  poolAlloc: 68,
  /** swiotlb_alloc_pool_ret: token = pool (null, flag failed), address = start, phys = end (exclusive), size = nslabs, aux2 = nareas, aux = area_nslabs. */
  poolAllocRet: 69,
  /** swiotlb_alloc_tlb: token = struct device, size in bytes, address = phys_limit. One attempt to get memory for a pool. */
  poolMemory: 70,
  /** swiotlb_alloc_tlb_ret: token = page (null, flag failed). */
  poolMemoryRet: 71,
  /** alloc_dma_pages: size in bytes, address = phys_limit; its return: token = page (null, flag failed). */
  poolPages: 72,
  poolPagesRet: 73,
  /** swiotlb_dyn_alloc, the growth work: token = work; its return. */
  poolGrowth: 74,
  poolGrowthRet: 75,
  /** add_mem_pool: token = pool, address = start, phys = end (exclusive), size = nslabs, aux2 = nareas, aux = area_nslabs. */
  poolAdd: 76,
  /** swiotlb_del_transient_ret: aux = 1 where the address was in a transient pool. */
  transientRet: 77,
  /** swiotlb_del_pool: device, token = pool, address = start, phys = end (exclusive), size = nslabs, aux = transient. */
  poolDelete: 78,
  /** swiotlb_dyn_free: token = rcu head, address = start, phys = end (exclusive), size = nslabs, aux = transient. */
  poolFree: 79,
  /** swiotlb_free_tlb: token = vaddr, size in bytes. */
  poolMemoryFree: 80,
  /** swiotlb_map: device, phys = paddr, size in bytes, aux = attrs; its return: address = dma (all ones = failed). */
  bounceCall: 81,
  bounceCallRet: 82,
  /** swiotlb_bounce, a copy: device, address = tlb_addr, size in bytes, direction (toDevice: into the slot). */
  bounceCopy: 83,
  /** swiotlb_sync_single_for_*: device, address = tlb_addr, size in bytes; aux = 0 for_cpu, 1 for_device. */
  bounceSync: 84,
} as const;
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

/** DMA direction as the kernel numbers it; 255 where the event has none. */
export const Direction = {
  bidirectional: 0,
  toDevice: 1,
  fromDevice: 2,
  none: 3,
  unknown: 255,
} as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/** Bits of `flags` in both batches. */
export const Flag = {
  /** The call failed while recording; it has no address. */
  failed: 0x8,
  /** The lists of a scatter-gather event were cut while recording. */
  listCapped: 0x10,
  /** The device was inferred, not recorded. */
  deviceInferred: 0x40,
  /** The domain was inferred (classes C to E of attribution), not recorded. */
  domainInferred: 0x80,
  /** Size or extent was derived (iommu:* alone). */
  sizeDerived: 0x100,
  /** Another CPU reused the address before the unmap was printed; order was corrected. */
  reordered: 0x800,
  /** Events of this CPU were lost before this row. */
  lossBefore: 0x1000,
  /** Not recorded: an unmap or hold made by a stated rule. */
  synthetic: 0x2000,
  /** Mapped without translation: the address is physical, or physical plus a constant. */
  direct: 0x8000,
  /** Went through a swiotlb slot. */
  bounced: 0x10000,
  /** A name had bytes that are not UTF-8. */
  nonUtf8: 0x40000,
  /** Mapped before the trace began. */
  openStart: 0x80000,
  /** Still mapped when the trace ended. */
  openEnd: 0x100000,
  /** Several live mappings matched the unmap. */
  ambiguous: 0x200000,
  /** A recorded failure whose later retry succeeded: the retry stands for it. */
  superseded: 0x400000,
  /** On a row without op: an unmap or free that is not replayed, as no mapping can be told for it (a free of null has address and size 0). */
  unmatched: 0x800000,
  /** On a row without op: the device left its IOMMU group; what it had mapped should be gone. */
  deviceRemoved: 0x1000000,
  /** The call had DMA_ATTR_SKIP_CPU_SYNC: its bounce slot is not copied. */
  skipCpuSync: 0x2000000,
  /** On a sync: for the device, into its bounce slot; else for the CPU. */
  forDevice: 0x4000000,
} as const;

/** Segment lists of a batch: rows `listStart[i]` to `listStart[i] + listLength[i] - 1` belong to row i. */
export interface SegmentColumns {
  /** Rows in use. */
  length: number;
  /** DMA addresses; absent entries (more physical than mapped segments) are 0 with size 0. */
  addressLow: Uint32Array;
  addressHigh: Uint32Array;
  physLow: Uint32Array;
  physHigh: Uint32Array;
  /** Bytes of the mapped segment, 0 where this side is missing. */
  size: Float64Array;
}

/** Recorded events, one row each, in the order of the trace. */
export interface EventBatch {
  length: number;
  /** ns since the first event of the capture. */
  readonly time: Float64Array;
  readonly cpu: Uint16Array;
  /** Thread id, -1 where unknown. */
  readonly tid: Int32Array;
  /** Index into the task names. */
  readonly task: Uint32Array;
  /** The context character of the flags column as a byte: 0x2e '.' task, 0x73 's', 0x68 'h', ...; 0 where unknown. */
  readonly context: Uint8Array;
  readonly kind: Uint8Array;
  /** Index into the event names. */
  readonly name: Uint16Array;
  /** Index into the device names; 0 = none or unknown. */
  readonly device: Uint16Array;
  /** Index into the pointer tokens; 0 = none. */
  readonly token: Uint32Array;
  readonly addressLow: Uint32Array;
  readonly addressHigh: Uint32Array;
  readonly physLow: Uint32Array;
  readonly physHigh: Uint32Array;
  readonly size: Float64Array;
  readonly aux: Float64Array;
  readonly aux2: Float64Array;
  readonly direction: Uint8Array;
  readonly flags: Uint32Array;
  readonly listStart: Uint32Array;
  readonly listLength: Uint32Array;
  /** 1-based line in the source. */
  readonly line: Uint32Array;
  readonly segments: SegmentColumns;
}

/** What one row of a request batch asks for. */
export const Op = {
  /** Nothing: a row that was merged into another. Skip it. */
  none: 0,
  map: 1,
  unmap: 2,
  alloc: 3,
  free: 4,
  sync: 5,
  /** Control: a domain appears. size = granule in bytes, address = first usable address. */
  domainCreate: 16,
  /** Control: a domain goes with everything in it. */
  domainDestroy: 17,
  /** Control: a range of the domain is reserved. address = first byte, size = bytes. */
  reserve: 18,
  /** Control: the domain becomes lazy (DMA to DMA-FQ) while mapped. */
  typeSwitch: 19,
  /** Control: `cpu` goes offline, its caches go back to the tree. */
  cpuDown: 20,
  cpuUp: 21,
  /** Control: events were lost on `cpu`. size = how many, 0 where unknown. */
  loss: 22,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

/** Segments of the scatter lists that were mapped directly, by number: those of a list follow each other. */
export interface SegmentLists {
  /** How many there are; the first has number 1. */
  readonly length: number;
  /** Physical address in bytes. */
  phys(segment: number): number;
  bytes(segment: number): number;
}

/**
 * How surely the domain of a request is known: the classes of attribution, weakest first. A: a probe told
 * it. B: the event of the DMA API did, by its device. C: an unmap, by the mapping that it closes. D: it is the
 * only domain there is. E: the same thread had the same physical page in that domain.
 */
export const DomainClass = { none: 0, E: 1, D: 2, C: 3, B: 4, A: 5 } as const;
export type DomainClass = (typeof DomainClass)[keyof typeof DomainClass];

/** DMA API calls as drivers made them, and control rows, in the order in which they took effect. */
export interface RequestBatch {
  length: number;
  /** ns since the first event of the capture: when the call took effect, as far as its events tell. */
  readonly time: Float64Array;
  readonly cpu: Uint16Array;
  readonly op: Uint8Array;
  /** Index into `facts.devices`; 0 = unknown. */
  readonly device: Uint16Array;
  /** Index into `facts.domains`; 0 = no translation, or unknown. */
  readonly domain: Uint16Array;
  /** A {@link DomainClass}; none on control rows, and where the domain is 0 or a guess. */
  readonly domainClass: Uint8Array;
  readonly tid: Int32Array;
  /** Index into the capture's task names. */
  readonly task: Uint32Array;
  readonly context: Uint8Array;
  /** A map and its unmap share it; ids start at 1, 0 on control rows. */
  readonly id: Uint32Array;
  /** Bytes: what the driver asked for, or (flag sizeDerived) the extent in the page table. */
  readonly size: Float64Array;
  /** Recorded DMA address. The model never uses it, it is only compared. */
  readonly addressLow: Uint32Array;
  readonly addressHigh: Uint32Array;
  readonly physLow: Uint32Array;
  readonly physHigh: Uint32Array;
  /** Highest address the call accepts, from its probe; 0 where not recorded (the device's mask counts). All ones reads 2^64. */
  readonly dmaLimit: Float64Array;
  /** ns that a recorded failure is held when replayed (--recorded-failures hold); 0 on all other rows. */
  readonly hold: Float64Array;
  readonly direction: Uint8Array;
  readonly flags: Uint32Array;
  /** Segments of a scatter list, 1 for a single buffer, 0 on control rows. */
  readonly segments: Uint32Array;
  /** Number of its first segment in the {@link SegmentLists} of the capture; 0 where they were not kept. */
  readonly list: Uint32Array;
  /** 1-based line of the call's main event in the source. */
  readonly line: Uint32Array;
}
