// Ordered set of disjoint ranges of page frames, for allocators that look for gaps.
//
// The pages are bits in regions (page-regions.ts), so that neighbours, free blocks and numbers of ranges
// are found by steps on words. A range is named by its first pfn. What bits do not say stands beside them
// in sorted lists: ranges that go on in another region, and which ones are reserved. No region needs to be
// where such a range covers it as a whole. Left out: merging of neighbours, and checks that ranges are
// disjoint (the caller's business).

import { LongRanges } from './long-ranges.ts';
import { PageRegions, REGION_PAGES } from './page-regions.ts';
import {
  addStart,
  dropStart,
  isStart,
  lastOf,
  startAtOrBelow,
  startFrom,
  startsIn,
  startsOf,
} from './range-starts.ts';
import { NO_RANGE, type Ranges, TOP } from './ranges.ts';

// Copies for the functions below: an exported binding of another module is looked up at every use.
const PAGES = REGION_PAGES;
const PER_PAGE: number = 1 / REGION_PAGES;
const LAST_PAGE: number = REGION_PAGES - 1;

/** A copy of a {@link PageRanges}: filled by `save`, read by `restore`, reusable. */
export interface PageRangesCopy {
  readonly regions: PageRegions;
  readonly long: LongRanges;
  readonly reserved: LongRanges;
  size: number;
}

export class PageRanges implements Ranges {
  size = 0;
  readonly anchor: number = TOP;
  readonly regions: PageRegions = new PageRegions();
  /** Ranges that go on in another region. */
  readonly long: LongRanges = new LongRanges();
  private readonly reserved: LongRanges = new LongRanges();

  lo(at: number): number {
    return at;
  }

  hi(at: number): number {
    if (at === TOP) return TOP;
    const { regions } = this;
    const first = regions.pageOf(at);
    const last = lastOf(regions.words, regions.base, first);
    if (last === LAST_PAGE && this.long.size > 0) {
      const i = this.long.startingAt(at);
      if (i >= 0) return this.long.hi(i);
    }
    return at + (last - first);
  }

  isReserved(at: number): boolean {
    return this.reserved.size > 0 && this.reserved.startingAt(at) >= 0;
  }

  above(at: number): number {
    return this.lowestFrom(at + 1);
  }

  below(at: number): number {
    return this.atOrBelow(at - 1);
  }

  floor(at: number): number {
    const below = this.atOrBelow(at - 1);
    return below === NO_RANGE ? Number.NEGATIVE_INFINITY : this.hi(below);
  }

  highest(): number {
    return this.floor(TOP);
  }

  lowest(): number {
    return this.lowestFrom(0);
  }

  lowestFrom(pfn: number): number {
    const { regions } = this;
    const from = regions.pageOf(pfn);
    if (regions.base >= 0) {
      const page = startFrom(regions.words, regions.base, from);
      if (page >= 0) return pfn + (page - from);
    }
    const { numbers, bases, length } = regions;
    for (let i = regions.indexAt(Math.floor(pfn * PER_PAGE)) + 1; i < length; i++) {
      const page = startFrom(regions.words, bases[i]!, 0);
      if (page >= 0) return numbers[i]! * PAGES + page;
    }
    return TOP;
  }

  atOrBelow(pfn: number): number {
    const { regions } = this;
    const from = regions.pageOf(pfn);
    const isThere = regions.base >= 0;
    if (isThere) {
      const page = startAtOrBelow(regions.words, regions.base, from);
      if (page >= 0) return pfn - (from - page);
    }
    const { numbers, bases } = regions;
    for (let i = regions.indexAt(Math.floor(pfn * PER_PAGE)) - (isThere ? 1 : 0); i >= 0; i--) {
      const page = startAtOrBelow(regions.words, bases[i]!, LAST_PAGE);
      if (page >= 0) return numbers[i]! * PAGES + page;
    }
    return NO_RANGE;
  }

  find(pfn: number): number {
    const { regions } = this;
    const page = regions.pageOf(pfn);
    if (regions.base >= 0) {
      if (isStart(regions.words, regions.base, page)) return pfn;
      return regions.isTaken(regions.base, page) ? this.atOrBelow(pfn) : NO_RANGE;
    }
    const i = this.long.containing(pfn);
    return i >= 0 ? this.long.lo(i) : NO_RANGE;
  }

