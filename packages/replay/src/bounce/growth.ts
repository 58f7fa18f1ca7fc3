// How dynamic bounce memory grows: pools in the background, pools for one request, and idle pools that go.
//
// Models CONFIG_SWIOTLB_DYNAMIC of kernel/dma/swiotlb.c (Linux 6.12), with options that were discussed
// but not merged; see docs/models/swiotlb.md. Left out: the cost of a conversion in time.

import { type BounceDevice, BounceEvent, type BouncePort, FailCause, NO_PAGES } from '../policy.ts';
import { AtomicPools } from './atomic-pools.ts';
import { PoolMemory } from './pool-memory.ts';
import { MIN_SLOTS } from './sizing.ts';
import { SLOT_BYTES, SlotPool } from './slot-pool.ts';
import type { Swiotlb } from './swiotlb.ts';

/** Highest address of pools that are added in the background. */
const POOL_LIMIT = 0xffff_ffff;

/** What a policy chooses. Times in ns of virtual time. */
export interface GrowthOptions {
  /** False once something asked for the base of the default pool: no growth, no transient pools. */
  readonly canGrow: boolean;
  /** From a miss to the new pool. */
  readonly growDelayNs: number;
  /** Grace period until the memory of a pool that went is free. */
  readonly rcuDelayNs: number;
  /** Guest memory is encrypted: transient pools come from the atomic pools. */
  readonly encrypted: boolean;
  /** Bytes of each atomic pool at boot. */
  readonly atomicPoolBytes: number;
  /** A request that may sleep waits for a full pool instead of taking a transient one. */
  readonly maySleep: boolean;
  /** Share of slots in use from which a pool is added ahead of need; 0: only after a miss. */
  readonly earlyGrow: number;
  /** Idle time after which a pool goes; 0: never. */
  readonly shrinkNs: number;
  /** Idle pools that stay. */
  readonly keep: number;
}

/** Growth of one {@link Swiotlb}. */
export class Growth {
  readonly canGrow: boolean;
  /** Requests that may sleep wait for a full pool. */
  readonly sleeps: boolean;
  /** Why the last transient pool could not be made. */
  cause: FailCause = FailCause.none;
  /** Bytes that the last call of this class had to convert. */
  convertedBytes = 0;
  /** Memory of transient pools that waits for a grace period. */
  waitingBytes = 0;
  readonly #options: GrowthOptions;
  readonly #port: BouncePort;
  readonly #memory: PoolMemory;
  /** log2 of the pages of a pool, -1: from the atomic pools. */
  readonly #orders = new Map<SlotPool, number>();
  /** Number of the last time that a grown pool became idle, by pool. */
  readonly #idle = new Map<SlotPool, number>();
  #idles = 0;
  /** Memory on its way back, oldest first. */
  readonly #leaving: { start: number; slots: number; order: number }[] = [];
  #scheduled = false;
  #bounce: Swiotlb | null = null;

  constructor(options: GrowthOptions, port: BouncePort) {
    const { encrypted, atomicPoolBytes, growDelayNs } = options;
    this.#options = options;
    this.canGrow = options.canGrow;
    this.sleeps = options.maySleep;
    this.#port = port;
    const atomic = encrypted ? new AtomicPools(port, atomicPoolBytes, growDelayNs) : null;
    this.#memory = new PoolMemory(port.pages, atomic);
  }

  /** Called once, by the bounce memory that grows. */
  attach(bounce: Swiotlb): void {
    this.#bounce = bounce;
  }

  /** Has a pool added in the background, unless that is under way. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#port.later(this.#options.growDelayNs, () => this.#work(), 0);
  }

  /** Adds a pool now, with memory that may be waited for; null if there is none. */
  addPool(): SlotPool | null {
    const bounce = this.#bounce!;
    const { slots, areas } = bounce.defaultPool;
    const memory = this.#memory;
    const start = memory.alloc(slots, MIN_SLOTS, areas, POOL_LIMIT, true);
    this.convertedBytes = 0;
    if (start === NO_PAGES) {
      this.#port.event(BounceEvent.poolFail, 0, 0, 0, 0);
      return null;
    }
    const pool = new SlotPool(start, memory.slots, memory.areas);
    this.#orders.set(pool, memory.order);
    bounce.addPool(pool);
    this.convertedBytes = this.#options.encrypted ? pool.slots * SLOT_BYTES : 0;
    this.#port.event(BounceEvent.poolAdd, pool.number, start, pool.slots, pool.areas);
    return pool;
  }

