// Bounce pools the slow, obvious way: a count per slot, walked slot by slot, as the kernel keeps them.
//
// The reference of differential tests. Written from the steps of kernel/dma/swiotlb.c (Linux 6.1, 6.6.0,
// 6.6.57, 6.12) as docs/models/swiotlb.md states them; shares no code with the models.

import type { BounceDevice } from '@dmalab/replay';

const SLOT = 2048;
const SET = 128;

/** Causes of failed maps, by the names of `FailCause`. */
export type SlowCause =
  | 'tooLarge'
  | 'poolFull'
  | 'areaFull'
  | 'fragmented'
  | 'alignment'
  | 'endlessSearch';

export type SlowKernel = '6.1' | '6.6.0' | '6.6' | '6.12';

/** What the last map of {@link SlowSwiotlb} did. */
export interface SlowWork {
  hang: boolean;
  probes: number;
  areasTried: number;
  pool: number;
  slot: number;
  slots: number;
  padSlots: number;
}

export class SlowPool {
  readonly start: number;
  readonly slots: number;
  readonly areas: number;
  readonly areaSlots: number;
  /** Free slots from each slot to the next used one or the end of its slot set. */
  readonly list: number[];
  readonly size: number[];
  readonly pad: number[];
  readonly original: bigint[];
  readonly index: number[];
  readonly used: number[];

  constructor(start: number, slots: number, areas: number) {
    this.start = start;
    this.slots = slots;
    this.areas = areas;
    this.areaSlots = Math.floor(slots / areas);
    this.list = Array.from({ length: slots }, (_, i) => Math.min(SET - (i % SET), slots - i));
    this.size = Array<number>(slots).fill(0);
    this.pad = Array<number>(slots).fill(0);
    this.original = Array<bigint>(slots).fill(-1n);
    this.index = Array<number>(areas).fill(0);
    this.used = Array<number>(areas).fill(0);
  }
}

/** Masks of one search, as 64-bit numbers. */
interface Wanted {
  readonly stride: number;
  /** Bits that must be 0, and bits that must be those of the original address. */
  readonly zero: bigint;
  readonly same: bigint;
}

export class SlowSwiotlb {
  readonly work: SlowWork = {
    hang: false,
    probes: 0,
    areasTried: 0,
    pool: 0,
    slot: 0,
    slots: 0,
    padSlots: 0,
  };
  /** In order of creation. */
  readonly pools: SlowPool[] = [];
  used = 0;
  hiwater = 0;
  readonly #kernel: SlowKernel;
  readonly #empty = new Map<SlowPool, SlowPool>();

  constructor(kernel: SlowKernel, pool: SlowPool) {
    this.#kernel = kernel;
    this.pools.push(pool);
  }

  /** Bounce address or -1. */
  map(orig: number, bytes: number, alignMask: number, device: BounceDevice, cpu: number): number {
    const { work } = this;
    const offset = this.#offset(orig, alignMask, device);
    const size = this.#size(orig, bytes, alignMask, device);
    work.hang = false;
    work.probes = 0;
    work.areasTried = 0;
    for (const [pool, area] of this.#order(cpu)) {
      work.areasTried++;
      const slot = this.#search(pool, area, orig, size, alignMask, device);
      if (work.hang) return -1;
      if (slot >= 0) return this.#take(pool, slot, orig, size, offset);
    }
    return -1;
  }

