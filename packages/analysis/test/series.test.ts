import { summarise } from '@dmalab/analysis';
import { OutcomeKind } from '@dmalab/replay';
import { expect, test } from 'vitest';
import type { Series } from '../src/stats/series.ts';
import { type OutcomeRow, outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

function seriesOf(rows: readonly OutcomeRow[]): Series {
  return summarise(runContext(), outcomeBatches(rows)).series;
}

const { map, unmap } = OutcomeKind;

test('buckets are a microsecond wide until 512 of them are not enough', () => {
  expect(seriesOf([{ kind: map, time: 511_999 }])).toMatchObject({ bucketNs: 1000, buckets: 512 });
  expect(seriesOf([{ kind: map, time: 512_000 }])).toMatchObject({ bucketNs: 2000, buckets: 257 });
  expect(seriesOf([{ kind: map, time: 3600e9 }]).buckets).toBeLessThanOrEqual(512);
});

test('a bucket keeps smallest, largest, last and mean of a level', () => {
  const { liveMappings, mapped, unmapped } = seriesOf([
    { kind: map, time: 0, domain: 1, liveMappings: 1 },
    { kind: map, time: 200, domain: 1, liveMappings: 2 },
    { kind: unmap, time: 700, domain: 1, liveMappings: 1 },
    { kind: unmap, time: 2500, domain: 1 },
  ]);
  expect(liveMappings.max).toEqual([2, 1, 1]);
  expect(liveMappings.min).toEqual([0, 1, 0]);
  expect(liveMappings.last).toEqual([1, 1, 0]);
  expect(liveMappings.mean).toEqual([1 * 0.2 + 2 * 0.5 + 1 * 0.3, 1, 1]);
  expect(mapped).toEqual([2, 0, 0]);
  expect(unmapped).toEqual([1, 0, 1]);
});

test('the split of a bucket is that of its highest moment', () => {
  const { highest, takenBytes } = seriesOf([
    { kind: map, time: 0, domain: 1, livePages: 2 },
    { kind: unmap, time: 100, domain: 1, queuedPages: 2 },
    { kind: map, time: 200, domain: 1, livePages: 1, queuedPages: 2 },
    { kind: OutcomeKind.release, time: 300, domain: 1, livePages: 1 },
  ]);
  expect(highest).toEqual({ live: [4096], queued: [8192], cached: [0] });
  expect(takenBytes.max).toEqual([12_288]);
});

test('doubling loses neither peaks nor counts', () => {
  const rows = syntheticReplay({ flush: 'percpu', maps: 5000, seed: 9 });
  const series = seriesOf(rows);
  const peak = Math.max(...rows.map((row) => row.queuedPages!)) * 4096;
  expect(Math.max(...series.queuedBytes.max)).toBe(peak);
  expect(series.mapped.reduce((a, b) => a + b, 0)).toBe(5000);
  expect(series.bucketNs).toBe(512_000);
});

test('the mean over all buckets is the mean over time', () => {
  const rows = syntheticReplay({ flush: 'percpu', maps: 3000, seed: 9 });
  const { summary, series } = summarise(runContext(), outcomeBatches(rows));
  const spans = series.liveBytes.mean.map(
    (_, i) => Math.min(summary.time.end, (i + 1) * series.bucketNs) - i * series.bucketNs,
  );
  const integral = series.liveBytes.mean.reduce((sum, mean, i) => sum + mean * spans[i]!, 0);
  expect(integral / summary.time.end).toBeCloseTo(summary.occupancy.mean.live, 2);
});
