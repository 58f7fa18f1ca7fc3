import { loadedSource, mapBenchmark, RECORDED_LOAD, replay } from '@dmalab/replay';
import { Op } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { machine, ofKind, outcomes } from './support/outcomes.ts';
import { map, type Row, source, unmap } from './support/requests.ts';

const MS = 1e6;

interface Seen {
  readonly op: number;
  readonly id: number;
  readonly time: number;
  readonly cpu: number;
}

function loaded(
  load: Partial<typeof RECORDED_LOAD>,
  rows: readonly Row[],
  openStart: readonly Row[] = [],
): Seen[] {
  const made = loadedSource(source(rows, openStart), { ...RECORDED_LOAD, ...load }, 4);
  const seen: Seen[] = [];
  for (const { length, op, id, time, cpu } of made.requests()) {
    for (let i = 0; i < length; i++) {
      seen.push({ op: op[i]!, id: id[i]!, time: time[i]!, cpu: cpu[i]! });
    }
  }
  return seen;
}

test('a rate divides the gaps between maps and keeps the lifetimes', () => {
  const seen = loaded({ rate: 4 }, [map(1, 0), map(2, 400), unmap(1, 500), unmap(2, 1000)]);
  expect(seen.map(({ op, id, time }) => [op, id, time])).toEqual([
    [Op.map, 1, 0],
    [Op.map, 2, 100],
    [Op.unmap, 1, 500],
    [Op.unmap, 2, 700],
  ]);
});

test('a rate below 1 stretches the gaps and keeps the lifetimes', () => {
  const seen = loaded({ rate: 0.25 }, [
    map(1, 0),
    map(2, 10),
    unmap(1, 15),
    map(3, 20),
    unmap(2, 1000),
    { op: Op.domainDestroy, domain: 1, time: 1000 },
    unmap(3, 1001),
  ]);
  expect(seen.map(({ op, id, time }) => [op, id, time])).toEqual([
    [Op.map, 1, 0],
    [Op.unmap, 1, 15],
    [Op.map, 2, 40],
    [Op.map, 3, 80],
    [Op.unmap, 2, 1030],
    [Op.unmap, 3, 1061],
    [Op.domainDestroy, 0, 4000],
  ]);
});

test('half the rate keeps about half as many mappings live, and frees them all', () => {
  const rows = Array.from({ length: 400 }, (_, i) => [
    map(i + 1, 10 * i),
    ...(i >= 16 ? [unmap(i - 15, 10 * i + 5)] : []),
  ]).flat();
  const log = outcomes(machine({ load: { ...RECORDED_LOAD, rate: 0.5 } }), rows);
  const steady = ofKind('map', log).slice(50, 300);
  expect(new Set(steady.map(({ live }) => live))).toEqual(new Set([9]));
  expect(ofKind('unmap', log)).toHaveLength(384);
});

test('twice the rate keeps about twice as many mappings live', () => {
  const rows = Array.from({ length: 200 }, (_, i) => [
    map(i + 1, 10 * i),
    ...(i >= 8 ? [unmap(i - 7, 10 * i + 5)] : []),
  ]).flat();
  const peak = (rate: number) => {
    const load = rate === 1 ? null : { ...RECORDED_LOAD, rate };
    const live = outcomes(machine({ load }), rows).slice(0, 300);
    return Math.max(...live.map((row) => row.live));
  };
  expect([peak(1), peak(2), peak(4)]).toEqual([9, 17, 34]);
});

test('what waits in a domain that is destroyed comes just before', () => {
  const seen = loaded({ rate: 10 }, [
    map(1, 0),
    map(2, 10),
    unmap(1, 500),
    { op: Op.domainDestroy, domain: 1, time: 1000 },
  ]);
  expect(seen.map(({ op, time }) => [op, time])).toEqual([
    [Op.map, 0],
    [Op.map, 1],
    [Op.unmap, 100],
    [Op.domainDestroy, 100],
  ]);
});

test('a mapping from before the trace lives as long from its start as recorded', () => {
  const [only] = loaded({ rate: 10 }, [unmap(1, 500)], [map(1, 0)]);
  expect(only?.time).toBe(500);
});

