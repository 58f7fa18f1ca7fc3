import { costSensitivityText, waitingRanking, waitingTimes } from '@dmalab/analysis';
import { mapBenchmark, PLAIN_DEVICE, PLAIN_MACHINE } from '@dmalab/replay';
import { expect, test } from 'vitest';

const source = mapBenchmark({ threads: 8, cpus: 8, duration: 0.2e6, round: 20_000 });
const run = (name: string) => ({
  label: name,
  machine: {
    ...PLAIN_MACHINE,
    cpus: 8,
    devices: [PLAIN_DEVICE, PLAIN_DEVICE],
    flush: { name, parameters: {} },
  },
});

test('eight threads at once: strict unmaps wait for each other', () => {
  const times = waitingTimes(source, [run('strict'), run('percpu')], () => true);
  const [strict = 0] = times.base;
  // 80 unmaps of 700 ns each; of eight the last waits for seven.
  expect(strict).toBeGreaterThan(80 * 700 * 4);
  const ranking = waitingRanking([times]);
  expect(ranking.ranking).toEqual(['percpu', 'strict']);
  expect(ranking.total.strict).toBe(strict);
  expect(costSensitivityText(ranking, 'time')).toMatch(/^ranking by time \(percpu < strict\) /);
});

test('traces are added up, and a cost that turns the order round is named', () => {
  const trace = (base: number[], doubled: number[]) => ({
    labels: ['a', 'b'],
    base,
    changed: [{ cost: 'treeStep' as const, factor: 2, times: doubled }],
  });
  const other = { labels: ['a', 'b'], base: [5, 5], changed: [] };
  const ranking = waitingRanking([trace([10, 12], [20, 13]), other]);
  expect(ranking.total).toEqual({ a: 15, b: 17 });
  expect(ranking.flips).toEqual([{ cost: 'treeStep', factor: 2, before: 'a', after: 'b' }]);
});
