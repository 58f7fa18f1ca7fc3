// Apache Arrow IPC files, through flechette: one record batch for each chunk, none held longer than it is written.
//
// flechette encodes whole tables only. So each chunk is encoded as a stream of its own, whose record batch goes to
// the file, and the footer is that of a table with as many small batches, its places filled in. Streams are read as
// well. Described in https://arrow.apache.org/docs/format/Columnar.html (Message.fbs, File.fbs).

import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  CompressionType,
  columnFromArray,
  setCompressionCodec,
  type Table,
  Type,
  tableFromColumns,
  tableFromIPC,
  tableToIPC,
  utf8,
} from '@uwdata/flechette';
import type { RandomAccess } from '../random-access.ts';
import { TraceError } from '../trace-error.ts';
import {
  type ByteOutput,
  type ColumnType,
  type ColumnValues,
  METADATA_KEY,
  type ReadChunk,
  type ReadValues,
  type TableColumn,
  type TableFormat,
  type TableSource,
  type TableWriter,
} from './table.ts';

const MAGIC = Buffer.from('ARROW1\0\0');
const END_OF_STREAM = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
/** Bytes of the length and the magic word after a footer. */
const TAIL = 10;
const PREFIX = 8;
const MAX_DEPTH = 8;
const MAX_MESSAGE = 2 ** 31 - 1;
/** Rows for a byte of a message: compressed ones take some bits at least. */
const MOST_ROWS = 64;
/** Bytes of a FieldNode: two numbers of 64 bits. */
const NODE = 16;

/** Kinds of message, as Message.fbs numbers them. */
const Kind = { schema: 1, dictionary: 2, batch: 3 } as const;

/** Where a record batch lies in the file. */
interface Block {
  readonly position: number;
  readonly metadata: number;
  readonly body: number;
}

/** Writes a table as an Arrow file. */
export function arrowWriter(
  output: ByteOutput,
  columns: readonly TableColumn[],
  metadata: string,
): TableWriter {
  const blocks: Block[] = [];
  output.write(MAGIC);
  output.write(
    messagesOf(encoded(tableOf(columns, oneRow(columns), metadata), 'stream'))[0]!.bytes,
  );
  return {
    write(chunk) {
      if (chunk.length === 0) return;
      const stream = encoded(tableOf(columns, chunk.columns, metadata), 'stream');
      for (const { kind, bytes, metadataLength, bodyLength } of messagesOf(stream)) {
        if (kind !== Kind.batch) continue;
        blocks.push({ position: output.position, metadata: metadataLength, body: bodyLength });
        output.write(bytes);
      }
    },
    finish() {
      output.write(END_OF_STREAM);
      output.write(footer(columns, metadata, blocks));
    },
  };
}

/** A footer with these blocks: that of a table with as many batches of one row. */
function footer(
  columns: readonly TableColumn[],
  metadata: string,
  blocks: readonly Block[],
): Uint8Array {
  const rows = Math.max(1, blocks.length);
  const file = encoded(tableOf(columns, emptyRows(columns, rows), metadata, 1), 'file');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = file.length - TAIL - view.getInt32(file.length - TAIL, true);
  const vector = fieldAt(view, start, 3);
  const first = vector + view.getUint32(vector, true);
  if (blocks.length === 0) view.setUint32(first, 0, true);
  blocks.forEach(({ position, metadata: length, body }, i) => {
    const at = first + 4 + 24 * i;
    view.setBigInt64(at, BigInt(position), true);
    view.setInt32(at + 8, length, true);
    view.setBigInt64(at + 16, BigInt(body), true);
  });
  return file.subarray(start);
}

function tableOf(
  columns: readonly TableColumn[],
  values: readonly ColumnValues[],
  metadata: string,
  maxBatchRows = Infinity,
): Table {
  const made = columns.map(({ name, type }, i) => {
    const column = columnFromArray(values[i]!, type === 'text' ? utf8() : undefined, {
      maxBatchRows,
    });
    return [name, column] as [string, typeof column];
  });
  const table = tableFromColumns(made);
  table.schema.metadata = new Map([[METADATA_KEY, metadata]]);
  return table;
}

function encoded(table: Table, format: 'stream' | 'file'): Uint8Array {
  const bytes = tableToIPC(table, { format });
  if (bytes === null) throw new Error('flechette gave no bytes');
  return bytes;
}

