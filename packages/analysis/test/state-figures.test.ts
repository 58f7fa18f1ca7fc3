import { type RunResult, summarise } from '@dmalab/analysis';
import {
  AllocPath,
  FailStage,
  machineFromFacts,
  OutcomeKind,
  Reach,
  replay,
  type StateSample,
} from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { expect, test } from 'vitest';
import type { GroupFigures } from '../src/index.ts';
import { type OutcomeRow, outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const { map, mapFail, unmap, release, depotTrim } = OutcomeKind;

function result(rows: readonly OutcomeRow[], samples: readonly StateSample[] = []): RunResult {
  const batches = outcomeBatches(rows);
  batches.at(-1)!.samples.push(...samples);
  return summarise(runContext({ devices: ['a', 'b'] }), batches);
}

test('caches are counted by the limit they were asked with; a map that falls back asks twice', () => {
  const { rcache, addresses } = result([
    { kind: map, time: 1, pages: 1, reach: Reach.low, path: AllocPath.rcache },
    { kind: map, time: 2, pages: 1, reach: Reach.low, path: AllocPath.rbtree },
    { kind: map, time: 3, pages: 1, reach: Reach.lowThenWide, path: AllocPath.rcache },
    { kind: map, time: 4, pages: 1, reach: Reach.wide, path: AllocPath.rbtree },
    { kind: map, time: 5, pages: 64, reach: Reach.lowThenWide, path: AllocPath.rbtree },
  ]).summary;
  expect(rcache.limits).toEqual([
    { limit: 'low32', requests: 3, hits: 1, hitRate: 1 / 3 },
    { limit: 'wide', requests: 2, hits: 1, hitRate: 1 / 2 },
  ]);
  expect(addresses).toMatchObject({
    dacFallbacks: 2,
    dacFallbackRate: 2 / 5,
    firstDacFallbackAt: 3,
  });
});

test('a depot regrets ranges that it gave to the tree less than a second before they were wanted', () => {
  const tree = { kind: map, path: AllocPath.rbtree, pfn: 100 };
  const { rcache } = result([
    { kind: release, time: 0, pages: 2, exchanges: 1 },
    { kind: release, time: 1, pages: 2, updates: 128 },
    { ...tree, time: 2, pages: 2 },
    { ...tree, time: 3, pages: 4 },
    { ...tree, time: 1e9 + 2, pages: 2 },
    { kind: depotTrim, time: 2e9, pages: 8, value: 2 },
    { ...tree, time: 2e9 + 1, pages: 3 },
    { ...tree, time: 2e9 + 2, pages: 4 },
    { ...tree, time: 2e9 + 3, pages: 4 },
    { ...tree, time: 2e9 + 4, pages: 4, path: AllocPath.rcache, exchanges: 1 },
  ]).summary;
  expect(rcache).toMatchObject({
    depotPushes: 1,
    depotPops: 1,
    depotOverflows: 1,
    depotOverflowRanges: 128,
    depotRegrets: 3,
    depotRegretShare: 3 / 130,
  });
});

const QUIET = { looks: 0, stage: FailStage.none, reason: 'course', pool: null } as const;

function domainSample(
  changes: Partial<StateSample['domains'][number]>,
): StateSample['domains'][number] {
  return {
    domain: 1,
    nodes: 3,
    free: null,
    cached: null,
    low32Pages: 0,
    queuedLow32Pages: 0,
    ...changes,
  };
}

function region(pages: number, gaps: number, largest: number, usable: readonly number[]) {
  return {
    pages,
    gaps,
    largest,
    usable: Float64Array.from({ length: 10 }, (_, k) => usable[k] ?? 0),
  };
}

const NOTHING = region(0, 0, 0, []);

test('fragmentation is the free space that the largest gap does not have', () => {
  const free = (...numbers: Parameters<typeof region>) => ({
    below4G: region(...numbers),
    above4G: NOTHING,
  });
  const look = (time: number, more: object, one: ReturnType<typeof free>): StateSample => ({
    ...QUIET,
    time,
    domains: [domainSample({ free: one, nodes: time })],
    ...more,
  });
  const rows = [{ kind: map, time: 40, domain: 1, livePages: 1 }];
  const { domains, tree } = result(rows, [
    look(10, {}, free(100, 2, 75, [100, 96, 80])),
    look(20, { reason: 'failure', stage: FailStage.iova }, free(10, 5, 2, [10, 6])),
    look(30, { reason: 'end' }, free(50, 1, 50, [50])),
  ]).summary;
  const { freeSpace, freeSpaceUnknown } = domains[0]!;
  expect([freeSpaceUnknown, freeSpace!.looks, tree.peakNodes, tree.endNodes]).toEqual([
    null,
    3,
    30,
    30,
  ]);
  expect(freeSpace!.mostFragmented).toEqual(freeSpace!.firstFailure);
  expect(freeSpace!.firstFailure).toMatchObject({
    at: 20,
    nodes: 20,
    below4G: { freeBytes: 10 * 4096, gaps: 5, largestGapBytes: 2 * 4096, fragmentation: 0.8 },
    above4G: { freeBytes: 0, fragmentation: null },
  });
  expect(freeSpace!.firstFailure!.below4G.alignmentWaste.slice(0, 2)).toEqual([
    { pages: 2, share: 0.4 },
    { pages: 4, share: 1 },
  ]);
  expect(freeSpace!.end.below4G.fragmentation).toBe(0);
});

test('an allocator that does not tell its free ranges has no fragmentation, and says so', () => {
  const rows = [{ kind: map, time: 40, domain: 1, livePages: 1 }];
  const { domains } = result(rows, [{ ...QUIET, time: 1, domains: [domainSample({})] }]).summary;
  expect(domains[0]).toMatchObject({
    freeSpace: null,
    freeSpaceUnknown: 'the allocator "linux" does not tell its free ranges',
  });
});

test('what is taken below 4 GiB is split by state at the look where it was most', () => {
  const cached = {
    cpuRanges: 1,
    depotRanges: 3,
    pages: 8,
    low32Ranges: 3,
    low32Pages: 6,
    ages: Float64Array.of(1, 0, 0, 0, 0, 0, 3),
  };
  const sample = domainSample({ cached, low32Pages: 20, queuedLow32Pages: 5 });
  const { occupancy, rcache } = result(
    [{ kind: map, domain: 1 }],
    [
      { ...QUIET, time: 1, domains: [sample] },
      { ...QUIET, time: 2, domains: [domainSample({ low32Pages: 4 })] },
    ],
  ).summary;
  expect(occupancy.low32).toEqual({
    at: 1,
    total: 20 * 4096,
    live: 9 * 4096,
    queued: 5 * 4096,
    cached: 6 * 4096,
  });
  expect(rcache.cached).toMatchObject({
    looks: 1,
    oldest: { ranges: 4, depotRanges: 3, low32Share: 0.75, olderThanMinuteShare: 0.75 },
  });
});

test('devices, CPUs, tasks and sizes each have every request once', () => {
  const rows = syntheticReplay({ flush: 'percpu', maps: 2000, seed: 9, limitPages: 3000 }).map(
    (row, i) => ({ ...row, cpu: i % 3, latencyNs: row.kind === map ? 100 + (i % 50) : 5000 }),
  );
  const { summary } = result(rows);
  const { devices, cpus, tasks, sizes, requests } = summary;
  const groups: readonly (readonly GroupFigures[])[] = [cpus, tasks, sizes].map((list) =>
    list.map((group) => group.requests),
  );
  for (const group of [...groups, devices]) {
    const sum = (of: (one: (typeof group)[number]) => number): number =>
      group.reduce((total, one) => total + of(one), 0);
    expect(sum(({ mapped }) => mapped)).toBe(requests.mapped);
    expect(sum(({ failed }) => failed)).toBe(requests.failed);
    expect(sum(({ unmapped }) => unmapped)).toBe(requests.unmapped);
    expect(sum(({ bytes }) => bytes)).toBe(requests.mappedBytes);
    expect(sum(({ cacheable }) => cacheable)).toBe(summary.rcache.cacheable);
    expect(sum(({ cacheHits }) => cacheHits)).toBe(summary.rcache.hits);
  }
  const onOne = rows.filter((row) => row.cpu === 1 && (row.kind === map || row.kind === mapFail));
  const times = onOne.map(({ latencyNs }) => latencyNs).toSorted((a, b) => a - b);
  const { mean, p99, max } = cpus[1]!.requests.modelledMap;
  expect(mean).toBeCloseTo(times.reduce((a, b) => a + b, 0) / times.length, 9);
  expect(max).toBe(times.at(-1));
  const exact = times[Math.ceil(0.99 * times.length) - 1]!;
  expect(Math.abs(p99! - exact) / exact).toBeLessThanOrEqual(1 / 64);
  expect(sizes.map(({ upToBytes }) => upToBytes)).toEqual([
    4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144,
  ]);
});

test('of very many tasks the busy ones are kept', () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({
    kind: map,
    time: i,
    pages: 1,
    tid: i % 4 === 0 ? 7 : 100 + i,
  }));
  const { tasks, taskCount } = result(rows).summary;
  expect(tasks[0]).toMatchObject({ tid: 7, requests: { mapped: 5000 } });
  expect([tasks.length, taskCount]).toEqual([32, 15_001]);
});

