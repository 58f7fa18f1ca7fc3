// A worker reads and writes below its roots only, whatever a job names.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JobPlace, parseJob, placeOf, rootsOf } from '@dmalab/queue';
import { expect, test } from 'vitest';
import { tempFolder } from '../../../test/support/temp-folder.ts';

const shared = tempFolder();
const traces = join(shared, 'traces');
const results = join(shared, 'results');
mkdirSync(join(traces, 'week'), { recursive: true });
mkdirSync(results);
writeFileSync(join(traces, 'week/a.txt'), 'trace');
writeFileSync(join(shared, 'secret'), 'secret');
const roots = rootsOf(traces, results);

function placed(trace: string, from = '', to = ''): JobPlace {
  return placeOf(roots, { from, trace, to, task: {} });
}

test('names below the roots become paths of this machine', () => {
  expect(placed('week/a.txt')).toEqual(roots);
  expect(placed('a.txt', 'week', 'of/may')).toEqual({
    traces: join(roots.traces, 'week'),
    results: join(roots.results, 'of/may'),
  });
});

test.each([
  '../secret',
  'week/../../secret',
  '/etc/passwd',
  '..\\secret',
  'week/./a.txt',
  'week//a.txt',
  'a\0b',
])('the name %j is refused as a trace and as a folder', (name) => {
  const refused = /is refused: expected a path below the root/;
  expect(() => placed(name)).toThrow(refused);
  expect(() => placed('a.txt', name)).toThrow(refused);
  expect(() => placed('week/a.txt', '', name)).toThrow(refused);
});

test('the root is no trace', () => {
  expect(() => placed('')).toThrow(/is refused/);
});

test('links that stay below the root are followed, those that leave it are refused', () => {
  symlinkSync('a.txt', join(traces, 'week/same.txt'));
  symlinkSync('../../secret', join(traces, 'week/out.txt'));
  symlinkSync('..', join(traces, 'up'));
  symlinkSync('../nowhere', join(traces, 'dangling'));
  expect(placed('week/same.txt')).toEqual(roots);
  expect(() => placed('week/out.txt')).toThrow(/a symbolic link in it leads out/);
  expect(() => placed('up/secret')).toThrow(/a symbolic link in it leads out/);
  expect(() => placed('dangling')).toThrow(/a symbolic link in it leads out/);
});

test('a file that leads out of a directory of one for each CPU is found', () => {
  mkdirSync(join(traces, 'percpu/per_cpu/cpu0'), { recursive: true });
  symlinkSync('../../../../secret', join(traces, 'percpu/per_cpu/cpu0/trace'));
  expect(() => placed('percpu')).toThrow(/leads out/);
});

test('a meta.json beside the trace does not lead out either', () => {
  mkdirSync(join(traces, 'facts'));
  writeFileSync(join(traces, 'facts/trace.txt'), 'trace');
  symlinkSync('../../secret', join(traces, 'facts/meta.json'));
  expect(() => placed('facts/trace.txt')).toThrow(/leads out/);
});

test('a result is not written through a link', () => {
  mkdirSync(join(results, 'b.txt'));
  symlinkSync('../../secret', join(results, 'b.txt/series.json'));
  symlinkSync(shared, join(results, 'away'));
  expect(() => placed('b.txt')).toThrow(/leads out/);
  expect(() => placed('week/a.txt', '', 'away')).toThrow(/leads out/);
  expect(() => placed('away/secret')).toThrow(/leads out/);
});

test('a job with a field that no job has is refused', () => {
  const job = { from: '', trace: 'week/a.txt', to: 'a', task: {} };
  expect(parseJob(job)).toEqual(job);
  expect(() => parseJob({ ...job, policy: 'mine.ts' })).toThrow(/the job has policy/);
  expect(() => parseJob([])).toThrow(/is no job/);
  expect(() => parseJob({ from: '', trace: 1, to: 'a' })).toThrow(/lacks a path/);
});
