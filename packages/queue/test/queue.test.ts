// The queue on a real server: nothing of it is simulated.

import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { collect, type JobOutcome, type QueueJob, queueAddress, work } from '@dmalab/queue';
import { afterEach, expect, test } from 'vitest';
import {
  serverProgram,
  serverPrograms,
  startServer,
  type TestServer,
} from '../../../test/support/redis-server.ts';
import { tempFolder } from '../../../test/support/temp-folder.ts';

const onServer = test.skipIf(serverProgram === null);
const folder = tempFolder();
const LOST_AFTER_MS = 1000;
const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function server(
  words: readonly string[] = [],
  scheme: 'redis' | 'rediss' = 'redis',
  program?: string,
): Promise<TestServer> {
  const made = await startServer(folder, words, scheme, program);
  servers.push(made);
  return made;
}

function jobsOf(count: number): QueueJob[] {
  return Array.from({ length: count }, (_, n) => ({
    from: '',
    trace: `t${n}.txt`,
    to: 'out',
    task: { n },
  }));
}

type Secrets = Readonly<Record<string, string>>;

async function outcomesOf(
  url: string,
  jobs: readonly QueueJob[],
  secrets: Secrets = {},
): Promise<JobOutcome[]> {
  const outcomes: JobOutcome[] = [];
  await collect(queueAddress(url, secrets), jobs, {
    onOutcome: (index, outcome) => {
      outcomes[index] = outcome;
    },
    onTrouble: () => {},
    signal: new AbortController().signal,
  });
  return outcomes;
}

/** Starts a worker in this process; the function that is returned ends it. */
function worker(
  url: string,
  run: (job: QueueJob) => Promise<unknown>,
  secrets: Secrets = {},
): () => Promise<void> {
  const stop = new AbortController();
  const done = work(queueAddress(url, secrets), run, {
    jobs: 2,
    lostAfterMs: LOST_AFTER_MS,
    signal: stop.signal,
    onTrouble: () => {},
  });
  return async () => {
    stop.abort();
    await done;
  };
}

/** A worker that logs in, and stops. */
async function reached(url: string, environment: Secrets): Promise<void> {
  await work(queueAddress(url, environment), async () => null, {
    jobs: 1,
    lostAfterMs: LOST_AFTER_MS,
    signal: AbortSignal.abort(),
    onTrouble: () => {},
  });
}

for (const { name, isInstalled } of serverPrograms) {
  test.skipIf(!isInstalled)(
    `on ${basename(name)} every job comes back once, with what its worker returned or why it failed`,
    async () => {
      const { url } = await server([], 'redis', name);
      const seen: string[] = [];
      const stop = worker(url, async ({ trace, task }) => {
        seen.push(trace);
        if (trace === 't3.txt') throw new Error('no such trace');
        return task;
      });
      const outcomes = await outcomesOf(url, jobsOf(8));
      await stop();
      expect(seen.sort()).toEqual(jobsOf(8).map(({ trace }) => trace));
      expect(outcomes[3]).toEqual({ value: null, failure: 'no such trace' });
      expect(outcomes[7]).toEqual({ value: { n: 7 }, failure: null });
    },
  );
}

onServer(
  'the same batch again is worked on again: an old outcome is not taken for it',
  async () => {
    const { url } = await server();
    let runs = 0;
    const stop = worker(url, async () => ++runs);
    expect(await outcomesOf(url, jobsOf(1))).toEqual([{ value: 1, failure: null }]);
    expect(await outcomesOf(url, jobsOf(1))).toEqual([{ value: 2, failure: null }]);
    await stop();
  },
);

onServer('a server that comes back without its data gets the open jobs again', async () => {
  const instance = await server();
  const outcomes = outcomesOf(instance.url, jobsOf(3));
  await new Promise((resolve) => setTimeout(resolve, 500));
  await instance.stop('SIGKILL');
  await instance.start();
  const stop = worker(instance.url, async ({ task }) => task);
  expect(await outcomes).toEqual([0, 1, 2].map((n) => ({ value: { n }, failure: null })));
  await stop();
});

onServer('a message that holds more than names and data is refused', async () => {
  const { url } = await server();
  const stop = worker(url, async () => 'worked on');
  const job = { ...jobsOf(1)[0]!, policy: './mine.ts' };
  const [outcome] = await outcomesOf(url, [job]);
  await stop();
  expect(outcome?.failure).toMatch(/the job has policy, .*never code/);
});

onServer(
  'a password comes from the URL or the environment; without it the error says so',
  async () => {
    const { url } = await server(['--requirepass', 'open sesame']);
    await reached(url, { REDIS_PASSWORD: 'open sesame' });
    await expect(reached(url, {})).rejects.toThrow(/refuses the login .*REDIS_PASSWORD_FILE/);
    await expect(reached(url, { REDIS_PASSWORD: 'secret' })).rejects.toThrow(/refuses the login/);
    await expect(reached(url, { REDIS_PASSWORD: 'secret' })).rejects.not.toThrow(/secret/);
  },
);

const overTls = test.skipIf(
  serverProgram === null || spawnSync('openssl', ['version']).status !== 0,
);

overTls('jobs travel by TLS to who knows authority and password; others are refused', async () => {
  const [key, REDIS_CA_FILE] = [join(folder, 'key.pem'), join(folder, 'ca.pem')];
  const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', REDIS_CA_FILE];
  spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files]);
  const tls = ['--tls-cert-file', REDIS_CA_FILE, '--tls-key-file', key, '--tls-auth-clients', 'no'];
  const { url } = await server([...tls, '--requirepass', 'open sesame'], 'rediss');
  await expect(reached(url, {})).rejects.toThrow(/^rediss:.*self-signed certificate/);
  await expect(reached(url, { REDIS_CA_FILE })).rejects.toThrow(/refuses the login/);
  const secrets = { REDIS_CA_FILE, REDIS_PASSWORD: 'open sesame' };
  const stop = worker(url, async ({ task }) => task, secrets);
  expect(await outcomesOf(url, jobsOf(1), secrets)).toEqual([{ value: { n: 0 }, failure: null }]);
  await stop();
});

test('no server at the address is told at once', async () => {
  await expect(outcomesOf('redis://127.0.0.1:1', [])).rejects.toThrow(
    'redis://127.0.0.1:1: no Redis or Valkey server answers (ECONNREFUSED); start one with: redis-server',
  );
});
