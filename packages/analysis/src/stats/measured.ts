// Measured durations of kernel functions as figures, to stand beside the modelled ones.

import { type MeasuredCalls, type ReadReport, UNKNOWN_CPU } from '@dmalab/trace';
import type { MeasuredFigures, MeasuredPart } from '../figures/latency.ts';
import type { Distributions } from '../run-result.ts';
import { LogHistogram } from '../structures/log-histogram.ts';
import { distributionFigures } from './distribution.ts';

const MOST_TASKS = 32;
/** Of calls that are in no part. */
const NONE = -1;

const known = new WeakMap<ReadReport['calls'], readonly MeasuredFigures[]>();

/** Figures of each function whose calls were timed while recording; made once for all replays of a capture. */
export function measuredLatencies({
  calls,
}: Pick<ReadReport, 'calls'>): readonly MeasuredFigures[] {
  const figures = known.get(calls) ?? calls.map(figuresOf);
  known.set(calls, figures);
  return figures;
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
    cpus: partsOf(calls, (i) => (calls.cpu[i] === UNKNOWN_CPU ? NONE : calls.cpu[i]!)),
    tasks: partsOf(calls, (i) => (calls.tid[i]! < 0 ? NONE : calls.tid[i]!))
      .sort((a, b) => b.duration.count - a.duration.count)
      .slice(0, MOST_TASKS),
    sizes: partsOf(calls, (i) => (calls.size[i]! > 0 ? powerUpTo(calls.size[i]!) : NONE)),
  };
}

/** The sample in parts, by what `key` says of a call. */
function partsOf({ ns }: MeasuredCalls, key: (i: number) => number): MeasuredPart[] {
  const keys = Float64Array.from(ns, (_, i) => key(i));
  const order = Uint32Array.from(ns, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
  const parts: MeasuredPart[] = [];
  for (let from = 0, to = 0; from < order.length; from = to) {
    const of = keys[order[from]!]!;
    const histogram = new LogHistogram();
    for (; to < order.length && keys[order[to]!] === of; to++) histogram.add(ns[order[to]!]!);
    if (of !== NONE) parts.push({ of, duration: distributionFigures(histogram, 'ns') });
  }
  return parts;
}

function powerUpTo(size: number): number {
  return 2 ** Math.floor(Math.log2(size));
}
