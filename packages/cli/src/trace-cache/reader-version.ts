// The version of the reader of traces: of the package, and of its very sources, so that an entry of a cache is never taken
// for that of a reader that was changed since.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hashOfFile, hashOfText } from '../file-hashes.ts';

let known = '';

/** SHA-256 over the source files of @dmalab/trace, which the runtime reads as they are. */
export function readerVersion(): string {
  if (known !== '') return known;
  const root = fileURLToPath(new URL('.', import.meta.resolve('@dmalab/trace')));
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort();
  known = hashOfText(names.map((name) => `${hashOfFile(root + name)}  ${name}\n`).join(''));
  return known;
}