const ARRAYS: Readonly<Record<ColumnType, (rows: number) => ColumnValues>> = {
  float64: (rows) => new Float64Array(rows),
  uint64: (rows) => new BigUint64Array(rows),
  uint32: (rows) => new Uint32Array(rows),
  int32: (rows) => new Int32Array(rows),
  uint16: (rows) => new Uint16Array(rows),
  uint8: (rows) => new Uint8Array(rows),
  text: (rows) => new Array<string>(rows).fill(''),
};

function emptyRows(columns: readonly TableColumn[], rows: number): ColumnValues[] {
  return columns.map(({ type }) => ARRAYS[type](rows));
}

function oneRow(columns: readonly TableColumn[]): ColumnValues[] {
  return emptyRows(columns, 1);
}

/** One message of a stream. */
interface Message {
  readonly kind: number;
  readonly bytes: Uint8Array;
  /** Bytes before the body, with the prefix. */
  readonly metadataLength: number;
  readonly bodyLength: number;
}

function messagesOf(stream: Uint8Array): Message[] {
  const access: RandomAccess = {
    source: '',
    size: stream.length,
    into(bytes, position) {
      bytes.set(stream.subarray(position, position + bytes.length));
      return Math.min(bytes.length, stream.length - position);
    },
    close() {},
  };
  return [...readMessages(access, 0)];
}

/** The messages from `from` on, one at a time. */
function* readMessages(file: RandomAccess, from: number): Generator<Message, void, undefined> {
  let position = from;
  while (position + PREFIX <= file.size) {
    const prefix = new DataView(bytesAt(file, position, PREFIX).buffer);
    const length = prefix.getInt32(4, true);
    if (prefix.getUint32(0, true) !== 0xffff_ffff || length < 0) {
      throw damage(file, position, 'expected a message, found other bytes');
    }
    if (length === 0) return;
    const { kind, body } = describe(file, position, bytesAt(file, position + PREFIX, length));
    if (!(body >= 0) || position + PREFIX + length + body > file.size) {
      throw damage(file, position, 'expected a whole message, found the end of the file');
    }
    const bytes = bytesAt(file, position, PREFIX + length + body);
    yield { kind, bytes, metadataLength: PREFIX + length, bodyLength: body };
    position += bytes.length;
  }
  // Only a stream may end without saying so.
  if (from > 0)
    throw damage(file, position, 'expected the end of the batches, found that of the file');
}

/** Kind and body length of a message, whose lists are no longer than it is. */
function describe(
  file: RandomAccess,
  position: number,
  head: Uint8Array<ArrayBuffer>,
): { kind: number; body: number } {
  const view = new DataView(head.buffer);
  try {
    const root = view.getUint32(0, true);
    const kindAt = fieldOf(view, root, 1);
    const kind = kindAt < 0 ? 0 : view.getUint8(kindAt);
    const headerAt = fieldOf(view, root, 2);
    const bodyAt = fieldOf(view, root, 3);
    const body = bodyAt < 0 ? 0 : Number(view.getBigInt64(bodyAt, true));
    const rows = MOST_ROWS * (head.length + Math.max(0, body));
    if (headerAt >= 0) checkLists(view, headerAt + view.getUint32(headerAt, true), kind, rows);
    return { kind, body };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw damage(file, position, 'expected a message, found places outside of it');
  }
}

/** Throws a RangeError for a list (or those of a field) that is longer than the message. */
function checkLists(view: DataView, header: number, kind: number, rows: number): void {
  if (kind === Kind.batch) checkBatch(view, header, rows);
  if (kind === Kind.dictionary) {
    const data = fieldOf(view, header, 1);
    if (data >= 0) checkBatch(view, data + view.getUint32(data, true), rows);
  }
  if (kind !== Kind.schema) return;
  listAt(view, header, 2);
  checkFields(view, header, 1, 0);
}

function checkBatch(view: DataView, batch: number, rows: number): void {
  for (const number of [1, 2, 4]) listAt(view, batch, number);
  const { first, length } = listAt(view, batch, 1);
  const lengths = Array.from({ length }, (_, i) => view.getBigInt64(first + NODE * i, true));
  const own = fieldOf(view, batch, 0);
  if (own >= 0) lengths.push(view.getBigInt64(own, true));
  if (lengths.some((of) => of < 0n || of > rows)) throw new RangeError('too many rows');
}

function checkFields(view: DataView, table: number, number: number, depth: number): void {
  const { first, length } = listAt(view, table, number);
  if (depth > MAX_DEPTH) throw new RangeError('fields too deep');
  for (let i = 0; i < length; i++) {
    const field = first + 4 * i + view.getUint32(first + 4 * i, true);
    listAt(view, field, 6);
    checkFields(view, field, 5, depth + 1);
  }
}

