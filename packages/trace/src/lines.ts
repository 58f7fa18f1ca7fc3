// Cuts a stream of chunks into lines inside one fixed window, and hands them to a parser.
//
// No strings are built: a line stays in the window, and a line across the border of two chunks is
// moved to the front of it. Line ends may be LF, CRLF or CR. What can be wrong with the bytes is
// looked for once per filling (NUL, CR, bytes that are not UTF-8); only fillings that have some are
// walked line by line. A line over MAX_LINE bytes is skipped without being held.

import { isUtf8 } from 'node:buffer';
import { type EventBatch, Flag } from './batch.ts';
import { Byte } from './bytes.ts';
import type { EventSink } from './event-sink.ts';
import { type TextWindow, textWindow } from './text-window.ts';

/** Longest line that is read, in bytes. */
export const MAX_LINE: number = 1 << 20;

const FILLING = 256 * 1024;

/** What a text format does with a line. */
export interface LineParser {
  /** Reads the line at `start`, which ends in a line feed; returns the position after that. */
  line(start: number): number;
  /** Called once after the last line. */
  end(): void;
}

/** The window that lines of any allowed length fit into. */
export function lineWindow(): TextWindow {
  return textWindow(MAX_LINE + FILLING);
}

/** Runs `parser` over the lines of `chunks`, batch by batch. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  window: TextWindow,
  sink: EventSink,
  parser: LineParser,
): AsyncGenerator<EventBatch, void, undefined> {
  const cutter = new LineCutter(window, sink, parser);
  let first = true;
  for await (const chunk of chunks) {
    let taken = first ? byteOrderMark(chunk, sink) : 0;
    first = false;
    while (taken < chunk.length) {
      taken += cutter.fill(chunk, taken);
      while (cutter.parse()) yield* handOver(sink);
    }
  }
  cutter.finish();
  while (cutter.parse()) yield* handOver(sink);
  sink.counts.lines = sink.line;
  parser.end();
  if (sink.batch.length > 0) yield sink.batch;
}

/** Bytes of the mark that a UTF-8 text may begin with; the first chunk has all of it. */
function byteOrderMark(chunk: Uint8Array, sink: EventSink): number {
  if (chunk[0] !== 0xef || chunk[1] !== 0xbb || chunk[2] !== 0xbf) return 0;
  sink.line = 1;
  sink.diagnose('BOM', 'a byte order mark is skipped');
  sink.line = 0;
  return 3;
}

function* handOver(sink: EventSink): Generator<EventBatch, void, undefined> {
  yield sink.batch;
  sink.restart();
}

/** Text in the window: [start, limit) are whole lines to parse, [limit, end) the beginning of one. */
class LineCutter {
  private readonly window: TextWindow;
  private readonly sink: EventSink;
  private readonly parser: LineParser;
  private start = 0;
  private limit = 0;
  private end = 0;
  /** The rest of a line that is too long is being skipped. */
  private skipping = false;
  /** The lines up to `limit` have to be looked at one by one. */
  private careful = false;

  constructor(window: TextWindow, sink: EventSink, parser: LineParser) {
    this.window = window;
    this.sink = sink;
    this.parser = parser;
  }

  /** Takes bytes of a chunk from `offset` on and returns how many. All parsed lines are given up. */
  fill(chunk: Uint8Array, offset: number): number {
    const { bytes, capacity } = this.window;
    if (this.skipping) return this.skip(chunk, offset);
    bytes.copyWithin(0, this.limit, this.end);
    this.end -= this.limit;
    const from = this.end;
    const piece = chunk.subarray(offset, offset + Math.min(FILLING, capacity - from));
    if (from > FILLING && bytes[from - 1] === 0 && piece.every((byte) => byte === 0)) {
      // A preallocated file may end in gigabytes of NUL: one stands for all.
      this.start = 0;
      this.limit = 0;
      return piece.length;
    }
    bytes.set(piece, from);
    this.end = from + piece.length;
    this.start = 0;
    this.limit = from + piece.lastIndexOf(Byte.lineFeed) + 1;
    if (this.limit === from) this.limit = 0;
    if (this.limit > 0) this.inspect();
    else if (this.end > MAX_LINE) this.beginSkip();
    return piece.length;
  }

