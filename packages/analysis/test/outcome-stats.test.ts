import { type RunResult, summarise } from '@dmalab/analysis';
import { AllocPath, FailCause, FailStage, FlushCause, OutcomeKind } from '@dmalab/replay';
import { expect, test } from 'vitest';
import { type OutcomeRow, outcomeBatches } from './support/outcome-rows.ts';
import { type ContextOptions, runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

function result(rows: readonly OutcomeRow[], options: ContextOptions = {}): RunResult {
  return summarise(runContext(options), outcomeBatches(rows));
}

const { map, mapFail, unmap, release, flush, sync } = OutcomeKind;

test('a strict unmap has a stale window of zero, which is a value and not a gap', () => {
  const { exposure, flushes } = result([
    { kind: map, time: 0, domain: 1, id: 1, pages: 1, livePages: 1, liveMappings: 1 },
    { kind: unmap, time: 500, domain: 1, id: 1, pages: 1, value: 500 },
    { kind: sync, time: 500, domain: 1, pages: 1 },
    { kind: release, time: 500, domain: 1, id: 1, pages: 1, value: 0 },
  ]).summary;
  expect(exposure.staleWindow).toMatchObject({ count: 1, zeros: 1, p50: 0, p99: 0, max: 0 });
  expect(exposure.byteSeconds).toBe(0);
  expect(flushes.rangeInvalidations).toBe(1);
  expect(flushes.invalidationsPerThousandUnmaps).toBe(1000);
});

test('a stale window ends with the first flush after the unmap, not with the release', () => {
  const { exposure } = result([
    { kind: unmap, time: 1_000_000, domain: 1, pages: 2, value: 10, queuedPages: 2 },
    { kind: flush, time: 4_000_000, domain: 1, cause: FlushCause.full, value: 255, queuedPages: 2 },
    {
      kind: flush,
      time: 9_000_000,
      domain: 1,
      cause: FlushCause.timeout,
      value: 1,
      queuedPages: 2,
    },
    { kind: release, time: 9_000_000, domain: 1, pages: 2, value: 8_000_000 },
  ]).summary;
  expect(exposure.staleWindow.max).toBe(3_000_000);
  expect(exposure.reuseDelay.max).toBe(8_000_000);
  expect(exposure.byteSeconds).toBeCloseTo(2 * 4096 * 0.003, 9);
});

test('a flush at the ns of the unmap came before it and does not cover it', () => {
  const { exposure } = result([
    { kind: flush, time: 1000, domain: 1, cause: FlushCause.full, value: 255 },
    { kind: unmap, time: 1000, domain: 1, pages: 1, value: 10, queuedPages: 1 },
    { kind: flush, time: 5000, domain: 1, cause: FlushCause.timeout, value: 1, queuedPages: 1 },
    { kind: release, time: 5000, domain: 1, pages: 1, value: 4000 },
  ]).summary;
  expect(exposure.staleWindow.max).toBe(4000);
});

test('flushes of another domain cover nothing', () => {
  const rows = [
    { kind: unmap, time: 1000, domain: 1, pages: 1, value: 10, queuedPages: 1 },
    { kind: flush, time: 2000, domain: 2, cause: FlushCause.timeout },
    { kind: release, time: 5000, domain: 1, pages: 1, value: 4000 },
  ];
  expect(result(rows, { devices: ['a', 'b'] }).summary.exposure.staleWindow.max).toBe(4000);
});

test('flushes are counted by cause and by batch; one that releases nothing is wasted', () => {
  const { flushes } = result([
    { kind: unmap, time: 1, domain: 1, value: 1 },
    { kind: unmap, time: 2, domain: 1, value: 1 },
    { kind: flush, time: 3, domain: 1, cause: FlushCause.full, value: 2 },
    { kind: flush, time: 1e9, domain: 1, cause: FlushCause.timeout, value: 0 },
  ]).summary;
  expect(flushes.causes).toEqual({ full: 1, timeout: 1, host: 0, teardown: 0, bound: 0 });
  expect(flushes.perThousandUnmaps).toBe(1000);
  expect(flushes.perSecond).toBe(2);
  expect(flushes.wasted).toBe(1);
  expect(flushes.batch).toMatchObject({ count: 2, min: 0, mean: 1, max: 2 });
});

test('exhaustion happened at the first failure', () => {
  const { failures } = result([
    { kind: map, time: 5, domain: 1, device: 1, pages: 1 },
    {
      kind: mapFail,
      time: 70,
      domain: 1,
      device: 1,
      line: 12,
      stage: FailStage.iova,
      cause: FailCause.noGap,
      steps: 40,
    },
    {
      kind: mapFail,
      time: 90,
      domain: 1,
      device: 1,
      line: 14,
      stage: FailStage.iova,
      cause: FailCause.max32,
    },
  ]).summary;
  expect(failures).toEqual({
    total: 2,
    firstAt: 70,
    firstLine: 12,
    causes: [
      { stage: 'iova', cause: 'max32', count: 1, firstAt: 90, lastAt: 90 },
      { stage: 'iova', cause: 'noGap', count: 1, firstAt: 70, lastAt: 70 },
    ],
  });
});

test('the size class of a request is the power of two at or above its pages', () => {
  const { rcache, tree } = result([
    { kind: map, domain: 1, pages: 3, path: AllocPath.rcache },
    { kind: map, domain: 1, pages: 4, path: AllocPath.rbtree, steps: 7 },
    { kind: map, domain: 1, pages: 32, path: AllocPath.rcache },
    { kind: map, domain: 1, pages: 33, path: AllocPath.rbtree, steps: 9 },
  ]).summary;
  expect(rcache.classes).toEqual([
    { pages: 4, requests: 2, hits: 1, hitRate: 0.5 },
    { pages: 32, requests: 1, hits: 1, hitRate: 1 },
  ]);
  expect(rcache).toMatchObject({ cacheable: 3, uncacheable: 1, uncacheableShare: 0.25, hits: 2 });
  expect(tree.steps).toMatchObject({ count: 2, mean: 8, max: 9 });
});

test('occupancy is split at its highest moment; means are weighted by time', () => {
  const { occupancy } = result([
    { kind: map, time: 0, domain: 1, pages: 3, livePages: 4, liveMappings: 1, low32Pages: 4 },
    {
      kind: unmap,
      time: 100,
      domain: 1,
      pages: 3,
      queuedPages: 4,
      queuedEntries: 1,
      low32Pages: 4,
    },
    {
      kind: map,
      time: 300,
      domain: 1,
      pages: 2,
      livePages: 2,
      liveMappings: 1,
      queuedPages: 4,
      low32Pages: 4,
    },
    { kind: release, time: 400, domain: 1, pages: 3, livePages: 2, cachedPages: 4, low32Pages: 6 },
  ]).summary;
  expect(occupancy.peak).toMatchObject({ live: 2 * 4096, queued: 4 * 4096, cached: 0 });
  expect(occupancy.peakAt).toBe(300);
  expect(occupancy.peak.low32Share).toBe(4 / 6);
  expect(occupancy.end).toMatchObject({ live: 2 * 4096, queued: 0, cached: 4 * 4096 });
  expect(occupancy.mean.live).toBe(((4 * 100 + 2 * 100) / 400) * 4096);
  expect(occupancy.mean.queued).toBe(((4 * 300) / 400) * 4096);
  // Three pages take the room of four, but only they are in the page table.
  expect(occupancy.peakReachablePages).toBe(5);
});

test('a destroyed domain takes nothing any more', () => {
  const { occupancy } = result([
    { kind: map, time: 0, domain: 1, livePages: 4, liveMappings: 1 },
    { kind: OutcomeKind.domainDestroy, time: 10, domain: 1, livePages: 4, liveMappings: 1 },
    { kind: OutcomeKind.loss, time: 20 },
  ]).summary;
  expect(occupancy.end.live).toBe(0);
  expect(occupancy.endLiveMappings).toBe(0);
  expect(occupancy.mean.live).toBe(2 * 4096);
});

test('ranges that go with their domain were stale until then', () => {
  const { exposure } = result([
    { kind: unmap, time: 0, domain: 1, pages: 1, value: 1, queuedPages: 1 },
    { kind: OutcomeKind.domainDestroy, time: 2e9, domain: 1, queuedPages: 1 },
    { kind: OutcomeKind.loss, time: 5e9 },
  ]).summary;
  expect(exposure.byteSeconds).toBe(2 * 4096);
  expect(exposure.unreleasedBytes).toBe(4096);
  expect(exposure.staleWindow.count).toBe(0);
});

test('headroom is 1 - peak / limit, with reservations left out of the limit', () => {
  const rows = [{ kind: map, domain: 1, livePages: 1000, liveMappings: 1, low32Pages: 1000 }];
  const { headroom } = result(rows, { maskBits: 32 }).summary;
  expect(headroom[0]).toEqual({
    what: 'address space of domain 00000000c0ffee00',
    basis: '32-bit DMA mask',
    unit: 'pages',
    limit: 0x100000 - 1 - 0x100,
    peak: 1000,
    headroom: 1 - 1000 / (0x100000 - 1 - 0x100),
    enforced: true,
  });
});

test('lifetimes leave out mappings from before the trace', () => {
  const { lifetime, requests } = result([
    { kind: OutcomeKind.openStart, domain: 1, pages: 1, bytes: 4096, livePages: 1 },
    { kind: unmap, time: 10, domain: 1, value: -1, bytes: 4096 },
    { kind: unmap, time: 20, domain: 1, value: 20 },
  ]).summary;
  expect(lifetime).toMatchObject({ count: 1, min: 20 });
  expect(requests.preloaded).toBe(1);
});

test('a device without a recorded domain shows as the owner of one', () => {
  const { domains } = result([{ kind: map, domain: 3, device: 1, livePages: 1 }]).summary;
  expect(domains).toMatchObject([{ index: 3, token: 'own:1', devices: ['0000:00:04.0'] }]);
});

test('warnings say what weakens the figures', () => {
  const quiet = runContext().report.requests;
  const report = { lost: 37, requests: { ...quiet, openStart: 2, failed: 5 } };
  const { warnings, occupancy } = result([], { report }).summary;
  expect(warnings.map(({ code, count }) => [code, count])).toEqual([
    ['LOST_EVENTS', 37],
    ['OPEN_START', 2],
    ['RECORDED_FAILURES_HELD', 5],
  ]);
  expect(occupancy.lowerBound).toBe(true);
});

test('the result does not depend on where batches end', () => {
  const rows = syntheticReplay({ flush: 'percpu', maps: 2000, seed: 5 });
  const whole = summarise(runContext(), outcomeBatches(rows, 65_536));
  expect(summarise(runContext(), outcomeBatches(rows, 7))).toEqual(whole);
});

test.each(['strict', 'percpu', 'single'] as const)(
  'exposure and occupancy of %s equal a plain count over all rows',
  (flushPolicy) => {
    const rows = syntheticReplay({ flush: flushPolicy, maps: 3000, seed: 11 });
    const { occupancy, exposure } = result(rows).summary;
    const end = rows.at(-1)!.time!;
    const [live, queued, cached] = (['livePages', 'queuedPages', 'cachedPages'] as const).map(
      (column) => rows.reduce((sum, row, i) => sum + row[column]! * spanAfter(rows, i), 0) * 4096,
    );
    expect(occupancy.mean.live).toBeCloseTo(live! / end, 3);
    expect(occupancy.mean.queued).toBeCloseTo(queued! / end, 3);
    expect(occupancy.mean.cached).toBeCloseTo(cached! / end, 3);
    expect(exposure.byteSeconds).toBeCloseTo(queued! / 1e9, 3);
    const taken = rows.map((row) => row.livePages! + row.queuedPages! + row.cachedPages!);
    const { peak } = occupancy;
    expect(peak.live + peak.queued + peak.cached).toBe(Math.max(...taken) * 4096);
  },
);

function spanAfter(rows: readonly OutcomeRow[], i: number): number {
  return (rows[i + 1]?.time ?? rows[i]!.time!) - rows[i]!.time!;
}
