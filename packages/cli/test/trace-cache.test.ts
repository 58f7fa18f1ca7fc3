// The cache of converted traces: what comes out of it is what was read, whatever happened to its files.

import { createHash } from 'node:crypto';
import {
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { tinyTrace } from '../../../test/support/tiny-traces.ts';
import { readTrace } from '../src/trace-cache/read-trace.ts';
import { TraceCache } from '../src/trace-cache/trace-cache.ts';

const folder = tempFolder();

/** Keys whose entries all lie in one folder of the cache. */
const key = (i: number): string =>
  createHash('sha256').update(String(i)).digest('hex').replace(/^../, 'ab');
const files = (cache: TraceCache): string[] =>
  readdirSync(cache.folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.length > 2,
  );
const age = (path: string, seconds: number): void => {
  utimesSync(path, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);
};

test('above its size a cache loses what was not used for the longest', () => {
  const cache = new TraceCache(join(folder, 'full'), 1000);
  const add = (i: number): string | null =>
    cache.add(key(i), (path) => writeFileSync(path, `${i}`.repeat(300)));
  for (const i of [1, 2, 3]) {
    expect(add(i)).toBeNull();
    age(cache.find(key(i))!, 100 - i);
  }
  // The first one is used again, so the second is the oldest now.
  expect(cache.find(key(1))).not.toBeNull();
  expect(add(4)).toBeNull();
  expect([1, 2, 3, 4].map((i) => cache.find(key(i)) !== null)).toEqual([true, false, true, true]);
});

test('an entry larger than the cache is not kept, and no other one goes for it', () => {
  const cache = new TraceCache(join(folder, 'small'), 1000);
  cache.add(key(1), (path) => writeFileSync(path, 'a'));
  cache.add(key(2), (path) => writeFileSync(path, 'b'.repeat(1001)));
  expect([1, 2].map((i) => cache.find(key(i)) !== null)).toEqual([true, false]);
});

test('what cannot be written is told, and leaves nothing behind', () => {
  const cache = new TraceCache(join(folder, 'torn'), 1000);
  const problem = cache.add(key(1), (path) => {
    writeFileSync(path, 'half');
    throw new Error('ENOSPC: no space left on device');
  });
  expect(problem).toBe(`${cache.folder}: ENOSPC: no space left on device`);
  expect(files(cache)).toEqual([]);
});

test('a damaged entry, and a sound one that holds something else, are made again', async () => {
  const trace = join(folder, 'trace.txt');
  writeFileSync(trace, tinyTrace(40, 3));
  const cache = new TraceCache(join(folder, 'damaged'), 1e9);
  const report = async (): Promise<object> => {
    const capture = await readTrace(trace, {}, cache);
    capture.close();
    return capture.report;
  };
  const first = await report();
  const [name] = files(cache);
  const path = join(cache.folder, name!);
  const whole = readFileSync(path);
  const damaged = Uint8Array.from(whole);
  damaged[whole.length >> 1]! ^= 1;
  writeFileSync(path, damaged);
  expect(await report()).toEqual(first);
  expect(readFileSync(path)).toEqual(whole);
  writeFileSync(path, 'no table');
  renameSync(
    path,
    path.replace(/\.\w{64}\./, `.${createHash('sha256').update('no table').digest('hex')}.`),
  );
  expect(await report()).toEqual(first);
  expect(files(cache)).toEqual([name]);
  // Now it is read: its time says so.
  age(path, 1000);
  expect(await report()).toEqual(first);
  expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(500_000);
});

test('another name, another meta.json and other options of reading are other entries', async () => {
  const cache = new TraceCache(join(folder, 'keys'), 1e9);
  const trace = join(folder, 'one.txt');
  writeFileSync(trace, tinyTrace(40, 4));
  const read = async (path: string, options = {}): Promise<number> => {
    (await readTrace(path, options, cache)).close();
    return files(cache).length;
  };
  expect(await read(trace)).toBe(1);
  expect(await read(trace, { progress: () => {} })).toBe(1);
  expect(await read(trace, { maskBits: 32 })).toBe(2);
  writeFileSync(join(folder, 'meta.json'), '{"machine":{"cpus":3}}');
  expect(await read(trace)).toBe(3);
  renameSync(trace, join(folder, 'two.txt'));
  expect(await read(join(folder, 'two.txt'))).toBe(4);
});
