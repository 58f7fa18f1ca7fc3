// A real server of Redis or Valkey on loopback, for tests; a test is skipped where none is installed.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Programs of servers, the one that REDIS_SERVER names before those of the system, and whether each is installed. */
export const serverPrograms: readonly { readonly name: string; readonly isInstalled: boolean }[] = [
  process.env.REDIS_SERVER ?? '',
  'redis-server',
  'valkey-server',
]
  .filter((name) => name !== '')
  .map((name) => ({ name, isInstalled: spawnSync(name, ['--version']).status === 0 }));

/** The first of them that is installed, null where none is (a message says so). */
export const serverProgram: string | null =
  serverPrograms.find(({ isInstalled }) => isInstalled)?.name ?? null;

for (const { name, isInstalled } of serverPrograms) {
  if (!isInstalled) console.warn(`skipped: what needs ${name} (apt-get install, or REDIS_SERVER)`);
}

/** A server with its data in a folder; it can be stopped and started again on the same port. */
export interface TestServer {
  readonly url: string;
  start(): Promise<void>;
  /** Ends it as a crash does (SIGKILL), or properly (SIGTERM). */
  stop(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** A server on a free port; `words` are further arguments of redis-server, as ['--requirepass', 'x']. */
export async function startServer(
  folder: string,
  words: readonly string[] = [],
  scheme: 'redis' | 'rediss' = 'redis',
  program: string = serverProgram ?? '',
): Promise<TestServer> {
  const port = await freePort();
  let running: ChildProcess | null = null;
  const server: TestServer = {
    url: `${scheme}://127.0.0.1:${port}`,
    start: async () => {
      const ports = scheme === 'redis' ? ['--port', port] : ['--port', 0, '--tls-port', port];
      running = await started(program, folder, [...ports, ...words]);
    },
    stop: async (signal = 'SIGTERM') => {
      if (running === null || running.exitCode !== null) return;
      const ended = once(running, 'exit');
      running.kill(signal);
      await ended;
      running = null;
    },
  };
  await server.start();
  return server;
}

async function started(
  program: string,
  folder: string,
  words: readonly (string | number)[],
): Promise<ChildProcess> {
  const all = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', ...words];
  const child = spawn(program, all.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.includes('Ready to accept connections')) break;
  }
  if (!said.includes('Ready to accept')) throw new Error(`the server did not start: ${said}`);
  return child;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
