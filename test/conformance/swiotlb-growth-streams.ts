// Random maps and unmaps through bounce memory that grows, while the memory it can have comes and goes.
//
// There is no reference for growth: the streams are held to what must be true at any time.

import { equal, ok } from 'node:assert/strict';
import {
  type BounceDevice,
  type BouncePort,
  completeChoice,
  createDynamicBounce,
  LARGEST_ORDER,
  type PageSource,
  type PageZone,
  policyKit,
  SLOT_BYTES,
  type SlotPool,
  type Swiotlb,
  Timers,
  ZonedPages,
} from '@dmalab/replay';
import type { Random } from '../fuzz/random.ts';

const OPERATIONS = 1000;
const CHECK_EVERY = 50;
const NS_PER_MS = 1e6;
const LIMITS = [2 ** 64, 0xffff_ffff, 0xff_ffff];

/** Runs one stream; the number of operations. An Error says what did not hold. */
export function swiotlbGrowthStream(random: Random): number {
  new GrowthStream(random).run();
  return OPERATIONS;
}

/** A page source that knows what it has given out. */
class CountedPages implements PageSource {
  readonly zoned = new ZonedPages();
  readonly out = new Map<number, number>();

  alloc(order: number, zone: PageZone, maySleep: boolean): number {
    const address = this.zoned.alloc(order, zone, maySleep);
    if (address >= 0) {
      ok(!this.out.has(address), 'a block is given out once');
      this.out.set(address, order);
    }
    return address;
  }

  free(address: number, order: number): void {
    equal(this.out.get(address), order, 'a block comes back as it went');
    this.out.delete(address);
    this.zoned.free(address, order);
  }
}

interface Live {
  readonly address: number;
  readonly bytes: number;
  readonly device: BounceDevice;
}

class GrowthStream {
  readonly #random: Random;
  readonly #timers = new Timers(1000, 'ideal');
  readonly #pages = new CountedPages();
  readonly #devices: readonly BounceDevice[];
  readonly #bounce: Swiotlb;
  readonly #live: Live[] = [];
  readonly #most: number;
  /** Blocks of the atomic pools, which keep them. */
  readonly #blocksAtStart: number;
  #hiwater = 0;

