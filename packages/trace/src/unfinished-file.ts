// Files that are written beside their place and renamed into it when they are complete.
//
// What ends the program in between leaves the old file, or none, under the name. Devices and pipes are written in
// place, as is a file whose folder takes no new ones.

import {
  accessSync,
  chmodSync,
  constants,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A file on its way: write to `path`, then `commit`; or `discard` what was written. */
export interface UnfinishedFile {
  /** Where to write. */
  readonly path: string;
  /** Puts the file in its place. */
  commit(): void;
  /** Removes what was written. */
  discard(): void;
}

const unfinished = new Set<UnfinishedFile>();
let tellSome: (some: boolean) => void = () => {};

/** Begins the file that is to lie at `target`. */
export function beginFile(target: string): UnfinishedFile {
  const found = statOf(target);
  if (found !== null && !found.isFile()) return inPlace(target);
  const place = found === null ? target : realpathSync(target);
  if (found !== null && !isWritable(dirname(place))) return inPlace(target);
  const path = `${place}.${process.pid}.part`;
  const file: UnfinishedFile = {
    path,
    commit() {
      if (found !== null) chmodSync(path, found.mode);
      renameSync(path, place);
      forget(file);
    },
    discard() {
      rmSync(path, { force: true });
      forget(file);
    },
  };
  unfinished.add(file);
  tellSome(true);
  return file;
}

/** Removes all files that were begun and not committed: for a program that is about to end. */
export function discardUnfinishedFiles(): void {
  for (const file of [...unfinished]) file.discard();
}

/** Calls `listener` when the first file is begun (true) and when none is left (false). One listener. */
export function watchUnfinishedFiles(listener: (some: boolean) => void): void {
  tellSome = listener;
}

function forget(file: UnfinishedFile): void {
  if (unfinished.delete(file) && unfinished.size === 0) tellSome(false);
}

function inPlace(path: string): UnfinishedFile {
  return { path, commit() {}, discard() {} };
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
