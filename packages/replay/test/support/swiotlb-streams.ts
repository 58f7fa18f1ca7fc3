// Seeded random maps and unmaps through the model of bounce memory and its slow reference, compared step by step.

import {
  type BounceDevice,
  FailCause,
  SLOT_BYTES,
  SlotPool,
  Swiotlb,
  swiotlbRules,
} from '@dmalab/replay';
import { type SlowKernel, SlowPool, SlowSwiotlb } from './slow-swiotlb.ts';

const KERNELS: readonly SlowKernel[] = ['6.1', '6.6', '6.12'];
const BOUNDARIES = [0xffff_ffff, 0xffff_ffff, 2 ** 64, 0x3_ffff, 0x1_ffff, 0xffff, 0xfff];
const MIN_ALIGN = [0, 0, 511, 2047, 4095, 4095, 8191, 65_535, 0x1_ffff, 0x1800, 0x5000];
const ALLOC_ALIGN = [0, 0, 0, 4095, 16_383, 65_535];
const LARGEST = [2048, 4096, 16_384, 65_536, 270_000];
/** Slots and areas of default pools, also such that no kernel would make. */
const POOLS: readonly (readonly [number, number])[] = [
  [128, 1],
  [512, 4],
  [1024, 2],
  [2048, 16],
  [8192, 1],
  [8192, 4],
  [640, 3],
  [1000, 1],
];
/** How often the whole state is compared. */
const COMPARE_EVERY = 500;

/** What the streams of one run had in them. */
export interface StreamCounts {
  operations: number;
  failed: number;
  endless: number;
  padded: number;
  probes: number;
  /** Failed maps by cause. */
  causes: Record<string, number>;
}

/** Runs `streams` streams of `length` operations; an Error says where model and reference differ. */
export function compareSwiotlb(seed: number, streams: number, length: number): StreamCounts {
  const counts = { operations: 0, failed: 0, endless: 0, padded: 0, probes: 0, causes: {} };
  for (let i = 0; i < streams; i++) new Stream(seed + i, counts).run(length);
  return counts;
}

class Stream {
  readonly #name: string;
  readonly #counts: StreamCounts;
  readonly #model: Swiotlb;
  readonly #slow: SlowSwiotlb;
  readonly #devices: readonly BounceDevice[];
  readonly #alignMasks: readonly number[];
  readonly #largest: number;
  /** Share of maps among the operations when nothing is live, and how many may be. */
  readonly #most: number;
  readonly #live: { address: number; device: BounceDevice }[] = [];
  #state: number;
  #step = 0;

