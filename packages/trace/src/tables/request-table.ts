// The columns of a table of requests (docs/convert.md), and the way from and to batches.
//
// Mappings from before the trace come first; the metadata says how many rows they are.

import { DomainClass, Op, type RequestBatch, type SegmentLists } from '../batch.ts';
import type { Capture } from '../capture.ts';
import { readAddress, type Words } from '../formats/table-cells.ts';
import { BLOCK_MASK, BLOCK_ROWS, type RequestStore } from '../request-store.ts';
import type { SegmentStore } from '../segment-store.ts';
import { TraceError } from '../trace-error.ts';
import { keepCells, SEGMENT_COLUMN, segmentCells } from './segment-column.ts';
import type {
  ColumnType,
  ColumnValues,
  ReadChunk,
  ReadValues,
  TableChunk,
  TableColumn,
} from './table.ts';

type Plain = Exclude<
  keyof RequestBatch,
  'length' | 'addressLow' | 'addressHigh' | 'physLow' | 'physHigh'
>;

/** Columns that are one column of the batch. */
const PLAIN: readonly (readonly [name: string, key: Plain, type: ColumnType])[] = [
  ['time', 'time', 'float64'],
  ['cpu', 'cpu', 'uint16'],
  ['op', 'op', 'uint8'],
  ['device', 'device', 'uint16'],
  ['domain', 'domain', 'uint16'],
  ['tid', 'tid', 'int32'],
  ['task', 'task', 'uint32'],
  ['context', 'context', 'uint8'],
  ['id', 'id', 'uint32'],
  ['size', 'size', 'float64'],
  ['dma_limit', 'dmaLimit', 'float64'],
  ['hold', 'hold', 'float64'],
  ['direction', 'direction', 'uint8'],
  ['flags', 'flags', 'uint32'],
  ['segments', 'segments', 'uint32'],
  ['line', 'line', 'uint32'],
  ['domain_class', 'domainClass', 'uint8'],
];

/** Columns of 64 bits, from two of the batch. */
const WIDE = [
  ['address', 'addressLow', 'addressHigh'],
  ['phys', 'physLow', 'physHigh'],
] as const;

/** Names of the classes of attribution by their number. */
export const CLASS_NAMES: readonly string[] = Object.keys(DomainClass);

/** Names of the ops by their number. */
export const OP_NAMES: readonly string[] = opNames();

/** The columns of a table of these requests. */
export function requestColumns({
  facts,
  tasks,
  lists,
}: Pick<Capture, 'facts' | 'tasks' | 'lists'>): TableColumn[] {
  const labels: Readonly<Record<string, readonly string[]>> = {
    op: OP_NAMES,
    domain_class: CLASS_NAMES,
    device: facts.devices.map(({ name }) => name),
    task: tasks,
  };
  return [
    ...PLAIN.map(([name, , type]) => ({ name, type, ...labelsOf(labels[name]) })),
    ...WIDE.map(([name]) => ({ name, type: 'uint64' as const })),
    ...(hasLists(lists) ? [SEGMENT_COLUMN] : []),
  ];
}

function hasLists(lists: SegmentLists | null): lists is SegmentLists {
  return lists !== null && lists.length > 0;
}

/** Labels stand for numbers only where no two are the same, and none looks like a number. */
export function labelsOf(labels: readonly string[] | undefined): { labels?: readonly string[] } {
  if (labels === undefined) return {};
  const isClear = labels.every((label) => !/^[\d.+-]+$/.test(label) && !/[\r\n\0]/.test(label));
  return isClear && new Set(labels).size === labels.length ? { labels } : {};
}

/** The rows of a batch, without those that stand for nothing. */
export function requestChunks(lists: SegmentLists | null): (batch: RequestBatch) => TableChunk {
  const wide = WIDE.map(() => new BigUint64Array(0));
  return (batch) => {
    const { length } = batch;
    const columns: ColumnValues[] = PLAIN.map(([, key]) => batch[key].subarray(0, length));
    WIDE.forEach(([, low, high], i) => {
      if (wide[i]!.length < length) wide[i] = new BigUint64Array(length);
      interleave(batch[low], batch[high], length, wide[i]!);
      columns.push(wide[i]!.subarray(0, length));
    });
    if (hasLists(lists)) columns.push(segmentCells(batch, lists));
    return { length, columns };
  };
}

