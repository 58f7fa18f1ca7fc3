// Strict unmapping: every unmap flushes its range from the IOTLB and frees it at once.
//
// Models __iommu_dma_unmap of drivers/iommu/dma-iommu.c without a flush queue (domain type DMA); see
// docs/models/flush-queue.md. Nothing ever waits.

import type { FlushPolicy, FlushQueue, Port } from '../policy.ts';

/** No queue: an invalidation per unmap, and the range is free when the unmap returns. */
export const strict: FlushPolicy = {
  kind: 'flush',
  name: 'strict',
  summary: 'an IOTLB invalidation with every unmap, nothing waits (domain type DMA)',
  parameters: [],
  create: (_parameters, port) => new StrictQueue(port),
};

class StrictQueue implements FlushQueue {
  readonly shared = false;
  declare private readonly port: Port;

  constructor(port: Port) {
    this.port = port;
  }

  queue(pfn: number, pages: number, cpu: number, id: number): void {
    this.port.invalidate(pfn, pages);
    this.port.freeIova(pfn, pages, cpu, this.port.now(), id);
  }

  flush(): void {}

  length(): number {
    return 0;
  }

  queuedEntries(): number {
    return 0;
  }
}