test('copies have ids of their own, come late by at most the shift, and balance', () => {
  const rows = Array.from({ length: 50 }, (_, i) => [
    map(i + 1, 1000 * i, { cpu: i % 4 }),
    unmap(i + 1, 1000 * i + 400, { cpu: 0 }),
  ]).flat();
  const seen = loaded({ copies: 3, shift: 10_000, seed: 7 }, rows);
  expect(seen).toHaveLength(300);
  expect(new Set(seen.map(({ id }) => id)).size).toBe(150);
  expect(seen.every(({ time }, i) => i === 0 || time >= seen[i - 1]!.time)).toBe(true);
  for (let copy = 0; copy < 3; copy++) {
    const mine = seen.filter(({ id }) => id % 3 === copy);
    const shift = mine[0]!.time;
    expect(shift <= 10_000 && (copy === 0) === (shift === 0)).toBe(true);
    expect(mine.map(({ time }) => time - shift)).toEqual(rows.map(({ time }) => time));
  }
  expect(loaded({ copies: 3, shift: 10_000, seed: 7 }, rows)).toEqual(seen);
  expect(loaded({ copies: 3, shift: 10_000, seed: 8 }, rows)).not.toEqual(seen);
});

test('copies share a domain until the last one is through, and what was mapped before is there once', () => {
  const seen = loaded(
    { copies: 2, shift: 100 },
    [
      { op: Op.domainCreate, domain: 1, time: 0 },
      unmap(1, 5),
      map(2, 10),
      { op: Op.domainDestroy, domain: 1, time: 500 },
    ],
    [map(1, 0)],
  );
  const ops = seen.map(({ op }) => op);
  expect(ops).toEqual([Op.domainCreate, Op.unmap, Op.map, Op.map, Op.domainDestroy]);
  expect(seen.at(-1)!.time).toBeGreaterThan(500);
});

test('a replay under a load frees all that it maps', () => {
  const rows = Array.from({ length: 300 }, (_, i) => [
    map(i + 1, i * MS),
    unmap(i + 1, i * MS + 0.7 * MS),
  ]).flat();
  const load = { ...RECORDED_LOAD, rate: 7.5, copies: 4 };
  const log = outcomes(machine({ load }), rows);
  expect([ofKind('map', log).length, ofKind('unmap', log).length]).toEqual([1200, 1200]);
  expect(ofKind('release', log)).toHaveLength(1200);
  expect(new Set(ofKind('unmap', log).map(({ value }) => Math.round(value)))).toEqual(
    new Set([0.7 * MS]),
  );
});

test('the benchmark of the kernel maps and unmaps in rounds, a buffer for each thread', () => {
  const source = mapBenchmark({ threads: 3, cpus: 2, granule: 2, delay: 500, duration: 3000 });
  const [batch] = [...source.requests()];
  const { length, op, time, cpu, id, size } = batch!;
  const rows = Array.from({ length }, (_, i) => [op[i], time[i], cpu[i], id[i]]);
  expect(rows).toEqual([
    ...[1, 2, 3].map((n, i) => [Op.map, 0, i % 2, n]),
    ...[1, 2, 3].map((n, i) => [Op.unmap, 500, i % 2, n]),
    ...[4, 5, 6].map((n, i) => [Op.map, 2100, i % 2, n]),
    ...[4, 5, 6].map((n, i) => [Op.unmap, 2600, i % 2, n]),
  ]);
  expect(size[0]).toBe(8192);
  expect(() => mapBenchmark({ threads: 1025 })).toThrow('threads: got 1025, expected');
});

test('in a closed loop strict threads of the benchmark wait longest, for the invalidation queue', () => {
  const waiting = (name: string): number => {
    let waited = 0;
    const made = machine({ cpus: 8, loop: 'closed', flush: { name, parameters: {} } });
    for (const { length, waitNs } of replay(
      made,
      mapBenchmark({ threads: 8, cpus: 8, duration: 1e6 }),
    )) {
      for (let i = 0; i < length; i++) waited += waitNs[i]!;
    }
    return waited;
  };
  expect(waiting('strict')).toBeGreaterThan(2 * waiting('percpu'));
});
