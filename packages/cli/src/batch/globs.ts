// Patterns of --include and --exclude: a pattern without a slash is held against every name of a path, as in .gitignore; one
// with a slash against the whole relative path, where ** stands for any number of folders.

import { matchesGlob } from 'node:path';

/** Whether `path` (relative, with slashes) or, for a pattern without a slash, one of its names matches a pattern. */
export function matchesAny(path: string, patterns: readonly string[]): boolean {
  const names = path.split('/');
  return patterns.some((pattern) =>
    pattern.includes('/')
      ? matchesGlob(path, pattern.replace(/^\.?\//, ''))
      : names.some((name) => matchesGlob(name, pattern)),
  );
}
