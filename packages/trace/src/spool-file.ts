// A nameless file in the temporary directory: made on the first write, gone when it is closed.

import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TraceError } from './trace-error.ts';

/** Positioned reads and writes of whole byte blocks. */
export class SpoolFile {
  readonly #source: string;
  readonly #directory: string;
  #file = -1;
  #written = 0;

  /** `source` is named in errors. */
  constructor(source: string, directory: string = tmpdir()) {
    this.#source = source;
    this.#directory = directory;
  }

  write(bytes: Uint8Array, position: number): void {
    try {
      if (this.#file < 0) this.#file = openUnlinked(this.#directory);
      let done = 0;
      while (done < bytes.length) {
        done += writeSync(this.#file, bytes, done, bytes.length - done, position + done);
      }
      this.#written = Math.max(this.#written, position + bytes.length);
    } catch (error) {
      throw new TraceError(this.#source, null, this.#problem(error));
    }
  }

  read(bytes: Uint8Array, position: number): void {
    let done = 0;
    while (done < bytes.length) {
      const got = readSync(this.#file, bytes, done, bytes.length - done, position + done);
      if (got === 0) throw new TraceError(this.#source, null, 'the request spool ends early');
      done += got;
    }
  }

  close(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }

  #problem(error: unknown): string {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const size = `${Math.ceil(this.#written / 1e6)} MB written`;
    return code === 'ENOSPC' || code === 'EDQUOT'
      ? `no space left for requests in ${this.#directory} (${size}); set TMPDIR to a larger disk`
      : `cannot write requests to ${this.#directory} (${size}): ${code}`;
  }
}

function openUnlinked(directory: string): number {
  const own = mkdtempSync(join(directory, 'dmalab-'));
  const path = join(own, 'requests');
  const file = openSync(path, 'wx+', 0o600);
  try {
    unlinkSync(path);
    rmdirSync(own);
  } catch {
    // Where an open file cannot be unlinked it stays behind: harmless, and the system cleans it up.
  }
  return file;
}
