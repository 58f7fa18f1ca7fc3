import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TRACE = 'traces/nvme-lazy-seqread/trace.txt.zst';
const folder = tempFolder();

test('compare tells the first difference with its line, and fails on request', () => {
  const words = [
    'compare',
    TRACE,
    '--flush',
    'percpu',
    '--flush',
    'strict',
    '--fail-on-difference',
  ];
  const { code, stdout, stderr } = dmalab(words);
  expect([code, stderr]).toEqual([1, '']);
  expect(stdout).toMatch(/first difference: request [\d,]+, line \d+/);
  expect(stdout).toMatch(/IOTLB flushes/);
});

test('compare reads result folders, and finds a run equal to itself', () => {
  const out = ['before', 'after'].map((name) => join(folder, name));
  for (const to of out)
    expect(dmalab(['replay', TRACE, '--flush', 'percpu', '-o', to]).code).toBe(0);
  const result = jsonOf<object>(dmalab(['compare', ...out, '--json', '--fail-on-difference']));
  expect(result).toMatchObject({
    schema: 'dmalab.compare/1',
    runs: ['before', 'after'],
    differs: false,
  });
});

test('one machine is none to compare with', () => {
  const { code, stderr } = dmalab(['compare', TRACE]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/two machines or more/);
});