  lowestReaching(pfn: number): number {
    const at = this.find(pfn);
    return at === NO_RANGE ? this.lowestFrom(pfn) : at;
  }

  rank(at: number): number {
    return this.startsBetween(at, TOP);
  }

  /** Ranges that start at or above `low` and below `high`. */
  startsBetween(low: number, high: number): number {
    const { regions } = this;
    const from = regions.pageOf(low);
    const pages = high - low;
    if (from + pages <= PAGES) {
      return regions.base < 0 ? 0 : startsIn(regions.words, regions.base, from, from + pages);
    }
    let sum = regions.base < 0 ? 0 : startsIn(regions.words, regions.base, from, PAGES);
    const { numbers, bases, length } = regions;
    const highest = Math.floor(high * PER_PAGE);
    let i = regions.indexAt(Math.floor(low * PER_PAGE)) + 1;
    for (; i < length && numbers[i]! < highest; i++) sum += startsOf(regions.words, bases[i]!);
    if (i < length && numbers[i] === highest) {
      sum += startsIn(regions.words, bases[i]!, 0, high - highest * PAGES);
    }
    return sum;
  }

  insertBelow(_above: number, lo: number, hi: number, reserved = false): number {
    const { regions } = this;
    const first = regions.madePageOf(lo);
    const { base } = regions;
    const last = first + (hi - lo);
    addStart(regions.words, base, first);
    regions.take(base, first, last < PAGES ? last : LAST_PAGE);
    if (last >= PAGES) this.takeBeyond(lo, hi);
    if (reserved) this.reserved.add(lo, hi);
    this.size++;
    return lo;
  }

  remove(at: number, hi: number = this.hi(at)): void {
    const { regions } = this;
    const first = regions.pageOf(at);
    const { base } = regions;
    const last = first + (hi - at);
    dropStart(regions.words, base, first);
    regions.release(base, first, last < PAGES ? last : LAST_PAGE);
    if (last >= PAGES) this.releaseBeyond(at);
    if (this.reserved.size > 0) this.dropReserved(at);
    this.size--;
  }

  growDown(at: number, lo: number): number {
    const hi = this.hi(at);
    const reserved = this.isReserved(at);
    this.remove(at, hi);
    return this.insertBelow(TOP, lo, hi, reserved);
  }

  save(into: PageRangesCopy): void {
    into.regions.assign(this.regions);
    into.long.assign(this.long);
    into.reserved.assign(this.reserved);
    into.size = this.size;
  }

  restore(from: PageRangesCopy): void {
    this.regions.assign(from.regions);
    this.long.assign(from.long);
    this.reserved.assign(from.reserved);
    this.size = from.size;
  }

  /** The part of [lo, hi] above the region of `lo`: its end, and regions in between that are there anyway. */
  private takeBeyond(lo: number, hi: number): void {
    const { regions } = this;
    const end = regions.madePageOf(hi);
    regions.take(regions.base, 0, end);
    const last = Math.floor(hi * PER_PAGE);
    for (let i = regions.indexAt(Math.floor(lo * PER_PAGE)) + 1; regions.numbers[i]! < last; i++) {
      regions.take(regions.bases[i]!, 0, LAST_PAGE);
    }
    this.long.add(lo, hi);
  }

  private releaseBeyond(lo: number): void {
    const { regions, long } = this;
    const at = long.startingAt(lo);
    if (at < 0) return;
    const hi = long.hi(at);
    const last = Math.floor(hi * PER_PAGE);
    for (let i = regions.indexAt(Math.floor(lo * PER_PAGE)) + 1; regions.numbers[i]! < last; i++) {
      regions.release(regions.bases[i]!, 0, LAST_PAGE);
    }
    const end = regions.pageOf(hi);
    regions.release(regions.base, 0, end);
    long.removeAt(at);
  }

  private dropReserved(at: number): void {
    const i = this.reserved.startingAt(at);
    if (i >= 0) this.reserved.removeAt(i);
  }
}

/** An empty copy for {@link PageRanges.save}. */
export function pageRangesCopy(): PageRangesCopy {
  return {
    regions: new PageRegions(),
    long: new LongRanges(),
    reserved: new LongRanges(),
    size: 0,
  };
}
