// Apache Parquet, through hyparquet and hyparquet-writer: one row group for each chunk, zstd by Node's own zlib.
//
// Columns are required (no nulls) and plain, so that they are read back as typed arrays without a loop. The
// metadata stand in the footer under the key "dmalab".

import { zstdCompressSync } from 'node:zlib';
import type {
  AsyncBuffer,
  ColumnData,
  ColumnMetaData,
  FileMetaData,
  RowGroup,
  SchemaElement,
} from 'hyparquet';
import type { RandomAccess } from '../random-access.ts';
import { TraceError } from '../trace-error.ts';
import { parquetReading, parquetWriting } from './parquet-library.ts';
import { PageChecks } from './parquet-pages.ts';
import {
  type ByteOutput,
  type ColumnType,
  METADATA_KEY,
  type ReadChunk,
  type ReadValues,
  type TableColumn,
  type TableFormat,
  type TableWriter,
} from './table.ts';

type Physical = Pick<SchemaElement, 'type' | 'converted_type'>;

const TYPES: Readonly<Record<ColumnType, Physical>> = {
  float64: { type: 'DOUBLE' },
  uint64: { type: 'INT64', converted_type: 'UINT_64' },
  uint32: { type: 'INT32', converted_type: 'UINT_32' },
  int32: { type: 'INT32', converted_type: 'INT_32' },
  uint16: { type: 'INT32', converted_type: 'UINT_16' },
  uint8: { type: 'INT32', converted_type: 'UINT_8' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
};

/** Writes a table as Parquet. */
export function parquetWriter(
  output: ByteOutput,
  columns: readonly TableColumn[],
  metadata: string,
): TableWriter {
  const { ByteWriter, ParquetWriter } = parquetWriting();
  // The library counts the position in the file itself; its bytes are given away after each row group.
  const bytes = new ByteWriter(1 << 20);
  const flush = (): void => {
    output.write(bytes.getBytes());
    bytes.index = 0;
  };
  const writer = new ParquetWriter({
    writer: bytes,
    schema: schemaOf(columns),
    codec: 'ZSTD',
    compressors: { ZSTD: (input) => zstdCompressSync(input) },
    kvMetadata: [{ key: METADATA_KEY, value: metadata }],
    createdBy: 'dmalab',
  });
  return {
    write(chunk) {
      if (chunk.length === 0) return;
      const columnData = columns.map(({ name, type }, i) => ({
        name,
        // Uint16Array is missing in the library's list of what it reads by index.
        data: chunk.columns[i] as Uint32Array,
        ...(type === 'text' ? {} : { encoding: 'PLAIN' as const }),
      }));
      void writer.write({ columnData, rowGroupSize: chunk.length });
      flush();
    },
    finish() {
      void writer.finish();
      flush();
    },
  };
}

function schemaOf(columns: readonly TableColumn[]): SchemaElement[] {
  return [
    { name: 'root', num_children: columns.length },
    ...columns.map(
      ({ name, type }): SchemaElement => ({ name, repetition_type: 'REQUIRED', ...TYPES[type] }),
    ),
  ];
}

/** Rows of a small file, and rows for each of its bytes: more is an attack. */
const FEW_ROWS = 65_536;
const MOST_RATIO = 64;

/** A Parquet file. */
export const parquet: TableFormat = {
  name: 'Parquet',
  matches: (head) => Buffer.from(head.subarray(0, 4)).toString('latin1') === 'PAR1',
  async open(file) {
    const buffer = bufferOf(file);
    const { parquetMetadataAsync } = parquetReading();
    const metadata = await checked(file, () => parquetMetadataAsync(buffer, { geoparquet: false }));
    const pair = metadata.key_value_metadata?.find(({ key }) => key === METADATA_KEY);
    return {
      metadata: pair?.value ?? null,
      names: flatColumns(metadata).map(({ name }) => name),
      chunks: () => rowGroups(file, buffer, metadata),
    };
  },
};

/** Columns of one value a row; lists and structures are passed over, with all that is in them. */
function flatColumns({ schema }: FileMetaData): SchemaElement[] {
  const flat: SchemaElement[] = [];
  let inside = 0;
  for (const element of schema.slice(1)) {
    const children = Number(element.num_children ?? 0);
    const isFlat = inside === 0 && children === 0 && element.repetition_type !== 'REPEATED';
    if (isFlat) flat.push(element);
    inside = Math.max(0, inside - 1) + children;
  }
  return flat;
}

async function* rowGroups(
  file: RandomAccess,
  buffer: AsyncBuffer,
  metadata: FileMetaData,
): AsyncGenerator<ReadChunk, void, undefined> {
  const { parquetRead } = parquetReading();
  const columns = flatColumns(metadata);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    const rowEnd = rowStart + rows;
    if (!(rows >= 0) || rowEnd > FEW_ROWS + MOST_RATIO * file.size) {
      throw badBlock(file, `expected rows that fit the bytes, found ${rowEnd}`);
    }
    const pieces = new Map<string, ReadValues[]>();
    const onChunk = ({ columnName, columnData }: ColumnData): void => {
      const column = pieces.get(columnName);
      if (column === undefined) pieces.set(columnName, [columnData as ReadValues]);
      else column.push(columnData as ReadValues);
    };
    // One column at a time: the library leaves the failures of all but the first to nobody.
    for (const element of rows === 0 ? [] : columns) {
      const { name } = element;
      const column = columnOf(file, group, name);
      await checked(file, async () => {
        const { compressors } = new PageChecks(
          await bytesOf(buffer, column),
          rows,
          column,
          element,
        );
        const options = { file: buffer, metadata, rowStart, rowEnd, compressors, onChunk };
        await parquetRead({ ...options, columns: [name] });
      });
      const found = (pieces.get(name) ?? []).reduce((sum, { length }) => sum + length, 0);
      if (found !== rows) {
        throw badBlock(file, `expected ${rows} rows of "${name}", found ${found}`);
      }
    }
    yield { length: rows, column: (name) => joined(pieces.get(name)) };
    rowStart = rowEnd;
  }
}

