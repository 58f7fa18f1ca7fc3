// Apache Parquet, through hyparquet and hyparquet-writer: one row group for each chunk, zstd by Node's own zlib.
//
// Columns are required (no nulls) and plain, so that they are read back as typed arrays without a loop. The
// metadata stand in the footer under the key "dmalab".

import { brotliDecompressSync, gunzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  type ColumnData,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  type RowGroup,
  type SchemaElement,
} from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { RandomAccess } from '../random-access.ts';
import { TraceError } from '../trace-error.ts';
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

/** Most bytes of one unpacked page. */
const LIMIT = { maxOutputLength: 2 ** 28 };

const compressors = {
  ZSTD: (input: Uint8Array): Uint8Array => zstdDecompressSync(input, LIMIT),
  GZIP: (input: Uint8Array): Uint8Array => gunzipSync(input, LIMIT),
  BROTLI: (input: Uint8Array): Uint8Array => brotliDecompressSync(input, LIMIT),
};

/** A Parquet file. */
export const parquet: TableFormat = {
  name: 'Parquet',
  matches: (head) => Buffer.from(head.subarray(0, 4)).toString('latin1') === 'PAR1',
  async open(file) {
    const buffer = bufferOf(file);
    const metadata = await checked(file, () => parquetMetadataAsync(buffer));
    const pair = metadata.key_value_metadata?.find(({ key }) => key === METADATA_KEY);
    return {
      metadata: pair?.value ?? null,
      names: flatColumns(metadata),
      chunks: () => rowGroups(file, buffer, metadata),
    };
  },
};

/** Columns that are no lists or structures; those are passed over. */
function flatColumns({ schema }: FileMetaData): string[] {
  return schema
    .slice(1)
    .filter(({ num_children }) => (num_children ?? 0) === 0)
    .map(({ name }) => name);
}

async function* rowGroups(
  file: RandomAccess,
  buffer: AsyncBuffer,
  metadata: FileMetaData,
): AsyncGenerator<ReadChunk, void, undefined> {
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    const rowEnd = rowStart + rows;
    const pieces = new Map<string, ReadValues[]>();
    const onChunk = ({ columnName, columnData }: ColumnData): void => {
      const column = pieces.get(columnName);
      if (column === undefined) pieces.set(columnName, [columnData as ReadValues]);
      else column.push(columnData as ReadValues);
    };
    // One column at a time: the library leaves the failures of all but the first to nobody.
    for (const name of flatColumns(metadata)) {
      checkColumn(file, group, name);
      const options = { file: buffer, metadata, rowStart, rowEnd, compressors, onChunk };
      await checked(file, () => parquetRead({ ...options, columns: [name] }));
    }
    yield { length: rows, column: (name) => joined(pieces.get(name)) };
    rowStart = rowEnd;
  }
}

/** Of two pieces under one name, the failures of the second would be left to nobody as well. */
function checkColumn(file: RandomAccess, group: RowGroup, name: string): void {
  const paths = group.columns.map(({ meta_data }) => meta_data?.path_in_schema ?? []);
  const pieces = paths.filter(([first]) => first === name).length;
  if (pieces === 1) return;
  const found = `found ${pieces === 0 ? 'none' : pieces}`;
  const problem = `BAD_BLOCK: expected one column "${name}" in each row group, ${found}`;
  throw new TraceError(file.source, null, problem);
}

/** A column that came in one page is taken as it is. */
function joined(pieces: readonly ReadValues[] | undefined): ReadValues | undefined {
  if (pieces === undefined || pieces.length === 1) return pieces?.[0];
  return pieces.flatMap((piece) => Array.from(piece as ArrayLike<string>));
}

function bufferOf(file: RandomAccess): AsyncBuffer {
  return {
    byteLength: file.size,
    slice(start, end = file.size) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, file.size) - start));
      file.into(bytes, start);
      return bytes.buffer;
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
