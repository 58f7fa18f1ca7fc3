// The two folders of a worker: it reads traces below one, writes results below the other, and touches nothing else.
//
// A name is refused when it is absolute, climbs out (..), or leads out through a symbolic link: of the path itself,
// of a file in a trace's directory, of a meta.json beside it, or of a file in a result's folder that would be written
// through. The check is made before each job. Who may write to the shared folder can still exchange a file while a
// job runs; against that only the rights of the worker's user help.

import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import type { QueueJob } from './job.ts';

/** A job names a file outside of the roots. */
export class RootError extends Error {
  override readonly name = 'RootError';
}

/** Two folders that exist, links resolved. */
export interface Roots {
  readonly traces: string;
  readonly results: string;
}

/** The folders of a job on this machine. */
export interface JobPlace {
  /** Folder of the batch's traces. */
  readonly traces: string;
  /** Folder of the batch's results. */
  readonly results: string;
}

/** The folders `traces` and `results` as roots; throws where one is missing or a file. */
export function rootsOf(traces: string, results: string): Roots {
  return { traces: rootOf(traces), results: rootOf(results) };
}

/**
 * Where a job reads and writes on this machine; throws a {@link RootError} where that leads out of the roots.
 * `folder` is that of the trace's results below the folder of the batch's.
 */
export function placeOf(
  roots: Roots,
  { from, trace, to }: QueueJob,
  folder: string = trace,
): JobPlace {
  const traces = folderBelow(roots.traces, from);
  refuseAll(roots.traces, pathBelow(traces, trace), trace);
  refuseOutside(roots.traces, join(dirname(pathBelow(traces, trace)), 'meta.json'), trace);
  const results = folderBelow(roots.results, to);
  refuseAll(roots.results, pathBelow(results, folder), folder);
  return { traces, results };
}

function rootOf(folder: string): string {
  const real = realPath(folder);
  if (real !== null && lstatSync(real).isDirectory()) return real;
  throw new RootError(`${folder}: no such folder, expected one that all workers share`);
}

/** A folder below a root, or the root; it must not lead out either. */
function folderBelow(root: string, name: string): string {
  const path = name === '' ? root : pathBelow(root, name);
  refuseOutside(root, path, name);
  return path;
}

function pathBelow(root: string, name: string): string {
  const parts = name.split('/');
  const odd = parts.some((part) => part === '' || part === '.' || part === '..');
  if (odd || isAbsolute(name) || /[\\\0]/.test(name)) {
    throw new RootError(
      `${JSON.stringify(name)} is refused: expected a path below the root, without empty parts, "." and ".."`,
    );
  }
  return join(root, ...parts);
}

/** Refuses links out of the root in a path and, where it is a directory, in all that is in it. */
function refuseAll(root: string, path: string, name: string): void {
  refuseOutside(root, path, name);
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  for (const inner of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    refuseOutside(root, join(path, inner), name);
  }
}

function refuseOutside(root: string, path: string, name: string): void {
  const way = relative(root, realOfExisting(path));
  if (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)) return;
  throw new RootError(
    `${JSON.stringify(name)} is refused: a symbolic link in it leads out of the root of this worker`,
  );
}

/** Where `path` is or would be made: links of the part that exists are followed, a link to nowhere as well. */
function realOfExisting(path: string): string {
  const real = realPath(path);
  if (real !== null) return real;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return sep;
  const parent = dirname(path);
  return parent === path ? path : join(realOfExisting(parent), basename(path));
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
