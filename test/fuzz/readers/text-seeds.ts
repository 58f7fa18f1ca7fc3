// Small pieces of the bundled text captures: the header and a few lines of each; and a few longer ones.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';

const TRACES = fileURLToPath(new URL('../../../traces', import.meta.url));
/** Larger files have no other layouts, and unpacking them would be most of the memory of a run. */
const LARGEST = 250_000;
const HEADER_LINES = 12;
const WINDOWS = 3;
const SMALL = 5;
const LONG = 60;
const MAX_LINE = 400;

/** Examples of one kind. */
export interface TextSeeds {
  /** A handful of lines each. */
  readonly small: readonly Buffer[];
  readonly long: readonly Buffer[];
}

/** A bundled file, unpacked; `name` is its path below traces/. */
export function bundled(name: string): Buffer {
  const bytes = readFileSync(join(TRACES, name));
  return name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes;
}

/** Paths of the bundled files that match and are not large, in order. */
export function bundledFiles(pattern: RegExp): string[] {
  return readdirSync(TRACES, { recursive: true, encoding: 'utf8' })
    .filter((path) => pattern.test(path) && statSync(join(TRACES, path)).size <= LARGEST)
    .sort();
}

/** Pieces of all bundled texts that match. */
export function textSeeds(pattern: RegExp): TextSeeds {
  const small: Buffer[] = [];
  const long: Buffer[] = [];
  for (const path of bundledFiles(pattern)) {
    const bytes = bundled(path);
    const header = linesAt(bytes, 0, HEADER_LINES);
    for (let n = 1; n <= WINDOWS; n++) {
      const from = bytes.indexOf('\n', Math.floor((bytes.length * n) / (WINDOWS + 1))) + 1;
      // The header tells the format; two of three pieces have only its first lines.
      small.push(
        joined([...header.slice(0, n === 1 ? HEADER_LINES : 2), ...linesAt(bytes, from, SMALL)]),
      );
      if (n === 2) long.push(joined([...header, ...linesAt(bytes, from, LONG)]));
    }
  }
  return { small, long };
}

function linesAt(bytes: Buffer, from: number, count: number): string[] {
  const piece = bytes.subarray(from, from + 2 * MAX_LINE * count).toString('latin1');
  return piece.split('\n', count).filter(({ length }) => length <= MAX_LINE);
}

function joined(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\n')}\n`, 'latin1');
}
