// Modelled time of the requests of a replay, with waiting for what they share. Nothing here is measured.
//
// A request takes what its work costs, one piece after the other, and waits at each lock until all
// requests before it are through: waiting = max(0, time at which the lock is free - now). Requests are
// served in the order of their arrival. See docs/models/latency.md. Left out: fairness, the cost of
// moving a lock between caches, preemption, what the waiting does to later arrivals (open loop).
//
// Times change nothing in the replay: addresses, flushes and failures are those of the recorded times.

import type { Loop } from './machine.ts';
import type { Timers } from './timers.ts';

/** What requests wait for. */
export const Lock = {
  none: 0,
  /** `iova_rbtree_lock` of a domain. */
  tree: 1,
  /** The lock of a size class's depot. */
  depot: 2,
  /** The lock of a flush queue that all CPUs share. */
  queue: 3,
  /** The invalidation queue of the IOMMU, one for all domains. */
  invalidation: 4,
  /** The lock of an area of bounce memory. */
  area: 5,
} as const;
export type Lock = (typeof Lock)[keyof typeof Lock];

/** The number of the invalidation queue among the locks. */
export const INVALIDATION_QUEUE = 0;

const ELAPSED = 0;

/** The clock of the request at hand, and when each lock is free. */
export class Latency {
  readonly #timers: Timers;
  readonly #closed: boolean;
  /** Virtual ns at which each lock is free. */
  #free: Float64Array = new Float64Array(16);
  #locks = 1;
  /** Virtual ns at which each CPU is done with its requests; all 0 in an open loop. */
  readonly #cpuFree: Float64Array;
  #cpu = 0;
  /** A column of one: a double in an object would be made anew at every change. */
  readonly #state = new Float64Array(1);

  constructor(timers: Timers, loop: Loop, cpus: number) {
    this.#timers = timers;
    this.#closed = loop === 'closed';
    this.#cpuFree = new Float64Array(cpus);
  }

  /** Numbers of `count` new locks: the first of them. */
  addLocks(count: number): number {
    const first = this.#locks;
    this.#locks += count;
    while (this.#locks > this.#free.length) {
      const old = this.#free;
      this.#free = new Float64Array(2 * old.length);
      this.#free.set(old);
    }
    return first;
  }

  /** What follows is done on `cpu`, from the present of the replay on. */
  begin(cpu: number): void {
    this.#cpu = cpu;
    this.#state[ELAPSED] = 0;
  }

  /** ns that the request at hand has taken so far. */
  get elapsed(): number {
    return this.#state[ELAPSED]!;
  }

  /** The request at hand is over; its ns. */
  end(): number {
    if (this.#closed) this.#cpuFree[this.#cpu] = this.#now();
    return this.#state[ELAPSED]!;
  }

  /** Work that nobody else waits for. */
  work(ns: number): void {
    this.#state[ELAPSED]! += ns;
  }

  /** Takes a lock for `ns` of work; returns how long that waited. */
  serve(lock: number, ns: number): number {
    const wait = this.acquire(lock);
    this.#state[ELAPSED]! += ns;
    this.release(lock);
    return wait;
  }

  /** Takes a lock until {@link release}; returns how long that waited. */
  acquire(lock: number): number {
    const wait = this.#free[lock]! - this.#now();
    if (wait <= 0) return 0;
    this.#state[ELAPSED]! += wait;
    return wait;
  }

  release(lock: number): void {
    this.#free[lock] = this.#now();
  }

  #now(): number {
    const { now } = this.#timers;
    const free = this.#cpuFree[this.#cpu]!;
    return (free > now ? free : now) + this.#state[ELAPSED]!;
  }
}
