// From a histogram to the figures and the bins that are kept.

import type { DistributionFigures } from '../figures/distribution.ts';
import { type LogHistogram, RELATIVE_ERROR } from '../structures/log-histogram.ts';

/** The figures of `histogram`; null where it is empty. */
export function distributionFigures(
  histogram: LogHistogram,
  unit: DistributionFigures['unit'],
): DistributionFigures {
  const { count, zeros, sum } = histogram;
  const quantile = (permille: number): number | null =>
    count === 0 ? null : histogram.quantile(permille);
  return {
    unit,
    count,
    zeros,
    min: count === 0 ? null : histogram.min,
    mean: count === 0 ? null : sum / count,
    p50: quantile(500),
    p90: quantile(900),
    p99: quantile(990),
    p999: quantile(999),
    max: count === 0 ? null : histogram.max,
    relativeError: RELATIVE_ERROR,
  };
}
