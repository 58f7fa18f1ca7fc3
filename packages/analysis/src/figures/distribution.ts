// A distribution by its quantiles. Part of summary.json: see ../summary.ts.

/** A distribution: exact count, min, mean and max, and nearest-rank quantiles. Null where count is 0. */
export interface DistributionFigures {
  /** Unit of the values. */
  readonly unit: 'ns' | 'entries' | 'nodes' | 'slots';
  /** Values. */
  readonly count: number;
  /** Values that are exactly 0. */
  readonly zeros: number;
  /** Smallest value. */
  readonly min: number | null;
  /** Sum of the values / count. */
  readonly mean: number | null;
  /** Median. */
  readonly p50: number | null;
  /** 90 % of the values are not above it. */
  readonly p90: number | null;
  /** 99 % of the values are not above it. */
  readonly p99: number | null;
  /** 99.9 % of the values are not above it. */
  readonly p999: number | null;
  /** Largest value. */
  readonly max: number | null;
  /** Bound of |reported - true| / true for p50 to p999; integers below 1024 are exact. */
  readonly relativeError: number;
}
