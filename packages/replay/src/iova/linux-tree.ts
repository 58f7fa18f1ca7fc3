// The tree of allocated and reserved ranges of an IOVA domain, and its search for a free one.
//
// Models the rbtree part of drivers/iommu/iova.c in Linux 6.12 (and 6.1, which is the same); see
// docs/models/iova-linux.md. Results need only the order of ranges, so the tree is a RangeTree.
// Left out: locks, failed allocations of nodes.
//
// Ranges are disjoint. `cached` and `cached32` are always nodes of the tree or the anchor.

import { powerOfTwoFrom } from '../pfn.ts';
import { FailCause, NO_PFN } from '../policy.ts';
import {
  ANCHOR,
  BOTTOM,
  RangeTree,
  type RangeTreeCopy,
  rangeTreeCopy,
} from '../structures/range-tree.ts';
import type { LinuxIovaParameters } from './linux-parameters.ts';

/** Highest value of an unsigned 64-bit word, as a double rounds it, plus what overflows. */
const WRAP = 2 ** 64;

/** A copy of a {@link LinuxTree}: filled by `save`, read by `restore`, reusable. */
export interface LinuxTreeCopy {
  readonly tree: RangeTreeCopy;
  reserved: Uint8Array;
  cached: number;
  cached32: number;
  max32: number;
  low32Pages: number;
}

export class LinuxTree {
  readonly ranges: RangeTree = new RangeTree();
  /** First pfn at or above 4 GiB. */
  readonly dma32Pfn: number;
  /** Smallest size known not to fit below 4 GiB (`max32_alloc_size`). */
  max32: number;
  /** Nodes where the next search starts (`cached_node`, `cached32_node`). */
  cached: number = ANCHOR;
  cached32: number = ANCHOR;
  /** Pages below 4 GiB that are allocated, without reservations. */
  low32Pages = 0;

  /** About the last `alloc`: nodes visited, whether it looked above the hint, why it failed. */
  steps = 0;
  secondPass = false;
  cause: FailCause = FailCause.none;

  /** Sums over all calls. */
  searches = 0;
  totalSteps = 0;
  secondPasses = 0;
  earlyExits = 0;
  failures = 0;
  removed = 0;
  warnings = 0;

  private readonly startPfn: number;
  private readonly pfnLimit: number;
  private readonly parameters: LinuxIovaParameters;
  /** By node: 1 for a range that was reserved, not allocated. */
  private reserved = new Uint8Array(256);

  constructor(parameters: LinuxIovaParameters, shift: number) {
    this.parameters = parameters;
    this.startPfn = parameters.startPfn;
    this.dma32Pfn = 2 ** (32 - shift);
    this.max32 = this.dma32Pfn;
    this.pfnLimit = 2 ** (64 - shift);
  }

  /**
   * Takes the free range of `pages` next below the hint that ends at or below `limitPfn`; returns its
   * first pfn or {@link NO_PFN}. `aligned`: to the next power of two of its size.
   */
  alloc(pages: number, limitPfn: number, aligned: boolean): number {
    const { ranges } = this;
    // The kernel adds 1 to a 64-bit word.
    const end = limitPfn + 1 < WRAP ? limitPfn + 1 : 0;
    const low = end <= this.dma32Pfn;
    this.searches++;
    this.steps = 0;
    this.secondPass = false;
    if (low && pages >= this.max32) {
      this.earlyExits++;
      this.cause = FailCause.max32;
      return NO_PFN;
    }
    const start = low ? this.cached32 : this.parameters.hint64 ? this.cached : ANCHOR;
    const align = aligned ? powerOfTwoFrom(pages) : 1;
    ranges.steps = 0;
    let pfn = ranges.searchDown(start, end, this.startPfn, pages, align);
    const hint = ranges.hi(start);
    if (pfn === NO_PFN && hint < end && this.parameters.retryAboveHint) {
      this.secondPass = true;
      this.secondPasses++;
      const top = low ? ranges.lowestFrom(end) : ANCHOR;
      pfn = ranges.searchDown(top, end, hint + 1, pages, align);
    }
    this.steps = ranges.steps;
    this.totalSteps += this.steps;
    if (pfn === NO_PFN) {
      this.failures++;
      this.cause = FailCause.noGap;
      if (this.parameters.max32Reset !== 'none') this.max32 = pages;
      return NO_PFN;
    }
    this.cause = FailCause.none;
    this.take(pfn, pfn + pages - 1);
    return pfn;
  }

  /** Gives back the range that contains `pfn`; false if there is none. */
  free(pfn: number): boolean {
    const node = this.ranges.find(pfn);
    if (node === BOTTOM) return false;
    this.remove(node);
    return true;
  }

