// Tables as input: one of requests is a capture as it stands, any other one holds events.

import type { EventBatch } from '../batch.ts';
import type { Capture } from '../capture.ts';
import type { EventSink } from '../event-sink.ts';
import type { FactOptions } from '../facts.ts';
import type { FormatOptions } from '../formats/format.ts';
import { Cell, type Cells, readHeader, TABLE_FIELDS } from '../formats/table-header.ts';
import { TableRows, tableNotes } from '../formats/table-rows.ts';
import type { RandomAccess } from '../random-access.ts';
import { RequestStore } from '../request-store.ts';
import { SegmentStore } from '../segment-store.ts';
import type { TextWindow } from '../text-window.ts';
import { TraceError } from '../trace-error.ts';
import { arrow } from './arrow.ts';
import { overruled, type RequestMetadata, readRequestMetadata } from './metadata.ts';
import { parquet } from './parquet.ts';
import { appendRequests, CLASS_NAMES, OP_NAMES } from './request-table.ts';
import type { ReadChunk, ReadValues, TableFormat, TableSource } from './table.ts';
import { requestCsv, requestJsonLines } from './text-table.ts';

/** Kinds of file that hold tables; those of text hold requests. */
export const tableFormats: readonly TableFormat[] = [parquet, arrow, requestCsv, requestJsonLines];

/** Blocks of requests in memory: rows of a table are not changed any more, and its pages take memory of their own. */
const KEPT_BLOCKS = 16;

/** A table that was opened, and its metadata where it holds requests. */
export interface OpenTable {
  readonly table: TableSource;
  readonly requests: RequestMetadata | null;
}

/** Opens a table. */
export async function openTable(format: TableFormat, file: RandomAccess): Promise<OpenTable> {
  const table = await format.open(file);
  if (!table.names.every((name) => typeof name === 'string')) {
    throw new TraceError(file.source, null, 'BAD_BLOCK: expected columns with names, found none');
  }
  return { table, requests: readRequestMetadata(table.metadata, file.source) };
}

/** The requests of a table as a capture; `progress` is called after each chunk. */
export async function tableCapture(
  format: TableFormat,
  source: string,
  table: TableSource,
  metadata: RequestMetadata,
  options: FactOptions,
  progress: () => void,
): Promise<Capture> {
  const preloaded = new RequestStore(source, 2);
  const store = new RequestStore(source, KEPT_BLOCKS);
  const lists = new SegmentStore(source);
  const close = (): void => {
    preloaded.close();
    store.close();
    lists.close();
  };
  try {
    const labels = labelIndex(metadata);
    const limits = {
      device: metadata.facts.devices.length,
      domain: metadata.facts.domains.length,
      task: metadata.tasks.length,
      op: OP_NAMES.length,
      domainClass: CLASS_NAMES.length,
    };
    let left = metadata.preloaded;
    for await (const chunk of table.chunks()) {
      const first = Math.min(left, chunk.length);
      const numbers = withNumbers(chunk, labels, source);
      appendRequests(numbers, 0, first, preloaded, lists, limits, source);
      appendRequests(numbers, first, chunk.length - first, store, lists, limits, source);
      left -= first;
      progress();
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    facts: overruled(metadata.facts, options),
    report: { ...metadata.report, table: { path: source, format: format.name } },
    tasks: metadata.tasks,
    lists,
    openStart: () => preloaded.batches(() => {}),
    requests: () => store.batches(() => {}),
    close,
  };
}

/** The events of a table. */
export async function* tableEvents(
  table: TableSource,
  window: TextWindow,
  sink: EventSink,
  { columns = {} }: FormatOptions,
): AsyncGenerator<EventBatch, void, undefined> {
  const header = readHeader(table.names, columns, sink.source, 1);
  const rows = new TableRows(window, sink, { ...tableNotes(), unit: header.unit });
  const cells: Cells = TABLE_FIELDS.map(() => '');
  for await (const chunk of table.chunks()) {
    const values = Array.from(header.columns, (column) =>
      column < 0 ? undefined : chunk.column(table.names[column]!),
    );
    for (let row = 0; row < chunk.length; row++) {
      if (sink.full) {
        yield sink.batch;
        sink.restart();
      }
      sink.line++;
      for (let field = 0; field < cells.length; field++)
        cells[field] = cellOf(values[field], row, field);
      rows.add(cells);
    }
  }
  sink.counts.lines = sink.line;
  rows.end();
  if (sink.batch.length > 0) yield sink.batch;
}

function cellOf(values: ReadValues | undefined, row: number, field: number): string {
  const value = values?.[row];
  if (value === undefined || value === null) return '';
  // A double of the time or the size is a whole number, but may be printed with an exponent.
  if (typeof value === 'number' && field === Cell.t && Number.isFinite(value))
    return String(BigInt(Math.round(value)));
  return String(value);
}

type Labels = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** By column: the number of each label. */
function labelIndex({ facts, tasks }: RequestMetadata): Labels {
  const index = (labels: readonly string[]): Map<string, number> =>
    new Map(labels.map((label, i) => [label, i]));
  return new Map([
    ['op', index(OP_NAMES)],
    ['domain_class', index(CLASS_NAMES)],
    ['device', index(facts.devices.map(({ name }) => name))],
    ['task', index(tasks)],
  ]);
}

/** The same chunk with numbers in place of labels. */
function withNumbers(chunk: ReadChunk, labels: Labels, source: string): ReadChunk {
  return {
    length: chunk.length,
    column(name) {
      const values = chunk.column(name);
      if (values === undefined || typeof values[0] !== 'string') return values;
      const known = labels.get(name);
      if (known === undefined) return values;
      return Array.from(values as ArrayLike<string>, (label) => {
        const number = known.get(label) ?? (label === '' ? Number.NaN : Number(label));
        if (Number.isNaN(number)) {
          const expected = `MALFORMED_EVENT: expected a ${name} of the metadata`;
          throw new TraceError(source, null, `${expected}, found ${JSON.stringify(label)}`);
        }
        return number;
      });
    },
  };
}
