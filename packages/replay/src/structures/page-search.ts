// Searches for free places, downwards, without visiting every range.
//
// Finds what a walk from range to range would find, and says how many ranges that walk would have visited.
// A place for `pages` pages at a multiple of 2^k, no less than them, is a free block of order k, or for
// other sizes one of order k - 1 with smaller ones behind it. A range set finds the highest block of an
// order in a few steps, and counts the ranges above it as fast. Other requests go from gap to gap, and
// pass those in which there is no block that they would need.

import type { PageRanges } from './page-ranges.ts';
import { ORDERS } from './page-regions.ts';
import { type Gaps, NO_RANGE } from './ranges.ts';

const MOST_ORDER: number = ORDERS - 1;
// Which range is above does not matter to where the bits are: not the anchor, which as a result would be an object.
const ANYWHERE = 0;
const MOST_ALIGN: number = 2 ** MOST_ORDER;

/** Searches of one set of ranges. */
export class PageSearch implements Gaps {
  steps = 0;
  declare readonly pfn: Float64Array;
  declare private readonly ranges: PageRanges;

  constructor(ranges: PageRanges, pfn: Float64Array) {
    this.ranges = ranges;
    this.pfn = pfn;
  }

  down(start: number, end: number, low: number, pages: number, align: number): number {
    const perAlign = 1 / align;
    const high = end < start ? end : start;
    const top = Math.floor((high - pages) * perAlign) * align;
    // A negative pfn is huge in the kernel's unsigned arithmetic, and ends the walk too.
    if (top < low || top < 0) {
      this.steps = 1;
      return NO_RANGE;
    }
    if (this.place(top, low, pages, align)) {
      this.steps = this.ranges.startsBetween(this.pfn[0]!, start) + 1;
      return ANYWHERE;
    }
    const lowest = Math.ceil(low * perAlign) * align + pages;
    this.steps = this.ranges.startsBetween(lowest, start) + 2;
    return NO_RANGE;
  }

  // No range starts between `end` and the range above it, so counts of starts are the same from either.
  downFrom(end: number, low: number, pages: number, align: number): number {
    return this.down(end, end, low, pages, align);
  }

  fill(above: number, lo: number, hi: number): number {
    return this.ranges.insertBelow(above, lo, hi);
  }

  next(from: number, pages: number, align: number): number {
    const { ranges } = this;
    const top = Math.floor((from - pages) / align) * align;
    const found = top >= 0 && this.place(top, 0, pages, align);
    const at = found ? ranges.lowestFrom(this.pfn[0]!) : ranges.lowest();
    this.steps = ranges.startsBetween(at, from) + 1;
    return at;
  }

  /** The highest place at or below `top`, a multiple of `align`, and not below `low`. */
  private place(top: number, low: number, pages: number, align: number): boolean {
    if (align > MOST_ALIGN || pages > align) return this.widePlace(top, low, pages, align);
    return this.blockPlace(top, low, pages, 31 - Math.clz32(align));
  }

  /** The same for at most 2^order pages at a multiple of that: no such place lies in two regions. */
  private blockPlace(top: number, low: number, pages: number, order: number): boolean {
    const { regions } = this.ranges;
    let pfn = top;
    while (pfn >= low) {
      const page = regions.pageOf(pfn);
      const { base } = regions;
      if (base >= 0) {
        const block = page >> order;
        const found =
          pages === 1 << order
            ? regions.freeBlock(base, order, block)
            : regions.partOfBlock(base, order, block, pages);
        if (found >= 0) {
          const place = pfn - (page - (found << order));
          this.pfn[0] = place;
          return place >= low;
        }
        pfn -= page + (1 << order);
      } else {
        const cover = this.ranges.long.containing(pfn);
        if (cover < 0) {
          this.pfn[0] = pfn;
          return true;
        }
        const align = 1 << order;
        pfn = Math.floor((this.ranges.long.lo(cover) - pages) / align) * align;
      }
    }
    return false;
  }

  /** From gap to gap: the next one down is that of the next free block that a place must have in it. */
  private widePlace(top: number, low: number, pages: number, align: number): boolean {
    const { ranges } = this;
    const order = orderWithin(pages, align);
    let pfn = top;
    while (pfn >= low) {
      const last = ranges.atOrBelow(pfn + pages - 1);
      if (last === NO_RANGE || ranges.hi(last) < pfn) {
        this.pfn[0] = pfn;
        return true;
      }
      const block = 1 << order;
      const from = Math.floor((last - block) / block) * block;
      if (from < low || !this.blockPlace(from, low, block, order)) return false;
      const above = ranges.lowestFrom(this.pfn[0]!);
      pfn = Math.floor((above - pages) / align) * align;
    }
    return false;
  }
}

/** The order, at most the highest one, of which there is a free block in every place for `pages` at a multiple of `align`. */
function orderWithin(pages: number, align: number): number {
  const anywhere = Math.floor(Math.log2((pages + 1) / 2));
  const aligned = Math.floor(Math.log2(Math.min(pages, align)));
  return Math.min(MOST_ORDER, Math.max(anywhere, aligned));
}