function listAt(view: DataView, table: number, number: number): { first: number; length: number } {
  const at = fieldOf(view, table, number);
  if (at < 0) return { first: 0, length: 0 };
  const vector = at + view.getUint32(at, true);
  const length = view.getUint32(vector, true);
  if (4 * length > view.byteLength - vector) throw new RangeError('list too long');
  return { first: vector + 4, length };
}

/** Position of field `number` of the root table of a flatbuffer at `start`, -1 where it is missing. */
function fieldAt(view: DataView, start: number, number: number): number {
  return fieldOf(view, start + view.getUint32(start, true), number);
}

/** Position of field `number` of the table at `root`, -1 where it is missing. */
function fieldOf(view: DataView, root: number, number: number): number {
  const fields = root - view.getInt32(root, true);
  const slot = 4 + 2 * number;
  if (slot >= view.getUint16(fields, true)) return -1;
  const offset = view.getUint16(fields + slot, true);
  return offset === 0 ? -1 : root + offset;
}

function bytesAt(file: RandomAccess, position: number, length: number): Uint8Array<ArrayBuffer> {
  if (length < 0 || length > MAX_MESSAGE || position + length > file.size) {
    throw damage(file, position, 'expected a whole message, found the end of the file');
  }
  const bytes = new Uint8Array(length);
  file.into(bytes, position);
  return bytes;
}

function damage(file: RandomAccess, position: number, what: string): TraceError {
  return new TraceError(`${file.source}@0x${position.toString(16)}`, null, `BAD_BLOCK: ${what}`);
}

/** An Arrow file or stream. */
export const arrow: TableFormat = {
  name: 'Arrow',
  matches: (head) =>
    Buffer.from(head.subarray(0, 6)).equals(MAGIC.subarray(0, 6)) || isStream(head),
  open: openArrow,
};

/** A stream begins with the message of its schema. */
function isStream(head: Uint8Array): boolean {
  if (head.length < 64 || !head.subarray(0, 4).every((byte) => byte === 0xff)) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = view.getInt32(4, true);
  return length > 0 && length % 8 === 0 && length < 2 ** 24;
}

function openArrow(file: RandomAccess): TableSource {
  setCompressionCodec(CompressionType.ZSTD, {
    encode: (bytes) => zstdCompressSync(bytes),
    decode: (bytes) => zstdDecompressSync(bytes, { maxOutputLength: 2 ** 28 }),
  });
  const start = Buffer.from(bytesAt(file, 0, PREFIX)).equals(MAGIC) ? PREFIX : 0;
  const first = readMessages(file, start).next().value;
  if (first === undefined || first.kind !== Kind.schema) {
    throw damage(file, start, 'expected a schema, found another message');
  }
  const { schema } = decoded(file, [first.bytes]);
  return {
    metadata: schema.metadata?.get(METADATA_KEY) ?? null,
    names: schema.fields.map(({ name }) => name),
    chunks: () => recordBatches(file, start),
  };
}

function* recordBatches(file: RandomAccess, start: number): Generator<ReadChunk, void, undefined> {
  const known: Uint8Array[] = [];
  for (const { kind, bytes } of readMessages(file, start)) {
    if (kind !== Kind.batch) known.push(bytes);
    else {
      const table = decoded(file, [...known, bytes]);
      if (table.numRows > MOST_ROWS * bytes.length)
        throw damage(file, 0, 'expected rows that fit the bytes');
      yield { length: table.numRows, column: (name) => valuesOf(file, table, name) };
    }
  }
}

function decoded(file: RandomAccess, messages: Uint8Array[]): Table {
  try {
    return tableFromIPC(messages, { useBigInt: true });
  } catch (error) {
    throw damage(file, 0, `expected an Arrow table, found ${(error as Error).message}`);
  }
}

/** Types whose columns are read: one value a row. All others are passed over. */
const FLAT: ReadonlySet<number> = new Set([
  Type.Int,
  Type.Float,
  Type.Bool,
  Type.Utf8,
  Type.LargeUtf8,
  Type.Utf8View,
  Type.Dictionary,
]);

function valuesOf(file: RandomAccess, table: Table, name: string): ReadValues | undefined {
  const column = table.getChild(name);
  if (column === undefined || column === null) return undefined;
  if (!FLAT.has(column.type.typeId)) return undefined;
  if (column.length !== table.numRows) throw damage(file, 0, `expected a whole column "${name}"`);
  try {
    return column.toArray() as ReadValues;
  } catch (error) {
    throw damage(file, 0, `expected a column "${name}", found ${(error as Error).message}`);
  }
}
