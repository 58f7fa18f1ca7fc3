// SHA-256 of a large file on a thread of its own, beside the parsing.
//
// The thread (file-hash-worker.ts) reads the file itself, at most AHEAD bytes in front of the parser,
// so that what one of the two reads the other finds in the page cache.

import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Bytes that the hash may be in front of the parser. */
export const AHEAD: number = 64 * 1024 * 1024;

/** What the thread is told; `taken` counts the pieces of PIECE bytes that the parser has read. */
export interface HashTask {
  readonly path: string;
  readonly size: number;
  readonly taken: Int32Array<SharedArrayBuffer>;
}

/** Unit of the progress that the two threads share: to wake the other one is not cheap. */
export const PIECE: number = 8 * 1024 * 1024;

/** A hash that is being computed. */
export interface FileHash {
  /** Tells how many bytes the parser has read so far. */
  reached(bytes: number): void;
  /** The digest in hex, once the whole file was hashed. */
  digest(): Promise<string>;
  /** Ends early. */
  close(): void;
}

/** Starts to hash the first `size` bytes of a file. */
export function hashFile(path: string, size: number): FileHash {
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const workerData: HashTask = { path, size, taken };
  const worker = new Worker(new URL('./file-hash-worker.ts', import.meta.url), {
    workerData,
    env: compiledCode(),
  });
  worker.unref();
  const result = new Promise<string>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  // A reading that is given up early never asks for the digest.
  result.catch(() => {});
  return {
    reached(bytes) {
      const pieces = Math.floor(bytes / PIECE);
      if (pieces === taken[0]) return;
      Atomics.store(taken, 0, pieces);
      Atomics.notify(taken, 0);
    },
    async digest() {
      Atomics.store(taken, 0, Math.ceil(size / PIECE));
      Atomics.notify(taken, 0);
      worker.ref();
      return result;
    },
    close() {
      worker.terminate();
    },
  };
}

// The environment of the thread: where this one keeps compiled code. Without, types are stripped again, which takes
// longer than 100 MB to hash.
function compiledCode(): { NODE_COMPILE_CACHE?: string } {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
