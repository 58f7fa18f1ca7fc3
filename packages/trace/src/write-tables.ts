// Writes what was read as a table: requests or events to Parquet, Arrow IPC, CSV or JSON lines.
//
// Rows are written batch by batch, so memory does not grow with the trace. A file has its name once it is complete.

import { closeSync, openSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Capture } from './capture.ts';
import type { EventReader } from './event-reader.ts';
import { arrowWriter } from './tables/arrow.ts';
import { EVENT_COLUMNS, eventChunks } from './tables/event-table.ts';
import { eventMetadata, requestMetadata } from './tables/metadata.ts';
import { parquetWriter } from './tables/parquet.ts';
import { requestChunks, requestColumns } from './tables/request-table.ts';
import type { ByteOutput, TableColumn, TableWriter } from './tables/table.ts';
import { csvWriter, jsonLinesWriter } from './tables/text-table.ts';
import { TraceError } from './trace-error.ts';
import { beginFile, type UnfinishedFile } from './unfinished-file.ts';

/** Formats that tables are written in. */
export const TABLE_FORMATS = ['parquet', 'arrow', 'csv', 'jsonl'] as const;
/** One of them. */
export type TableFormatName = (typeof TABLE_FORMATS)[number];

type MakeWriter = (
  output: ByteOutput,
  columns: readonly TableColumn[],
  metadata: string,
) => TableWriter;

const WRITERS: Readonly<Record<TableFormatName, MakeWriter>> = {
  parquet: parquetWriter,
  arrow: arrowWriter,
  csv: csvWriter,
  jsonl: jsonLinesWriter,
};

/** Writes all requests of a capture to a file, mappings from before the trace first; returns the rows. */
export function writeRequests(capture: Capture, path: string, format: TableFormatName): number {
  let rows = 0;
  for (rows of writtenRows(capture, path, format));
  return rows;
}

/** The same, with a turn for signals and timers after each batch; `progress` is called with the rows so far. */
export async function saveRequests(
  capture: Capture,
  path: string,
  format: TableFormatName,
  progress: (rows: number) => void = () => {},
): Promise<number> {
  let rows = 0;
  for (rows of writtenRows(capture, path, format)) {
    progress(rows);
    await setImmediate();
  }
  return rows;
}

/** Writes the requests batch by batch; gives the rows written so far after each. */
function* writtenRows(
  capture: Capture,
  path: string,
  format: TableFormatName,
): Generator<number, void, undefined> {
  let preloaded = 0;
  for (const batch of capture.openStart()) preloaded += batch.length;
  const output = fileOutput(path);
  let complete = false;
  try {
    const metadata = requestMetadata(capture, preloaded);
    const writer = WRITERS[format](output, requestColumns(capture), metadata);
    const toChunk = requestChunks(capture.lists);
    let rows = 0;
    for (const batches of [capture.openStart(), capture.requests()]) {
      for (const batch of batches) {
        writer.write(toChunk(batch));
        rows += batch.length;
        yield rows;
      }
    }
    writer.finish();
    output.close();
    complete = true;
  } finally {
    if (!complete) output.discard();
  }
}

/** Writes all events of a trace to a file; returns the rows. `progress` is called after each batch. */
export async function writeEvents(
  reader: EventReader,
  path: string,
  format: TableFormatName,
  progress: (rows: number) => void = () => {},
): Promise<number> {
  const output = fileOutput(path);
  try {
    const writer = WRITERS[format](
      output,
      EVENT_COLUMNS,
      eventMetadata(reader.source, reader.format),
    );
    const toChunk = eventChunks(reader);
    let rows = 0;
    for await (const batch of reader.batches()) {
      writer.write(toChunk(batch));
      rows += batch.length;
      progress(rows);
    }
    writer.finish();
    output.close();
    return rows;
  } catch (error) {
    output.discard();
    throw error;
  }
}

/** A table on its way into a file: end it with `finish`, or remove what was written with `discard`. */
export interface TableFile extends TableWriter {
  discard(): void;
}

/**
 * Begins a table of any columns; chunks are written as they come, one row group or record batch each. `metadata` is JSON. A file
 * that cannot be written is a TraceError.
 */
export function createTable(
  path: string,
  format: TableFormatName,
  columns: readonly TableColumn[],
  metadata: string,
): TableFile {
  const output = fileOutput(path);
  try {
    const writer = WRITERS[format](output, columns, metadata);
    return {
      write: (chunk) => writer.write(chunk),
      finish() {
        writer.finish();
        output.close();
      },
      discard: () => output.discard(),
    };
  } catch (error) {
    output.discard();
    throw error;
  }
}

interface FileOutput extends ByteOutput {
  close(): void;
  /** Closes the file and removes it. */
  discard(): void;
}

function fileOutput(path: string): FileOutput {
  const begun = attempt(path, () => beginFile(path));
  const file = attempt(path, () => openSync(begun.path, 'w'), begun);
  let position = 0;
  let open = true;
  return {
    get position() {
      return position;
    },
    write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        done += attempt(path, () => writeSync(file, bytes, done, bytes.length - done));
      }
      position += bytes.length;
    },
    close() {
      closeSync(file);
      open = false;
      attempt(path, () => begun.commit(), begun);
    },
    discard() {
      if (open) closeSync(file);
      open = false;
      begun.discard();
    },
  };
}

function attempt<T>(path: string, action: () => T, begun: UnfinishedFile | null = null): T {
  try {
    return action();
  } catch (error) {
    begun?.discard();
    const message = (error as Error).message.replaceAll(begun?.path ?? path, path);
    throw new TraceError(path, null, `IO: cannot write: ${message}`);
  }
}
