// Slow and obvious searches of a sorted list of ranges: the highest place, and the smallest gap.

const TOP = Number.POSITIVE_INFINITY;

/** Bounds of a range, both included. */
export interface SlowRange {
  lo: number;
  hi: number;
}

/** Ranges in ascending order behind the anchor; what is taken must be free. */
export class SlowRanges {
  readonly ranges: SlowRange[] = [{ lo: TOP, hi: TOP }];
  /** Ranges visited by the last search. */
  steps = 0;
  readonly startPfn: number;
  readonly #search: (slow: SlowRanges, pages: number, limit: number) => number;

  constructor(
    startPfn: number,
    search: (slow: SlowRanges, pages: number, limit: number) => number,
  ) {
    this.startPfn = startPfn;
    this.#search = search;
  }

  alloc(pages: number, limit: number): number {
    this.steps = 0;
    const pfn = this.#search(this, pages, limit);
    if (pfn !== -1) this.insert(pfn, pfn + pages - 1);
    return pfn;
  }

  free(pfn: number): void {
    const i = this.ranges.findIndex(({ lo, hi }) => lo <= pfn && pfn <= hi);
    if (i !== -1) this.ranges.splice(i, 1);
  }

  reserve(pfnLo: number, pfnHi: number): void {
    let lo = pfnLo;
    for (const range of this.ranges) {
      if (range.lo > pfnHi || range.hi < lo) continue;
      range.lo = Math.min(range.lo, lo);
      if (pfnHi <= range.hi) return;
      lo = range.hi + 1;
    }
    this.insert(lo, pfnHi);
  }

  insert(lo: number, hi: number): void {
    const i = this.ranges.findIndex((other) => other.lo > lo);
    if (hi >= this.ranges[i]!.lo || (i > 0 && this.ranges[i - 1]!.hi >= lo)) {
      throw new Error(`${lo} to ${hi} is not free`);
    }
    this.ranges.splice(i, 0, { lo, hi });
  }
}

/** From the limit downwards, the first place. */
export function highestPlace(slow: SlowRanges, pages: number, limit: number): number {
  const { ranges, startPfn } = slow;
  const align = roundUp(pages);
  for (let i = ranges.findIndex(({ lo }) => lo > limit); i >= 0; i--) {
    slow.steps++;
    const high = Math.min(limit + 1, ranges[i]!.lo);
    const pfn = Math.floor((high - pages) / align) * align;
    if (pfn < startPfn) return -1;
    if (i === 0 || pfn > ranges[i - 1]!.hi) return pfn;
  }
  return -1;
}

/** Over all gaps, the smallest; an exact one ends the walk. */
export function smallestGap(slow: SlowRanges, pages: number, limit: number): number {
  const { ranges, startPfn } = slow;
  const align = roundUp(pages);
  let best = TOP;
  let found = -1;
  for (let i = ranges.length - 1; i >= 0; i--) {
    slow.steps++;
    const { lo } = ranges[i]!;
    const below = ranges[i - 1]?.hi ?? startPfn - 1;
    const pfn = Math.floor((Math.min(limit + 1, lo) - pages) / align) * align;
    const gap = lo - below - 1;
    if (pfn <= below || pfn < startPfn) continue;
    // An infinite gap is as good as none: the first one found wins.
    if (gap < best || (found === -1 && gap === TOP)) {
      best = gap;
      found = pfn;
    }
    if (gap === pages && i > 0) return pfn;
  }
  return found;
}

/** The least power of two that is not less. */
export function roundUp(pages: number): number {
  let power = 1;
  while (power < pages) power *= 2;
  return power;
}