/** Of two pieces under one name, the failures of the second would be left to nobody as well. */
function columnOf(file: RandomAccess, group: RowGroup, name: string): ColumnMetaData {
  const columns = group.columns.flatMap(({ meta_data }) => meta_data ?? []);
  const [column, ...others] = columns.filter(({ path_in_schema }) => path_in_schema?.[0] === name);
  if (column !== undefined && others.length === 0) return column;
  const found = `found ${column === undefined ? 'none' : 1 + others.length}`;
  throw badBlock(file, `expected one column "${name}" in each row group, ${found}`);
}

async function bytesOf(buffer: AsyncBuffer, column: ColumnMetaData): Promise<Uint8Array> {
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  return new Uint8Array(await buffer.slice(start, start + Number(column.total_compressed_size)));
}

function badBlock(file: RandomAccess, problem: string): TraceError {
  return new TraceError(file.source, null, `BAD_BLOCK: ${problem}`);
}

/** A column that came in one page is taken as it is. */
function joined(pieces: readonly ReadValues[] | undefined): ReadValues | undefined {
  if (pieces === undefined || pieces.length === 1) return pieces?.[0];
  return pieces.flatMap((piece) => Array.from(piece as ArrayLike<string>));
}

/** The bytes of a file; what was asked for last is asked for again by the library. */
function bufferOf(file: RandomAccess): AsyncBuffer {
  let last: ArrayBuffer | null = null;
  let from = -1;
  return {
    byteLength: file.size,
    slice(start, end = file.size) {
      if (!(start >= 0)) throw badBlock(file, `expected a place in the file, found ${start}`);
      const length = Math.max(0, Math.min(end, file.size) - start);
      if (last === null || from !== start || last.byteLength !== length) {
        const bytes = new Uint8Array(length);
        file.into(bytes, start);
        last = bytes.buffer;
        from = start;
      }
      return last;
    },
  };
}

async function checked<T>(file: RandomAccess, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof TraceError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new TraceError(
      file.source,
      null,
      `BAD_BLOCK: expected a whole Parquet file, found ${why}`,
    );
  }
}
