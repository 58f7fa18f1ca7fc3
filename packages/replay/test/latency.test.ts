import { costOfWork, Lock, lockOfRow, replay, WorkSum } from '@dmalab/replay';
import { describe, expect, test } from 'vitest';
import { machine, ofKind, outcomes } from './support/outcomes.ts';
import { map, source, unmap } from './support/requests.ts';

const strict = { name: 'strict', parameters: {} };
const single = { name: 'single', parameters: { size: 256, timeoutMs: 1 } };

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

test('two CPUs that search the tree at the same time: the second waits until the first is through', () => {
  const [first, second] = outcomes(machine(), [map(1, 0, { cpu: 0 }), map(2, 100, { cpu: 1 })]);
  // One search, one step down from the anchor, one insertion; then one page-table entry.
  expect([first?.cost, first?.wait, first?.latency]).toEqual([660, 0, 660]);
  expect([second?.cost, second?.wait]).toEqual([660, 610 - 100]);
  expect(second?.latency).toBe(660 + 510);
});

test('a strict unmap takes its page-table entry, its invalidation and its release', () => {
  const rows = outcomes(machine({ flush: strict }), [map(1, 0), unmap(1, 1e6)]);
  expect(ofKind('unmap', rows).map((row) => [row.cost, row.latency])).toEqual([
    [50, 50 + 700 + 50],
  ]);
});

test('invalidations of all CPUs wait for one queue', () => {
  const rows = outcomes(machine({ flush: strict }), [
    ...[1, 2, 3].map((id) => map(id, 0)),
    ...[1, 2, 3].map((id) => unmap(id, 1e6, { cpu: id })),
  ]);
  expect(ofKind('sync', rows).map((row) => row.wait)).toEqual([0, 700, 1400]);
});

test('a queue that all CPUs share is locked while it is flushed', () => {
  const small = { name: 'single', parameters: { size: 4, timeoutMs: 1000 } };
  const maps = [1, 2, 3, 4, 5].map((id) => map(id, 0));
  const unmaps = [1, 2, 3, 4, 5].map((id) => unmap(id, 1e6, { cpu: id % 4 }));
  const rows = outcomes(machine({ flush: small }), [...maps, ...unmaps]);
  const waits = ofKind('unmap', rows).map((row) => row.wait);
  // The fourth finds it full: a flush and three puts into the cache, all under the lock.
  expect(waits).toEqual([0, 0, 0, 0, 1000 + 3 * 50]);
});

test('in a closed loop a CPU does not wait for itself, in an open one it may', () => {
  const burst = [1, 2, 3].map((id) => map(id, 0));
  const waits = (loop: 'open' | 'closed') =>
    sum(outcomes(machine({ loop }), burst).map((row) => row.wait));
  expect(waits('closed')).toBe(0);
  expect(waits('open')).toBeGreaterThan(1000);
});

describe.each([strict, single])('with $name', (flush) => {
  const rows = Array.from({ length: 2000 }, (_, i) => [
    map(i + 1, 700 * i, { cpu: 0, size: i % 9 === 0 ? 40 * 4096 : 4096, line: 1 }),
    ...(i >= 300 ? [unmap(i - 299, 700 * i + 300, { cpu: 1 + (i % 3), line: 1 })] : []),
  ]).flat();
  const busy = machine({ flush, sac: 'off' });

  test('work times costs is the cost of all rows', () => {
    const work = new WorkSum(busy.cpus);
    let cost = 0;
    for (const batch of replay(busy, source(rows))) {
      work.accumulate(batch);
      cost += sum([...batch.costNs.subarray(0, batch.length)]);
    }
    expect(costOfWork(work.counts(), busy.cost)).toBeCloseTo(cost, 3);
    expect(work.counts().depotExchange).toBeGreaterThan(0);
  });

  test('only rows with a lock wait, and what requests take is their work and their waiting', () => {
    const log = outcomes(busy, rows);
    for (const row of log) {
      if (row.wait > 0) expect(lockOfRow(row.code, row.path)).not.toBe(Lock.none);
    }
    const ofRequests = log.filter((row) => row.line > 0);
    const latency = sum(log.map((row) => row.latency));
    expect(latency).toBeCloseTo(sum(ofRequests.map((row) => row.cost + row.wait)), 3);
    expect(latency).toBeGreaterThan(0);
  });
});
