// What an ordered set of disjoint ranges of page frames can do, whatever it is made of, and its searches.
//
// There are two kinds with the same answers: range-tree.ts (rows, with gap-search.ts), and page-ranges.ts
// (bits of pages, with page-search.ts). A range is named by a number, for as long as it is in the set; above
// all ranges is an anchor, both of whose bounds are 2^64 - 1, which a double rounds to 2^64.

/** Where there is no range. */
export const NO_RANGE = -1;
/** Both bounds of the anchor. */
export const TOP: number = 2 ** 64;

/** An ordered set of disjoint ranges. */
export interface Ranges {
  /** Ranges in the set, without the anchor. */
  readonly size: number;
  /** The name of the anchor. */
  readonly anchor: number;
  lo(at: number): number;
  hi(at: number): number;
  /** Last pfn of the range below, minus infinity under the lowest. */
  floor(at: number): number;
  isReserved(at: number): boolean;
  /** The next range above; meaningless for the anchor. */
  above(at: number): number;
  /** The next range below, or {@link NO_RANGE}. */
  below(at: number): number;
  /** The lowest range, or the anchor. */
  lowest(): number;
  /** Last pfn of the highest range, minus infinity if there is none. */
  highest(): number;
  /** The highest range that starts at or below `pfn`, or {@link NO_RANGE}. */
  atOrBelow(pfn: number): number;
  /** The range that contains `pfn`, or {@link NO_RANGE}. */
  find(pfn: number): number;
  /** The lowest range with lo >= `pfn`, or the anchor. */
  lowestFrom(pfn: number): number;
  /** The lowest range with hi >= `pfn`, or the anchor. */
  lowestReaching(pfn: number): number;
  /** Ranges above a range, the anchor too. */
  rank(at: number): number;
  /** Lowers the start of a range, which must stay above the range below; returns its name, which may be a new one. */
  growDown(at: number, lo: number): number;
  /** Adds [lo, hi] directly below the range at `above`; returns its name. */
  insertBelow(above: number, lo: number, hi: number, reserved?: boolean): number;
  /** Takes a range out; `hi` is its last pfn, where the caller knows it. */
  remove(at: number, hi?: number): void;
}

/** Searches of one set. */
export interface Gaps {
  /** Ranges that a walk would have visited in the last search, the first one included. */
  readonly steps: number;
  /** The place that the last successful search found. Not a result: as that a double would be an object. */
  readonly pfn: Float64Array;
  /**
   * Goes down from the range at `start`, gap by gap, to the first that takes `pages` below `end` and at
   * or above `low`, at a multiple of `align`: a power of two below `2 * pages`. Returns the range above the
   * gap, for `insertBelow`, with the highest place in `pfn[0]`, or {@link NO_RANGE}. As in the kernel
   * the walk ends at the first range below which the highest aligned place is under `low`.
   */
  down(start: number, end: number, low: number, pages: number, align: number): number;
  /** {@link down} from the lowest range that starts at or above `end`. */
  downFrom(end: number, low: number, pages: number, align: number): number;
  /** As `insertBelow`, for a place that was searched for: the next search knows that it is taken. */
  fill(above: number, lo: number, hi: number): number;
  /** The first range at or below `from` whose gap takes `pages` at a multiple of `align`; there is always one. */
  next(from: number, pages: number, align: number): number;
}