  /** Why the last map, with the same arguments, failed. */
  cause(orig: number, bytes: number, alignMask: number, device: BounceDevice): SlowCause {
    if (this.work.hang) return 'endlessSearch';
    const size = this.#size(orig, bytes, alignMask, device);
    const n = Math.ceil(size / SLOT);
    const fits = (pool: SlowPool): boolean =>
      pool.used.some((_, area) => this.#search(pool, area, orig, size, alignMask, device) >= 0);
    if (!this.pools.some((pool) => fits(this.#emptyOf(pool)))) return 'tooLarge';
    const free = this.pools.flatMap(({ used, areaSlots }) =>
      used.map((taken) => areaSlots - taken),
    );
    if (free.reduce((sum, slots) => sum + slots, 0) < n) return 'poolFull';
    if (Math.max(...free) < n) return 'areaFull';
    const run = this.pools.some(({ list, used, areaSlots }) =>
      used.some((taken, area) => {
        const from = area * areaSlots;
        const counts = list.slice(from, from + areaSlots);
        return areaSlots - taken >= n && counts.some((count) => count >= n);
      }),
    );
    return run ? 'alignment' : 'fragmented';
  }

  /** Slots that became free. */
  unmap(address: number): number {
    const number = this.pools.findIndex(
      ({ start, slots }) => address >= start && address < start + slots * SLOT,
    );
    const pool = this.pools[number]!;
    let slot = Math.floor((address - pool.start) / SLOT);
    slot -= pool.pad[slot]!;
    const n = Math.ceil(pool.size[slot]! / SLOT);
    let count = (slot + n) % SET === 0 ? 0 : (pool.list[slot + n] ?? 0);
    for (let i = slot + n - 1; i >= slot; i--) {
      pool.list[i] = ++count;
      pool.size[i] = 0;
      pool.pad[i] = 0;
      pool.original[i] = -1n;
    }
    for (let i = slot - 1; i >= 0 && i % SET !== SET - 1 && pool.list[i] !== 0; i--)
      pool.list[i] = ++count;
    pool.used[Math.floor(slot / pool.areaSlots)]! -= n;
    this.used -= n;
    return n;
  }

  #offset(orig: number, alignMask: number, { minAlignMask }: BounceDevice): number {
    const slotMask = this.#aligns() ? BigInt(alignMask) | 2047n : 2047n;
    return Number(BigInt(orig) & BigInt(minAlignMask) & slotMask);
  }

  #size(orig: number, bytes: number, alignMask: number, device: BounceDevice): number {
    const offset = this.#offset(orig, alignMask, device);
    const round = (n: number): number => Math.ceil(n / (alignMask + 1)) * (alignMask + 1);
    return this.#kernel === '6.12' ? round(bytes + offset) : round(bytes) + offset;
  }

  #emptyOf(pool: SlowPool): SlowPool {
    const empty = this.#empty.get(pool) ?? new SlowPool(pool.start, pool.slots, pool.areas);
    this.#empty.set(pool, empty);
    return empty;
  }

  /** Allocation masks are kept by whole slots in front. */
  #aligns(): boolean {
    return this.#kernel === '6.6' || this.#kernel === '6.12';
  }

