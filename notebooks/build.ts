// npm run notebooks: makes the data, then static pages in out/notebooks. Needs no network.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('.', import.meta.url));
const KIT: string = fileURLToPath(import.meta.resolve('@observablehq/notebook-kit'));
const BUILD: string = KIT.replace(/dist[\\/]src[\\/].*$/, 'dist/bin/notebooks.js');
const pages = readdirSync(ROOT).filter((name) => name.endsWith('.html'));
const out = process.argv[2] ?? '../out/notebooks';

run([`${ROOT}data.ts`]);
run([BUILD, 'build', '--root', ROOT, '--out', out, '--empty', '--', ...pages]);

function run(words: readonly string[]): void {
  const { status } = spawnSync(process.execPath, words, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