  constructor(random: Random) {
    this.#random = random;
    const slots = 128 * 2 ** random.below(5);
    const encrypted = random.chance(0.4);
    const parameters = {
      slots,
      areas: 2 ** random.below(3),
      kernel: random.pick(['6.6', '6.12']),
      growDelay: random.pick([0, 0.1, 5]),
      rcuDelay: random.pick([0, 0.5, 20]),
      encrypted,
      atomicPool: random.pick([128, 1024]),
      maySleep: random.chance(0.3),
      earlyGrow: random.pick([0, 0, 0.75]),
      shrink: random.pick([0, 0, 0.01]),
      keep: random.below(3),
    };
    this.#devices = LIMITS.map((dmaMask, index) => ({
      index,
      minAlignMask: random.pick([0, 2047, 4095, 65_535]),
      segBoundary: 0xffff_ffff,
      dmaMask,
      busDmaLimit: random.pick([0, 0, 0x1_0010_0000]),
    }));
    const choice = { name: 'dynamic', parameters };
    this.#bounce = createDynamicBounce(completeChoice('bounce', choice).parameters, this.#port());
    this.#blocksAtStart = this.#pages.out.size;
    this.#most = Math.ceil((slots * SLOT_BYTES) / random.pick([5000, 20_000, 100_000])) + 10;
  }

  run(): void {
    const random = this.#random;
    for (let step = 0; step < OPERATIONS; step++) {
      this.#timers.advance(this.#timers.now + random.below(0.2 * NS_PER_MS));
      if (random.chance(0.01)) this.#pages.zoned.atomicOrder = random.from(-1, LARGEST_ORDER);
      if (random.chance(0.01)) this.#pages.zoned.sleepingOrder = random.from(-1, LARGEST_ORDER);
      const { length } = this.#live;
      if (length === 0 || (length < this.#most && random.chance(0.6))) this.#map();
      else this.#unmap(random.below(length));
      this.#checkCounters();
      if (step % CHECK_EVERY === 0) this.#checkPools();
    }
    while (this.#live.length > 0) this.#unmap(0);
    this.#timers.advance(this.#timers.now + 100 * NS_PER_MS);
    this.#checkPools();
    const { list, transients, defaultPool } = this.#bounce;
    const grown = list.filter((pool) => pool !== defaultPool);
    equal(this.#bounce.usedSlots() + transients.length + this.#bounce.waitingBytes(), 0);
    for (const { start } of grown) ok(this.#pages.out.delete(start), 'a pool has its memory');
    ok(this.#pages.out.size >= this.#blocksAtStart, 'the atomic pools keep their memory');
    if (this.#blocksAtStart === 0) equal(this.#pages.out.size, 0, 'all other memory came back');
  }

  #map(): void {
    const random = this.#random;
    const device = random.pick(this.#devices);
    const bytes = 1 + random.below(random.pick([2048, 8192, 60_000, 270_000]));
    const orig = random.below(2 ** 30) * 512;
    const cpu = random.below(8);
    const address = this.#bounce.map(orig, bytes, 0, device, cpu, random.chance(0.5));
    const { work } = this.#bounce;
    equal(work.cause === 0, address >= 0, 'a cause where it failed, and only there');
    if (address < 0) return;
    const pool = this.#bounce.poolAt(address);
    ok(pool !== null && pool.number === work.pool, 'the pool that was named');
    ok(pool.contains(address + bytes - 1), 'the buffer ends in its pool');
    equal(address % (device.minAlignMask + 1), orig % (device.minAlignMask + 1), 'low bits kept');
    if (pool.owner >= 0) {
      equal(pool.owner, device.index);
      const { dmaMask, busDmaLimit } = device;
      const reach = Math.min(dmaMask, busDmaLimit === 0 ? dmaMask : busDmaLimit);
      ok(pool.start + pool.slots * SLOT_BYTES - 1 <= reach, 'within the reach of its device');
    }
    this.#live.push({ address, bytes, device });
  }

  #unmap(at: number): void {
    const { address, device } = this.#live[at]!;
    this.#live[at] = this.#live.at(-1)!;
    this.#live.pop();
    ok(this.#bounce.unmap(address, device), 'what was mapped can be unmapped');
    ok(!this.#bounce.unmap(address, device), 'once');
  }

  #checkCounters(): void {
    const bounce = this.#bounce;
    const { list, transients } = bounce;
    equal(
      bounce.usedSlots(),
      sum([...list, ...transients], (pool) => pool.usedSlots()),
      'used',
    );
    equal(
      bounce.totalSlots(),
      sum(list, ({ slots }) => slots),
      'total',
    );
    equal(
      bounce.transientSlots(),
      sum(transients, ({ slots }) => slots),
      'transient',
    );
    ok(bounce.hiwater() >= Math.max(this.#hiwater, bounce.usedSlots()), 'high water');
    this.#hiwater = bounce.hiwater();
  }

  #checkPools(): void {
    const { list, transients } = this.#bounce;
    const bytes = ({ slots }: SlotPool): number => slots * SLOT_BYTES;
    disjoint([...list, ...transients].map((pool) => [pool.start, pool.start + bytes(pool)]));
    disjoint(this.#live.map((live) => [live.address, live.address + live.bytes]));
    for (const { owner, areas } of transients) ok(owner >= 0 && areas === 1);
  }

  #port(): BouncePort {
    return {
      kit: policyKit,
      cpus: 8,
      now: () => this.#timers.now,
      later: (delayNs, callback, argument) =>
        this.#timers.armAt(0, 0, this.#timers.now + delayNs, (_, n) => callback(n), argument),
      pages: this.#pages,
      event: () => {},
    };
  }
}

function sum(pools: readonly SlotPool[], of: (pool: SlotPool) => number): number {
  return pools.reduce((total, pool) => total + of(pool), 0);
}

function disjoint(ranges: readonly (readonly [number, number])[]): void {
  const sorted = [...ranges].sort(([a], [b]) => a - b);
  for (let i = 1; i < sorted.length; i++) ok(sorted[i]![0] >= sorted[i - 1]![1], 'no overlap');
}
