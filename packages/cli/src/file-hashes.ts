// SHA-256 of what is read: files, traces that are directories, and texts.

import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

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

/** The files below a folder in a fixed order. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
