// The tree of allocated and reserved ranges of an IOVA domain, and its search for a free one.
//
// Models the rbtree part of drivers/iommu/iova.c in Linux 6.12 (and 6.1, which is the same); see
// docs/models/iova-linux.md. Results need only the order of ranges: they are the rows of a RangeTree, or bits
// of pages where that is faster, and a search finds the gap by an index; its steps are those of the
// kernel's walk from node to node.
// Left out: locks, failed allocations of nodes.
//
// Ranges are disjoint. The two hints are always ranges of the tree, or the anchor.

import { powerOfTwoFrom } from '../pfn.ts';
import { FailCause } from '../policy.ts';
import { GapSearch } from '../structures/gap-search.ts';
import { PageRanges, type PageRangesCopy, pageRangesCopy } from '../structures/page-ranges.ts';
import { PageSearch } from '../structures/page-search.ts';
import { RangeTree, type RangeTreeCopy, rangeTreeCopy } from '../structures/range-tree.ts';
import { type Gaps, NO_RANGE, type Ranges, TOP } from '../structures/ranges.ts';
import type { LinuxTreeParameters } from './linux-parameters.ts';

/** Highest value of an unsigned 64-bit word, as a double rounds it, plus what overflows. */
const WRAP = 2 ** 64;
/** Pages up to which a block is small; steps of a long walk; searches after which both are looked at. */
const SMALL_PAGES = 32;
const LONG_WALK = 64;
const LOOK = 256;

/** A copy of a {@link LinuxTree}: filled by `save`, read by `restore`, reusable. */
export interface LinuxTreeCopy {
  /** Which of the next two was saved. */
  isPages: boolean;
  readonly tree: RangeTreeCopy;
  readonly pages: PageRangesCopy;
  cached: number;
  cached32: number;
  max32: number;
  low32Pages: number;
}

export class LinuxTree {
  /** The tree of {@link rows}, or the pages. */
  declare ranges: Ranges;
  declare gaps: Gaps;
  /** First pfn of the range that the last successful `alloc` took. */
  readonly pfn: Float64Array = new Float64Array(1);
  /** First pfn at or above 4 GiB. */
  declare readonly dma32Pfn: number;
  /** Smallest size known not to fit below 4 GiB (`max32_alloc_size`). */
  declare max32: number;
  /** The ranges where the next search starts (`cached_node`, `cached32_node`). */
  declare cached: number;
  declare cached32: number;
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

  /** Lowest pfn at which a range may begin, as far as none lies below it. */
  declare private readonly lowestPfn: number;
  /** Kernel 4.9: only the highest limit below 4 GiB has a hint. */
  declare private readonly exactHint: boolean;
  declare private readonly pfnLimit: number;
  declare private readonly parameters: LinuxTreeParameters;
  private rows: RangeTree = new RangeTree();
  declare private pages: PageRanges | null;
  /** Searches since the last look at which structure suits them; those for small blocks, and their steps. */
  private recent = 0;
  private blocks = 0;
  private blockSteps = 0;

  constructor(parameters: LinuxTreeParameters, shift: number) {
    this.parameters = parameters;
    this.ranges = this.rows;
    this.gaps = new GapSearch(this.rows, this.pfn);
    this.pages = null;
    this.cached = this.rows.anchor;
    this.cached32 = this.rows.anchor;
    this.lowestPfn = parameters.startPfn + (parameters.lowestPlace === 'above' ? 1 : 0);
    this.exactHint = parameters.hint32 === 'exact';
    this.dma32Pfn = 2 ** (32 - shift);
    this.max32 = this.dma32Pfn;
    this.pfnLimit = 2 ** (64 - shift);
  }

  /**
   * Takes the free range of `pages` next below the hint that ends at or below `limitPfn`; false if there
   * is none, else its first pfn is in `pfn[0]`. `aligned`: to the next power of two of its size.
   */
  alloc(pages: number, limitPfn: number, aligned: boolean): boolean {
    const { ranges, gaps, parameters } = this;
    // The kernel adds 1 to a 64-bit word.
    const end = limitPfn + 1 < WRAP ? limitPfn + 1 : 0;
    const low = end <= this.dma32Pfn;
    this.searches++;
    this.steps = 0;
    this.secondPass = false;
    if (low && pages >= this.max32) {
      this.earlyExits++;
      this.cause = FailCause.max32;
      return false;
    }
    const start = this.startOf(end, low);
    const align = aligned ? Math.min(powerOfTwoFrom(pages), parameters.alignCapPages) : 1;
    let above = gaps.down(start, end, this.lowestPlace(), pages, align);
    this.steps = gaps.steps;
    if (above === NO_RANGE && parameters.retryAboveHint) {
      const hi = ranges.hi(start);
      if (hi < end) above = this.searchAboveHint(end, hi + 1, pages, align);
    }
    this.totalSteps += this.steps;
    this.recent++;
    if (pages === align && pages <= SMALL_PAGES) {
      this.blocks++;
      this.blockSteps += this.steps;
    }
    if (above === NO_RANGE) {
      this.failures++;
      this.cause = FailCause.noGap;
      if (parameters.max32Reset !== 'none') this.max32 = pages;
      return false;
    }
    this.cause = FailCause.none;
    const { cached32 } = this;
    this.take(above, this.pfn[0]!, pages);
    if (this.exactHint && end !== this.dma32Pfn) this.cached32 = cached32;
    if (this.recent >= LOOK) this.chooseStructure();
    return true;
  }

