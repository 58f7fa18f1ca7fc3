import {
  comparisonMarkdown,
  comparisonTable,
  comparisonText,
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  labelResults,
  type RunResult,
  summarise,
} from '@dmalab/analysis';
import { expect, test } from 'vitest';
import { outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

function resultOf(flush: 'strict' | 'percpu' | 'single', source = '/a/nvme.txt.zst'): RunResult {
  const rows = syntheticReplay({ flush, maps: 300, seed: 4 });
  return summarise(runContext({ flush, report: { source } }), outcomeBatches(rows));
}

const policies = labelResults([resultOf('strict'), resultOf('percpu'), resultOf('single')]);

test('runs are named by what tells them apart', () => {
  expect(policies.map(({ label }) => label)).toEqual(['strict', 'percpu', 'single']);
  const traces = labelResults([resultOf('percpu'), resultOf('percpu', '/b/net.txt.zst')]);
  expect(traces.map(({ label }) => label)).toEqual(['nvme', 'net']);
  const same = labelResults([resultOf('percpu'), resultOf('percpu')]);
  expect(same.map(({ label }) => label)).toEqual(['percpu', 'percpu (2)']);
});

test('runs of one policy are named by the parameters in which they differ', () => {
  const sized = [256, 1024].map((size): RunResult => {
    const result = resultOf('percpu');
    const flush = { name: 'percpu', parameters: { size, timeoutMs: 10 } };
    const machine = { ...result.summary.machine, flush };
    return { ...result, summary: { ...result.summary, machine } };
  });
  expect(labelResults(sized).map(({ label }) => label)).toEqual([
    'percpu size 256',
    'percpu size 1024',
  ]);
});

test('plain text fits in 72 columns, runs that do not fit follow below', () => {
  const many = labelResults(
    ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) =>
      resultOf('percpu', `a-rather-long-name-of-a-trace-${name}`),
    ),
  );
  const lines = comparisonText(many).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(72);
  expect(lines.filter((line) => line.startsWith('IOTLB flushes')).length).toBeGreaterThan(1);
});

test('names cannot break out of a table or a terminal', () => {
  const [hostile] = labelResults([resultOf('percpu')]);
  const results = [{ ...hostile!, label: 'a|b\u001b[31m\n<img src=x>' }];
  expect(comparisonText(results)).not.toContain('\u001b');
  expect(comparisonMarkdown(results).split('\n')[0]).toBe(
    '|  | a\\|b\uFFFD\\[31m\uFFFD&#60;img src=x&#62; |',
  );
});

test('the comparison as data has one row per figure and run', async () => {
  const table = await comparisonTable(policies);
  expect(table.columnNames()).toEqual(['figure', 'unit', 'run', 'value', 'text']);
  expect(table.filter((row: { figure: string }) => row.figure === 'maps').array('value')).toEqual([
    300, 300, 300,
  ]);
});

test('numbers read the same everywhere', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect([0, 512, 1536, 40 * 2 ** 20].map(formatBytes)).toEqual([
    '0 B',
    '512 B',
    '1.50 KiB',
    '40.0 MiB',
  ]);
  expect([0, 7, 1500, 12_345_678, 999_900_000].map(formatDuration)).toEqual([
    '0',
    '7.00 ns',
    '1.50 µs',
    '12.3 ms',
    '1.00 s',
  ]);
  expect([0, 0.0001, 0.5, 0.99999, 1].map(formatShare)).toEqual([
    '0 %',
    '<0.1 %',
    '50.0 %',
    '>99.9 %',
    '100 %',
  ]);
});
