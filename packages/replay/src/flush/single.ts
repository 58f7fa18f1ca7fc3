// Lazy unmapping with one large flush queue that all CPUs share: for IOMMUs whose flush is expensive.
//
// Models IOMMU_DMA_OPTS_SINGLE_QUEUE of drivers/iommu/dma-iommu.c (Linux 6.7 and later, chosen by
// shadow_on_flush); see docs/models/flush-queue.md.

import type { FlushPolicy } from '../policy.ts';
import { lazyParameters, lazyQueueOptions } from './lazy-parameters.ts';
import { LazyQueue } from './lazy-queue.ts';

/** One flush queue of 32768 entries that is flushed after 1000 ms at the latest. */
export const single: FlushPolicy = {
  kind: 'flush',
  name: 'single',
  summary: 'lazy: one large flush queue for all CPUs, flushed when full or after a timeout',
  parameters: lazyParameters(32_768, 1000),
  create: (parameters, port) => new LazyQueue(lazyQueueOptions(parameters, false), port),
};
