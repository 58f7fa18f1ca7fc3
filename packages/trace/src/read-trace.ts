// Opens a trace: tells its wrapping and its format by content, and hands out its events.
//
// A new format is one file in formats/ and one line in text-formats.ts or binary-formats.ts; the first match wins. What
// only some inputs need is loaded with the first of them: a start takes longer than to read a small trace.

import { type ByteSource, isDirectory, memoryBytes, openBytes } from './byte-source.ts';
import { printable } from './bytes.ts';
import { cleanText, withoutPrefix } from './cleaned-text.ts';
import { findCpuFiles } from './directory/cpu-files.ts';
import type { OpenedFile } from './directory/cpu-text.ts';
import { findPerfFiles, perfFilesReader } from './directory/perf-files.ts';
import type { EventReader } from './event-reader.ts';
import { EventSink } from './event-sink.ts';
import { binaryFormats } from './formats/binary-formats.ts';
import { extensionMismatch } from './formats/extension.ts';
import { describeForeign, describeNameless } from './formats/foreign.ts';
import type { BinaryFormat, FormatOptions, TraceFormat } from './formats/format.ts';
import type { RandomAccess } from './random-access.ts';
import { readingRoom } from './reading-room.ts';
import type { TableFormat } from './tables/table.ts';
import {
  type OpenTable,
  openTable,
  tableCapture,
  tableEvents,
  tableFormats,
} from './tables/table-reader.ts';
import { TraceError } from './trace-error.ts';

const EXPECTED =
  'a trace of ftrace, trace-cmd, perf or bpftrace (text or binary), CSV, JSON lines, Parquet or Arrow, plain, gzip or zstd';
const HOLDS_REQUESTS =
  'NO_EVENTS: expected events, found a table of requests; read the original trace';
const CHUNK = 256 * 1024;
/** Rows of a batch, and bytes read at a time, for each of many files that are read together. */
const FEW_ROWS = 2048;
const SMALL_CHUNK = 64 * 1024;

/** How a trace is read. */
export interface OpenOptions extends FormatOptions {
  /** Bytes that are read at a time. */
  readonly chunkSize?: number;
  /** SHA-256 of the file, where it is known already: it is not computed again. */
  readonly sha256?: string;
  /** Whether a large file is hashed on a thread of its own; false where other cores have their own work. Default true. */
  readonly hashAside?: boolean;
}

/**
 * Opens a file, standard input for "-", or a directory with a file for each CPU or of perf. Throws a TraceError
 * for what is no trace.
 */
export async function openTrace(path: string, options: OpenOptions = {}): Promise<EventReader> {
  if (path !== '-' && isDirectory(path)) return openDirectory(path, options);
  const { sha256, hashAside } = options;
  return openSource(path, await openBytes(path, chunkSizeOf(options), sha256, hashAside), options);
}

/** Opens a trace whose bytes are in memory; `name` stands for the path in errors and findings. */
export async function openTraceBytes(
  name: string,
  bytes: Uint8Array,
  options: OpenOptions = {},
): Promise<EventReader> {
  return openSource(name, await memoryBytes(name, bytes, chunkSizeOf(options)), options);
}

function chunkSizeOf({ chunkSize = CHUNK }: OpenOptions): number {
  if (!(chunkSize >= 1)) throw new RangeError(`Chunk size ${chunkSize}, expected 1 or more bytes`);
  return chunkSize;
}

async function openSource(
  path: string,
  source: ByteSource,
  options: OpenOptions,
): Promise<EventReader> {
  const table = tableFormats.find((candidate) => candidate.matches(source.head));
  if (table !== undefined) return tableReader(path, source, table, options);
  const binary = binaryFormats.find((candidate) => candidate.matches(source.head));
  if (binary !== undefined) return binaryReader(path, source, binary, options);
  return (await textReader(path, source, options)).reader;
}

async function openDirectory(directory: string, options: OpenOptions): Promise<EventReader> {
  const perf = findPerfFiles(directory);
  if (perf !== null) return perfFilesReader(directory, perf);
  const { files, pages } = await findCpuFiles(directory);
  if (pages) {
    const { pagesReader } = await import('./directory/cpu-pages.ts');
    return pagesReader(directory, files);
  }
  const { mergedReader } = await import('./directory/merged-text.ts');
  const chunkSize = Math.min(options.chunkSize ?? SMALL_CHUNK, SMALL_CHUNK);
  return mergedReader(directory, files, async (path) =>
    textReader(
      path,
      await openBytes(path, chunkSize),
      { ...options, room: readingRoom(FEW_ROWS) },
      true,
    ),
  );
}

