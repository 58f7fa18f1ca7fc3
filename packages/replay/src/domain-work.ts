// What the work of one domain takes in the latency model: its locks, and the cost of what is done under them.
//
// The tree has a lock, the queue where all CPUs share it, and the depot of each size class. The invalidation
// queue is one for all domains. See docs/models/latency.md.

import { INVALIDATION_QUEUE, type Latency } from './latency.ts';
import type { CostModel } from './machine.ts';

/** Size classes of the caches, each with a depot. */
const DEPOTS = 6;
/** Numbers of the locks after that of the tree. */
const QUEUE_LOCK = 1;
const FIRST_DEPOT_LOCK = 2;

/** Charges the request at hand; all times are modelled ns. */
export class DomainWork {
  readonly cost: CostModel;
  readonly #latency: Latency;
  readonly #treeLock: number;

  constructor(latency: Latency, cost: CostModel) {
    this.cost = cost;
    this.#latency = latency;
    this.#treeLock = latency.addLocks(2 + DEPOTS);
  }

  /** ns that the request at hand has taken so far. */
  get elapsed(): number {
    return this.#latency.elapsed;
  }

  /** A range comes from the caches of the CPU, or goes there. */
  cache(): void {
    this.#latency.work(this.cost.rcache);
  }

  /** Entries of the page table for `pages` are written or cleared; their cost. */
  pageTable(pages: number): number {
    const ns = pages * this.cost.pageTableEntry;
    this.#latency.work(ns);
    return ns;
  }

  /** The caches of all CPUs are gone through; the cost. */
  allCaches(cpus: number): number {
    const ns = DEPOTS * cpus * this.cost.cacheFlush;
    this.#latency.work(ns);
    return ns;
  }

  /** Work under the lock of the tree; ns of waiting. */
  tree(searches: number, steps: number, updates: number): number {
    if (searches + updates === 0) return 0;
    const { treeSearch, treeStep, treeUpdate } = this.cost;
    return this.#latency.serve(
      this.#treeLock,
      searches * treeSearch + steps * treeStep + updates * treeUpdate,
    );
  }

  /** Magazines of ranges of `pages` that went to or came from a depot; ns of waiting. */
  exchange(exchanges: number, pages: number): number {
    if (exchanges === 0) return 0;
    const sizeClass = Math.min(DEPOTS - 1, Math.ceil(Math.log2(Math.max(1, pages))));
    const lock = this.#treeLock + FIRST_DEPOT_LOCK + sizeClass;
    return this.#latency.serve(lock, exchanges * this.cost.depotExchange);
  }

  /** An invalidation that takes `ns`; ns of waiting. */
  invalidate(ns: number): number {
    return this.#latency.serve(INVALIDATION_QUEUE, ns);
  }

  /** Takes the lock of the queue until {@link leaveQueue}; ns of waiting. */
  enterQueue(): number {
    return this.#latency.acquire(this.#treeLock + QUEUE_LOCK);
  }

  leaveQueue(): void {
    this.#latency.release(this.#treeLock + QUEUE_LOCK);
  }
}
