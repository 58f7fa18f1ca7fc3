import { fileURLToPath } from 'node:url';
import { conform } from '@dmalab/analysis';
import { expect, test } from 'vitest';

const golden = fileURLToPath(new URL('../../../test/golden/swiotlb', import.meta.url));

test('bounce pools give the slots, states and growth of the kernel', () => {
  const report = conform([golden]);
  expect(report.results.filter((result) => result.mismatches > 0)).toEqual([]);
  expect(report.skipped).toEqual([]);
  expect(report.streams).toBe(101);
  expect(report.ops).toBe(1_034_852);
});
