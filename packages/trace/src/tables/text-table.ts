// Tables of dmalab as text: CSV and JSON lines, addresses as 0x and hexadecimal digits.
//
// The metadata is the first line: "#dmalab={...}" in CSV, an object with the one key "dmalab" in JSON lines.

import type { RandomAccess } from '../random-access.ts';
import { TraceError } from '../trace-error.ts';
import { hexText } from './event-table.ts';
import {
  type ByteOutput,
  type ColumnValues,
  METADATA_KEY,
  type ReadChunk,
  type TableColumn,
  type TableFormat,
  type TableWriter,
} from './table.ts';

/** Bytes that are read at a time, and characters that are written: longer texts outlive young collections. */
const PIECE = 1 << 20;
const WRITTEN = 1 << 16;
const CHUNK_ROWS = 16_384;

/** Writes a table as CSV. */
export function csvWriter(
  output: ByteOutput,
  columns: readonly TableColumn[],
  metadata: string,
): TableWriter {
  const names = columns.map(({ name }) => name).join(',');
  output.write(Buffer.from(`#unit=ns\n#${METADATA_KEY}=${metadata}\n${names}\n`));
  return textWriter(output, columns, csvCell, (cells) => cells.join(','));
}

/** Writes a table as JSON lines. */
export function jsonLinesWriter(
  output: ByteOutput,
  columns: readonly TableColumn[],
  metadata: string,
): TableWriter {
  output.write(Buffer.from(`{"${METADATA_KEY}":${metadata}}\n`));
  const keys = columns.map(({ name }) => `${JSON.stringify(name)}:`);
  return textWriter(output, columns, JSON.stringify, (cells) => {
    let line = '{';
    for (let i = 0; i < cells.length; i++) line += `${i === 0 ? '' : ','}${keys[i]}${cells[i]}`;
    return `${line}}`;
  });
}

function textWriter(
  output: ByteOutput,
  columns: readonly TableColumn[],
  quoted: (text: string) => string,
  line: (cells: readonly string[]) => string,
): TableWriter {
  const labels = columns.map((column) => column.labels?.map(quoted));
  const cells = columns.map(() => '');
  let bytes = Buffer.alloc(0);
  const put = (text: string): void => {
    // A character is at most three bytes.
    if (3 * text.length > bytes.length) bytes = Buffer.allocUnsafe(6 * text.length);
    output.write(bytes.subarray(0, bytes.write(text)));
  };
  return {
    write(chunk) {
      let text = '';
      const words = chunk.columns.map(wordsOf);
      for (let row = 0; row < chunk.length; row++) {
        for (let i = 0; i < cells.length; i++) {
          const wide = words[i];
          const value = chunk.columns[i]![row]!;
          if (wide !== undefined) cells[i] = quoted(hexText(wide[2 * row + 1]!, wide[2 * row]!));
          else if (typeof value === 'string') cells[i] = quoted(value);
          else cells[i] = labels[i]?.[Number(value)] ?? String(value);
        }
        text += `${line(cells)}\n`;
        if (text.length > WRITTEN) {
          put(text);
          text = '';
        }
      }
      if (text !== '') put(text);
    },
    finish() {},
  };
}

function wordsOf(values: ColumnValues): Uint32Array | undefined {
  if (!(values instanceof BigUint64Array)) return undefined;
  return new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
}

function csvCell(text: string): string {
  return /[",;\t\r\n]|^[\s#]|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Requests that dmalab wrote as CSV. */
export const requestCsv: TableFormat = {
  name: 'CSV',
  matches: (head) => textOf(head).includes(`#${METADATA_KEY}={"schema":"dmalab.requests`),
  open: (file) => {
    const lines = linesOf(file);
    let metadata = '';
    let header = '';
    while (header === '') {
      const { value, done } = lines.next();
      if (done === true) break;
      if (value.startsWith(`#${METADATA_KEY}=`)) metadata = value.slice(METADATA_KEY.length + 2);
      else if (!value.startsWith('#')) header = value;
    }
    const names = header.split(',');
    return { metadata, names, chunks: () => rowsOf(lines, names, csvCells, file.source) };
  },
};

/** Requests that dmalab wrote as JSON lines. */
export const requestJsonLines: TableFormat = {
  name: 'JSON lines',
  matches: (head) => textOf(head).startsWith(`{"${METADATA_KEY}":{"schema":"dmalab.requests`),
  open: (file) => {
    const lines = linesOf(file);
    const first = lines.next().value ?? '';
    const names: string[] = [];
    const metadata = first.slice(METADATA_KEY.length + 4, -1);
    const cells = (line: string): string[] | null => {
      try {
        const row = JSON.parse(line) as Record<string, unknown>;
        if (names.length === 0) names.push(...Object.keys(row));
        return names.map((name) => String(row[name] ?? ''));
      } catch {
        return null;
      }
    };
    return { metadata, names, chunks: () => rowsOf(lines, names, cells, file.source) };
  },
};

function textOf(head: Uint8Array): string {
  return Buffer.from(head.subarray(0, 256)).toString('latin1');
}

function* rowsOf(
  lines: Iterable<string>,
  names: readonly string[],
  cellsOf: (line: string) => string[] | null,
  source: string,
): Generator<ReadChunk, void, undefined> {
  let rows: string[][] = [];
  let row = 0;
  for (const line of lines) {
    row++;
    if (line === '') continue;
    const cells = cellsOf(line);
    if (cells === null || cells.length !== names.length) {
      throw new TraceError(
        source,
        null,
        `CSV_RAGGED: expected a row of requests, found another in row ${row}`,
      );
    }
    rows.push(cells);
    if (rows.length === CHUNK_ROWS) {
      yield chunkOf(rows, names);
      rows = [];
    }
  }
  if (rows.length > 0) yield chunkOf(rows, names);
}

function chunkOf(rows: readonly string[][], names: readonly string[]): ReadChunk {
  return {
    length: rows.length,
    column(name) {
      const at = names.indexOf(name);
      return at < 0 ? undefined : rows.map((cells) => cells[at]!);
    },
  };
}

function csvCells(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const cells: string[] = [];
  for (const [, quoted, bare] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    cells.push(quoted === undefined ? (bare ?? '') : quoted.replaceAll('""', '"'));
  }
  return cells;
}

function* linesOf(file: RandomAccess): Generator<string, void, undefined> {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(PIECE);
  let rest = '';
  for (let position = 0; position < file.size; ) {
    const got = file.into(piece, position);
    if (got === 0) break;
    position += got;
    const lines = (rest + decoder.decode(piece.subarray(0, got), { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
