// Files of golden vectors: found in a tree of directories, decompressed, checked against their digest.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { CsvTable } from './csv-table.ts';

/** Files whose name ends with `ending` in `path` and the directories below it, in order of their names. */
export function filesBelow(path: string, ending: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) return filesBelow(inner, ending);
    return entry.name.endsWith(ending) ? [inner] : [];
  });
}

/** Bytes of a file; one that ends in .zst is decompressed. An Error names the file. */
export function readGolden(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path);
    return path.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes;
  } catch (error) {
    throw new Error(`${path}: cannot be read: ${(error as Error).message}`);
  }
}

/** The table `name` beside the scenario file `beside`; an Error if its digest is not `sha256`. */
export function readTable(beside: string, name: string, sha256: string | null): CsvTable {
  const path = join(dirname(beside), name);
  const bytes = readGolden(path);
  if (sha256 !== null) {
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (digest !== sha256) throw new Error(`${path}: SHA-256 is ${digest}, expected ${sha256}`);
  }
  return new CsvTable(path, bytes);
}
