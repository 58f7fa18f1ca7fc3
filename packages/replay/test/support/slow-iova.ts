// A slow and obvious IOVA allocator: a sorted list of ranges behind slow magazines.
//
// Semantics of Linux 6.12 (depot list) and 6.1 (depot of 32); see docs/models/iova-linux.md.

import { SlowMagazines, takeFitting } from './slow-magazines.ts';

const TOP = Number.POSITIVE_INFINITY;
const MAGAZINE = 127;

interface Range {
  lo: number;
  hi: number;
}

export class SlowIova {
  readonly ranges: Range[];
  cached: Range;
  cached32: Range;
  max32: number;
  /** Ranges visited by the last allocation. */
  steps = 0;
  readonly depots: number[][][];
  readonly #startPfn: number;
  readonly #dma32: number;
  readonly #depotLimit: number;
  readonly #magazines: SlowMagazines;
  readonly #anchor: Range = { lo: TOP, hi: TOP };

  constructor(cpus: number, startPfn: number, dma32: number, depotLimit: number) {
    this.ranges = [this.#anchor];
    this.cached = this.#anchor;
    this.cached32 = this.#anchor;
    this.max32 = dma32;
    this.#startPfn = startPfn;
    this.#dma32 = dma32;
    this.#depotLimit = depotLimit;
    this.#magazines = new SlowMagazines(cpus, MAGAZINE, depotLimit);
    this.depots = this.#magazines.depots;
  }

  alloc(pages: number, limit: number, cpu: number, lastTry: boolean): number {
    const size = pages < 32 ? roundUp(pages) : pages;
    this.steps = 0;
    const cached = size <= 32 ? this.#get(size, limit, cpu) : -1;
    if (cached !== -1) return cached;
    const pfn = this.allocTree(size, limit, true);
    if (pfn !== -1 || !lastTry) return pfn;
    const { steps } = this;
    for (const other of this.#magazines.takeCpus()) this.freeTree(other);
    this.flushGlobal();
    const retried = this.allocTree(size, limit, true);
    this.steps += steps;
    return retried;
  }

  free(pfn: number, pages: number, cpu: number): void {
    if (pages > 32) {
      this.freeTree(pfn);
      return;
    }
    const sizeClass = Math.log2(roundUp(pages));
    for (const other of this.#magazines.put(pfn, sizeClass, cpu)) this.freeTree(other);
  }

  allocTree(pages: number, limit: number, aligned: boolean): number {
    const end = limit + 1;
    const low = end <= this.#dma32;
    this.steps = 0;
    if (low && pages >= this.max32) return -1;
    const start = low ? this.cached32 : this.cached;
    const align = aligned ? roundUp(pages) : 1;
    let pfn = this.#search(this.ranges.indexOf(start), end, this.#startPfn, pages, align);
    if (pfn === -1 && start.hi < end) {
      const top = low ? this.ranges.findIndex((range) => range.lo >= end) : this.ranges.length - 1;
      pfn = this.#search(top, end, start.hi + 1, pages, align);
    }
    if (pfn === -1) {
      this.max32 = pages;
      return -1;
    }
    const range = { lo: pfn, hi: pfn + pages - 1 };
    this.#insert(range);
    if (range.hi < this.#dma32) this.cached32 = range;
    else this.cached = range;
    return pfn;
  }

  freeTree(pfn: number): void {
    const i = this.ranges.findIndex((range) => range.lo <= pfn && pfn <= range.hi);
    if (i === -1) return;
    const range = this.ranges[i]!;
    const next = this.ranges[i + 1]!;
    if (range === this.cached32 || (range.hi < this.#dma32 && range.lo >= this.cached32.lo)) {
      this.cached32 = next;
    }
    if (range.lo < this.#dma32) this.max32 = this.#dma32;
    if (range.lo >= this.cached.lo) this.cached = next;
    this.ranges.splice(i, 1);
  }

  reserve(pfnLo: number, pfnHi: number): void {
    let lo = pfnLo;
    for (const range of this.ranges) {
      if (range.lo > pfnHi || range.hi < lo) continue;
      range.lo = Math.min(range.lo, lo);
      if (pfnHi <= range.hi) return;
      lo = range.hi + 1;
    }
    this.#insert({ lo, hi: pfnHi });
  }

  flushCpu(cpu: number): void {
    for (const pfn of this.#magazines.takeCpu(cpu)) this.freeTree(pfn);
  }

  flushGlobal(): void {
    for (const depot of this.depots) {
      const magazines = depot.splice(0);
      if (this.#depotLimit === TOP) magazines.reverse();
      for (const pfn of magazines.flat()) this.freeTree(pfn);
    }
  }

  /** All pfns in magazines and depots with the pages of their class. */
  cachedRanges(): Range[] {
    return this.depots.flatMap((_, sizeClass) =>
      this.#magazines.all(sizeClass).map((lo) => ({ lo, hi: lo + 2 ** sizeClass - 1 })),
    );
  }

  #get(size: number, limit: number, cpu: number): number {
    const room = limit + 1 - size;
    const loaded = this.#magazines.loaded(Math.log2(size), cpu);
    return takeFitting(loaded, (pfn) => room < 0 || pfn <= room);
  }

  #search(from: number, end: number, low: number, pages: number, align: number): number {
    let high = end;
    for (let i = from; i >= 0; i--) {
      this.steps++;
      high = Math.min(high, this.ranges[i]!.lo);
      if (high < pages) return -1;
      const pfn = Math.floor((high - pages) / align) * align;
      if (pfn < low) return -1;
      if (i === 0 || pfn > this.ranges[i - 1]!.hi) return pfn;
    }
    return -1;
  }

  #insert(range: Range): void {
    const i = this.ranges.findIndex((other) => other.lo > range.lo);
    this.ranges.splice(i, 0, range);
  }
}

function roundUp(pages: number): number {
  let power = 1;
  while (power < pages) power *= 2;
  return power;
}