  // Pools are searched newest first; since 6.8 one area of each before the next area.
  #order(cpu: number): [SlowPool, number][] {
    const newestFirst = [...this.pools].reverse();
    const order: [SlowPool, number][] = [];
    const areas = Math.max(...newestFirst.map((pool) => pool.areas));
    const tries = this.#kernel === '6.12' && newestFirst.length > 1 ? this.pools[0]!.areas : areas;
    const visit = (pool: SlowPool, i: number): void => {
      if (i < pool.areas) order.push([pool, (cpu + i) % pool.areas]);
    };
    if (this.#kernel === '6.12') {
      for (let i = 0; i < tries; i++) for (const pool of newestFirst) visit(pool, i);
    } else {
      for (const pool of newestFirst) for (let i = 0; i < pool.areas; i++) visit(pool, i);
    }
    return order;
  }

  #search(
    pool: SlowPool,
    area: number,
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
  ): number {
    const n = Math.ceil(size / SLOT);
    if (n > pool.areaSlots - pool.used[area]!) return -1;
    const wanted = this.#wanted(orig, size, BigInt(alignMask), BigInt(device.minAlignMask));
    const { stride } = wanted;
    const wrap = (i: number): number => (i < pool.areaSlots ? i : 0);
    let i = pool.index[area]!;
    if (this.#kernel === '6.1') i = wrap((i + stride - 1) & ~(stride - 1));
    const begin = i;
    const before = this.work.probes;
    const visited = new Set<number>();
    for (let passed = 0; passed < pool.areaSlots; ) {
      this.work.probes++;
      const slot = area * pool.areaSlots + i;
      let by = 1;
      if (this.#aligned(pool, slot, orig, wanted, device)) {
        if (pool.list[slot]! >= n && withinBoundary(pool, slot, n, device)) return slot;
        by = stride;
      }
      i = wrap(i + by);
      if (this.#kernel !== '6.1') {
        passed += by;
        continue;
      }
      if (i === begin) return -1;
      // A walk that comes to the same slot again without its start goes on for ever.
      this.work.hang = visited.has(i);
      if (this.work.hang) {
        // By convention one more than the area has.
        this.work.probes = before + pool.areaSlots + 1;
        return -1;
      }
      visited.add(i);
    }
    return -1;
  }

  #wanted(orig: number, size: number, a: bigint, m: bigint): Wanted {
    const same = (mask: bigint): bigint => (orig === 0 ? 0n : mask & ~2047n);
    const slots = (mask: bigint): number => Number(mask >> 11n);
    if (this.#aligns()) {
      let align = a === 0n && m === 0n && size >= 4096 ? 4095n : a;
      align |= 2047n;
      const above = m & ~align;
      return { stride: slots(align > above ? align : above) + 1, zero: align, same: same(above) };
    }
    if (this.#kernel === '6.6.0') {
      const mask = m | a | (size >= 4096 ? 4095n : 0n);
      return { stride: slots(mask) + 1, zero: 0n, same: same(mask) };
    }
    const mask = m & ~(a | 2047n);
    const own = (slots(mask) + 1) * (size >= 4096 ? 2 : 1);
    return { stride: Math.max(own, slots(a) + 1), zero: 0n, same: same(mask) };
  }

  #aligned(
    pool: SlowPool,
    slot: number,
    orig: number,
    { zero, same }: Wanted,
    device: BounceDevice,
  ): boolean {
    const seen = (BigInt(pool.start) & boundaryOf(device)) + BigInt(slot * SLOT);
    return (seen & zero) === 0n && (seen & same) === (BigInt(orig) & same);
  }

  #take(pool: SlowPool, slot: number, orig: number, size: number, offset: number): number {
    const { work } = this;
    const n = Math.ceil(size / SLOT);
    const area = Math.floor(slot / pool.areaSlots);
    for (let i = 0; i < n; i++) {
      pool.list[slot + i] = 0;
      pool.size[slot + i] = size - i * SLOT;
    }
    let count = 0;
    for (let i = slot - 1; i >= 0 && i % SET !== SET - 1 && pool.list[i] !== 0; i--)
      pool.list[i] = ++count;
    const next = slot - area * pool.areaSlots + n;
    pool.index[area] = next < pool.areaSlots ? next : 0;
    pool.used[area]! += n;
    this.used += n;
    this.hiwater = Math.max(this.hiwater, this.used);
    const pad = Math.floor(offset / SLOT);
    pool.pad[slot + pad] = pad;
    for (let i = pad; i < n; i++) pool.original[slot + i] = BigInt(orig) + BigInt((i - pad) * SLOT);
    work.pool = this.pools.indexOf(pool);
    work.slot = slot;
    work.slots = n;
    work.padSlots = pad;
    return pool.start + slot * SLOT + offset;
  }
}

function boundaryOf({ segBoundary }: BounceDevice): bigint {
  return segBoundary >= 2 ** 64 ? 2n ** 64n - 1n : BigInt(segBoundary);
}

function withinBoundary(pool: SlowPool, slot: number, n: number, device: BounceDevice): boolean {
  const boundary = boundaryOf(device);
  const most = (boundary >> 11n) + 1n;
  const base = ((BigInt(pool.start) & boundary) + 2047n) >> 11n;
  return ((base + BigInt(slot)) & (most - 1n)) + BigInt(n) <= most;
}
