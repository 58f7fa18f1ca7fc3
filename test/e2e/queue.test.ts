// A batch on a real server, with workers that are processes: the bytes of a local batch, whatever dies in between.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { collect, queueAddress } from '@dmalab/queue';
import { afterAll, expect, test } from 'vitest';
import { dmalab } from '../support/dmalab.ts';
import { folderHashes } from '../support/folder-hash.ts';
import { serverProgram, startServer, type TestServer } from '../support/redis-server.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';
import { tinyTrace, writeTinyTraces } from '../support/tiny-traces.ts';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/dmalab.mjs', import.meta.url));
const onServer = test.skipIf(serverProgram === null);
const folder = tempFolder();
const shared = join(folder, 'shared');
const traces = join(shared, 'traces/week');
const data = join(folder, 'data');
mkdirSync(data);
writeTinyTraces(traces, 4);
// Each of these takes long enough to be met in its midst.
for (let i = 0; i < 4; i++) writeFileSync(join(traces, `long${i}.txt`), tinyTrace(8_000, i));
writeFileSync(join(traces, 'broken.txt'), 'no trace\n');
const machine = writeTemp(
  folder,
  'small.yaml',
  'flush: { name: percpu, parameters: { size: 16 } }\n',
);
const MACHINES = ['-m', machine, '--kernel', '6.12'];
const ended: (() => unknown)[] = [];

afterAll(async () => {
  for (const end of ended) await end();
});

function worker(url: string): ChildProcess {
  const roots = ['--traces', join(shared, 'traces'), '--out', join(shared, 'out')];
  const words = ['worker', '--redis', url, ...roots, '--jobs', '1', '--lost-after', '2'];
  const child = spawn(process.execPath, [BIN, ...words], { stdio: 'ignore' });
  ended.push(() => child.kill('SIGKILL'));
  return child;
}

/** Runs the batch on the queue; calls `onDone` with the number of traces that are done, as they get more. */
async function queued(
  url: string,
  out: string,
  onDone: (done: number) => Promise<void>,
): Promise<number | null> {
  const roots = ['--traces-root', join(shared, 'traces'), '--out-root', join(shared, 'out')];
  const words = ['batch', traces, '-o', out, ...MACHINES, '--redis', url, ...roots];
  const child = spawn(process.execPath, [BIN, ...words, '--progress', 'jsonl'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.startsWith('{')) await onDone(JSON.parse(line).traces.done);
  }
  const [code] = await exit;
  return code;
}

onServer('a worker killed in mid-job and a server that restarts change no byte', async () => {
  const expected = join(folder, 'expected');
  expect(dmalab(['batch', traces, '-o', expected, ...MACHINES]).code).toBe(1);
  const out = join(shared, 'out/week');
  mkdirSync(join(shared, 'out'), { recursive: true });
  const server = await startServer(data, ['--appendonly', 'yes', '--appendfsync', 'always']);
  ended.push(() => server.stop());
  const first = worker(server.url);
  worker(server.url);
  const seen: number[] = [];
  const code = await queued(server.url, out, async (done) => {
    seen.push(done);
    // The long ones come first: with one of them done, each worker is in the midst of another.
    if (done === 1) first.kill('SIGKILL');
    if (done === 3) await restart(server);
  });
  expect(first.signalCode).toBe('SIGKILL');
  expect(seen.at(-1)).toBe(9);
  expect(code).toBe(1);
  expect(folderHashes(out)).toEqual(folderHashes(expected));
  expect(await failuresOf(server.url, ROGUES)).toEqual(ROGUES.map(({ refusal }) => refusal));
});

/** Jobs that no batch of ours sends, and why a worker refuses them. */
const ROGUES = [
  {
    job: { trace: '../../secret' },
    refusal: expect.stringMatching(/"..\/..\/secret" is refused/),
  },
  { job: { to: '/tmp' }, refusal: expect.stringMatching(/"\/tmp" is refused/) },
  {
    job: {},
    options: { policy: ['/shared/traces/evil.ts'] },
    refusal: expect.stringMatching(/no option policy .*never code/),
  },
  {
    job: {},
    options: { machine: ['/etc/passwd'] },
    refusal: 'the job has no text for /etc/passwd',
  },
  { job: {}, version: '9.9.9', refusal: expect.stringMatching(/^the batch is of dmalab 9.9.9,/) },
];

async function failuresOf(url: string, rogues: typeof ROGUES): Promise<(string | null)[]> {
  const failures: (string | null)[] = [];
  const jobs = rogues.map(({ job, options = {}, version = '0.1.0' }) => ({
    from: 'week',
    trace: 'long0.txt',
    to: 'week',
    task: {
      version,
      options: { ...options, machineTexts: {} },
      limits: { seconds: null, memory: null },
    },
    ...job,
  }));
  await collect(queueAddress(url, {}), jobs, {
    onOutcome: (index, { failure }) => {
      failures[index] = failure;
    },
    onTrouble: () => {},
    signal: new AbortController().signal,
  });
  return failures;
}

async function restart(server: TestServer): Promise<void> {
  await server.stop('SIGKILL');
  await server.start();
}

test('code is not sent to workers, and what is wrong with the server is told at once', () => {
  const batch = (...words: string[]): ReturnType<typeof dmalab> =>
    dmalab([
      'batch',
      traces,
      '-o',
      join(folder, 'none'),
      '--redis',
      'redis://127.0.0.1:1',
      ...words,
    ]);
  const policy = fileURLToPath(new URL('../../examples/bandwidth.ts', import.meta.url));
  expect(batch('--policy', policy)).toMatchObject({
    code: 2,
    stderr:
      'dmalab: --policy is code, and workers on the queue run none: batch it without --redis\n',
  });
  expect(batch()).toMatchObject({
    code: 1,
    stderr:
      'dmalab: --redis: redis://127.0.0.1:1: no Redis or Valkey server answers (ECONNREFUSED); start one with: redis-server\n',
  });
  rmSync(join(folder, 'none'), { recursive: true });
});
