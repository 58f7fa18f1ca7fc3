// How traces and runs are called in tables, folders and reports.

import { basename, dirname, resolve } from 'node:path';

/** "captures/x/trace.txt.zst" is "x"; "captures/monday.txt" is "monday"; names are made unique by a number. */
export function traceNames(files: readonly string[]): string[] {
  return unique(files.map(traceName));
}

/** Makes names unique by appending -2, -3, ... to the later ones. */
export function unique(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}-${times}`;
  });
}

/** Letters, digits and a few marks that every file system takes; everything else becomes a dash. */
export function folderName(name: string): string {
  return name.replace(/[^A-Za-z0-9._=,+-]+/g, '-').replace(/^[.-]+/, '') || 'run';
}

function traceName(file: string): string {
  if (file === '-') return 'stdin';
  const bare = basename(file)
    .replace(/\.(gz|zst)$/, '')
    .replace(/\.(txt|trace|log)$/, '');
  return bare === 'trace' ? basename(dirname(resolve(file))) : bare;
}