  /** Parses until the batch is full (true) or no whole line is left (false). */
  parse(): boolean {
    const { sink, parser } = this;
    const { limit } = this;
    let position = this.start;
    if (this.careful) return this.parseCarefully();
    while (position < limit) {
      if (sink.full) {
        this.start = position;
        return true;
      }
      sink.line++;
      position = parser.line(position);
    }
    this.start = position;
    return false;
  }

  /** Makes a line of what follows the last line feed. */
  finish(): void {
    const { bytes } = this.window;
    const { sink } = this;
    this.start = this.limit;
    let { end } = this;
    while (end > this.start && bytes[end - 1] === 0) end--;
    if (end < this.end) {
      sink.line++;
      sink.diagnose('NUL_TAIL', 'NUL bytes at the end of the file are ignored');
      sink.line--;
    }
    if (end === this.start || sink.dropsTail) {
      this.end = this.start;
      return;
    }
    sink.line++;
    sink.diagnose('TRUNC_TAIL', 'the last line has no line feed and may be cut off');
    sink.line--;
    sink.atTail = true;
    bytes[end] = Byte.lineFeed;
    this.end = end + 1;
    this.limit = this.end;
    this.inspect();
  }

  private inspect(): void {
    const { bytes } = this.window;
    const text = bytes.subarray(this.start, this.limit);
    if (text.includes(Byte.carriageReturn)) this.dropReturns();
    this.careful =
      this.limit - this.start > MAX_LINE ||
      text.includes(0) ||
      !isUtf8(bytes.subarray(this.start, this.limit));
  }

  /** CRLF becomes LF, and a CR alone too; the text moves up to `limit`. */
  private dropReturns(): void {
    const { bytes } = this.window;
    this.sink.line++;
    this.sink.diagnose('CRLF', 'line ends have a carriage return');
    this.sink.line--;
    let to = this.limit;
    for (let from = this.limit - 1; from >= this.start; from--) {
      const byte = bytes[from]!;
      if (byte === Byte.carriageReturn && bytes[from + 1] === Byte.lineFeed) continue;
      bytes[--to] = byte === Byte.carriageReturn ? Byte.lineFeed : byte;
    }
    this.start = to;
  }

  private parseCarefully(): boolean {
    const { sink, parser } = this;
    const { bytes } = this.window;
    while (this.start < this.limit) {
      if (sink.full) return true;
      sink.line++;
      const end = bytes.indexOf(Byte.lineFeed, this.start);
      const line = bytes.subarray(this.start, end);
      if (line.length > MAX_LINE) {
        this.tooLong();
      } else if (line.includes(0)) {
        sink.diagnose('NUL_IN_LINE', 'a line with NUL bytes is skipped');
      } else if (isUtf8(line)) {
        parser.line(this.start);
      } else {
        sink.diagnose('NON_UTF8', 'bytes that are not UTF-8 are shown as replacement characters');
        sink.lineFlags = Flag.nonUtf8;
        parser.line(this.start);
        sink.lineFlags = 0;
      }
      this.start = end + 1;
    }
    return false;
  }

  private tooLong(): void {
    this.sink.diagnose('LINE_TOO_LONG', `a line over ${MAX_LINE} bytes is skipped`);
  }

  private beginSkip(): void {
    this.sink.line++;
    this.tooLong();
    this.skipping = true;
    this.start = 0;
    this.limit = 0;
    this.end = 0;
  }

  private skip(chunk: Uint8Array, offset: number): number {
    const at = chunk.indexOf(Byte.lineFeed, offset);
    if (at < 0) return chunk.length - offset;
    this.skipping = false;
    return at + 1 - offset;
  }
}
