import { expect, test } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { swiotlbStream } from './swiotlb-streams.ts';

test('random streams of bounce pools have failures, endless searches and padding in them', () => {
  const total = { failed: 0, endless: 0, padded: 0 };
  for (let seed = 5; seed <= 20; seed++) {
    const counts = swiotlbStream(new Random(seed));
    for (const name of ['failed', 'endless', 'padded'] as const) total[name] += counts[name];
  }
  expect(Math.min(total.failed, total.endless, total.padded)).toBeGreaterThan(50);
});