  /** Gives back the range that contains `pfn`; false if there is none. */
  free(pfn: number): boolean {
    const at = this.ranges.find(pfn);
    if (at === NO_RANGE) return false;
    this.remove(at);
    return true;
  }

  /** As {@link free}, for a pfn out of a magazine, whose range should exist. */
  freeCached(pfn: number): void {
    if (!this.free(pfn)) this.warnings++;
  }

  /** Reserves [pfnLo, pfnHi], which may overlap others; returns the last range that it covers or NO_RANGE. */
  reserve(pfnLo: number, pfnHi: number): number {
    const { ranges } = this;
    if (Math.max(pfnLo, pfnHi) >= this.pfnLimit) {
      this.warnings++;
      return NO_RANGE;
    }
    let lo = pfnLo;
    let at = ranges.lowestReaching(lo);
    // A range that overlaps grows downwards; what lies above it goes on to the next.
    while (ranges.lo(at) <= pfnHi) {
      if (lo < ranges.lo(at)) at = this.growDown(at, lo);
      const hi = ranges.hi(at);
      if (pfnHi <= hi) return at;
      lo = hi + 1;
      at = ranges.above(at);
    }
    return ranges.insertBelow(at, lo, pfnHi, true);
  }

  /** Takes [pfnLo, pfnHi] as allocated, without moving a hint; false if it overlaps a range. */
  occupy(pfnLo: number, pfnHi: number): boolean {
    const { ranges } = this;
    const above = ranges.lowestReaching(pfnLo);
    if (ranges.lo(above) <= pfnHi) return false;
    ranges.insertBelow(above, pfnLo, pfnHi);
    this.low32Pages += this.lowPages(pfnLo, pfnHi);
    return true;
  }

  /** Visits each gap from the lowest pfn up that a search may return; the last one has no end. */
  freeRanges(visit: (pfnLo: number, pfnHi: number) => void): void {
    const { ranges } = this;
    let lo = this.lowestPlace();
    for (let at = ranges.lowest(); at !== ranges.anchor; at = ranges.above(at)) {
      if (ranges.lo(at) > lo) visit(lo, ranges.lo(at) - 1);
      lo = Math.max(lo, ranges.hi(at) + 1);
    }
    visit(lo, TOP);
  }

  save(into: LinuxTreeCopy): void {
    into.isPages = this.pages !== null;
    if (this.pages === null) this.rows.save(into.tree);
    else this.pages.save(into.pages);
    into.cached = this.cached;
    into.cached32 = this.cached32;
    into.max32 = this.max32;
    into.low32Pages = this.low32Pages;
  }

  restore(from: LinuxTreeCopy): void {
    if (from.isPages) this.usePages().restore(from.pages);
    else this.useRows().restore(from.tree);
    this.cached = from.cached;
    this.cached32 = from.cached32;
    this.max32 = from.max32;
    this.low32Pages = from.low32Pages;
  }

  // Kernel 4.9 looks at its lowest pfn below the lowest range alone: above one that is reserved further down any place will do.
  private lowestPlace(): number {
    const { ranges, lowestPfn } = this;
    return this.parameters.lowestPlace === 'above'
      ? Math.min(lowestPfn, ranges.lo(ranges.lowest()))
      : lowestPfn;
  }

  private startOf(end: number, low: boolean): number {
    if (this.exactHint ? end === this.dma32Pfn : low) return this.cached32;
    return !low && this.parameters.hint64 ? this.cached : this.ranges.anchor;
  }

  private searchAboveHint(end: number, low: number, pages: number, align: number): number {
    const { ranges, gaps } = this;
    this.secondPass = true;
    this.secondPasses++;
    const above =
      end <= this.dma32Pfn
        ? gaps.downFrom(end, low, pages, align)
        : gaps.down(ranges.anchor, end, low, pages, align);
    this.steps += gaps.steps;
    return above;
  }

