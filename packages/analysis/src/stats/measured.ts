// Measured durations of kernel functions as figures, to stand beside the modelled ones.

import type { MeasuredCalls, ReadReport } from '@dmalab/trace';
import { LogHistogram } from '../structures/log-histogram.ts';
import type { MeasuredFigures } from '../summary.ts';
import { distributionFigures } from './distribution.ts';

/** Figures of each function whose calls were timed while recording. */
export function measuredLatencies({ calls }: Pick<ReadReport, 'calls'>): MeasuredFigures[] {
  return calls.map(figuresOf);
}

function figuresOf(calls: MeasuredCalls): MeasuredFigures {
  const histogram = new LogHistogram();
  for (const ns of calls.ns) histogram.add(ns);
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
