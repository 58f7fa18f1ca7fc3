// An installation without @dmalab/queue: everything but the queue works, and the queue says what is missing.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const folder = tempFolder();

test('batch and worker name the package that is not there', () => {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@dmalab'), { recursive: true });
  for (const name of ['cli', 'analysis', 'replay', 'trace']) {
    for (const part of ['src', 'package.json', ...(name === 'cli' ? ['bin'] : [])]) {
      cpSync(join(REPOSITORY, 'packages', name, part), join(folder, 'packages', name, part), {
        recursive: true,
      });
    }
    symlinkSync(join(folder, 'packages', name), join(modules, '@dmalab', name));
  }
  for (const name of readdirSync(join(REPOSITORY, 'node_modules'))) {
    if (name === '@dmalab' || name.startsWith('.')) continue;
    symlinkSync(join(REPOSITORY, 'node_modules', name), join(modules, name));
  }
  const run = (...words: string[]): unknown => {
    const bin = join(folder, 'packages/cli/bin/dmalab.mjs');
    const { status, stderr } = spawnSync(process.execPath, [bin, ...words], { encoding: 'utf8' });
    return { status, stderr };
  };
  const url = ['--redis', 'redis://127.0.0.1:1'];
  const missing =
    'dmalab: --redis needs a package that is not installed: npm install @dmalab/queue\n';
  expect(run('worker', ...url, '--traces', folder, '--out', folder)).toEqual({
    status: 2,
    stderr: missing,
  });
  const traces = join(REPOSITORY, 'traces/formats-clocks');
  const out = join(folder, 'out');
  expect(run('batch', traces, '-o', out, ...url)).toEqual({ status: 2, stderr: missing });
  expect(run('batch', traces, '-o', out, '--include', 'trace.clock-tai.txt')).toEqual({
    status: 0,
    stderr: '',
  });
}, 60_000);
