// A batch with a cache of converted traces gives the bytes of one without.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { dmalab } from '../support/dmalab.ts';
import { folderHashes } from '../support/folder-hash.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { writeTinyTraces } from '../support/tiny-traces.ts';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/dmalab.mjs', import.meta.url));
const CAPTURES = new URL('../../traces/', import.meta.url).pathname;
const folder = tempFolder();
const traces = join(folder, 'traces');
const expected = join(folder, 'expected');
const words = (out: string, ...more: string[]): string[] => [
  ...['batch', traces, '-o', out, '--flush', 'strict', '--flush', 'percpu', '--jobs', '2'],
  ...more,
];

beforeAll(() => {
  writeTinyTraces(traces, 2);
  for (const name of ['swiotlb-dynamic-ramp', 'formats-perf']) mkdirSync(join(traces, name));
  for (const file of ['trace.txt.zst', 'meta.json']) {
    cpSync(
      join(CAPTURES, 'swiotlb-dynamic-ramp', file),
      join(traces, 'swiotlb-dynamic-ramp', file),
    );
  }
  cpSync(join(CAPTURES, 'formats-perf/perf-zstd.data'), join(traces, 'formats-perf/perf.data'));
  expect(dmalab(words(expected))).toMatchObject({ code: 0, stderr: '' });
});

function entries(cache: string): string[] {
  return readdirSync(cache, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test('filling the cache and reading from it change no byte', () => {
  const cache = join(folder, 'cache');
  const results = ['first', 'second'].map((name) => {
    for (const path of name === 'second' ? entries(cache) : []) utimesSync(path, 1, 1);
    expect(dmalab(words(join(folder, name), '--cache', cache))).toMatchObject({
      code: 0,
      stderr: '',
    });
    return folderHashes(join(folder, name));
  });
  expect(results).toEqual([folderHashes(expected), folderHashes(expected)]);
  expect(entries(cache).length).toBe(4);
  // All of them were read, so none has the time that it was given.
  expect(entries(cache).filter((path) => statSync(path).mtimeMs <= 1000)).toEqual([]);
});

test('two batches that fill one cache at once get what each gets alone', async () => {
  const cache = join(folder, 'shared');
  const outs = ['a', 'b'].map((name) => join(folder, name));
  const ends = outs.map((out) =>
    once(
      spawn(process.execPath, [BIN, ...words(out, '--cache', cache)], { stdio: 'ignore' }),
      'exit',
    ),
  );
  expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 0]);
  for (const out of outs) expect(folderHashes(out)).toEqual(folderHashes(expected));
  expect(entries(cache).length).toBe(4);
});

test('a cache that cannot be made is told at once', () => {
  const { code, stderr } = dmalab(words(join(folder, 'none'), '--cache', '/proc/none'));
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('/proc') });
});
