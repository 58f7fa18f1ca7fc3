// Tables of comma, semicolon or tab separated values (RFC 4180), and what bpftrace scripts print as such.
//
//   #unit=ns page_size=4096
//   op,t,cpu,tid,dev,iova,phys,size,dir
//   map,912004381000,2,417,0000:00:05.0,0xfffff000,0x12345000,4096,1
//
// Lines before the header that begin with "#" state clock, unit, base, page_size and tz; the delimiter is
// that which the header uses. bpftrace says "Attaching N probes..." first and "Lost N events" in between.
// A first row without names needs a mapping of the fields to column numbers (from 1 on).

import { CsvError, type Parser, parse } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { type EventBatch, UNKNOWN_CPU } from '../batch.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import { TraceError } from '../trace-error.ts';
import type { FormatOptions, TraceFormat } from './format.ts';
import { type Header, isHeader, readHeader, TABLE_FIELDS } from './table-header.ts';
import { TableRows, tableNotes, takeNotes } from './table-rows.ts';

const MAX_RECORD = 1 << 20;
const PREAMBLE = /^(?:\s*|#.*|Attach(?:ing|ed) \d+ probes?.*|WARNING: .*)$/;
const LOST = /^Lost (\d+) events$/;

/** Text of a header line and what stood before it. */
interface Top {
  readonly notes: readonly string[];
  readonly header: string;
  /** Lines before the header. */
  readonly lines: number;
  /** Characters up to the end of the header. */
  readonly length: number;
}

/** A table in text. */
export const csv: TraceFormat = {
  name: 'CSV',
  matches(_, text, { columns = {} }) {
    const top = topOf(text);
    if (top === null) return false;
    if (top.notes.some((note) => note.includes('dmatrace-csv'))) return true;
    const delimiter = delimiterOf(top.header);
    const names = cellsOf(top.header, delimiter);
    if (Object.keys(columns).length > 0) return names.length >= 2;
    if (names.length < 3) return false;
    return (
      isHeader(names, columns) || names.every((name) => /^[A-Za-z][\w .()-]*$/.test(name.trim()))
    );
  },
  read: readCsv,
};

/** Reads the table in `chunks`, which begin at its first line. */
export async function* readCsv(
  chunks: AsyncIterable<Uint8Array>,
  window: TextWindow,
  sink: EventSink,
  { columns = {} }: FormatOptions,
): AsyncGenerator<EventBatch, void, undefined> {
  const { top, rest } = await splitTop(chunks, sink);
  const notes = tableNotes();
  for (const note of top.notes) takeNotes(notes, note);
  const delimiter = delimiterOf(top.header);
  const names = cellsOf(top.header, delimiter);
  const numbered = numberedColumns(columns);
  sink.line = top.lines + 1;
  const header = numbered ?? readHeader(names, columns, sink.source, sink.line);
  if (notes.unit === '') notes.unit = header.unit;
  const rows = new TableRows(window, sink, notes);
  const width = names.length;
  const offset = numbered === null ? top.lines + 1 : top.lines;
  const first = numbered === null ? rest : withHead(`${top.header}\n`, rest);
  const parser = parserOf(delimiter, width);
  const cells: string[] = TABLE_FIELDS.map(() => '');
  const feeding = feed(parser, first);
  try {
    for await (const item of parser) {
      const { record, info } = item as { record: string[]; info: { lines: number } };
      if (sink.full) {
        yield sink.batch;
        sink.restart();
      }
      sink.line = offset + info.lines;
      if (record.length !== width) ragged(sink, record);
      else if (numbered !== null || !isRepeated(record, names)) {
        for (let field = 0; field < cells.length; field++) {
          const column = header.columns[field]!;
          cells[field] = column < 0 ? '' : record[column]!;
        }
        rows.add(cells);
      }
    }
    await feeding;
  } catch (error) {
    throw csvProblem(error, sink, offset);
  }
  sink.counts.lines = sink.line;
  rows.end();
  if (sink.batch.length > 0) yield sink.batch;
}

/** The header in the first lines of a text, or null. */
function topOf(text: string): Top | null {
  const notes: string[] = [];
  let at = 0;
  for (let lines = 0; at < text.length; lines++) {
    const feed = text.indexOf('\n', at);
    const end = feed < 0 ? text.length : feed;
    const line = text
      .slice(at, end)
      .replace(/\r$/, '')
      .replace(/^\ufeff|^\xef\xbb\xbf/, '');
    if (!PREAMBLE.test(line))
      return { notes, header: line, lines, length: Math.min(text.length, end + 1) };
    if (line.startsWith('#')) notes.push(line.slice(1));
    at = end + 1;
  }
  return null;
}

async function splitTop(
  chunks: AsyncIterable<Uint8Array>,
  sink: EventSink,
): Promise<{ top: Top; rest: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  for (let done = false; ; ) {
    const text = head.toString('latin1');
    const top = topOf(text);
    const isWhole = top !== null && (done || text[top.length - 1] === '\n');
    if (isWhole) return { top: decoded(top), rest: following(head.subarray(top.length), iterator) };
    if (done || head.length > MAX_RECORD) {
      throw new TraceError(
        sink.source,
        1,
        'CSV_HEADER: expected a line with the names of the columns, found none',
      );
    }
    const next = await iterator.next();
    done = next.done === true;
    if (!next.done) head = Buffer.concat([head, next.value]);
  }
}

function decoded(top: Top): Top {
  const utf8 = (text: string): string => Buffer.from(text, 'latin1').toString('utf8');
  return { ...top, notes: top.notes.map(utf8), header: utf8(top.header) };
}

async function* following(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (head.length > 0) yield head;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    yield next.value;
  }
}

