// Inputs that were given twice, under one name or as copies, are read once (DUP_INPUT).

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { printable } from './output.ts';

const PIECE = 1 << 20;

/** The files without repetitions, which are reported on stderr. Only files of equal size are compared. */
export function distinctFiles(files: readonly string[]): string[] {
  const sizes = files.map(sizeOf);
  const digests = new Map<string, string>();
  return files.filter((file, i) => {
    const size = sizes[i]!;
    if (size === null || sizes.indexOf(size) === sizes.lastIndexOf(size)) return true;
    const digest = digestOf(file);
    const first = digests.get(digest);
    if (first === undefined) {
      digests.set(digest, file);
      return true;
    }
    const what = first === file ? 'is given twice' : `has the same content as ${first}`;
    process.stderr.write(`dmalab: ${printable(file)}: DUP_INPUT: ${printable(what)}; read once\n`);
    return false;
  });
}

/** Bytes of a file with content; null for all else, also for what cannot be read: opening it tells why. */
function sizeOf(file: string): number | null {
  try {
    const stat = statSync(file);
    return stat.isFile() && stat.size > 0 ? stat.size : null;
  } catch {
    return null;
  }
}

function digestOf(path: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE);
  try {
    const file = openSync(path, 'r');
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      hash.update(piece.subarray(0, read));
    }
    closeSync(file);
  } catch {
    return path;
  }
  return hash.digest('hex');
}
