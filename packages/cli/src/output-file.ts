// Writes the files that a command was asked for, each in one piece. What cannot be written is bad input, not a fault.

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beginFile } from '@dmalab/trace';
import { InputError } from './input-error.ts';

/** Makes a folder and those above it. */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  // One by one: Node's own recursion never ends where a folder can be neither made nor found (/proc).
  tried(folder, () => mkdirSync(folder));
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
