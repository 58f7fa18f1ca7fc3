// Levels and counts over time against plain counts over all rows.

import { summarise } from '@dmalab/analysis';
import { AllocPath, OutcomeKind } from '@dmalab/replay';
import { expect, test } from 'vitest';
import { SpaceSketch } from '../src/stats/space-map.ts';
import { type OutcomeRow, outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const POLICIES = ['strict', 'percpu', 'single'] as const;
const { map, unmap, release, flush } = OutcomeKind;

function resultOf(rows: readonly OutcomeRow[]): ReturnType<typeof summarise> {
  return summarise(runContext(), outcomeBatches(rows));
}

test.each(POLICIES)('the stale level of %s adds up to its exposure', (policy) => {
  const rows = syntheticReplay({ flush: policy, maps: 3000, seed: 3 });
  const { series, summary } = resultOf(rows);
  const span = (i: number): number =>
    Math.max(0, Math.min(summary.time.end, (i + 1) * series.bucketNs) - i * series.bucketNs);
  const sum = series.staleBytes.mean.reduce((total, mean, i) => total + mean * span(i), 0) / 1e9;
  expect(sum).toBeCloseTo(summary.exposure.byteSeconds, 1);
  expect(Math.max(...series.staleBytes.max)).toBe(summary.exposure.peakStaleBytes);
});

test('a flush covers what waits in a queue, although it is released later', () => {
  const { summary } = resultOf([
    { kind: unmap, time: 1e6, domain: 1, pages: 3, queuedPages: 3 },
    { kind: flush, time: 2e6, domain: 1, queuedPages: 3 },
    { kind: unmap, time: 3e6, domain: 1, pages: 1, queuedPages: 4 },
    { kind: release, time: 4e6, domain: 1, pages: 3, value: 3e6, queuedPages: 1 },
    { kind: flush, time: 5e6, domain: 1, queuedPages: 1 },
  ]);
  expect(summary.exposure.peakStaleBytes).toBe(3 * 4096);
  expect(summary.flushes.interval).toMatchObject({ count: 1, max: 3e6 });
});

test.each(POLICIES)(
  'hits of the caches of %s by class and over time are those of the rows',
  (policy) => {
    const rows = syntheticReplay({ flush: policy, maps: 3000, seed: 9 });
    const { series, summary } = resultOf(rows);
    for (const { pages, requests, hits } of series.cacheClasses) {
      const own = rows.filter(
        (row) => row.kind === map && row.pages! <= pages && row.pages! > pages / 2,
      );
      const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
      expect(sum(requests)).toBe(own.length);
      expect(sum(hits)).toBe(own.filter((row) => row.path === AllocPath.rcache).length);
      expect(requests.length).toBe(series.buckets);
    }
    expect(summary.rcache.classes.map(({ pages }) => pages)).toEqual(
      series.cacheClasses.map(({ pages }) => pages),
    );
  },
);

test('the map of the address space holds bytes x time of every range', () => {
  const sketch = new SpaceSketch(4096);
  let integral = 0;
  let state = 1;
  const next = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const end = 40e9;
  const ends: { at: number; address: number; bytes: number }[] = [];
  let time = 0;
  for (let i = 0; i < 2000; i++) {
    time += next(20_000_000);
    for (const { at, address, bytes } of ends.filter((range) => range.at <= time)) {
      sketch.change(address, bytes, -1, at);
    }
    ends.splice(0, ends.length, ...ends.filter((range) => range.at > time));
    const bytes = 4096 * (1 + next(64));
    const address = 4096 * next(1 + i * 10);
    const at = Math.min(end, time + next(50_000_000));
    sketch.change(address, bytes, 1, time);
    ends.push({ at, address, bytes });
    ends.sort((a, b) => a.at - b.at);
    integral += bytes * (at - time);
  }
  for (const { at, address, bytes } of ends) sketch.change(address, bytes, -1, at);
  const { held } = sketch.grid(end)!;
  const width = sketch.columnNs(end);
  const kept = held.flatMap((row) =>
    row.map((bytes, c) => bytes * (Math.min(end, (c + 1) * width) - c * width)),
  );
  expect(kept.reduce((a, b) => a + b, 0) / integral).toBeCloseTo(1, 3);
});

test('addresses far apart share a map: rows double until they reach', () => {
  const sketch = new SpaceSketch(4096);
  sketch.change(2 ** 33, 4096, 1, 0);
  sketch.change(2 ** 33 + 40 * 4096, 4096, 1, 0);
  expect(sketch.grid(1e6)).toMatchObject({ rowBytes: 8192, firstRow: 2 ** 20 });
  const rows = sketch.grid(1e6)!.held;
  expect([rows.length, rows[0]![0], rows[1]![0], rows[20]![0]]).toEqual([21, 4096, 0, 4096]);
});

test('slots of an area are counted where they were taken, at the highest moment', () => {
  const rows = [
    { kind: OutcomeKind.bounceMap, time: 0, pages: 8, updates: 1 },
    { kind: OutcomeKind.bounceMap, time: 100, pages: 2, updates: 3 },
    { kind: OutcomeKind.bounceUnmap, time: 200, pages: 8, updates: 1 },
    { kind: OutcomeKind.bounceMap, time: 300, pages: 9, updates: 0 },
    { kind: OutcomeKind.loss, time: 1500 },
  ];
  expect(resultOf(rows).series.bounceAreas).toEqual([
    [8, 0],
    [0, 0],
    [2, 2],
  ]);
});
