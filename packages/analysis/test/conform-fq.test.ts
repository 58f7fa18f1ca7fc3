import { fileURLToPath } from 'node:url';
import { conform } from '@dmalab/analysis';
import { expect, test } from 'vitest';

const golden = fileURLToPath(new URL('../../../test/golden/fq', import.meta.url));

test('DMA layer, flush queues and allocator give the addresses, flushes and frees of the kernel', () => {
  const report = conform([golden]);
  expect(report.results.filter((result) => result.mismatches > 0)).toEqual([]);
  expect(report.skipped).toEqual([]);
  expect(report.streams).toBe(61);
  expect(report.ops).toBe(1_242_152);
});
