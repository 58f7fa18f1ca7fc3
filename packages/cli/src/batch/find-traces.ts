// The traces below a directory. Every file is taken for a trace, so that a broken one is an error and never left out in
// silence, but for what by its name is something else (meta.json, pages, pictures, programs) and for .json files that
// hold no trace. A directory with a file for each CPU is one trace.

import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isTraceDirectory, openTrace } from '@dmalab/trace';
import { filesBelow } from '../file-hashes.ts';
import { InputError } from '../input-error.ts';
import { BATCH_TABLE } from './batch-files.ts';
import { matchesAny } from './globs.ts';

/** A trace of a batch. */
export interface FoundTrace {
  /** Path below the root with slashes; the name of the root where that is the trace itself. */
  readonly path: string;
  /** Bytes as they lie on disk. */
  readonly bytes: number;
}

/** What was found. */
export interface FoundTraces {
  /** By path, in the order of their UTF-16 code units. */
  readonly traces: readonly FoundTrace[];
  /** Files that are no traces, by path. */
  readonly others: readonly string[];
}

/** Which files count. */
export interface FindOptions {
  /** Where given, only what matches one of them. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Folder of the results: nothing in it is a trace. */
  readonly out: string;
}

/** What stands beside traces: records of the recorder, pages, pictures, programs, settings. */
const BESIDE =
  /^(?:meta\.json|stats?(?:\..*)?|aux\..*|(?:README|LICEN[CS]E|COPYING|NOTICE|CHANGELOG|Makefile|SHA\d*SUMS|MD5SUMS)(?:\..*)?|.*\.(?:md|rst|html?|css|svg|png|jpe?g|pdf|ya?ml|toml|ini|conf|py|ipynb|sh|[cm]?[jt]s|c|h|patch|diff|sha\d+|md5|part|tmp))$/i;

/** Finds them; throws an InputError where `root` is no directory, or holds none. */
export async function findTraces(root: string, options: FindOptions): Promise<FoundTraces> {
  checkRoot(root);
  const traces: FoundTrace[] = [];
  const others: string[] = [];
  if (isTraceDirectory(root)) {
    return { traces: [{ path: basename(resolve(root)), bytes: bytesBelow(root) }], others };
  }
  for (const found of walk(root, '', options, [realpathSync(root)])) {
    const isOther =
      BESIDE.test(basename(found.path)) ||
      (found.path.endsWith('.json') && !(await holdsTrace(join(root, found.path))));
    if (isOther) others.push(found.path);
    else traces.push(found);
  }
  return { traces: traces.sort((a, b) => (a.path < b.path ? -1 : 1)), others: others.sort() };
}

/** The file or directory of a found trace. */
export function pathOfTrace(root: string, path: string): string {
  const isRoot = path === basename(resolve(root)) && isTraceDirectory(root);
  return isRoot ? root : join(root, path);
}

function* walk(
  root: string,
  folder: string,
  options: FindOptions,
  above: readonly string[],
): Generator<FoundTrace> {
  const names = entriesOf(join(root, folder));
  if (names === null) yield { path: folder, bytes: 0 };
  // The results of an earlier batch are no traces.
  if (names === null || names.includes(BATCH_TABLE)) return;
  for (const name of names) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const full = join(root, path);
    if (name.startsWith('.') || resolve(full) === resolve(options.out)) continue;
    if (matchesAny(path, options.exclude)) continue;
    const stat = statSync(full, { throwIfNoEntry: false });
    const isIncluded = options.include.length === 0 || matchesAny(path, options.include);
    if (stat === undefined) {
      if (isIncluded) yield { path, bytes: 0 };
    } else if (stat.isFile()) {
      if (isIncluded) yield { path, bytes: stat.size };
    } else if (stat.isDirectory()) {
      if (isTraceDirectory(full)) {
        if (isIncluded) yield { path, bytes: bytesBelow(full) };
        continue;
      }
      // A link to a folder above would never end.
      const real = realpathSync(full);
      if (!above.includes(real)) yield* walk(root, path, options, [...above, real]);
    }
  }
}

/** null where the folder cannot be read: the reader of traces says why. */
function entriesOf(folder: string): string[] | null {
  try {
    return readdirSync(folder);
  } catch {
    return null;
  }
}

function bytesBelow(folder: string): number {
  return filesBelow(folder).reduce((sum, path) => sum + statSync(path).size, 0);
}

async function holdsTrace(path: string): Promise<boolean> {
  try {
    const batches = (await openTrace(path)).batches();
    try {
      return (await batches.next()).value !== undefined;
    } finally {
      await batches.return?.();
    }
  } catch (error) {
    // What begins like a trace and breaks later is a broken trace.
    return !/UNKNOWN_FORMAT|NO_EVENTS/.test((error as Error).message);
  }
}

function checkRoot(root: string): void {
  const stat = statSync(root, { throwIfNoEntry: false });
  if (stat === undefined) throw new InputError(root, 'no such folder');
  if (!stat.isDirectory()) {
    throw new InputError(root, 'is a file, expected a folder of traces; one trace: dmalab replay');
  }
}