  /** A pool of exactly `n` slots within the reach of the device; null, with a cause, if there is no memory. */
  makeTransient(n: number, device: BounceDevice): SlotPool | null {
    const memory = this.#memory;
    const { dmaMask, busDmaLimit } = device;
    const limit = busDmaLimit === 0 ? dmaMask : Math.min(dmaMask, busDmaLimit);
    const start = memory.alloc(n, n, 1, limit, false);
    this.convertedBytes = 0;
    if (start === NO_PAGES) {
      const { encrypted } = this.#options;
      this.cause = encrypted ? FailCause.atomicPool : FailCause.noMemory;
      const event = encrypted ? BounceEvent.atomicExhausted : BounceEvent.transientFail;
      this.#port.event(event, 0, 0, n, 0);
      return null;
    }
    const pool = new SlotPool(start, memory.slots, memory.areas);
    this.#orders.set(pool, memory.order);
    return pool;
  }

  /** Tells of a transient pool that serves its request. */
  announce(pool: SlotPool): void {
    this.#port.event(BounceEvent.transientAdd, pool.number, pool.start, pool.slots, pool.areas);
  }

  /** Gives a transient pool back at once that could not serve its request. */
  discard(pool: SlotPool): void {
    this.#port.event(BounceEvent.transientUseless, pool.number, pool.start, pool.slots, 1);
    this.#memory.free(pool.start, pool.slots, this.#forget(pool));
  }

  /** A transient pool whose request ended: its memory is free after a grace period. */
  endTransient(pool: SlotPool): void {
    this.#port.event(BounceEvent.transientDel, pool.number, pool.start, pool.slots, pool.areas);
    this.#leave(pool);
  }

  /** Told after each allocation, with the slots in use and those there are. */
  used(used: number, total: number): void {
    const { earlyGrow } = this.#options;
    if (earlyGrow > 0 && this.canGrow && used >= earlyGrow * total) this.schedule();
  }

  /** Told when slots of a grown pool were released. */
  released(pool: SlotPool): void {
    const { shrinkNs } = this.#options;
    if (shrinkNs === 0 || pool.usedSlots() > 0) return;
    this.#idle.set(pool, ++this.#idles);
    this.#port.later(shrinkNs, (since) => this.#shrink(pool, since), this.#idles);
  }

  #work(): void {
    this.#scheduled = false;
    this.addPool();
  }

  #shrink(pool: SlotPool, since: number): void {
    const bounce = this.#bounce!;
    if (pool.usedSlots() > 0 || this.#idle.get(pool) !== since) return;
    const grown = bounce.list.filter((other) => other !== bounce.defaultPool);
    const idle = grown.filter((other) => other.usedSlots() === 0);
    if (idle.length <= this.#options.keep) return;
    bounce.removePool(pool);
    this.#port.event(BounceEvent.poolFree, pool.number, pool.start, pool.slots, pool.areas);
    this.#leave(pool);
  }

  #leave(pool: SlotPool): void {
    const { start, slots } = pool;
    this.#leaving.push({ start, slots, order: this.#forget(pool) });
    this.waitingBytes += slots * SLOT_BYTES;
    this.#port.later(this.#options.rcuDelayNs, () => this.#freeOldest(), 0);
  }

  #freeOldest(): void {
    const oldest = this.#leaving.shift();
    if (oldest === undefined) return;
    this.waitingBytes -= oldest.slots * SLOT_BYTES;
    this.#memory.free(oldest.start, oldest.slots, oldest.order);
  }

  #forget(pool: SlotPool): number {
    const order = this.#orders.get(pool)!;
    this.#orders.delete(pool);
    this.#idle.delete(pool);
    return order;
  }
}