  /** As {@link free}, for a pfn out of a magazine, whose range should exist. */
  freeCached(pfn: number): void {
    if (!this.free(pfn)) this.warnings++;
  }

  /** Reserves [pfnLo, pfnHi], which may overlap others; returns the last node that it covers or BOTTOM. */
  reserve(pfnLo: number, pfnHi: number): number {
    const { ranges } = this;
    if (Math.max(pfnLo, pfnHi) >= this.pfnLimit) {
      this.warnings++;
      return BOTTOM;
    }
    let lo = pfnLo;
    let node = ranges.lowestReaching(lo);
    // A range that overlaps grows downwards; what lies above it goes on to the next.
    while (ranges.lo(node) <= pfnHi) {
      if (lo < ranges.lo(node)) this.growDown(node, lo);
      const hi = ranges.hi(node);
      if (pfnHi <= hi) return node;
      lo = hi + 1;
      node = ranges.next(node);
    }
    return this.insertReserved(ranges.prev(node), lo, pfnHi);
  }

  /** Takes [pfnLo, pfnHi] as allocated, without moving a hint; false if it overlaps a range. */
  occupy(pfnLo: number, pfnHi: number): boolean {
    const { ranges } = this;
    const above = ranges.lowestReaching(pfnLo);
    if (ranges.lo(above) <= pfnHi) return false;
    this.mark(ranges.insertAbove(ranges.prev(above), pfnLo, pfnHi), 0);
    this.low32Pages += this.lowPages(pfnLo, pfnHi);
    return true;
  }

  save(into: LinuxTreeCopy): void {
    this.ranges.save(into.tree);
    const used = into.tree.used;
    if (into.reserved.length < used) into.reserved = new Uint8Array(this.reserved.length);
    into.reserved.set(this.reserved.subarray(0, Math.min(used, into.reserved.length)));
    into.cached = this.cached;
    into.cached32 = this.cached32;
    into.max32 = this.max32;
    into.low32Pages = this.low32Pages;
  }

  restore(from: LinuxTreeCopy): void {
    this.ranges.restore(from.tree);
    if (this.reserved.length < from.reserved.length) {
      this.reserved = new Uint8Array(from.reserved.length);
    }
    this.reserved.set(from.reserved.subarray(0, from.tree.used));
    this.cached = from.cached;
    this.cached32 = from.cached32;
    this.max32 = from.max32;
    this.low32Pages = from.low32Pages;
  }

  private take(pfnLo: number, pfnHi: number): void {
    const node = this.ranges.insertAbove(this.ranges.gapBelow, pfnLo, pfnHi);
    this.mark(node, 0);
    if (pfnHi < this.dma32Pfn) this.cached32 = node;
    else this.cached = node;
    if (pfnLo < this.dma32Pfn) this.low32Pages += this.lowPages(pfnLo, pfnHi);
  }

  private remove(node: number): void {
    const { ranges, dma32Pfn } = this;
    const lo = ranges.lo(node);
    const hi = ranges.hi(node);
    const next = ranges.next(node);
    const hintMoves = node === this.cached32 || (hi < dma32Pfn && lo >= ranges.lo(this.cached32));
    if (hintMoves) this.cached32 = next;
    if (lo < dma32Pfn) {
      const { max32Reset } = this.parameters;
      if (max32Reset === 'anyFree' || (max32Reset === 'hintMoved' && hintMoves)) {
        this.max32 = dma32Pfn;
      }
      if (this.reserved[node] === 0) this.low32Pages -= this.lowPages(lo, hi);
    }
    if (lo >= ranges.lo(this.cached)) this.cached = next;
    ranges.remove(node);
    this.removed++;
  }

  private growDown(node: number, lo: number): void {
    if (this.reserved[node] === 0) {
      this.low32Pages += this.lowPages(lo, this.ranges.lo(node) - 1);
    }
    this.ranges.growDown(node, lo);
  }

  private insertReserved(below: number, lo: number, hi: number): number {
    const node = this.ranges.insertAbove(below, lo, hi);
    this.mark(node, 1);
    return node;
  }

  private mark(node: number, reserved: 0 | 1): void {
    if (node >= this.reserved.length) {
      const larger = new Uint8Array(node * 2);
      larger.set(this.reserved);
      this.reserved = larger;
    }
    this.reserved[node] = reserved;
  }

  private lowPages(lo: number, hi: number): number {
    return Math.max(0, Math.min(hi + 1, this.dma32Pfn) - lo);
  }
}

/** An empty copy for {@link LinuxTree.save}. */
export function linuxTreeCopy(): LinuxTreeCopy {
  return {
    tree: rangeTreeCopy(),
    reserved: new Uint8Array(0),
    cached: ANCHOR,
    cached32: ANCHOR,
    max32: 0,
    low32Pages: 0,
  };
}
