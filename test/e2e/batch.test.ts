// A directory of traces: the same bytes however it is done, and nothing lost by what goes wrong.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { seededRandom } from '@dmalab/replay';
import { beforeAll, expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { folderHashes } from '../support/folder-hash.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { tinyTrace, writeTinyTraces } from '../support/tiny-traces.ts';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/dmalab.mjs', import.meta.url));
const folder = tempFolder();
const traces = join(folder, 'traces');
const TWO = ['--flush', 'strict', '--flush', 'percpu:size=16'];
const expected = join(folder, 'expected');

interface Run {
  results: number;
  kept: number;
  stale: number;
  pruned: number;
  failures: { trace: string; machine: string | null; error: string }[];
}

function batch(from: string, out: string, ...more: string[]): ReturnType<typeof dmalab> {
  return dmalab(['batch', from, '-o', out, ...more]);
}

beforeAll(() => {
  writeTinyTraces(traces, 8);
  const { code, stderr } = batch(traces, expected, ...TWO, '--jobs', '1');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('two processes, another time zone and locale, and another name of the folder change no byte', () => {
  const out = join(folder, 'two');
  process.env.TZ = 'Asia/Kathmandu';
  process.env.LC_ALL = 'tr_TR.UTF-8';
  const { code } = batch(`${traces}/../traces/`, out, ...TWO, '--jobs', '2');
  process.env.TZ = '';
  process.env.LC_ALL = '';
  expect(code).toBe(0);
  expect(folderHashes(out)).toEqual(folderHashes(expected));
});

test('shards in folders of their own, or in one, merge to what one batch gives', () => {
  const parts = [1, 2].map((i) => join(folder, `part${i}`));
  const shared = join(folder, 'shared');
  parts.forEach((part, i) => {
    batch(traces, part, ...TWO, '--shard', `${i + 1}/2`, '--jobs', '1');
    batch(traces, shared, ...TWO, '--shard', `${i + 1}/2`, '--jobs', '1');
  });
  const all = join(folder, 'all');
  expect(dmalab(['merge', ...parts.slice(1), '-o', all])).toMatchObject({ code: 1 });
  expect(dmalab(['merge', ...parts, '-o', all])).toMatchObject({ code: 0, stderr: '' });
  expect(folderHashes(all)).toEqual(folderHashes(expected));
  expect(dmalab(['merge', shared])).toMatchObject({ code: 0, stderr: '' });
  expect(folderHashes(shared)).toEqual(folderHashes(expected));
});

test('a second run makes only what is missing or changed, and tells what is of no trace any more', () => {
  const from = join(folder, 'changing');
  const out = join(folder, 'changed');
  writeTinyTraces(from, 3);
  expect(jsonOf<Run>(batch(from, out, '--json', '--jobs', '1'))).toMatchObject({ kept: 0 });
  const time = (i: number): number =>
    statSync(join(out, `host0/t${i}.txt/recorded/summary.json`)).mtimeMs;
  const before = [0, 1, 2].map(time);
  writeFileSync(join(from, 'host0/t1.txt'), tinyTrace(30, 99));
  expect(jsonOf<Run>(batch(from, out, '--json', '--jobs', '1'))).toMatchObject({
    results: 3,
    kept: 2,
  });
  expect([0, 1, 2].map((i) => time(i) === before[i])).toEqual([true, false, true]);
  writeFileSync(join(from, 'host0/meta.json'), '{"machine":{"cpus":3}}');
  expect(jsonOf<Run>(batch(from, out, '--json', '--jobs', '1'))).toMatchObject({ kept: 0 });
  rmSync(join(from, 'host0/t0.txt'));
  const left = jsonOf<Run>(batch(from, out, '--json', '--jobs', '1'));
  expect(left).toMatchObject({ results: 2, stale: 1, pruned: 0 });
  expect(readFileSync(join(out, 'batch.csv'), 'utf8')).not.toContain('t0.txt');
  expect(jsonOf<Run>(batch(from, out, '--json', '--prune'))).toMatchObject({ stale: 0, pruned: 1 });
  const fresh = join(folder, 'fresh');
  batch(from, fresh, '--jobs', '1');
  expect(folderHashes(out)).toEqual(folderHashes(fresh));
});

test('195 of 200 traces give results, 5 broken ones a line each, and the exit code is 1', () => {
  const from = join(folder, 'many');
  const out = join(folder, 'many-out');
  const paths = writeTinyTraces(from, 200, 8);
  const broken = [3, 50, 77, 120, 199].map((i) => paths[i]!);
  writeFileSync(join(from, broken[0]!), '');
  writeFileSync(join(from, broken[1]!), 'hello\n');
  writeFileSync(join(from, broken[2]!), Uint8Array.from([0, 1, 2, 0xff, 0xfe]));
  writeFileSync(join(from, broken[3]!), gzipSync('not a trace\n').subarray(0, 15));
  writeFileSync(join(from, broken[4]!), '# tracer: nop\n');
  const finished = batch(from, out, '--json', '--jobs', '2');
  const { results, failures } = jsonOf<Run>(finished);
  expect(finished.code).toBe(1);
  expect(results).toBe(195);
  expect(failures.map(({ trace }) => trace)).toEqual([...broken].sort());
  const lines = finished.stderr.trim().split('\n');
  expect(lines.length).toBe(5);
  for (const [i, line] of lines.entries())
    expect(line).toContain(`dmalab: ${[...broken].sort()[i]}:`);
  expect(broken.some((path) => existsSync(join(out, path)))).toBe(false);
  const table = readFileSync(join(out, 'batch.csv'), 'utf8').trim().split('\r\n');
  expect(table.length).toBe(201);
});

test('a machine that never ends, takes all memory, or kills its process costs its own trace only', () => {
  const from = join(folder, 'limits');
  writeTinyTraces(from, 1);
  const policy = join(folder, 'policy.ts');
  writeFileSync(
    policy,
    `import { existsSync, writeFileSync } from 'node:fs';
let made = 0;
const queue = (name: string, act: () => void) => ({
  kind: 'flush', name, summary: 'does harm', parameters: [],
  create: () => ({ queue() { act(); }, flush() {}, length: () => 0, queuedEntries: () => 0 }),
});
const dies = () => process.kill(process.pid, 'SIGKILL');
const marker = ${JSON.stringify(join(folder, 'marker'))};
export const slow = queue('slow', () => { for (;;) Array(1e6).fill(made++); });
export const deadly = queue('deadly', dies);
export const once = queue('once', () => { if (!existsSync(marker)) { writeFileSync(marker, ''); dies(); } });
export const large = queue('large', () => { const kept: object[] = []; for (;;) kept.push({ made: made++, more: [made] }); });
`,
  );
  const words = ['--policy', policy, '--json', '--jobs', '1'];
  const slow = batch(from, join(folder, 'slow'), ...words, '--flush', 'slow', '--time-limit', '1');
  expect(jsonOf<Run>(slow).failures.map(({ error }) => error.slice(0, 11))).toEqual([
    'out of time',
  ]);
  const large = batch(
    from,
    join(folder, 'large'),
    ...words,
    '--flush',
    'large',
    '--memory-limit',
    '200MB',
  );
  expect(jsonOf<Run>(large).failures.map(({ error }) => error.slice(0, 13))).toEqual([
    'out of memory',
  ]);
  expect(large.code).toBe(1);
  const deadly = batch(from, join(folder, 'deadly'), ...words, '--flush', 'deadly');
  expect(jsonOf<Run>(deadly).failures.map(({ error }) => error)).toEqual([
    'the process that read it ended by SIGKILL, twice',
  ]);
  // Tried once more: its process may have been chosen to end for what others took.
  const once = batch(from, join(folder, 'once'), ...words, '--flush', 'once');
  expect(jsonOf<Run>(once)).toMatchObject({ results: 1, failures: [] });
});

test('a batch has its folder alone; killed, it takes its processes with it, also out of a loop without an end', async () => {
  const from = join(folder, 'orphans');
  writeTinyTraces(from, 1);
  const policy = join(folder, 'endless.ts');
  const told = join(folder, 'pid');
  writeFileSync(
    policy,
    `import { writeFileSync } from 'node:fs';
export const endless = {
  kind: 'flush', name: 'endless', summary: 'never ends', parameters: [],
  create: () => ({
    queue() { writeFileSync(${JSON.stringify(told)}, String(process.pid)); for (;;); },
    flush() {}, length: () => 0, queuedEntries: () => 0,
  }),
};
`,
  );
  const words = ['batch', from, '-o', join(folder, 'orphans-out'), '--policy', policy];
  const child = spawn(process.execPath, [BIN, ...words, '--flush', 'endless'], { stdio: 'ignore' });
  const isRunning = (): boolean => {
    try {
      return process.kill(Number(readFileSync(told, 'utf8')), 0);
    } catch {
      return false;
    }
  };
  await expect.poll(isRunning, { timeout: 30_000 }).toBe(true);
  expect(batch(from, join(folder, 'orphans-out'))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`another batch writes here (process ${child.pid})`),
  });
  child.kill('SIGKILL');
  await expect.poll(isRunning, { timeout: 30_000 }).toBe(false);
  expect(batch(from, join(folder, 'orphans-out')).code).toBe(0);
});

