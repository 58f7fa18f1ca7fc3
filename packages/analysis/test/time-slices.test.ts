// Distributions by slices of time, and charts of a part of them, against plain counts over all rows.

import { chartNamed, type RunResult, summarise, writeResult } from '@dmalab/analysis';
import { FlushCause, OutcomeKind } from '@dmalab/replay';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  PART_CHARTS,
  partChart,
  partsOf,
  partWords,
  reasonOfWhole,
} from '../src/report/part-charts.ts';
import { distributionsOf, partOf, slicedRun, wholeOf } from '../src/report/part-of-time.ts';
import type { DistributionSlices, SlicedCounts } from '../src/run-result.ts';
import { sliceBucketLow } from '../src/structures/slice-counts.ts';
import { SlicedHistogram } from '../src/structures/sliced-histogram.ts';
import { type OutcomeRow, outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const POLICIES = ['strict', 'percpu', 'single'] as const;
const { map, unmap, release, flush, domainCreate } = OutcomeKind;

function resultOf(rows: readonly OutcomeRow[], rowsPerBatch?: number): RunResult {
  return summarise(runContext(), outcomeBatches(rows, rowsPerBatch));
}

function slicesOf({ distributions }: RunResult): DistributionSlices {
  return distributions.slices!;
}

/** Latencies too, which depend on the row only. */
function trafficOf(policy: (typeof POLICIES)[number]): OutcomeRow[] {
  return syntheticReplay({ flush: policy, maps: 2000, seed: 5 }).map((row, i) =>
    row.kind === map || row.kind === unmap ? { ...row, latencyNs: (i * i) % 3001 } : row,
  );
}

/** The lower end of the bucket of a value: five bits below the highest one are kept. */
function bucketLow(value: number): number {
  if (value === 0) return 0;
  const unit = 2 ** Math.floor(Math.log2(value)) / 32;
  return Math.floor(value / unit) * unit;
}

function counted(values: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values.map(bucketLow).toSorted((a, b) => a - b)) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

function unpacked(counts: SlicedCounts, slice: number): Map<number, number> {
  const packed = counts[slice]!;
  return new Map(
    Array.from({ length: packed.length / 2 }, (_, i) => [
      sliceBucketLow(packed[2 * i]!),
      packed[2 * i + 1]!,
    ]),
  );
}

test('the width of slices doubles until at most 64 reach to the end', () => {
  const histogram = new SlicedHistogram();
  histogram.add(7, 63_999);
  expect(histogram.slices(63_999)).toMatchObject({ width: 1000, counts: { length: 64 } });
  const { width, counts } = histogram.slices(64_000);
  expect(width).toBe(2000);
  expect(counts.length).toBe(33);
  expect(counts.flatMap((packed, i) => (packed.length > 0 ? [i] : []))).toEqual([31]);
});

test('each slice holds the values of its time, however they come', () => {
  const value = fc.oneof(fc.constant(0), fc.nat(2000), fc.nat(2_000_000_000));
  const wait = fc.oneof(fc.nat(900), fc.nat(1_000_000), fc.nat(10_000_000_000));
  fc.assert(
    fc.property(fc.array(fc.tuple(wait, value), { maxLength: 60 }), wait, (steps, rest) => {
      const histogram = new SlicedHistogram();
      let time = 0;
      const values = steps.map(([after, v]) => {
        time += after;
        histogram.add(v, time);
        return { at: time, v };
      });
      const { width, counts } = histogram.slices(time + rest);
      expect(counts.length).toBe(Math.floor((time + rest) / width) + 1);
      expect(counts.length).toBeLessThanOrEqual(64);
      for (const slice of counts.keys()) {
        const own = values.filter(({ at }) => Math.floor(at / width) === slice).map(({ v }) => v);
        expect(unpacked(counts, slice)).toEqual(counted(own));
      }
    }),
    { numRuns: 60, seed: 11 },
  );
});

test.each(POLICIES)('slices of %s are the counts of the rows of their time', (policy) => {
  const rows = trafficOf(policy);
  const slices = slicesOf(resultOf(rows));
  const { sliceNs, count } = slices;
  const flushes = rows.filter(({ kind }) => kind === flush);
  for (let slice = 0; slice < count; slice++) {
    const isIn = ({ time = 0 }: OutcomeRow): boolean => Math.floor(time / sliceNs) === slice;
    const values = (kind: number, field: keyof OutcomeRow): number[] =>
      rows.filter((row) => row.kind === kind && isIn(row)).map((row) => row[field] ?? 0);
    expect(unpacked(slices.lifetime, slice)).toEqual(counted(values(unmap, 'value')));
    expect(unpacked(slices.modelledMapLatency, slice)).toEqual(counted(values(map, 'latencyNs')));
    expect(unpacked(slices.modelledUnmapLatency, slice)).toEqual(
      counted(values(unmap, 'latencyNs')),
    );
    // In one domain with one queue nothing is covered before it is released.
    expect(unpacked(slices.staleWindow, slice)).toEqual(counted(values(release, 'value')));
    const causes = ['full', 'timeout'] as const;
    for (const cause of causes) {
      const own = flushes.filter((row) => isIn(row) && row.cause === FlushCause[cause]);
      expect(unpacked(slices.flushBatch[cause], slice)).toEqual(
        counted(own.map(({ value = 0 }) => value)),
      );
    }
    const intervals = flushes.flatMap((row, i) =>
      i > 0 && isIn(row) ? [row.time! - flushes[i - 1]!.time!] : [],
    );
    expect(unpacked(slices.flushInterval, slice)).toEqual(counted(intervals));
  }
});

test.each(POLICIES)('all slices of %s together are the distributions of the run', (policy) => {
  const result = resultOf(trafficOf(policy));
  const { schema: _, slices: __, treeSteps: ___, ...rest } = result.distributions;
  const { reuseDelay: ____, modelledMapCost: _____, ...kept } = rest;
  const run = slicedRun({ label: policy, result });
  const slices = slicesOf(result);
  const { distributions, summary } = distributionsOf(run, slices, wholeOf(slices));
  expect(distributions).toEqual(kept);
  expect(summary.flushes.total).toBe(result.summary.flushes.total);
  expect(summary.flushes.rangeInvalidations).toBe(result.summary.flushes.rangeInvalidations);
  const { p50, p99, max } = result.summary.lifetime;
  expect(summary.lifetime.p50! / p50!).toBeCloseTo(1, 1.5);
  expect(summary.lifetime.p99! / p99!).toBeCloseTo(1, 1.5);
  expect(summary.lifetime.max! / max!).toBeCloseTo(1, 1.5);
});

test('slices do not depend on how rows come in batches', () => {
  const rows = trafficOf('percpu');
  expect(writeResult(resultOf(rows, 7))).toEqual(writeResult(resultOf(rows, 5000)));
});

test('a part reaches over whole slices, and none after the end of its run', () => {
  const slices = slicesOf(resultOf([{ kind: domainCreate }, { kind: unmap, time: 9500 }]));
  expect(slices).toMatchObject({ sliceNs: 1000, count: 10 });
  expect(partOf(slices, 0, 9500)).toEqual(wholeOf(slices));
  expect(partOf(slices, 1500, 3000)).toEqual({ first: 1, last: 3 });
  expect(partOf(slices, 2000, 2000.5)).toEqual({ first: 2, last: 3 });
  expect(partOf(slices, 12_000, 20_000)).toEqual({ first: 10, last: 10 });
});

test('a chart says which slices it shows: of all runs up to the same moments', () => {
  const runs = POLICIES.map((policy) =>
    slicedRun({ label: policy, result: resultOf(trafficOf(policy)) }),
  );
  expect(runs.map(({ slices }) => slices?.sliceNs)).toEqual([2.048e6, 2.048e6, 16.384e6]);
  expect(partWords(runs.slice(0, 2), 0, 40e6)).toBe(
    'strict: 20 of 48 slices, 0 to 41.0 ms; percpu: 20 of 46 slices, 0 to 41.0 ms',
  );
  expect(partWords(runs.slice(1), 0, 40e6)).toBe(
    'percpu: 24 of 46 slices, 0 to 49.2 ms; single: 3 of 62 slices, 0 to 49.2 ms',
  );
  expect(partsOf(runs.slice(1), 70e6, 75e6)).toEqual([
    { first: 32, last: 40 },
    { first: 4, last: 5 },
  ]);
});

test('a result without slices is drawn whole, and the page says why', () => {
  const result = resultOf(trafficOf('percpu'));
  const { slices: _, ...distributions } = result.distributions;
  const run = slicedRun({ label: 'old', result: { ...result, distributions } });
  expect(reasonOfWhole([run])).toBe(
    'Of the whole run: the result of old is of a version that kept no distributions by time; replay it again.',
  );
  expect(reasonOfWhole([slicedRun({ label: 'new', result })])).toBeNull();
});

test.each(PART_CHARTS)('%s of all slices has the marks of the whole run', (name) => {
  const results = POLICIES.map((policy) => ({
    label: policy,
    result: resultOf(trafficOf(policy)),
  }));
  const whole = JSON.parse(JSON.stringify(chartNamed(name).make(results)));
  const all = JSON.parse(JSON.stringify(partChart(name, results.map(slicedRun), 0, 1e12)));
  // Names of curves stand at the same places, bars are as high, axes as long; quantiles are less exact.
  const marks = (spec: { vconcat?: object[] }): object[] =>
    (spec.vconcat ?? [spec]).map((panel) => JSON.parse(JSON.stringify(panel)));
  expect(marks(all).length).toBe(marks(whole).length);
  for (const [i, panel] of marks(all).entries()) {
    expect(skeleton(panel)).toEqual(skeleton(marks(whole)[i]!));
  }
});

/** A panel with numbers of data to two digits. */
function skeleton(panel: object): unknown {
  return JSON.parse(
    JSON.stringify(panel, (key, value) => {
      if (key === 'text' || key === 'time' || key === 'domain') return null;
      return typeof value === 'number' ? Number(value.toPrecision(1)) : value;
    }),
  );
}
