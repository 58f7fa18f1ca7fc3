// Why a map failed: the causes with what each means, what helps and what does not.
//
// From docs/explain.md; mechanisms in docs/models/swiotlb.md, iova-linux.md and host.md.

/** One of the causes. */
export type Cause =
  | 'leak'
  | 'too-large'
  | 'pool-full'
  | 'area-full'
  | 'fragmented'
  | 'alignment'
  | 'pool-missing'
  | 'pool-unreachable'
  | 'mask-overflow'
  | 'iova-32bit'
  | 'iova-space'
  | 'address-width'
  | 'host-entries'
  | 'host-pinned'
  | 'coherent-pool'
  | 'coherent-memory'
  | 'driver-fault'
  | 'iommu-fault'
  | 'not-enough-information';

/** What a cause means, and what can be said of remedies without numbers. */
export interface CauseKind {
  readonly cause: Cause;
  readonly title: string;
  readonly meaning: string;
  readonly helps: readonly string[];
  readonly doesNotHelp: readonly string[];
}

/** All causes, in the order in which they are shown. */
export const causeKinds: readonly CauseKind[] = [
  {
    cause: 'leak',
    title: 'mappings leak',
    meaning: 'buffers are mapped and never unmapped, until nothing is left',
    helps: [
      'find the missing unmap: record a trace and run dmalab check, or boot with CONFIG_DMA_API_DEBUG',
    ],
    doesNotHelp: ['a larger pool: it only fills later'],
  },
  {
    cause: 'too-large',
    title: 'request larger than a set of slots',
    meaning: 'a bounce buffer lies within one set of 128 slots of 2 KiB: 256 KiB are the most',
    helps: [
      'smaller requests: max_sectors_kb of a disk, the transfer size of the driver, dma_max_mapping_size() in its code',
      'no bouncing: an IOMMU, a device with a wider DMA mask, memory that it can reach',
    ],
    doesNotHelp: ['swiotlb= of any size, or more areas: the set of slots stays as long as it is'],
  },
  {
    cause: 'pool-full',
    title: 'bounce pool full',
    meaning: 'fewer slots are free than the request needs, or so few that no run of them is left',
    helps: ['a larger pool', 'fewer requests in flight: queue depth, number of queues'],
    doesNotHelp: ['more areas: they share the same slots'],
  },
  {
    cause: 'area-full',
    title: 'areas full while others have room',
    meaning:
      'enough slots are free, but they are spread over areas, and no area has enough for the request',
    helps: ['fewer areas (the number after the comma), or a larger pool with the same number'],
    doesNotHelp: ['more areas: each becomes smaller'],
  },
  {
    cause: 'fragmented',
    title: 'bounce pool fragmented',
    meaning: 'enough slots are free, but no run of them is as long as the request',
    helps: ['a larger pool: more sets of slots stay whole', 'smaller requests'],
    doesNotHelp: ['more areas: a run is not longer in a smaller area'],
  },
  {
    cause: 'alignment',
    title: 'alignment or boundary',
    meaning:
      'runs of slots are long enough, but none begins where alignment and segment boundary want it',
    helps: [
      'a driver that asks for less: min_align_mask, dma_set_seg_boundary(), the alignment of its buffers',
    ],
    doesNotHelp: ['a larger pool, while most of this one is free'],
  },
  {
    cause: 'pool-missing',
    title: 'no bounce pool',
    meaning: 'something has to bounce, and there is no bounce memory',
    helps: [
      'a pool that fits below 4 GiB at boot: fewer slots, or less reserved there (crashkernel=, cma=)',
    ],
    doesNotHelp: ['more slots: a larger pool fits even less'],
  },
  {
    cause: 'pool-unreachable',
    title: 'bounce pool beyond the reach of the device',
    meaning: 'a slot was found, and its bus address is above the DMA mask or bus limit',
    helps: [
      'a wider mask: dma_set_mask_and_coherent() in the driver, where the device can do it',
      'an IOMMU, or dma-ranges of the bus that map the pool low enough',
    ],
    doesNotHelp: ['a larger pool: it lies where it lies'],
  },
  {
    cause: 'mask-overflow',
    title: 'address beyond the DMA mask, and no bouncing',
    meaning: 'the buffer lies above what device or bus can address, and was not bounced',
    helps: [
      'a bounce pool: a kernel with CONFIG_SWIOTLB, no swiotlb=noforce',
      'an IOMMU, or a wider mask where the device can do it',
    ],
    doesNotHelp: ['retries: the buffer stays where it is'],
  },
  {
    cause: 'iova-32bit',
    title: 'address space below 4 GiB exhausted',
    meaning: 'no gap of the size is left below 4 GiB, or below the DMA mask of the device',
    helps: [
      'unmapping sooner: strict invalidation, or a shorter flush queue',
      'a 64-bit mask in the driver, where the device can do it',
    ],
    doesNotHelp: ['a wider IOMMU: the mask of the device is the limit'],
  },
  {
    cause: 'iova-space',
    title: 'address space exhausted',
    meaning: 'no gap of the size is left in the address space that device and IOMMU share',
    helps: [
      'a larger address space: a wider IOMMU (QEMU: aw-bits=48), a host that advertises more',
      'unmapping sooner: strict invalidation, or a shorter flush queue',
      'look for a leak: dmalab check on a trace',
      'fewer mappings at once, or smaller ones: queue depth, ring sizes',
    ],
    doesNotHelp: ['a bounce pool: the address space comes before it'],
  },
  {
    cause: 'address-width',
    title: 'address beyond the width of the IOMMU',
    meaning: 'the page table of the IOMMU has fewer address bits than the address that was chosen',
    helps: [
      'an address below the width (for vfio: of VFIO_IOMMU_GET_INFO), or a wider IOMMU (QEMU: aw-bits=48)',
    ],
    doesNotHelp: ['freeing addresses: the one that was chosen does not exist'],
  },
  {
    cause: 'host-entries',
    title: 'mapping entries of the host used up',
    meaning:
      'vfio allows so many mappings of a container at once (dma_entry_limit, 65535 by default)',
    helps: [
      'a higher limit on the host',
      'unmapping sooner: strict invalidation, or a shorter flush queue in the guest',
      'fewer entries: huge pages, larger blocks of virtio-mem, less memory converted page by page',
    ],
    doesNotHelp: ['more locked memory: it is another limit'],
  },
  {
    cause: 'host-pinned',
    title: 'locked memory of the host used up',
    meaning: 'every page that a device may reach is pinned, and RLIMIT_MEMLOCK is lower than that',
    helps: [
      'a limit above the memory of the guest: ulimit -l, LimitMEMLOCK= of the unit, hard_limit of libvirt',
      'with an IOMMU in the guest, unmapping sooner: strict invalidation',
      'CAP_IPC_LOCK for the process',
    ],
    doesNotHelp: [
      'dma_entry_limit: it is another limit',
      'huge pages: they count with all their bytes',
    ],
  },
  {
    cause: 'coherent-pool',
    title: 'atomic pool of coherent memory used up',
    meaning: 'memory that was set aside for allocations that must not sleep is gone',
    helps: ['a larger pool'],
    doesNotHelp: ['swiotlb=: it is another pool'],
  },
  {
    cause: 'coherent-memory',
    title: 'no contiguous memory where the device can reach it',
    meaning: 'the page allocator had no block of the size in the zone that the mask asks for',
    helps: ['more contiguous memory at boot', 'smaller blocks, or a wider coherent mask'],
    doesNotHelp: ['swiotlb=: it takes low memory away from these allocations'],
  },
  {
    cause: 'driver-fault',
    title: 'fault of a driver',
    meaning: 'dma-debug saw the DMA API used wrongly',
    helps: ['mend the driver at the place of the stack below the message'],
    doesNotHelp: ['parameters of the kernel: they hide it at best'],
  },
  {
    cause: 'iommu-fault',
    title: 'access of a device to an address that is not mapped',
    meaning:
      'the IOMMU stopped the device: the mapping is gone, was never made, or has another direction',
    helps: [
      'compare the address with the maps and unmaps of a trace: dmalab check',
      'in the first second of a boot: what the firmware left running; a driver usually takes it over',
    ],
    doesNotHelp: ['a larger pool or address space: nothing was full'],
  },
  {
    cause: 'not-enough-information',
    title: 'not enough information',
    meaning: 'what is here does not tell the causes apart',
    helps: ['a trace of the failure (dmalab record), or the lines around it'],
    doesNotHelp: [],
  },
];

/** What a cause means; every cause has an entry. */
export function causeKind(cause: Cause): CauseKind {
  return causeKinds.find((kind) => kind.cause === cause)!;
}
