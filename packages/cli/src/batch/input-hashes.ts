// Hashes of what a result is made of: the only thing that tells whether it has to be made again.

import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { InputHashes } from '@dmalab/analysis';
import type { Run } from '../machine-options.ts';
import { filesBelow } from './find-traces.ts';

const PIECE = 1 << 20;

/** SHA-256 of a file, or of the names and hashes of all files of a directory. */
export function hashOfTrace(path: string): string {
  if (!statSync(path).isDirectory()) return hashOfFile(path);
  const lines = filesBelow(path).map((file) => `${hashOfFile(file)}  ${relative(path, file)}\n`);
  return hashOfText(lines.join(''));
}

/** SHA-256 of the meta.json beside a trace, or in it where it is a directory; null where there is none. */
export function hashOfMeta(path: string): string | null {
  const meta = join(statSync(path).isDirectory() ? path : dirname(path), 'meta.json');
  return existsSync(meta) ? hashOfFile(meta) : null;
}

/** SHA-256 of what makes a machine of facts: overrides, files with policies, and how traces are read. */
export function hashOfMachine(
  { overrides }: Run,
  policies: readonly string[],
  reading: object,
): string {
  const files = policies.map(hashOfFile);
  return hashOfText(JSON.stringify(sorted({ overrides, policies: files, reading })));
}

/** True where both were made of the same. */
export function sameInputs(a: InputHashes | null | undefined, b: InputHashes): boolean {
  return a?.trace === b.trace && a.meta === b.meta && a.machine === b.machine;
}

/** SHA-256 of the bytes of a file. */
export function hashOfFile(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, statSync(path).size + 1));
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      hash.update(piece.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** SHA-256 of a text in UTF-8. */
export function hashOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The same value with the keys of its objects in order, so that the spelling of a machine file does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