/** A text of any format, with the sink that it is read into. */
async function textReader(
  path: string,
  source: ByteSource,
  options: OpenOptions,
  mayBeBlank = false,
): Promise<OpenedFile> {
  const isBlank = mayBeBlank && !/[^\s\0]/.test(latin1(source.head));
  let found: FoundText;
  try {
    found = isBlank
      ? { format: (await import('./formats/ftrace.ts')).ftraceText, text: source }
      : await findText(path, await cleanText(source), options);
  } catch (error) {
    await source.close();
    throw error;
  }
  const { format, text } = found;
  const { window, batch } = options.room ?? readingRoom();
  const sink = new EventSink(path, window, batch);
  const reader: EventReader = {
    ...tables(path, source, format.name, sink),
    async *batches() {
      try {
        yield* format.read(text.chunks(sink), window, sink, options);
      } finally {
        await source.close();
      }
    },
  };
  return { reader, sink, isBlank };
}

function binaryReader(
  path: string,
  source: ByteSource,
  format: BinaryFormat,
  options: OpenOptions,
): EventReader {
  const { window, batch } = options.room ?? readingRoom();
  const sink = new EventSink(path, window, batch);
  return {
    ...tables(path, source, format.name, sink),
    async *batches() {
      let file: RandomAccess | null = null;
      try {
        file = await source.randomAccess(sink);
        yield* format.read(file, window, sink);
        await source.finish(sink);
      } finally {
        file?.close();
        await source.close();
      }
    },
  };
}

function tableReader(
  path: string,
  source: ByteSource,
  format: TableFormat,
  options: OpenOptions,
): EventReader {
  const { window, batch } = options.room ?? readingRoom();
  const sink = new EventSink(path, window, batch);
  let file: RandomAccess | null = null;
  let opened: OpenTable | null = null;
  const open = async (): Promise<OpenTable> => {
    file ??= await source.randomAccess(sink);
    opened ??= await openTable(format, file);
    return opened;
  };
  const close = async (): Promise<void> => {
    file?.close();
    await source.close();
  };
  return {
    ...tables(path, source, format.name, sink),
    async *batches() {
      try {
        const { table, requests } = await open();
        if (requests !== null) throw new TraceError(path, null, HOLDS_REQUESTS);
        yield* tableEvents(table, window, sink, options);
        await source.finish(sink);
      } finally {
        await close();
      }
    },
    async capture(facts, progress) {
      try {
        const { table, requests } = await open();
        if (requests === null) return null;
        const capture = await tableCapture(format, path, table, requests, facts, () =>
          progress?.(sink.counts.taken, sink.counts.size),
        );
        await close();
        return capture;
      } catch (error) {
        await close();
        throw error;
      }
    },
  };
}

function tables(
  path: string,
  source: ByteSource,
  format: string,
  sink: EventSink,
): Omit<EventReader, 'batches'> {
  const mismatch = extensionMismatch(path, format, source.compression);
  if (mismatch !== '') {
    sink.line = 1;
    sink.diagnose('EXT_MISMATCH', mismatch);
    sink.line = 0;
  }
  return {
    source: path,
    format,
    compression: source.compression,
    ...sink.tables,
    durations: sink.durations,
  };
}

/** A text and its format, below what other programs put around it. */
interface FoundText {
  readonly format: TraceFormat;
  readonly text: ByteSource;
}

async function findText(
  path: string,
  source: ByteSource,
  options: OpenOptions,
): Promise<FoundText> {
  const { head, damage } = source;
  if (!/[^\s\0]/.test(withoutMark(head))) {
    const found = head.length === 0 ? 'found an empty file' : 'found blank lines only';
    const why = damage.code === '' ? '' : ` (${damage.message})`;
    throw new TraceError(path, null, `NO_EVENTS: expected ${EXPECTED}, ${found}${why}`);
  }
  const foreign = describeForeign(head);
  if (foreign !== '') {
    throw new TraceError(path, null, `UNKNOWN_FORMAT: expected ${EXPECTED}, ${foreign}`);
  }
  const { textFormats } = await import('./formats/text-formats.ts');
  const format = formatOf(textFormats, head, options);
  if (format !== undefined) return { format, text: source };
  const bare = await withoutPrefix(source);
  const below = bare === null ? undefined : formatOf(textFormats, bare.head, options);
  if (bare !== null && below !== undefined) return { format: below, text: bare };
  const first = `found "${printable(head.subarray(0, lineLength(head)))}"`;
  const found = describeNameless(head) || first;
  throw new TraceError(path, 1, `UNKNOWN_FORMAT: expected ${EXPECTED}, ${found}`);
}

function formatOf(
  formats: readonly TraceFormat[],
  head: Uint8Array,
  options: OpenOptions,
): TraceFormat | undefined {
  const text = withoutMark(head);
  return formats.find((candidate) => candidate.matches(head, text, options));
}

function withoutMark(head: Uint8Array): string {
  return latin1(head).replace(/^\xef\xbb\xbf/, '');
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function lineLength(head: Uint8Array): number {
  const end = head.indexOf(0x0a);
  return end < 0 ? head.length : end;
}
