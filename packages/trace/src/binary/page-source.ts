// The pages of one CPU's ring buffer, some at a time: as they are, or from compressed chunks.
//
// Compressed data is a u32 count, then for each chunk its compressed size, its own size and the data.
// What is missing or damaged is counted, and shows as a gap: `gap` is set for the next pages.

import { inflateSync, zstdDecompressSync } from 'node:zlib';
import type { EventSink } from '../event-sink.ts';
import type { RandomAccess } from '../random-access.ts';
import type { PageLayout } from './page-layout.ts';

/** How blocks of a file are packed. */
export type Packing = 'none' | 'zlib' | 'zstd';

/** Some whole pages. `fill` replaces them; false at the end. */
export interface PageSource {
  bytes: Buffer;
  view: DataView;
  /** Bytes that hold whole pages. */
  length: number;
  /** Offset in the file of the pages, or of the chunk that they were unpacked from. */
  offset: number;
  /** Pages are missing before these. */
  gap: boolean;
  fill(): boolean;
}

const PAGES = 16;
const MAX_CHUNK = 16 * 1024 * 1024;
const MAX_RATIO = 1000;
/** Bytes that a decoder gives at a time. */
const CHUNK = 64 * 1024;
const LEAST_CHUNK = 64;

/** Pages that lie in the file from `start` to `end`. */
export function plainPages(
  file: RandomAccess,
  sink: EventSink,
  start: number,
  end: number,
  pageSize: number,
): PageSource {
  const bytes = Buffer.alloc(Math.min(PAGES * pageSize, end - start));
  let position = start;
  const source: PageSource = {
    bytes,
    view: viewOf(bytes),
    length: 0,
    offset: start,
    gap: false,
    fill() {
      if (position >= end) return false;
      const wanted = bytes.subarray(0, Math.min(bytes.length, end - position));
      const got = file.into(wanted, position);
      source.offset = position;
      source.length = got - (got % pageSize);
      position += source.length;
      if (got < wanted.length || source.length === 0) {
        truncated(sink, position);
        position = end;
      }
      return source.length > 0;
    },
  };
  return source;
}

/** Pages from the compressed chunks between `start` and `end`. */
export function packedPages(
  file: RandomAccess,
  sink: EventSink,
  start: number,
  end: number,
  { pageSize, little }: PageLayout,
  packing: Packing,
): PageSource {
  const head = Buffer.alloc(8);
  const headView = viewOf(head);
  const word = (at: number): number => headView.getUint32(at, little);
  let position = start;
  let left = -1;
  const source: PageSource = {
    bytes: head,
    view: headView,
    length: 0,
    offset: start,
    gap: false,
    fill() {
      if (left < 0 && !count()) return false;
      while (left > 0) {
        if (position + 8 > end || file.into(head, position) < 8) return stop();
        const packed = word(0);
        const size = word(4);
        source.offset = position;
        position += 8;
        if (packed > end - position) return stop();
        left--;
        const pages = chunk(packed, size);
        position += packed;
        if (pages === null) {
          sink.offset = source.offset;
          sink.diagnose('BAD_BLOCK', 'compressed pages that cannot be unpacked are lost');
          source.gap = true;
          continue;
        }
        source.bytes = pages;
        source.view = viewOf(pages);
        source.length = pages.length;
        return true;
      }
      return false;
    },
  };
  return source;

  function count(): boolean {
    if (position + 4 > end || file.into(head.subarray(0, 4), position) < 4) return stop();
    left = word(0);
    position += 4;
    return true;
  }

  function stop(): boolean {
    truncated(sink, position);
    left = 0;
    return false;
  }

  function chunk(packed: number, size: number): Buffer | null {
    if (size === 0 || size % pageSize !== 0 || size > MAX_CHUNK || size > MAX_RATIO * packed) {
      return null;
    }
    const bytes = Buffer.alloc(packed);
    if (file.into(bytes, position) < packed) return null;
    return unpack(bytes, size, packing);
  }
}

/** The `size` bytes that a block holds; null where it is damaged. */
export function unpack(packed: Uint8Array, size: number, packing: Packing): Buffer | null {
  if (packing === 'none') return packed.length === size ? Buffer.from(packed) : null;
  // A page is small: the decoder needs no more room than it.
  const chunkSize = Math.min(CHUNK, Math.max(LEAST_CHUNK, size));
  const options = { maxOutputLength: Math.max(1, size), chunkSize };
  try {
    const bytes =
      packing === 'zlib' ? inflateSync(packed, options) : zstdDecompressSync(packed, options);
    return bytes.length === size ? bytes : null;
  } catch {
    return null;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function truncated(sink: EventSink, position: number): void {
  sink.offset = position;
  sink.diagnose('TRUNCATED_DATA', 'the data of a CPU breaks off: whole pages up to there are read');
}
