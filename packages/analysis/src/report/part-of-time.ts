// The distributions of a part of a run, from its slices of time.
//
// Slices count as a whole: a part begins and ends with one. Quantiles are middles of buckets that are 3 % wide.
// Runs in the page (see part-charts.ts), so nothing here is Node's.

import type { DistributionResult, DrawnFigures, LabelledResult } from '../charts/chart.ts';
import type { Bins, DistributionSlices, Distributions, SlicedCounts } from '../run-result.ts';
import { addCounts, type SliceCounts, sliceBucketLow } from '../structures/slice-counts.ts';
import type { Summary } from '../summary.ts';

/** What is kept of a run to draw a part of it. */
export interface SlicedRun {
  readonly label: string;
  /** Null where the result is of a version without them. */
  readonly slices: DistributionSlices | null;
  /** Of each slice. */
  readonly rangeInvalidations: readonly number[];
  /** Of the whole recording: these are not known by time. */
  readonly measured: Distributions['measured'];
  readonly measuredLatency: Summary['measuredLatency'];
}

/** A part of a run: slices `first` up to `last`, not included. */
export interface Part {
  readonly first: number;
  readonly last: number;
}

/** What is kept of a result to draw parts of it. */
export function slicedRun({ label, result }: LabelledResult): SlicedRun {
  const { summary, series, distributions } = result;
  const slices = distributions.slices ?? null;
  const perSlice = (slices?.sliceNs ?? series.bucketNs) / series.bucketNs;
  const invalidations = new Array<number>(slices?.count ?? 0).fill(0);
  for (const [bucket, count] of series.rangeInvalidations.entries()) {
    const slice = Math.floor(bucket / perSlice);
    if (slice < invalidations.length) invalidations[slice]! += count;
  }
  return {
    label,
    slices,
    rangeInvalidations: invalidations,
    measured: distributions.measured,
    measuredLatency: summary.measuredLatency,
  };
}

/** The slices that have a moment from `from` up to `to` (ns), where the run reaches so far. */
export function partOf({ sliceNs, count }: DistributionSlices, from: number, to: number): Part {
  const first = Math.min(count, Math.floor(from / sliceNs));
  return { first, last: Math.min(count, Math.max(first + 1, Math.ceil(to / sliceNs))) };
}

/** All of a run. */
export function wholeOf({ count }: DistributionSlices): Part {
  return { first: 0, last: count };
}

/** What charts draw of a part of a run. */
export function distributionsOf(
  run: SlicedRun,
  slices: DistributionSlices,
  part: Part,
): DistributionResult {
  const bins = (counts: SlicedCounts): Bins => binsOf(counts, part);
  const { full, timeout, host, teardown, bound } = slices.flushBatch;
  const distributions = {
    lifetime: bins(slices.lifetime),
    staleWindow: bins(slices.staleWindow),
    modelledMapLatency: bins(slices.modelledMapLatency),
    modelledUnmapLatency: bins(slices.modelledUnmapLatency),
    flushInterval: bins(slices.flushInterval),
    flushBatch: {
      full: bins(full),
      timeout: bins(timeout),
      host: bins(host),
      teardown: bins(teardown),
      bound: bins(bound),
    },
    measured: run.measured,
  };
  const batches = Object.values(distributions.flushBatch);
  const invalidations = run.rangeInvalidations.slice(part.first, part.last);
  return {
    summary: {
      lifetime: figuresOf(distributions.lifetime),
      exposure: { staleWindow: figuresOf(distributions.staleWindow) },
      flushes: {
        total: batches.reduce((sum, causeBins) => sum + countOf(causeBins), 0),
        rangeInvalidations: invalidations.reduce((a, b) => a + b, 0),
        interval: figuresOf(distributions.flushInterval),
      },
      modelledLatency: {
        map: figuresOf(distributions.modelledMapLatency),
        unmap: figuresOf(distributions.modelledUnmapLatency),
      },
      measuredLatency: run.measuredLatency,
    },
    distributions,
  };
}

function binsOf(counts: SlicedCounts, { first, last }: Part): Bins {
  const sum = counts.slice(first, last).reduce<SliceCounts>(addCounts, []);
  return Array.from({ length: sum.length / 2 }, (_, i) => {
    const bucket = sum[2 * i]!;
    const hi = bucket === 0 ? 0 : sliceBucketLow(bucket + 1);
    return [sliceBucketLow(bucket), hi, sum[2 * i + 1]!] as const;
  });
}

/** Nearest ranks, as LogHistogram has them; null where nothing was counted. */
function figuresOf(bins: Bins): DrawnFigures {
  const count = countOf(bins);
  const quantile = (permille: number): number | null => {
    let left = Math.max(1, Math.ceil((permille * count) / 1000));
    const bin = bins.find(([, , n]) => {
      left -= n;
      return left <= 0;
    });
    return bin === undefined ? null : middle(bin);
  };
  return {
    count,
    p50: quantile(500),
    p90: quantile(900),
    p99: quantile(990),
    p999: quantile(999),
    max: quantile(1000),
  };
}

function countOf(bins: Bins): number {
  return bins.reduce((sum, [, , count]) => sum + count, 0);
}

/** The integer of a bin that holds one, else its middle. */
function middle([lo, hi]: Bins[number]): number {
  return hi - lo <= 1 ? Math.ceil(lo) : (lo + hi) / 2;
}
