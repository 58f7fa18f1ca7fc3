import { costSensitivity, costSensitivityText } from '@dmalab/analysis';
import { DEFAULT_COST, type WorkCounts } from '@dmalab/replay';
import { expect, test } from 'vitest';

const none = Object.fromEntries(Object.keys(DEFAULT_COST).map((name) => [name, 0]));
const run = (label: string, work: Partial<WorkCounts>) => ({
  label,
  work: { ...none, ...work } as unknown as WorkCounts,
  cost: DEFAULT_COST,
});

test('few flushes against many invalidations: the order does not hang on one cost', () => {
  const ranking = costSensitivity([
    run('strict', { invalidateRange: 1000 }),
    run('percpu', { invalidateAll: 10 }),
  ]);
  expect(ranking).toMatchObject({ ranking: ['percpu', 'strict'], holds: true, flips: [] });
  expect(ranking.total).toEqual({ strict: 700_000, percpu: 10_000 });
});

test('a close ranking names the cost that turns it round', () => {
  const ranking = costSensitivity([run('a', { treeStep: 1000 }), run('b', { rcache: 150 })]);
  expect(ranking.ranking).toEqual(['b', 'a']);
  expect(ranking.flips).toEqual([
    { cost: 'rcache', factor: 2, before: 'b', after: 'a' },
    { cost: 'treeStep', factor: 0.5, before: 'b', after: 'a' },
  ]);
  expect(costSensitivityText(ranking)).toBe(
    'ranking by modelled cost (b < a) changes: with rcache doubled, a is cheaper than b (2 costs change it)',
  );
});

test('equal runs stay equal', () => {
  expect(costSensitivity([run('a', { treeStep: 5 }), run('b', { treeStep: 5 })]).holds).toBe(true);
});
