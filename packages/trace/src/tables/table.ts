// What a table is to those who write and read one: named columns of one type each, in chunks of rows.
//
// uint64 columns are BigUint64Array, written and read through 32-bit views of the same memory, so that no
// BigInt is made for an address.

import type { RandomAccess } from '../random-access.ts';

/** Types of a column. */
export type ColumnType = 'float64' | 'uint64' | 'uint32' | 'int32' | 'uint16' | 'uint8' | 'text';

/** A column as it is declared. In text tables, numbers of a column with labels are written as their label. */
export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly labels?: readonly string[];
}

/** The values of one column in one chunk. */
export type ColumnValues =
  | Float64Array
  | BigUint64Array
  | Uint32Array
  | Int32Array
  | Uint16Array
  | Uint8Array
  | string[];

/** Some rows; `columns` are in the order of their declaration. Valid until the next chunk. */
export interface TableChunk {
  readonly length: number;
  readonly columns: readonly ColumnValues[];
}

/** Takes the chunks of one table. */
export interface TableWriter {
  write(chunk: TableChunk): void;
  finish(): void;
}

/** Where a writer puts its bytes. */
export interface ByteOutput {
  /** Bytes written so far. */
  readonly position: number;
  write(bytes: Uint8Array): void;
}

/** Values as a file gives them. */
export type ReadValues = ArrayLike<number> | ArrayLike<bigint> | ArrayLike<string>;

/** Some rows of a file; a column that is not there is undefined. */
export interface ReadChunk {
  readonly length: number;
  column(name: string): ReadValues | undefined;
}

/** A table that was opened. */
export interface TableSource {
  /** JSON that dmalab put there; null in tables of others. */
  readonly metadata: string | null;
  readonly names: readonly string[];
  chunks(): AsyncIterable<ReadChunk> | Iterable<ReadChunk>;
}

/** A kind of file that holds tables. */
export interface TableFormat {
  /** As shown by `info`. */
  readonly name: string;
  matches(head: Uint8Array): boolean;
  open(file: RandomAccess): Promise<TableSource> | TableSource;
}

/** Key of the metadata in a file. */
export const METADATA_KEY = 'dmalab';
