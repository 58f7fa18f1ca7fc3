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
      range: [1, 2 ** 40],
      unit: 'pages',
      summary: "what the queue may not fill, such as the host's entries (dma_entry_limit)",
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
    const pages = Math.max(1, (Number(parameters.budget) * Number(parameters.share)) / 100);
    const options = lazyQueueOptions(parameters, parameters.rings === 'percpu');
    return new AdaptiveQueue(options, pages, port);
  },
};

class AdaptiveQueue implements FlushQueue {
  readonly shared: boolean;
  readonly #queue: LazyQueue;
  readonly #bound: number;

  constructor(options: LazyQueueOptions, bound: number, port: Port) {
    this.#queue = new LazyQueue(options, port);
    this.shared = !options.perCpu;
    this.#bound = bound;
  }

  queue(pfn: number, pages: number, cpu: number, id: number): void {
    const queue = this.#queue;
    queue.queue(pfn, pages, cpu, id);
    if (queue.exposedPages >= this.#bound) queue.flush(FlushCause.bound, cpu);
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
