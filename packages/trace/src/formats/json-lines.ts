// JSON lines: one object a line whose keys are the columns of a table; or an array of such objects.
//
//   {"op":"map","t":912004381000,"cpu":2,"dev":"0000:00:05.0","iova":"0xfffff000","size":4096}
//
// Numbers beyond 2^53 are taken from the text as they stand there; they are counted, because whoever wrote them
// may have rounded them before. An array is read object by object; it may be printed over several lines.
// Left out: Chrome trace-event JSON.

import type { EventBatch } from '../batch.ts';
import type { EventSink } from '../event-sink.ts';
import { type LineParser, lineWindow, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import { bpftraceText } from './bpftrace-json.ts';
import { readCsv } from './csv.ts';
import type { FormatOptions, TraceFormat } from './format.ts';
import { objectLines } from './json-array.ts';
import { Cell, fieldOf, TABLE_FIELDS, unitOf } from './table-header.ts';
import { TableRows, tableNotes, takeNotes } from './table-rows.ts';

const UNKNOWN = -1;
/** Fields of 64 bits. */
const WIDE: readonly number[] = [Cell.iova, Cell.phys, Cell.token, Cell.dom];
const MAX_KEYS = 10_000;

/** Objects of one event each. */
export const jsonLines: TraceFormat = {
  name: 'JSON lines',
  // One object per line: a brace that ends its line begins a document laid out for people.
  matches: (_, text) => /^\s*(?:\[\s*)?\{[ \t]*["}]/.test(text),
  read: readJsonLines,
};

/** Output of `bpftrace -f json`. */
export const bpftraceJson: TraceFormat = {
  name: 'bpftrace JSON',
  matches: (_, text) =>
    /^\s*\{\s*"type"\s*:\s*"(?:attached_probes|printf|lost_events|map|hist|stats|time|cat|join|value|syscall)"/.test(
      text,
    ),
  read: (chunks, window, sink, options) =>
    readCsv(bpftraceText(chunks, sink), window, sink, options),
};

async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  window: TextWindow,
  sink: EventSink,
  options: FormatOptions,
): AsyncGenerator<EventBatch, void, undefined> {
  // Lines and interned names have windows of their own.
  const lines = options.room?.lines ?? lineWindow();
  const parser = new JsonLineParser(lines, window, sink, options);
  yield* readLines(objectLines(chunks), lines, sink, parser);
}

class JsonLineParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly rows: TableRows;
  private readonly mapping: Readonly<Record<string, string>>;
  private readonly fields = new Map<string, number>();
  private readonly cells: string[] = TABLE_FIELDS.map(() => '');

  constructor(lines: TextWindow, names: TextWindow, sink: EventSink, options: FormatOptions) {
    this.bytes = lines.bytes;
    this.sink = sink;
    this.rows = new TableRows(names, sink, tableNotes());
    this.mapping = options.columns ?? {};
  }

  line(start: number): number {
    const end = this.bytes.indexOf(0x0a, start);
    const text = this.bytes.toString('utf8', start, end).trim();
    if (text.startsWith('#')) takeNotes(this.rows.notes, text);
    else if (text !== '') this.object(text);
    return end + 1;
  }

  end(): void {
    this.rows.end();
  }

  private object(text: string): void {
    const value = parseExact(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.sink.unparsed('JSON_LINE', 'lines that are no JSON object are left out');
      return;
    }
    // A table that dmalab wrote begins with what it is.
    if ('dmalab' in value) return;
    this.cells.fill('');
    for (const [key, cell] of Object.entries(value)) {
      const field = this.fieldOf(key);
      if (field !== UNKNOWN && cell !== null && cell !== undefined)
        this.cells[field] = this.textOf(cell, field);
    }
    this.rows.add(this.cells);
  }

  private fieldOf(key: string): number {
    let field = this.fields.get(key);
    if (field === undefined) {
      field = fieldOf(key, this.mapping);
      if (this.fields.size < MAX_KEYS) this.fields.set(key, field);
      const { notes } = this.rows;
      if (field === Cell.t && notes.unit === '') notes.unit = unitOf(key);
    }
    return field;
  }

  private textOf(cell: unknown, field: number): string {
    if (cell instanceof Exact) {
      if (WIDE.includes(field)) {
        this.sink.diagnose(
          'JSON_PRECISION',
          'addresses beyond 2^53 are read digit by digit; write them as strings, in case they were rounded',
        );
      }
      return cell.digits;
    }
    if (field === Cell.segments && Array.isArray(cell)) {
      return cell
        .map((entry) => (Array.isArray(entry) ? entry.join('/') : String(entry)))
        .join(';');
    }
    return typeof cell === 'object' ? '?' : String(cell);
  }
}

/** A number as it stands in the text. */
class Exact {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

/** Parses a text, numbers beyond 2^53 kept as text; undefined where it is no JSON. */
function parseExact(text: string): unknown {
  try {
    return /\d{16}/.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function exact(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isLarge =
    typeof value === 'number' && !Number.isSafeInteger(value) && Math.abs(value) > 2 ** 53;
  return isLarge && context?.source !== undefined ? new Exact(context.source) : value;
}
