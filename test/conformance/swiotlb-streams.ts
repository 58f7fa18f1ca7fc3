// Random maps and unmaps through the model of bounce memory and its slow reference, compared step by step.
//
// Address, slots, padding, probes, areas tried, cause of a failure, use and high water after each operation, and
// the count of every slot now and then; no buffer crosses a slot set or its segment boundary.

import {
  type BounceDevice,
  FailCause,
  SLOT_BYTES,
  SlotPool,
  Swiotlb,
  swiotlbRules,
} from '@dmalab/replay';
import {
  type SlowKernel,
  SlowPool,
  SlowSwiotlb,
} from '../../packages/replay/test/support/slow-swiotlb.ts';
import type { Random } from '../fuzz/random.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { swiotlbGrowthStream } from './swiotlb-growth-streams.ts';

const KERNELS: readonly SlowKernel[] = ['6.1', '6.6.0', '6.6', '6.12'];
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
const OPERATIONS = 2000;

/** Bounce pools beside their reference, and growing ones under the rules that always hold. */
export const swiotlbCases: readonly ConformanceCase[] = [
  { name: 'swiotlb', run: (random) => swiotlbStream(random).operations },
  { name: 'swiotlb growth', run: swiotlbGrowthStream },
];

/** What a stream had in it. */
export interface StreamCounts {
  operations: number;
  failed: number;
  endless: number;
  padded: number;
}

/** Runs one stream; an Error says where model and reference differ. */
export function swiotlbStream(random: Random): StreamCounts {
  return new Stream(random).run(OPERATIONS);
}

class Stream {
  readonly #name: string;
  readonly #random: Random;
  readonly #counts: StreamCounts = { operations: 0, failed: 0, endless: 0, padded: 0 };
  readonly #model: Swiotlb;
  readonly #slow: SlowSwiotlb;
  readonly #devices: readonly BounceDevice[];
  readonly #alignMasks: readonly number[];
  readonly #largest: number;
  /** Share of maps among the operations when nothing is live, and how many may be. */
  readonly #most: number;
  readonly #live: { address: number; device: BounceDevice }[] = [];
  #step = 0;

  constructor(random: Random) {
    this.#random = random;
    const kernel = random.pick(KERNELS);
    const [slots, areas] = random.pick(POOLS);
    const start = 0x1000_0000 + 4096 * random.below(40) + (random.below(8) === 0 ? 0xeff8_0000 : 0);
    this.#name = `kernel ${kernel}, ${slots} slots in ${areas} areas at ${start}`;
    this.#model = new Swiotlb(swiotlbRules(kernel), new SlotPool(start, slots, areas));
    this.#slow = new SlowSwiotlb(kernel, new SlowPool(start, slots, areas));
    this.#devices = Array.from({ length: 3 }, (_, index) => ({
      index,
      minAlignMask: random.pick(MIN_ALIGN),
      segBoundary: random.pick(BOUNDARIES),
      dmaMask: 2 ** 64,
      busDmaLimit: 0,
    }));
    this.#alignMasks = [0, random.pick(ALLOC_ALIGN)];
    this.#largest = random.pick(LARGEST);
    this.#most = Math.ceil((slots * 2048 * (0.4 + random.below(100) / 60)) / this.#largest);
  }

  run(length: number): StreamCounts {
    const random = this.#random;
    for (this.#step = 0; this.#step < length; this.#step++) {
      const live = this.#live.length;
      if (live === 0 || (live < this.#most && random.below(100) < 60)) this.#map();
      else this.#unmap(random.below(live));
      this.#same('used', this.#model.usedSlots(), this.#slow.used);
      this.#same('hiwater', this.#model.hiwater(), this.#slow.hiwater);
      if (this.#step % COMPARE_EVERY === 0) this.#compareStates();
      if (this.#step === length >> 1 && random.below(3) === 0) this.#addPool();
      this.#counts.operations++;
    }
    this.#compareStates();
    while (this.#live.length > 0) this.#unmap(0);
    this.#same('used at the end', this.#model.usedSlots(), 0);
    this.#compareStates();
    return this.#counts;
  }

  #map(): void {
    const random = this.#random;
    const device = random.pick(this.#devices);
    const alignMask = random.pick(this.#alignMasks);
    const cpu = random.below(20);
    const bytes = 1 + random.below(random.below(4) === 0 ? this.#largest : this.#largest >> 2);
    const aligned = random.below(3) === 0 ? 4096 : 1;
    const orig = aligned * random.below(2 ** 31 / aligned) + 2 ** 33 * random.below(5);
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
    if (slow < 0) {
      this.#counts.failed++;
      if (this.#slow.work.hang) this.#counts.endless++;
      const cause = this.#slow.cause(orig, bytes, alignMask, device);
      this.#same(`cause ${cause}`, work.cause, FailCause[cause]);
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
    const random = this.#random;
    const slots = 128 * (1 + random.below(8));
    const areas = random.pick([1, 1, 2]);
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
}
