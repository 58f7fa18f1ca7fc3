#!/usr/bin/env node
// Starts dmalab on the project's own Node: the .ts files run as they are from Node 24 on.
//
// Under npm and npx the project's Node comes first in PATH already; a direct start from an older
// Node finds it through its platform package and starts again on it. Compiled code is kept in the user's cache
// folder, not in the one for temporary files, which others can write to: a start takes a third of the time.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST = 24;

function ownNode() {
  const name = process.platform === 'win32' ? 'node.cmd' : 'node';
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, 'node_modules', '.bin', name);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return null;
    folder = parent;
  }
}

if (Number.parseInt(process.versions.node, 10) >= OLDEST) {
  const folder = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  module.enableCompileCache(join(folder, 'dmalab'));
  const words = process.argv.slice(2);
  const pool = words[0] === 'batch' ? await import('../src/batch/process-pool.ts') : null;
  pool?.startEarly(words);
  await import('../src/main.ts');
  await pool?.endEarly();
} else {
  const node = process.env.DMALAB_STARTED ? null : ownNode();
  if (node === null) {
    console.error(
      `dmalab: needs Node ${OLDEST} or newer, this is ${process.version}; run "npm install" in the project, which brings one`,
    );
    process.exit(2);
  }
  const run = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, DMALAB_STARTED: '1' },
    shell: process.platform === 'win32',
  });
  // The run ends by its own handling of a signal, and this one with it. A terminal sends Ctrl-C to both.
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const passOn = (signal) => {
    if (signal !== 'SIGINT' || !hasTerminal) run.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, passOn);
  run.on('exit', (status, signal) => {
    if (signal === null) process.exit(status ?? 1);
    process.off(signal, passOn);
    process.kill(process.pid, signal);
  });
}
