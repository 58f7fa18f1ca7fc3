// The head of a perf.data file (tools/perf/Documentation/perf.data-file-format.txt) and its features.
//
// A file has a header of 104 bytes with the places of the attributes and of the records; behind the
// records stands one section for each bit of the feature bitmap. The output of `perf record -o -` has
// 16 bytes, and the rest comes as records. A magic number in reverse tells the other byte order.
// Left out: all features but TRACING_DATA, OSRELEASE, NRCPUS, DIR_FORMAT and COMPRESSED.

import { ByteCursor, errorAt, type ReadAt } from '../binary/byte-cursor.ts';
import { readTracingData, type TracingData } from '../binary/tracing-data.ts';
import { PerfAttrs, readAttr } from './perf-data-attr.ts';

const MAGIC = 'PERFILE2';
const REVERSED = '2ELIFREP';
const HEADER = 104;
const PIPE_HEADER = 16;
const MAX_ATTRS = 65_536;
const MAX_IDS = 65_536;
const MAX_STRING = 4096;
const RECORD = 8;
const ZSTD = 1;

/** Bits of the feature bitmap that are read. */
export const Feature = {
  tracingData: 1,
  osRelease: 4,
  cpuCounts: 7,
  directory: 24,
  compressed: 27,
} as const;

/** What the features tell. */
export interface PerfFeatures {
  tracing: TracingData | null;
  /** Empty where not told. */
  kernel: string;
  /** CPUs that exist, 0 where not told. */
  cpus: number;
  /** The records of the threads lie in other files of the directory. */
  isDirectory: boolean;
}

/** The head of a file and where its records lie. */
export interface PerfHeader {
  readonly little: boolean;
  /** Attributes and features come as records. */
  readonly isPipe: boolean;
  readonly attrs: PerfAttrs;
  readonly features: PerfFeatures;
  readonly dataStart: number;
  readonly dataEnd: number;
  /** The recorder did not write how many bytes of records there are. */
  readonly isUnfinished: boolean;
}

/** Reads the head of a file of `size` bytes. */
export function readPerfHeader(readAt: ReadAt, source: string, size: number): PerfHeader {
  const cursor = new ByteCursor(readAt, source, 0, size);
  const magic = cursor.latin1(8);
  if (magic !== MAGIC && magic !== REVERSED) {
    const problem = `expected version 2 ("${MAGIC}"), found "${magic}"`;
    throw errorAt(source, 0, `UNSUPPORTED_VERSION: ${problem}; record with perf 3.4 or newer`);
  }
  cursor.little = magic === MAGIC;
  const { little } = cursor;
  const features: PerfFeatures = { tracing: null, kernel: '', cpus: 0, isDirectory: false };
  const attrs = new PerfAttrs();
  const length = cursor.u64();
  if (length === PIPE_HEADER) {
    const dataStart = PIPE_HEADER;
    return { little, isPipe: true, attrs, features, dataStart, dataEnd: size, isUnfinished: false };
  }
  if (length < HEADER) {
    throw errorAt(source, 8, `BAD_HEADER: expected a header of ${HEADER} bytes, found ${length}`);
  }
  const entry = cursor.u64();
  const attrStart = cursor.u64();
  const attrLength = cursor.u64();
  const dataStart = cursor.u64();
  const dataLength = cursor.u64();
  cursor.skip(16);
  const bits = featureBits(cursor);
  if (dataStart < length || dataStart > size) {
    const problem = `expected records between ${length} and ${size}, found them at ${dataStart}`;
    throw errorAt(source, 40, `BAD_HEADER: ${problem}`);
  }
  readAttrs(cursor, attrs, entry, attrStart, attrLength);
  const isUnfinished = dataLength === 0;
  const dataEnd = isUnfinished ? recordsEnd(cursor, dataStart) : dataStart + dataLength;
  readSections(cursor, bits, dataEnd, features);
  return { little, isPipe: false, attrs, features, dataStart, dataEnd, isUnfinished };
}

