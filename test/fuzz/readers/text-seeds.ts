// Small pieces of the bundled text captures: the header and a few windows of lines of each.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';

const TRACES = fileURLToPath(new URL('../../../traces', import.meta.url));
const HEADER_LINES = 12;
const WINDOWS = 3;
const WINDOW_LINES = 9;
const MAX_LINE = 400;

/** A bundled file, unpacked; `name` is its path below traces/. */
export function bundled(name: string): Buffer {
  const bytes = readFileSync(join(TRACES, name));
  return name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes;
}

/** Paths of the bundled files that match, in order. */
export function bundledFiles(pattern: RegExp): string[] {
  return readdirSync(TRACES, { recursive: true, encoding: 'utf8' })
    .filter((path) => pattern.test(path))
    .sort();
}

/** Pieces of all bundled texts that match. */
export function textSeeds(pattern: RegExp): Buffer[] {
  return bundledFiles(pattern).flatMap((path) => pieces(bundled(path).toString('latin1')));
}

function pieces(text: string): Buffer[] {
  const lines = text.split('\n', 20_000).filter(({ length }) => length <= MAX_LINE);
  const header = lines.slice(0, HEADER_LINES);
  const seeds: Buffer[] = [];
  for (let n = 1; n <= WINDOWS; n++) {
    const from = Math.floor((lines.length * n) / (WINDOWS + 1));
    const piece = [...header, ...lines.slice(from, from + WINDOW_LINES)];
    seeds.push(Buffer.from(`${piece.join('\n')}\n`, 'latin1'));
  }
  return seeds;
}