/** Puts the words of `low` and `high` beside each other. */
export function interleave(
  low: Uint32Array,
  high: Uint32Array,
  length: number,
  out: BigUint64Array,
): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, 2 * length);
  for (let i = 0; i < length; i++) {
    words[2 * i] = low[i]!;
    words[2 * i + 1] = high[i]!;
  }
}

/** How many devices, domains and tasks the rows of a table may name. */
export interface TableLimits {
  readonly device: number;
  readonly domain: number;
  readonly task: number;
  readonly op: number;
  readonly domainClass: number;
}

/** Adds `count` rows of a chunk, from its row `from` on, to the store. */
export function appendRequests(
  chunk: ReadChunk,
  from: number,
  count: number,
  store: RequestStore,
  lists: SegmentStore,
  limits: TableLimits,
  source: string,
): void {
  const segments = chunk.column(SEGMENT_COLUMN.name);
  for (let done = 0; done < count; ) {
    const first = store.length;
    const rows = Math.min(count - done, BLOCK_ROWS - (first & BLOCK_MASK));
    for (let i = 0; i < rows; i++) store.reserve();
    const block = store.block(first);
    for (const [name, key] of PLAIN) {
      // Tables of older versions do not have it.
      if (key === 'domainClass' && chunk.column(name) === undefined) continue;
      copy(valuesOf(chunk, name, source), from + done, rows, block[key], first & BLOCK_MASK);
    }
    for (const [name, low, high] of WIDE) {
      split(
        valuesOf(chunk, name, source),
        from + done,
        rows,
        block[low],
        block[high],
        first & BLOCK_MASK,
        source,
      );
    }
    check(block, first & BLOCK_MASK, rows, limits, source);
    if (segments !== undefined) {
      keepCells(segments, from + done, rows, block, first & BLOCK_MASK, lists, source);
    }
    done += rows;
  }
}

function check(
  block: RequestBatch,
  at: number,
  rows: number,
  limits: TableLimits,
  source: string,
): void {
  for (const name of ['device', 'domain', 'task', 'op', 'domainClass'] as const) {
    const values = block[name];
    const limit = limits[name];
    for (let i = at; i < at + rows; i++) {
      if (values[i]! < limit) continue;
      const found = `expected a ${name} below ${limit}, found ${values[i]}`;
      throw new TraceError(source, null, `BAD_META: ${found}`);
    }
  }
}

function valuesOf(chunk: ReadChunk, name: string, source: string): ReadValues {
  const values = chunk.column(name);
  if (values !== undefined && values.length >= chunk.length) return values;
  throw new TraceError(
    source,
    null,
    `CSV_HEADER: expected a column "${name}" of requests, found none`,
  );
}

type Numbers = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array;

function copy(values: ReadValues, from: number, rows: number, to: Numbers, at: number): void {
  const isWide = values instanceof BigUint64Array || values instanceof BigInt64Array;
  if (ArrayBuffer.isView(values) && !isWide) {
    to.set((values as unknown as Float64Array).subarray(from, from + rows), at);
  } else for (let i = 0; i < rows; i++) to[at + i] = Number(values[from + i]);
}

/** Takes 64-bit values apart. */
export function split(
  values: ReadValues,
  from: number,
  rows: number,
  low: Uint32Array,
  high: Uint32Array,
  at: number,
  source: string,
): void {
  if (values instanceof BigUint64Array || values instanceof BigInt64Array) {
    const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
    for (let i = 0; i < rows; i++) {
      low[at + i] = words[2 * (from + i)]!;
      high[at + i] = words[2 * (from + i) + 1]!;
    }
    return;
  }
  const words: Words = { low: 0, high: 0 };
  for (let i = 0; i < rows; i++) {
    const cell = String(values[from + i]);
    if (!readAddress(cell, false, words)) {
      const found = JSON.stringify(cell.slice(0, 80));
      throw new TraceError(source, null, `MALFORMED_EVENT: expected an address, found ${found}`);
    }
    low[at + i] = words.low;
    high[at + i] = words.high;
  }
}

function opNames(): string[] {
  const names: string[] = [];
  for (let value = 0; value <= Op.loss; value++) names.push(`op${value}`);
  for (const [name, value] of Object.entries(Op)) names[value] = name;
  return names;
}
