// Lazy unmapping with one flush queue per CPU: the kernel's default for DMA-FQ domains.
//
// Models IOMMU_DMA_OPTS_PER_CPU_QUEUE of drivers/iommu/dma-iommu.c; see docs/models/flush-queue.md.

import type { FlushPolicy } from '../policy.ts';
import { lazyParameters, lazyQueueOptions } from './lazy-parameters.ts';
import { LazyQueue } from './lazy-queue.ts';

/** Per-CPU flush queues of 256 entries that are flushed after 10 ms at the latest. */
export const percpu: FlushPolicy = {
  kind: 'flush',
  name: 'percpu',
  summary: 'lazy: a flush queue per CPU, flushed when full or after a timeout (default of DMA-FQ)',
  parameters: lazyParameters(256, 10),
  create: (parameters, port) => new LazyQueue(lazyQueueOptions(parameters, true), port),
};