  constructor(seed: number, counts: StreamCounts) {
    this.#state = seed >>> 0;
    this.#counts = counts;
    const kernel = this.#pick(KERNELS);
    const [slots, areas] = this.#pick(POOLS);
    const start = 0x1000_0000 + 4096 * this.#below(40) + (this.#below(8) === 0 ? 0xeff8_0000 : 0);
    this.#name = `seed ${seed}, kernel ${kernel}, ${slots} slots in ${areas} areas at ${start}`;
    this.#model = new Swiotlb(swiotlbRules(kernel), new SlotPool(start, slots, areas));
    this.#slow = new SlowSwiotlb(kernel, new SlowPool(start, slots, areas));
    this.#devices = Array.from({ length: 3 }, (_, index) => ({
      index,
      minAlignMask: this.#pick(MIN_ALIGN),
      segBoundary: this.#pick(BOUNDARIES),
      dmaMask: 2 ** 64,
      busDmaLimit: 0,
    }));
    this.#alignMasks = [0, this.#pick(ALLOC_ALIGN)];
    this.#largest = this.#pick(LARGEST);
    this.#most = Math.ceil((slots * 2048 * (0.4 + this.#below(100) / 60)) / this.#largest);
  }

  run(length: number): void {
    for (this.#step = 0; this.#step < length; this.#step++) {
      const live = this.#live.length;
      if (live === 0 || (live < this.#most && this.#below(100) < 60)) this.#map();
      else this.#unmap(this.#below(live));
      this.#same('used', this.#model.usedSlots(), this.#slow.used);
      this.#same('hiwater', this.#model.hiwater(), this.#slow.hiwater);
      if (this.#step % COMPARE_EVERY === 0) this.#compareStates();
      if (this.#step === length >> 1 && this.#below(3) === 0) this.#addPool();
      this.#counts.operations++;
    }
    this.#compareStates();
    while (this.#live.length > 0) this.#unmap(0);
    this.#same('used at the end', this.#model.usedSlots(), 0);
    this.#compareStates();
  }

  #map(): void {
    const device = this.#pick(this.#devices);
    const alignMask = this.#pick(this.#alignMasks);
    const cpu = this.#below(20);
    const bytes = 1 + this.#below(this.#below(4) === 0 ? this.#largest : this.#largest >> 2);
    const aligned = this.#below(3) === 0 ? 4096 : 1;
    const orig = aligned * this.#below(2 ** 31 / aligned) + 2 ** 33 * this.#below(5);
    const slow = this.#slow.map(orig, bytes, alignMask, device, cpu);
    const model = this.#model.map(orig, bytes, alignMask, device, cpu, false);
    const { work } = this.#model;
    this.#same('address', model, slow);
    this.#same('probes', work.probes, this.#slow.work.probes);
    this.#same('areas tried', work.areasTried, this.#slow.work.areasTried);
    this.#same(
      'endless',
      Number(work.cause === FailCause.endlessSearch),
      Number(this.#slow.work.hang),
    );
    this.#counts.probes += work.probes;
    if (slow < 0) {
      this.#counts.failed++;
      if (this.#slow.work.hang) this.#counts.endless++;
      const cause = this.#slow.cause(orig, bytes, alignMask, device);
      this.#same(`cause ${cause}`, work.cause, FailCause[cause]);
      this.#counts.causes[cause] = (this.#counts.causes[cause] ?? 0) + 1;
      return;
    }
    for (const name of ['pool', 'slot', 'slots', 'padSlots'] as const)
      this.#same(name, work[name], this.#slow.work[name]);
    if (work.padSlots > 0) this.#counts.padded++;
    this.#checkPlace(model, bytes, device);
    this.#live.push({ address: model, device });
  }

  /** No buffer crosses a slot set or the boundary, and it keeps the low bits that it must. */
  #checkPlace(address: number, bytes: number, { segBoundary }: BounceDevice): void {
    const { slot, slots } = this.#model.work;
    this.#same('slot set', Math.floor(slot / 128), Math.floor((slot + slots - 1) / 128));
    if (segBoundary >= 2 ** 64) return;
    const last = address + bytes - 1;
    const segment = (at: number): number => Math.floor(at / (segBoundary + 1));
    this.#same('segment', segment(address), segment(last));
  }

  #unmap(at: number): void {
    const { address, device } = this.#live[at]!;
    this.#live[at] = this.#live.at(-1)!;
    this.#live.pop();
    const slots = this.#slow.unmap(address);
    this.#same('unmap', Number(this.#model.unmap(address, device)), 1);
    this.#same('slots released', this.#model.work.slots, slots);
    this.#same('second unmap', Number(this.#model.unmap(address, device)), 0);
  }

  #addPool(): void {
    const slots = 128 * (1 + this.#below(8));
    const areas = this.#pick([1, 1, 2]);
    const start = 0x2_0000_0000 + 0x100_0000 * this.#slow.pools.length;
    this.#model.addPool(new SlotPool(start, slots, areas));
    this.#slow.pools.push(new SlowPool(start, slots, areas));
  }

  #compareStates(): void {
    this.#model.list.forEach((pool, i) => {
      const slow = this.#slow.pools[this.#slow.pools.length - 1 - i]!;
      this.#same(
        'use',
        pool.usedSlots(),
        slow.used.reduce((sum, n) => sum + n, 0),
      );
      for (let area = 0; area < pool.areas; area++) {
        this.#same('index', pool.index[area]!, slow.index[area]!);
        this.#same('area use', pool.used[area]!, slow.used[area]!);
      }
      for (let slot = 0; slot < pool.slots; slot++) {
        this.#same('free run', pool.map.run(slot), slow.list[slot]!);
      }
      this.#same('bytes', pool.slots * SLOT_BYTES, slow.slots * 2048);
    });
  }

  #same(what: string, model: number, slow: number): void {
    if (model === slow) return;
    throw new Error(
      `${this.#name}, operation ${this.#step}: ${what}: expected ${slow}, got ${model}`,
    );
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)]!;
  }

  // mulberry32: small, seeded, the same everywhere.
  #below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return Math.floor((((z ^ (z >>> 14)) >>> 0) / 2 ** 32) * n);
  }
}