  /** Takes `pages` from `pfnLo` on, in the gap below the range at `above`; the hint moves there. */
  take(above: number, pfnLo: number, pages: number): void {
    const pfnHi = pfnLo + pages - 1;
    const at = this.gaps.fill(above, pfnLo, pfnHi);
    if (pfnHi < this.dma32Pfn) {
      this.cached32 = at;
      this.low32Pages += pages;
    } else {
      this.cached = at;
      this.low32Pages += this.lowPages(pfnLo, pfnHi);
    }
  }

  private remove(at: number): void {
    const { ranges, dma32Pfn } = this;
    const lo = ranges.lo(at);
    const hi = ranges.hi(at);
    const hintMoves =
      at === this.cached32 || ((hi < dma32Pfn || this.exactHint) && lo >= ranges.lo(this.cached32));
    if (lo < dma32Pfn) {
      const { max32Reset } = this.parameters;
      if (max32Reset === 'anyFree' || (max32Reset === 'hintMoved' && hintMoves)) {
        this.max32 = dma32Pfn;
      }
      if (!ranges.isReserved(at)) this.low32Pages -= this.lowPages(lo, hi);
    }
    if (hintMoves || lo >= ranges.lo(this.cached)) this.moveHints(hintMoves, at);
    ranges.remove(at, hi);
    this.removed++;
  }

  /** Past the range at `at`, which is about to go. */
  private moveHints(moves32: boolean, at: number): void {
    const { ranges } = this;
    const above = ranges.above(at);
    if (moves32) {
      const kept = !this.exactHint || ranges.lo(above) < this.dma32Pfn - 1;
      this.cached32 = kept ? above : ranges.anchor;
    }
    if (ranges.lo(at) >= ranges.lo(this.cached)) this.cached = above;
  }

  /** Returns the name that the range has then. */
  private growDown(at: number, lo: number): number {
    const { ranges } = this;
    const old = ranges.lo(at);
    if (!ranges.isReserved(at)) this.low32Pages += this.lowPages(lo, old - 1);
    const grown = ranges.growDown(at, lo);
    if (this.cached === at) this.cached = grown;
    if (this.cached32 === at) this.cached32 = grown;
    return grown;
  }

  /** Bits of pages where most searches are for small blocks and go far, else rows. */
  private chooseStructure(): void {
    const { ranges, recent, blocks, blockSteps } = this;
    // Often enough to matter, seldom enough not to cost more than the searches in between.
    if (2 * recent < ranges.size) return;
    const isPages = this.pages !== null;
    const suits = isPages
      ? 2 * blocks > recent
      : 4 * blocks > 3 * recent && blockSteps > LONG_WALK * blocks;
    this.recent = 0;
    this.blocks = 0;
    this.blockSteps = 0;
    if (suits !== isPages) this.moveRanges(suits);
  }

  /** All ranges and the hints go to the other structure, under new names. */
  private moveRanges(toPages: boolean): void {
    const { ranges } = this;
    const [lo, lo32] = [ranges.lo(this.cached), ranges.lo(this.cached32)];
    const target = toPages ? this.usePages() : this.useRows();
    let above = target.anchor;
    for (let at = ranges.below(ranges.anchor); at !== NO_RANGE; at = ranges.below(at)) {
      above = target.insertBelow(above, ranges.lo(at), ranges.hi(at), ranges.isReserved(at));
    }
    this.cached = lo === TOP ? target.anchor : target.find(lo);
    this.cached32 = lo32 === TOP ? target.anchor : target.find(lo32);
  }

  private useRows(): RangeTree {
    if (this.pages === null) return this.rows;
    this.pages = null;
    this.ranges = this.rows;
    this.gaps = new GapSearch(this.rows, this.pfn);
    return this.rows;
  }

  /** The rows are empty from then on. */
  private usePages(): PageRanges {
    if (this.pages !== null) return this.pages;
    const pages = new PageRanges();
    this.pages = pages;
    this.rows = new RangeTree();
    this.ranges = pages;
    this.gaps = new PageSearch(pages, this.pfn);
    return pages;
  }

  private lowPages(lo: number, hi: number): number {
    return Math.max(0, Math.min(hi + 1, this.dma32Pfn) - lo);
  }
}

/** An empty copy for {@link LinuxTree.save}. */
export function linuxTreeCopy(): LinuxTreeCopy {
  return {
    isPages: false,
    tree: rangeTreeCopy(),
    pages: pageRangesCopy(),
    cached: 0,
    cached32: 0,
    max32: 0,
    low32Pages: 0,
  };
}