test('kill -9 at 20 moments, then once more without: the same bytes', async () => {
  const out = join(folder, 'killed');
  const random = seededRandom(20);
  for (let i = 0; i < 20; i++) {
    const child = spawn(
      process.execPath,
      [BIN, 'batch', traces, '-o', out, ...TWO, '--jobs', '2'],
      {
        stdio: 'ignore',
      },
    );
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await Promise.race([ended, sleep(150 + random() * 700)]);
    child.kill('SIGKILL');
    // One that was done already is begun again, so that every kill meets a part of the work.
    if ((await ended) === 0) rmSync(out, { recursive: true });
  }
  expect(batch(traces, out, ...TWO, '--jobs', '2').code).toBe(0);
  expect(folderHashes(out)).toEqual(folderHashes(expected));
});

test('what is not wanted is left out, and --dry-run says what is left', () => {
  const from = join(folder, 'mixed');
  writeTinyTraces(from, 2);
  mkdirSync(join(from, 'cpus'), { recursive: true });
  for (const cpu of [0, 1]) {
    const text = tinyTrace(5, cpu).replaceAll('[000]', `[00${cpu}]`);
    writeFileSync(join(from, `cpus/trace.cpu${cpu}.txt`), text);
  }
  writeFileSync(join(from, 'README.md'), 'notes');
  writeFileSync(join(from, 'notes.json'), '{"a":1}');
  writeFileSync(join(from, 'host0/skip.log'), 'x');
  const plan = jsonOf<{ traces: { path: string }[]; others: string[] }>(
    batch(from, join(folder, 'none'), '--dry-run', '--json', '--exclude', '*.log'),
  );
  expect(plan.traces.map(({ path }) => path)).toEqual(['cpus', 'host0/t0.txt', 'host0/t1.txt']);
  expect(plan.others).toEqual(['README.md', 'notes.json']);
  expect(existsSync(join(folder, 'none'))).toBe(false);
  const one = jsonOf<Run>(
    batch(from, join(folder, 'one'), '--json', '--include', '**/t1.txt', '--jobs', '1'),
  );
  expect(one).toMatchObject({ results: 1, failures: [] });
});