test('rates per GiB are of what was mapped', () => {
  const { flushes, modelledCost } = result([
    { kind: map, domain: 1, pages: 1, bytes: 2 ** 29, costNs: 30 },
    { kind: unmap, domain: 1, value: 1, costNs: 10 },
    { kind: OutcomeKind.flush, domain: 1, cause: 1 },
    { kind: OutcomeKind.sync, domain: 1 },
  ]).summary;
  expect(flushes).toMatchObject({ perGigabyte: 2, invalidationsPerGigabyte: 4 });
  expect(flushes.causesPerThousandUnmaps).toMatchObject({ full: 0, timeout: 1000 });
  expect(modelledCost).toMatchObject({ perGigabyte: 80, copyShare: 0 });
});

test('bounce memory that was too full shows why in its free runs', async () => {
  const capture = await readCapture('traces/swiotlb-small-full/trace.txt.zst');
  const { report, facts } = capture;
  const machine = machineFromFacts(facts, {});
  const { bounce, failures } = summarise(
    { report, facts, machine, version: '' },
    replay(machine, capture),
  ).summary;
  capture.close();
  const { fullest, firstFailure, end } = bounce!.freeRuns!;
  for (const { usedSlots, freeSlots, runs, longestRun } of [fullest, firstFailure!, end]) {
    expect(usedSlots + freeSlots).toBe(bounce!.totalSlots);
    const fewest = runs.reduce((sum, { slots, count }) => sum + slots * count, 0);
    const most = runs.reduce((sum, { upTo, count }) => sum + upTo * count, 0);
    expect(fewest <= freeSlots && freeSlots <= most).toBe(true);
    expect(
      runs.some(({ slots, upTo, count }) => count > 0 && slots <= longestRun && longestRun <= upTo),
    ).toBe(freeSlots > 0);
  }
  expect(firstFailure!.at).toBe(failures.firstAt);
  expect(fullest.usedSlots).toBeLessThanOrEqual(bounce!.hiwaterSlots);
  expect(bounce).toMatchObject({ peakPools: 1, peakTransientBytes: 0, atomicPoolShare: null });
});
