// The values that a parameter can have, by index in ascending order.

/** Ascending values by index; `length` may be large: nothing is listed. */
export interface Grid {
  readonly length: number;
  at(index: number): number;
  /** First index whose value is at least `value`; `length` where there is none. */
  indexFrom(value: number): number;
}

/** The powers of two from `low` to `high`, which are two of them. */
export function powersOfTwo(low: number, high: number): Grid {
  const first = Math.log2(low);
  const length = Math.log2(high) - first + 1;
  return {
    length,
    at: (index) => 2 ** (first + index),
    indexFrom: (value) =>
      value <= low ? 0 : Math.min(length, Math.ceil(Math.log2(value)) - first),
  };
}

/** Every `step` from `low` to `high`. */
export function steps(low: number, high: number, step: number): Grid {
  const length = Math.floor((high - low) / step) + 1;
  return {
    length,
    at: (index) => low + index * step,
    indexFrom: (value) => Math.min(length, Math.max(0, Math.ceil((value - low) / step))),
  };
}

/** The same values in descending order; `indexFrom` is the first index whose value is at most `value`. */
export function descending(grid: Grid): Grid {
  const last = grid.length - 1;
  return {
    length: grid.length,
    at: (index) => grid.at(last - index),
    indexFrom(value) {
      const from = grid.indexFrom(value);
      const isHit = from <= last && grid.at(from) === value;
      return isHit ? last - from : last - from + 1;
    },
  };
}

/** An index strictly between two others, by the geometric mean of their values. */
export function between(grid: Grid, lo: number, hi: number): number {
  const mean = Math.sqrt(grid.at(lo) * grid.at(hi));
  return Math.min(hi - 1, Math.max(lo + 1, grid.indexFrom(mean)));
}