async function* withHead(
  text: string,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from(text);
  yield* rest;
}

/** Writes the chunks to the parser; each is copied, because it is refilled for the next one. */
async function feed(parser: Parser, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (parser.destroyed) return;
      if (!parser.write(Buffer.from(chunk))) await drained(parser);
    }
    parser.end();
  } catch (error) {
    parser.destroy(error as Error);
  }
}

function drained(parser: Parser): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      parser.off('drain', done).off('close', done);
      resolve();
    };
    parser.on('drain', done).on('close', done);
  });
}

function parserOf(delimiter: string, width: number): Parser {
  return parse({
    delimiter,
    info: true,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    // A single column is never quoted text.
    quote: width > 1 ? '"' : false,
    max_record_size: MAX_RECORD,
  });
}

/** A line of another width: a note of bpftrace, a comment, or damage. */
function ragged(sink: EventSink, record: readonly string[]): void {
  const text = record.join(',');
  const lost = LOST.exec(text);
  if (lost !== null) sink.loss(UNKNOWN_CPU, Number(lost[1]));
  else if (!PREAMBLE.test(text)) {
    sink.unparsed('CSV_RAGGED', 'rows with more or fewer cells than the header are left out');
  }
}

/** A header again: the table is made of several. */
function isRepeated(record: readonly string[], names: readonly string[]): boolean {
  return record[0] === names[0] && record.every((cell, i) => cell === names[i]);
}

function csvProblem(error: unknown, sink: EventSink, offset: number): unknown {
  if (!(error instanceof CsvError)) return error;
  const found = error.message.replace(/^[\w ]+: | at line \d+.*/g, '');
  const code = error.code === 'CSV_MAX_RECORD_SIZE' ? 'LINE_TOO_LONG' : 'CSV_QUOTE';
  // A quote opened in the row after the last one that was whole.
  const { records = 0, empty_lines: empty = 0 } = error as Partial<Record<string, number>>;
  return new TraceError(
    sink.source,
    offset + records + empty + 1,
    `${code}: expected cells quoted as RFC 4180 says, found ${found}`,
  );
}

/** A mapping to column numbers is one for a table without a header. */
function numberedColumns(columns: Readonly<Record<string, string>>): Header | null {
  const entries = Object.entries(columns);
  if (entries.length === 0 || !entries.every(([, column]) => /^\d+$/.test(column))) return null;
  const names: string[] = [];
  for (const [field, column] of entries) names[Number(column) - 1] = field;
  return readHeader(
    Array.from(names, (name) => name ?? ''),
    {},
    '--columns',
    1,
  );
}

function delimiterOf(header: string): string {
  const bare = header.replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t'].map((mark) => [mark, bare.split(mark).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

function cellsOf(line: string, delimiter: string): string[] {
  try {
    return (
      (parseSync(line, { delimiter, trim: true, relax_quotes: true })[0] as string[] | undefined) ??
      []
    );
  } catch {
    return line.split(delimiter);
  }
}
