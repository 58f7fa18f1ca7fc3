// Unmapping without any flush: for an allocator that flushes by itself before it reuses an address.
//
// Models the unmapping of arch/s390/pci/pci_dma.c in lazy mode (Linux 6.1); see
// docs/models/iova-s390-bitmap.md. With any other allocator the device keeps its access for ever.

import type { FlushPolicy, FlushQueue, Port } from '../policy.ts';

/** No queue and no flush: the allocator has to. */
export const deferred: FlushPolicy = {
  kind: 'flush',
  name: 'deferred',
  summary: 'unmaps flush nothing: the allocator does before it reuses (s390-bitmap, lazy)',
  parameters: [],
  invalidates: false,
  create: (_parameters, port) => new DeferredQueue(port),
};

class DeferredQueue implements FlushQueue {
  readonly #port: Port;

  constructor(port: Port) {
    this.#port = port;
  }

  queue(pfn: number, pages: number, cpu: number, id: number): void {
    this.#port.freeIova(pfn, pages, cpu, this.#port.now(), id);
  }

  flush(): void {}

  length(): number {
    return 0;
  }

  queuedEntries(): number {
    return 0;
  }
}
