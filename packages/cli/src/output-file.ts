// Writes the files that a command was asked for, each in one piece. What cannot be written is bad input, not a fault.

import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beginFile } from '@dmalab/trace';
import { InputError } from './input-error.ts';

/** Makes a folder and those above it; whoever else makes them at the same time may be first. */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  makeFolder(dirname(folder));
  tried(folder, () => {
    try {
      // One by one: Node's own recursion never ends where a folder can be neither made nor found (/proc).
      mkdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(folder)) throw error;
    }
  });
}

/** An InputError where something else has the name. */
function isFolder(path: string): boolean {
  const found = tried(path, () => statSync(path, { throwIfNoEntry: false }));
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw new InputError(path, 'cannot write: is no folder, expected one or a free name');
}

/** Writes a file, and makes its folder. */
export function writeOutput(file: string, content: string | Uint8Array): void {
  makeFolder(dirname(file));
  tried(file, () => {
    const begun = beginFile(file);
    try {
      writeFileSync(begun.path, content);
      begun.commit();
    } catch (error) {
      begun.discard();
      (error as Error).message = (error as Error).message.replaceAll(begun.path, file);
      throw error;
    }
  });
}

/** Writes a file so that it is whole or not there, in a folder that exists. */
export function writeWhole(file: string, content: string): void {
  const unfinished = `${file}.part`;
  tried(file, () => {
    writeFileSync(unfinished, content);
    renameSync(unfinished, file);
  });
}

/** Does what writes `file`; an error names it. */
export function tried<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new InputError(file, `cannot write: ${(error as Error).message}`);
  }
}
