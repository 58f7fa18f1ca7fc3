// Sums and quantiles of lists that fit into memory; distributions of any length are in LogHistogram.

/** The sum of all values. */
export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The nearest-rank quantile of values in ascending order, of which there is at least one. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** The nearest-rank median of values in any order; 0 where there is none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return quantile(Float64Array.from(values).sort(), 0.5);
}
