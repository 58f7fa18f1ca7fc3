import { expect, test } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { swiotlbGrowthStream } from './swiotlb-growth-streams.ts';
import { swiotlbStream } from './swiotlb-streams.ts';

test('a bounce pool does what its slow reference does', () => {
  const total = { operations: 0, failed: 0, endless: 0, padded: 0 };
  for (let seed = 1; seed <= 20; seed++) {
    const counts = swiotlbStream(new Random(seed));
    for (const name of ['operations', 'failed', 'endless', 'padded'] as const)
      total[name] += counts[name];
  }
  expect(total.operations).toBe(40_000);
  expect(Math.min(total.failed, total.endless, total.padded)).toBeGreaterThan(50);
});

test('bounce memory that grows keeps its books while memory comes and goes', () => {
  for (let seed = 1; seed <= 10; seed++) expect(swiotlbGrowthStream(new Random(seed))).toBe(1000);
});
