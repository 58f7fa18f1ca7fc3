// The parameters that the host policies share.

import type { OutOfResource } from '../host-policy.ts';
import type { Parameter, Parameters } from '../policy.ts';
import type { ShadowLimits } from './shadow-table.ts';

/** Default of vfio_iommu_type1's dma_entry_limit. */
export const VFIO_ENTRY_LIMIT = 65_535;

const answers: readonly OutOfResource[] = ['fail', 'flushQueue', 'globalFlushRetry', 's390Legacy'];

/** What the guest does when it is told that resources are out. */
export const outOfResource: Parameter = {
  name: 'outOfResource',
  type: 'choice',
  default: 'globalFlushRetry',
  choices: answers,
  summary:
    'answer to out of resource: fail the map, run the flush queue (v2), one refresh of the whole aperture (6.7), or that and free all unmapped ranges (s390 up to 6.6)',
};

/** Most mapping entries at once. */
export function entriesParameter(byDefault: number): Parameter {
  return {
    name: 'entries',
    type: 'integer',
    default: byDefault,
    range: [0, 2 ** 40],
    unit: 'entries',
    summary: 'most mapping entries of the guest at once, one for each 4 KiB page; 0 = no limit',
  };
}

/** Most pinned pages at once. */
export function pagesParameter(byDefault: number): Parameter {
  return {
    name: 'pages',
    type: 'integer',
    default: byDefault,
    range: [0, 2 ** 40],
    unit: 'pages',
    summary:
      'most pinned 4 KiB pages at once, 0 = no limit; guests that are replayed together share one budget',
  };
}

/** The limits that complete parameters state. */
export function shadowLimits({ entries, outOfResource }: Parameters): ShadowLimits {
  const answer = answers.find((known) => known === outOfResource) ?? 'globalFlushRetry';
  return { entries: Number(entries), outOfResource: answer };
}
