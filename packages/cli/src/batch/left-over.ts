// What lies in the folder of a batch and is not of it: files that a killed process had begun, and results of other machines or
// of traces that are gone.

import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type BatchTable, RESULT_FILES } from '@dmalab/analysis/results';

/** Removes files that were begun in the folders of results and never got their name. */
export function removeBegun(out: string, { rows }: BatchTable): void {
  for (const { folder } of rows) {
    if (folder === null) continue;
    for (const name of readdirSync(join(out, folder))) {
      if (name.endsWith('.part')) rmSync(join(out, folder, name), { force: true });
    }
  }
}

/** Folders below `out` with results of batches that are not in the table, in order. */
export function staleFolders(out: string, { rows }: BatchTable): string[] {
  const known = new Set(rows.map(({ folder }) => folder));
  return readdirSync(out, { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === RESULT_FILES.summary)
    .map(dirname)
    .filter((folder) => !known.has(folder) && isOfBatch(join(out, folder)))
    .sort();
}

/** Removes results, and the folders above them that are empty then. */
export function removeResults(out: string, folders: readonly string[]): void {
  for (const folder of folders) {
    rmSync(join(out, folder), { recursive: true, force: true });
    for (let above = dirname(folder); above !== '.'; above = dirname(above)) {
      try {
        rmdirSync(join(out, above));
      } catch {
        break;
      }
    }
  }
}

/** Only a batch says what a result was made of; whatever else lies there is not ours to judge. */
function isOfBatch(folder: string): boolean {
  try {
    const text = readFileSync(join(folder, RESULT_FILES.summary), 'utf8');
    return (JSON.parse(text) as { inputs?: unknown }).inputs instanceof Object;
  } catch {
    return false;
  }
}
