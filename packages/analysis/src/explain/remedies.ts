// Remedies with their numbers, for the command line of the kernel.

import { formatBytes, formatCount } from '../quantity.ts';
import { type Cause, causeKind } from './causes.ts';
import type { Remedy } from './explanation.ts';

const SLOT = 2048;
/** Slots that fit below 4 GiB with some luck: 1 GiB, the most that the kernel takes by itself. */
const MOST_SLOTS = 524_288;
const VFIO_ENTRIES = 65_535;

/** What is known of the machine; null where it is not. */
export interface RemedyNumbers {
  readonly slots?: number | null;
  readonly areas?: number | null;
  /** Entries or bytes of a limit of the host. */
  readonly limit?: number | null;
  /** Bytes of the pool or block that was too small. */
  readonly bytes?: number | null;
  readonly source?: 'atomic' | 'cma' | 'zone' | 'swiotlb';
}

/** What helps against `cause`: the first remedy has the parameter where there is one. */
export function remediesFor(cause: Cause, numbers: RemedyNumbers = {}): Remedy[] {
  const parameter = parameterFor(cause, numbers);
  return causeKind(cause).helps.map((text, i) => ({
    text: i === 0 && parameter !== null ? `${text}${detail(cause, numbers)}` : text,
    parameter: i === 0 ? parameter : null,
  }));
}

/** "swiotlb=65536,4"; the areas are left out where they are not known. */
export function swiotlbParameter(slots: number, areas?: number | null): string {
  return `swiotlb=${slots}${areas == null ? '' : `,${areas}`}`;
}

function parameterFor(
  cause: Cause,
  { slots, areas, limit, bytes, source }: RemedyNumbers,
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
      return 'swiotlb=16384';
    case 'mask-overflow':
      return 'swiotlb=32768';
    case 'iova-32bit':
      return 'iommu.strict=1';
    case 'host-entries':
      return `vfio_iommu_type1.dma_entry_limit=${((limit ?? VFIO_ENTRIES) + 1) * 4}`;
    case 'coherent-pool':
      return `coherent_pool=${Math.max(1, Math.ceil((2 * (bytes ?? 0)) / 2 ** 20))}M`;
    case 'coherent-memory':
      return source === 'cma' ? 'cma=256M' : null;
    default:
      return null;
  }
}

function detail(cause: Cause, { slots }: RemedyNumbers): string {
  if (slots == null || (cause !== 'pool-full' && cause !== 'fragmented')) return '';
  const wanted = 2 * slots;
  const below4G =
    wanted > MOST_SLOTS
      ? '; it has to lie below 4 GiB, and the kernel halves what does not fit there'
      : '';
  return ` (twice as large: ${formatCount(wanted)} slots, ${formatBytes(wanted * SLOT)}${below4G})`;
}
