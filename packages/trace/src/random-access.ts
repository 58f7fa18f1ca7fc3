// A file that is read at any position: on disk, in memory, or an unlinked copy of what was unwrapped.

import { readSync } from 'node:fs';
import { SpoolFile } from './spool-file.ts';
import { TraceError } from './trace-error.ts';

/** Positioned reads of an input whose size is known. */
export interface RandomAccess {
  /** Path, or "-" for standard input; names the input in errors. */
  readonly source: string;
  readonly size: number;
  /** Fills `bytes` from `position` on; returns how many bytes there were before the end. */
  into(bytes: Uint8Array, position: number): number;
  close(): void;
}

/** The first `size` bytes of an open file, which stays the caller's. */
export function fileAccess(source: string, file: number, size: number): RandomAccess {
  return {
    source,
    size,
    into(bytes, position) {
      const wanted = Math.max(0, Math.min(bytes.length, size - position));
      let done = 0;
      try {
        while (done < wanted) {
          const got = readSync(file, bytes, done, wanted - done, position + done);
          if (got === 0) break;
          done += got;
        }
      } catch (error) {
        throw new TraceError(source, null, `IO: ${(error as Error).message}`);
      }
      return done;
    },
    close() {},
  };
}

/** Bytes in memory. */
export function memoryAccess(source: string, content: Uint8Array): RandomAccess {
  return {
    source,
    size: content.length,
    into(bytes, position) {
      const from = Math.min(position, content.length);
      const piece = content.subarray(from, from + bytes.length);
      bytes.set(piece);
      return piece.length;
    },
    close() {},
  };
}

/** A copy of `chunks` in the temporary directory, which is gone when it is closed. */
export async function spooled(
  source: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<RandomAccess> {
  const spool = new SpoolFile(source);
  let size = 0;
  try {
    for await (const chunk of chunks) {
      spool.write(chunk, size);
      size += chunk.length;
    }
  } catch (error) {
    spool.close();
    throw error;
  }
  return {
    source,
    size,
    into(bytes, position) {
      const wanted = Math.max(0, Math.min(bytes.length, size - position));
      if (wanted > 0) spool.read(bytes.subarray(0, wanted), position);
      return wanted;
    },
    close: () => spool.close(),
  };
}
