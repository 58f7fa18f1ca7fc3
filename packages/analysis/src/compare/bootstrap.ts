// Confidence in a mean difference over several traces: the percentile bootstrap (Efron, 1979), seeded.

import { seededRandom } from '@dmalab/replay';

/** Resamples. */
const RESAMPLES = 2000;
/** Share of resampled means inside the interval. */
const CONFIDENCE = 0.95;
const SEED = 1;

/** A mean and the interval that holds it with 95 % confidence. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** The interval of the mean of `values`; the same values give the same interval. */
export function bootstrapMean(values: readonly number[]): Interval {
  const random = seededRandom(SEED);
  const n = values.length;
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)]!;
    return sum / n;
  }).sort();
  const tail = (1 - CONFIDENCE) / 2;
  return {
    mean: values.reduce((a, b) => a + b, 0) / n,
    low: means[Math.floor(tail * RESAMPLES)]!,
    high: means[Math.ceil((1 - tail) * RESAMPLES) - 1]!,
  };
}
