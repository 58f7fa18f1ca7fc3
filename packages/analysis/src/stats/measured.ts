// Measured durations of kernel functions as figures, to stand beside the modelled ones.

import type { MeasuredCalls, ReadReport } from '@dmalab/trace';
import type { MeasuredFigures } from '../figures/latency.ts';
import type { Distributions } from '../run-result.ts';
import { LogHistogram } from '../structures/log-histogram.ts';
import { distributionFigures } from './distribution.ts';

/** Figures of each function whose calls were timed while recording. */
export function measuredLatencies({ calls }: Pick<ReadReport, 'calls'>): MeasuredFigures[] {
  return calls.map(figuresOf);
}

/** The sampled durations of each function in buckets, `perOctave` to each power of two. */
export function measuredBins(
  { calls }: Pick<ReadReport, 'calls'>,
  perOctave: number,
): Distributions['measured'] {
  return calls.map((call) => ({
    function: call.function,
    bins: histogramOf(call)
      .bins(perOctave)
      .map(({ lo, hi, count }) => [lo, hi, count] as const),
  }));
}

function histogramOf({ ns }: MeasuredCalls): LogHistogram {
  const histogram = new LogHistogram();
  for (const duration of ns) histogram.add(duration);
  return histogram;
}

function figuresOf(calls: MeasuredCalls): MeasuredFigures {
  const histogram = histogramOf(calls);
  return {
    measured: true,
    function: calls.function,
    source: calls.source,
    duration: {
      ...distributionFigures(histogram, 'ns'),
      count: calls.count,
      min: calls.count === 0 ? null : calls.min,
      mean: calls.count === 0 ? null : calls.sum / calls.count,
      max: calls.count === 0 ? null : calls.max,
    },
  };
}
