// A slow and obvious IOVA allocator of Linux 4.9 or 4.15: a sorted list of ranges behind slow magazines.
//
// Written from docs/models/iova-linux.md. A limit is the highest page frame that may be used, included.

import { SlowMagazines, takeFitting } from './slow-magazines.ts';

const MAGAZINE = 128;
const DEPOT = 32;

interface Range {
  lo: number;
  hi: number;
}

export class SlowEarlyIova {
  /** Ascending, without an anchor. */
  readonly ranges: Range[] = [];
  /** Where the next search starts: below this range; null: at the top. */
  hint32: Range | null = null;
  hint64: Range | null = null;
  readonly #is49: boolean;
  readonly #startPfn: number;
  /** Highest page frame below 4 GiB. */
  readonly #last32: number;
  readonly #magazines: SlowMagazines;

  constructor(kernel: '4.9' | '4.15', cpus: number, startPfn: number, last32: number) {
    this.#is49 = kernel === '4.9';
    this.#startPfn = startPfn;
    this.#last32 = last32;
    this.#magazines = new SlowMagazines(cpus, MAGAZINE, DEPOT);
  }

  alloc(pages: number, limit: number, cpu: number, lastTry: boolean): number {
    const size = pages <= 32 || this.#is49 ? roundUp(pages) : pages;
    const cached = size <= 32 ? this.#get(size, limit, cpu) : -1;
    if (cached !== -1) return cached;
    const pfn = this.#allocTree(size, limit);
    if (pfn !== -1 || !(lastTry || this.#is49)) return pfn;
    for (const other of this.#magazines.takeCpus()) this.freeTree(other);
    return this.#allocTree(size, limit);
  }

  free(pfn: number, pages: number, cpu: number): void {
    if (pages > 32) {
      this.freeTree(pfn);
      return;
    }
    const sizeClass = Math.log2(roundUp(pages));
    for (const other of this.#magazines.put(pfn, sizeClass, cpu)) this.freeTree(other);
  }

  freeTree(pfn: number): void {
    const i = this.ranges.findIndex((range) => range.lo <= pfn && pfn <= range.hi);
    if (i === -1) return;
    const range = this.ranges[i]!;
    const next = this.ranges[i + 1] ?? null;
    if (this.#is49) {
      if (this.hint32 !== null && range.lo >= this.hint32.lo) {
        this.hint32 = next !== null && next.lo < this.#last32 ? next : null;
      }
    } else {
      const { hint32 } = this;
      const is32 = range.hi <= this.#last32;
      if (hint32 !== null && (range === hint32 || (is32 && range.lo >= hint32.lo))) {
        this.hint32 = next;
      }
      if (this.hint64 !== null && range.lo >= this.hint64.lo) this.hint64 = next;
    }
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

  #allocTree(size: number, limit: number): number {
    const isLow = limit <= this.#last32;
    const usesHint32 = this.#is49 ? limit === this.#last32 : isLow;
    const hint = usesHint32 ? this.hint32 : this.#is49 || isLow ? null : this.hint64;
    const from = hint === null ? this.ranges.length : this.ranges.indexOf(hint);
    let high = hint === null ? limit : Math.min(limit, hint.lo - 1);
    const lowest = this.#startPfn + (this.#is49 ? 1 : 0);
    for (let i = from - 1; i >= -1; i--) {
      const below = this.ranges[i]?.hi ?? -1;
      const pfn = Math.floor((high - size + 1) / roundUp(size)) * roundUp(size);
      if (pfn > below && pfn >= lowest) return this.#take(pfn, size, usesHint32);
      high = Math.min(high, (this.ranges[i]?.lo ?? 0) - 1);
    }
    return -1;
  }

  #take(pfn: number, size: number, usesHint32: boolean): number {
    const range = { lo: pfn, hi: pfn + size - 1 };
    this.#insert(range);
    if (this.#is49 ? usesHint32 : range.hi <= this.#last32) this.hint32 = range;
    else if (!this.#is49) this.hint64 = range;
    return pfn;
  }

  #get(size: number, limit: number, cpu: number): number {
    const loaded = this.#magazines.loaded(Math.log2(size), cpu);
    // 4.9 looks at the top alone.
    if (this.#is49) return loaded.length > 0 && loaded.at(-1)! < limit ? loaded.pop()! : -1;
    const room = limit + 1 - size;
    return takeFitting(loaded, (pfn) => room < 0 || pfn <= room);
  }

  #insert(range: Range): void {
    const i = this.ranges.findIndex((other) => other.lo > range.lo);
    if (i === -1) this.ranges.push(range);
    else this.ranges.splice(i, 0, range);
  }
}

function roundUp(pages: number): number {
  let power = 1;
  while (power < pages) power *= 2;
  return power;
}