/** The bits that are set, in ascending order. A machine with 4-byte longs writes the words in its order. */
function featureBits(cursor: ByteCursor): readonly number[] {
  const words = Array.from({ length: 8 }, () => cursor.u32());
  const swapped = words.map((_, i) => words[i ^ 1]!);
  const wide = bitsOf(cursor.little ? words : swapped);
  return cursor.little || wide.some((bit) => bit < 32) ? wide : bitsOf(words);
}

function bitsOf(words: readonly number[]): readonly number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < 32 * words.length; bit++) {
    if ((words[bit >> 5]! >>> (bit & 31)) & 1) bits.push(bit);
  }
  return bits;
}

function readAttrs(
  cursor: ByteCursor,
  attrs: PerfAttrs,
  entry: number,
  start: number,
  length: number,
): void {
  const count = Math.floor(length / entry);
  if (!(entry >= 80 && entry <= 8192) || count > MAX_ATTRS || start + length > cursor.end) {
    const problem = `entries of ${entry} bytes, ${length} bytes at ${start}`;
    throw cursor.error(16, `BAD_HEADER: expected event attributes, found ${problem}`);
  }
  for (let i = 0; i < count; i++) {
    cursor.position = start + i * entry;
    const attr = readAttr(cursor, entry - 16);
    cursor.position = start + (i + 1) * entry - 16;
    const at = cursor.u64();
    const bytes = cursor.u64();
    cursor.position = at;
    attrs.add(attr, readIds(cursor, bytes));
  }
}

/** `bytes` bytes of ids, from the cursor on. */
export function readIds(cursor: ByteCursor, bytes: number): readonly number[] {
  if (bytes > Math.min(8 * MAX_IDS, cursor.left)) {
    const problem = `expected at most ${MAX_IDS} ids in the file, found ${bytes} bytes of them`;
    throw cursor.error(cursor.position, `LENGTH: ${problem}`);
  }
  return Array.from({ length: Math.floor(bytes / 8) }, () => cursor.u64());
}

/** Where records stop: at the end of the file, or at the table of sections, which cannot be a record. */
function recordsEnd(cursor: ByteCursor, start: number): number {
  for (let at = start; ; ) {
    if (at + RECORD > cursor.end) return cursor.end;
    cursor.position = at;
    const type = cursor.u32();
    cursor.skip(2);
    const size = cursor.u16();
    if (type === 0 || size < RECORD) return at;
    at += size;
  }
}

function readSections(
  cursor: ByteCursor,
  bits: readonly number[],
  start: number,
  features: PerfFeatures,
): void {
  if (start + 16 * bits.length > cursor.end) return;
  bits.forEach((bit, i) => {
    cursor.position = start + 16 * i;
    const at = cursor.u64();
    const end = at + cursor.u64();
    if (!isRead(bit)) return;
    if (end > cursor.end) {
      throw cursor.error(start + 16 * i, `LENGTH: expected a section that ends in the file`);
    }
    readFeature(bit, cursor.part(at, end), features);
  });
}

function isRead(bit: number): boolean {
  return Object.values(Feature).some((known) => known === bit);
}

/** Reads the content of one feature. */
export function readFeature(bit: number, cursor: ByteCursor, features: PerfFeatures): void {
  switch (bit) {
    case Feature.tracingData:
      features.tracing = readTracingData(cursor);
      break;
    case Feature.osRelease: {
      const text = cursor.latin1(cursor.length32(MAX_STRING));
      features.kernel = text.slice(0, Math.max(0, text.indexOf('\0')));
      break;
    }
    case Feature.cpuCounts:
      features.cpus = Math.min(65_535, cursor.u32());
      break;
    case Feature.directory:
      features.isDirectory = true;
      break;
    case Feature.compressed: {
      cursor.skip(4);
      const type = cursor.u32();
      if (type === ZSTD) break;
      const problem = `expected zstd (1) as compression, found type ${type}`;
      throw cursor.error(cursor.position - 4, `BAD_BLOCK: ${problem}; record without -z`);
    }
  }
}
