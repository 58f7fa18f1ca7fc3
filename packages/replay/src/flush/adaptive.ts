// Lazy unmapping that keeps a part of the host's budget free: the queue follows the rate of unmaps.
//
// Not in any kernel. A host counts a page until a flush covers its unmap, so a queue that waits for its
// ring to fill holds most of a budget such as dma_entry_limit; see docs/models/flush-queue.md.
//
// After each unmap the pages that no flush has covered are below the share of the budget.

import { FlushCause, type FlushPolicy, type FlushQueue, type Port } from '../policy.ts';
import { lazyParameters, lazyQueueOptions, ringsParameter } from './lazy-parameters.ts';
import { LazyQueue, type LazyQueueOptions } from './lazy-queue.ts';

/** A lazy queue that is flushed at a share of a budget of pages, when full, or after the timeout. */
export const adaptive: FlushPolicy = {
  kind: 'flush',
  name: 'adaptive',
  summary:
    'lazy: flushed when queued pages reach a share of a budget, when full, or after a timeout',
  parameters: [
    ringsParameter,
    ...lazyParameters(32_768, 1000),
    {
      name: 'budget',
      type: 'integer',
      default: 65_535,
      range: [0, 2 ** 40],
      unit: 'pages',
      summary:
        "what the queue may not fill, such as the host's entries (dma_entry_limit); 0: what the host has room for at each unmap",
    },
    {
      name: 'share',
      type: 'number',
      default: 50,
      range: [0.001, 100],
      unit: '%',
      summary: 'part of the budget at which the queue is flushed',
    },
  ],
  create: (parameters, port) => {
    const options = lazyQueueOptions(parameters, parameters.rings === 'percpu');
    return new AdaptiveQueue(options, Number(parameters.budget), Number(parameters.share), port);
  },
};

class AdaptiveQueue implements FlushQueue {
  readonly shared: boolean;
  readonly #queue: LazyQueue;
  readonly #port: Port;
  /** Pages, 0: those of the host. */
  readonly #budget: number;
  /** Part of the budget, 0 to 1. */
  readonly #share: number;

  constructor(options: LazyQueueOptions, budget: number, percent: number, port: Port) {
    this.#queue = new LazyQueue(options, port);
    this.shared = !options.perCpu;
    this.#port = port;
    this.#budget = budget;
    this.#share = percent / 100;
  }

  queue(pfn: number, pages: number, cpu: number, id: number): void {
    const queue = this.#queue;
    queue.queue(pfn, pages, cpu, id);
    if (queue.exposedPages >= this.#bound()) queue.flush(FlushCause.bound, cpu);
  }

  // What waits is the host's room as well, once it is flushed.
  #bound(): number {
    const room = this.#port.hostRoom?.() ?? Number.POSITIVE_INFINITY;
    const budget = this.#budget || room + this.#queue.exposedPages;
    return Math.max(1, budget * this.#share);
  }

  flush(cause: FlushCause, cpu: number): void {
    this.#queue.flush(cause, cpu);
  }

  length(cpu: number): number {
    return this.#queue.length(cpu);
  }

  queuedEntries(): number {
    return this.#queue.queuedEntries();
  }
}
