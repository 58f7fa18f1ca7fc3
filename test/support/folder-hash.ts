// Whether two folders hold the same bytes under the same names.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** "hash  path" of every file below a folder, and the path of every folder, in order. */
export function folderHashes(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const hash = entry.isFile()
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : 'folder';
      return `${hash}  ${relative(folder, path)}`;
    })
    .sort();
}
