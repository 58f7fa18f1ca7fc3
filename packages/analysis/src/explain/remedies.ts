// Remedies with their numbers, for the command line of the kernel.

import { SLOT_BYTES } from '@dmalab/replay';
import { formatBytes, formatCount } from '../quantity.ts';
import { type Cause, causeKind } from './causes.ts';
import type { Remedy } from './explanation.ts';

/** Slots that fit below 4 GiB with some luck: 1 GiB, the most that the kernel takes by itself. */
const MOST_SLOTS = 524_288;
const VFIO_ENTRIES = 65_535;
/** Half of the default. */
const SMALL_POOL = 16_384;
const LEAST_SLOTS = 512;

/** What is known of the machine; null where it is not. */
export interface RemedyNumbers {
  readonly slots?: number | null;
  readonly areas?: number | null;
  /** Entries or bytes of a limit of the host. */
  readonly limit?: number | null;
  /** Bytes of the pool or block that was too small. */
  readonly bytes?: number | null;
  readonly source?: 'atomic' | 'cma' | 'zone' | 'swiotlb' | 'driver';
  /** True: pages of a CMA area could not be moved. */
  readonly busy?: boolean;
  /** True: the address space is the aperture of a GART. */
  readonly gart?: boolean;
  /** True: next to nothing of the bounce pool is in use. */
  readonly idle?: boolean;
  /** True: there is no bounce pool, and not for want of memory. */
  readonly givenUp?: boolean;
}

/** What helps against `cause`: the first remedy has the parameter where there is one. */
export function remediesFor(cause: Cause, numbers: RemedyNumbers = {}): Remedy[] {
  const parameter = parameterFor(cause, numbers);
  return helpsOf(cause, numbers).map((text, i) => ({
    text: i === 0 && parameter !== null ? `${text}${detail(cause, numbers)}` : text,
    parameter: i === 0 ? parameter : null,
  }));
}

/** What would not help. */
export function uselessFor(cause: Cause, numbers: RemedyNumbers = {}): readonly string[] {
  if (cause === 'pool-missing' && numbers.givenUp === true) {
    return ['another number of slots: the kernel did not fail to find memory for them'];
  }
  return causeKind(cause).doesNotHelp;
}

function helpsOf(cause: Cause, numbers: RemedyNumbers): readonly string[] {
  const { helps } = causeKind(cause);
  if (cause === 'pool-missing' && numbers.givenUp === true) {
    return [
      'a pool that is kept: iommu=soft on x86; swiotlb=force, which makes everything bounce',
      'an IOMMU that translates for the device (no iommu=pt, no iommu=off), or a device that reaches all memory',
    ];
  }
  if (cause === 'alignment' && numbers.idle === true) {
    return [
      ...helps,
      'another kernel: the search of some missed free slots (5.10-rc, 6.1 to 6.3-rc)',
    ];
  }
  if (cause === 'iova-space' && numbers.gart === true) {
    return [
      'a larger aperture: 32 MiB shifted left by the number, or set in the firmware',
      ...helps.slice(1),
    ];
  }
  if (cause === 'coherent-memory' && numbers.busy === true) {
    return [
      'to allocate early, before pages of the area are in use; what holds them are long-term pins and file systems',
      ...helps.slice(1),
    ];
  }
  return helps;
}

/** "swiotlb=65536,4"; the areas are left out where they are not known. */
export function swiotlbParameter(slots: number, areas?: number | null): string {
  return `swiotlb=${slots}${areas == null ? '' : `,${areas}`}`;
}

function parameterFor(
  cause: Cause,
  { slots, areas, limit, bytes, source, busy, gart, givenUp }: RemedyNumbers,
): string | null {
  switch (cause) {
    case 'pool-full':
    case 'fragmented':
      return slots == null ? null : swiotlbParameter(slots * 2);
    case 'area-full':
      return slots == null
        ? null
        : swiotlbParameter(slots, areas == null ? 1 : Math.max(1, areas / 2));
    case 'pool-missing':
      return givenUp === true ? 'iommu=soft' : swiotlbParameter(smallerPool(bytes ?? null));
    case 'mask-overflow':
      return 'swiotlb=32768';
    case 'iova-32bit':
      return 'iommu.strict=1';
    case 'iova-space':
      return gart === true ? 'iommu=memaper=3' : null;
    case 'host-entries':
      return `vfio_iommu_type1.dma_entry_limit=${((limit ?? VFIO_ENTRIES) + 1) * 4}`;
    case 'coherent-pool':
      return `coherent_pool=${Math.max(1, Math.ceil((2 * (bytes ?? 0)) / 2 ** 20))}M`;
    case 'coherent-memory':
      return source === 'cma' && bytes != null && busy !== true
        ? `cma=${Math.ceil((2 * bytes) / 2 ** 20)}M`
        : null;
    default:
      return null;
  }
}

/** Slots of a pool that fits where one of `bytes` did not: a power of two below half of it. */
function smallerPool(bytes: number | null): number {
  if (bytes === null) return SMALL_POOL;
  return Math.max(LEAST_SLOTS, 2 ** Math.floor(Math.log2(bytes / 2 / SLOT_BYTES)));
}

function detail(cause: Cause, { slots }: RemedyNumbers): string {
  if (slots == null || (cause !== 'pool-full' && cause !== 'fragmented')) return '';
  const wanted = 2 * slots;
  const below4G =
    wanted > MOST_SLOTS
      ? '; it has to lie below 4 GiB, and the kernel halves what does not fit there'
      : '';
  return ` (twice as large: ${formatCount(wanted)} slots, ${formatBytes(wanted * SLOT_BYTES)}${below4G})`;
}
