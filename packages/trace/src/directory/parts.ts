// The binary files of a directory while they are read as one trace: opened, counted, hashed and closed.

import type { EventBatch } from '../batch.ts';
import { eventBatch } from '../batch-builder.ts';
import { openBytes } from '../byte-source.ts';
import type { EventCounts } from '../event-reader.ts';
import { EventSink } from '../event-sink.ts';
import type { RandomAccess } from '../random-access.ts';
import { textWindow } from '../text-window.ts';
import type { CpuFile } from './cpu-files.ts';
import { hashOf } from './merged-counts.ts';

const CHUNK = 256 * 1024;

/** A file that is open, without its wrapping. */
export interface Part {
  readonly file: CpuFile;
  readonly bytes: RandomAccess;
  readonly counts: EventCounts;
  readonly sha256: () => Promise<string>;
}

/** Opens the files, hands out what `read` makes of them, and counts their bytes and hash. */
export async function* readParts(
  files: readonly CpuFile[],
  counts: EventCounts,
  read: (parts: readonly Part[]) => Iterable<EventBatch> | AsyncIterable<EventBatch>,
): AsyncGenerator<EventBatch, void, undefined> {
  const parts: Part[] = [];
  try {
    for (const file of files) parts.push(await openPart(file));
    for await (const batch of read(parts)) {
      counts.taken = parts.reduce((sum, { counts: own }) => sum + own.taken, 0);
      counts.size = parts.reduce((sum, { counts: own }) => sum + own.size, 0);
      yield batch;
    }
    counts.bytes = parts.reduce((sum, { bytes }) => sum + bytes.size, 0);
    const hashes = parts.map(async (part) => [part.file, await part.sha256()] as const);
    counts.sha256 = hashOf(await Promise.all(hashes));
  } finally {
    for (const { bytes } of parts) bytes.close();
  }
}

async function openPart(file: CpuFile): Promise<Part> {
  const source = await openBytes(file.path, CHUNK);
  const own = new EventSink(file.path, textWindow(0), eventBatch(8));
  const bytes = await source.randomAccess(own);
  return {
    file,
    counts: own.counts,
    bytes: {
      ...bytes,
      close() {
        bytes.close();
        void source.close();
      },
    },
    async sha256() {
      await source.finish(own);
      return own.counts.sha256;
    },
  };
}
