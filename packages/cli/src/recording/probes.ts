// The probes of the recording recipe: what they are on, and how they are written for a kernel.
//
// The names of events and arguments are those that the reader knows (docs/recording.md). Functions of
// drivers/iommu/iova.c, drivers/iommu/dma-iommu.c and kernel/dma/swiotlb.c of Linux 5.15 to 6.17. Where an
// argument moved or a function was renamed there are two entries of one event, told apart by version.

import { isAtLeast, type KernelVersion } from './kernel-release.ts';

/** fprobes (`f:`, Linux 6.5) or kprobes (`p:` and `r:`). */
export type ProbeStyle = 'fprobe' | 'kprobe';

/** A probe on the entry of a function, or on its return. */
export interface Probe {
  readonly event: string;
  readonly symbol: string;
  readonly on: 'entry' | 'return';
  readonly args: string;
  /** Only where the kernel has no dma:* events. */
  readonly isForOldKernels: boolean;
  /** First version that has it, first that has it no more. */
  readonly from: KernelVersion | null;
  readonly until: KernelVersion | null;
}

/** The group of the events. */
export const PROBE_GROUP = 'dmat';

const DEVICE = 'dev=+0(+0($arg1)):string';

const probes: readonly Probe[] = [
  entry('init_iova_domain', 'iovad=$arg1:x64 granule=$arg2:x64 start_pfn=$arg3:x64'),
  entry('put_iova_domain', 'iovad=$arg1:x64'),
  entry('reserve_iova', 'iovad=$arg1:x64 pfn_lo=$arg2:x64 pfn_hi=$arg3:x64'),
  entry(
    'iommu_dma_alloc_iova',
    'domain=$arg1:x64 size=$arg2:x64 dma_limit=$arg3:x64 dev=+0(+0($arg4)):string',
  ),
  entry('__iommu_dma_unmap', `${DEVICE} dma_addr=$arg2:x64 size=$arg3:u64`),
  entry(
    'alloc_iova_fast',
    'iovad=$arg1:x64 size=$arg2:u64 limit_pfn=$arg3:x64 flush_rcache=$arg4:u8',
  ),
  { ...entry('alloc_iova_fast', 'pfn=$retval:x64'), event: 'alloc_iova_fast_ret', on: 'return' },
  entry('free_iova_fast', 'iovad=$arg1:x64 pfn=$arg2:x64 size=$arg3:u64'),
  entry('alloc_iova', 'iovad=$arg1:x64 size=$arg2:u64 limit_pfn=$arg3:x64 size_aligned=$arg4:u8'),
  entry('free_cpu_cached_iovas', 'cpu=$arg1:u32 iovad=$arg2:x64'),
  { ...entry('iova_depot_work_func', 'work=$arg1:x64'), from: [6, 7] },
  entry('iommu_dma_init_fq', 'domain=$arg1:x64'),
  entry('fq_flush_iotlb', 'cookie=$arg1:x64'),
  entry('fq_flush_timeout', 'timer=$arg1:x64'),
  { ...entry('fq_ring_free', 'cookie=$arg1:x64 fq=$arg2:x64'), until: [6, 7] },
  { ...entry('fq_ring_free_locked', 'cookie=$arg1:x64 fq=$arg2:x64'), from: [6, 7] },
  { ...entry('iommu_map_nosync', 'domain=$arg1:x64 iova=$arg2:x64 size=$arg4:u64'), from: [6, 16] },
  {
    ...bounce(
      'swiotlb_tbl_map_single',
      `${DEVICE} orig_addr=$arg2:x64 mapping_size=$arg3:u64 alloc_align_mask=$arg5:x32 dir=$arg6:u32`,
    ),
    until: [6, 10],
  },
  {
    ...bounce(
      'swiotlb_tbl_map_single',
      `${DEVICE} orig_addr=$arg2:x64 mapping_size=$arg3:u64 alloc_align_mask=$arg4:x32 dir=$arg5:u32`,
    ),
    from: [6, 10],
  },
  {
    ...bounce('swiotlb_tbl_map_single', 'tlb_addr=$retval:x64'),
    event: 'swiotlb_tbl_map_single_ret',
    on: 'return',
  },
  {
    ...bounce(
      'swiotlb_tbl_unmap_single',
      `${DEVICE} tlb_addr=$arg2:x64 mapping_size=$arg3:u64 dir=$arg4:u32`,
    ),
    until: [6, 11],
  },
  {
    ...bounce(
      '__swiotlb_tbl_unmap_single',
      `${DEVICE} tlb_addr=$arg2:x64 mapping_size=$arg3:u64 dir=$arg4:u32`,
    ),
    event: 'swiotlb_tbl_unmap_single',
    from: [6, 11],
  },
];

function entry(symbol: string, args: string): Probe {
  return {
    event: symbol,
    symbol,
    on: 'entry',
    args,
    isForOldKernels: false,
    from: null,
    until: null,
  };
}

function bounce(symbol: string, args: string): Probe {
  return { ...entry(symbol, args), isForOldKernels: true };
}

/** The probes for a kernel; those on the bounce pool where it has no dma:* events. */
export function probesFor(version: KernelVersion, hasDmaEvents: boolean): Probe[] {
  return probes.filter(({ from, until, isForOldKernels }) => {
    const isHere =
      (from === null || isAtLeast(version, from)) && (until === null || !isAtLeast(version, until));
    return isHere && !(isForOldKernels && hasDmaEvents);
  });
}

/** The line of dynamic_events that makes a probe. */
export function probeLine({ event, symbol, on, args }: Probe, style: ProbeStyle): string {
  const isReturn = on === 'return';
  if (style === 'kprobe')
    return `${isReturn ? 'r' : 'p'}:${PROBE_GROUP}/${event} ${symbol} ${args}`;
  return `f:${PROBE_GROUP}/${event} ${symbol}${isReturn ? '%return' : ''} ${args}`;
}
