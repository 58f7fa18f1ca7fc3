// The kernel's latency layout (option latency-format), and its verbose form (option verbose).
//
//       fio-380     1d.s2. 10104471us@: free_iova_fast: (...)
//               fio     380   1 17 00000002 000012a8 [009a2e97] 10104.471ms (+185.100ms): free_iova_fast: (...)
//
// Times are microseconds since the start of the trace, and a mark or a number for the time to the next
// event; a clock of ticks prints bare numbers. comm is cut to 8 bytes in the short form. In the
// verbose form the flags are a number, of which the context is taken.

import { Byte, isDigit } from '../bytes.ts';
import { TraceClock } from '../clock.ts';
import type { EventSink } from '../event-sink.ts';
import { type LineParser, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import { EventWriter } from './event-writer.ts';
import type { TraceFormat } from './format.ts';
import { FtraceNotes } from './ftrace-notes.ts';
import { LatencyColumns } from './latency-columns.ts';

const MICROS = 1e6;
const LOOK = 192;
const COMM = 16;

const VERBOSE =
  /^.{16} +(\d+) +(\d+) +(\d+) [0-9a-f]{8} [0-9a-f]{8} \[([0-9a-f]{8,16})\] +(?:(\d+)\.(\d{3})ms|(\d+)) \(\+[\d.]+(?:ms)?\): /s;

class LatencyParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly clock: TraceClock;
  private readonly notes: FtraceNotes;
  private readonly columns: LatencyColumns;
  private readonly writer: EventWriter;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.sink = sink;
    this.clock = new TraceClock(sink);
    this.notes = new FtraceNotes(window, sink, this.clock);
    this.columns = new LatencyColumns(window, sink.tasks);
    this.writer = new EventWriter(window, sink, this.clock, this.notes);
  }

  line(start: number): number {
    const { bytes, notes, writer } = this;
    let position = this.short(start);
    if (position < 0) position = this.verbose(start);
    if (position >= 0) {
      const next = writer.event(position);
      return next >= 0 ? next : notes.body(position, writer.cpu);
    }
    const end = bytes.indexOf(Byte.lineFeed, start);
    if (!notes.read(start, end) && !writer.afterMark && !this.isCpuCount(start, end)) {
      notes.unknown(start, end);
    }
    return end + 1;
  }

  end(): void {
    this.clock.end();
  }

  private short(start: number): number {
    const { bytes, columns, writer } = this;
    let position = columns.read(start);
    if (position < 0) return position;
    while (bytes[position] === Byte.space) position++;
    const first = position;
    let number = 0;
    while (isDigit(bytes[position]!)) number = 10 * number + bytes[position++]! - Byte.zero;
    const isMicros = bytes[position] === 0x75 && bytes[position + 1] === 0x73;
    if (isMicros) position += 3;
    if (position === first || bytes[position] !== Byte.colon) return -1;
    writer.cpu = columns.cpu;
    writer.tid = columns.tid;
    writer.task = columns.task;
    writer.context = columns.context;
    this.at(number, isMicros);
    return position + 2;
  }

  private verbose(start: number): number {
    const { bytes, writer, sink } = this;
    const found = VERBOSE.exec(bytes.toString('latin1', start, start + LOOK));
    if (found === null) return -1;
    const [all, tid, cpu, flags, , millis, micros, ticks] = found;
    let comm = start;
    while (bytes[comm] === Byte.space && comm < start + COMM) comm++;
    writer.cpu = Number(cpu);
    writer.tid = Number(tid);
    writer.task = sink.tasks.intern(comm, start + COMM - comm);
    writer.context = contextOf(Number(flags));
    if (ticks === undefined) this.at(1e3 * Number(millis) + Number(micros), true);
    else this.at(Number(ticks), false);
    return start + all.length;
  }

  private at(number: number, isMicros: boolean): void {
    const { writer } = this;
    writer.seconds = isMicros ? Math.floor(number / MICROS) : number;
    writer.fraction = isMicros ? 1e3 * (number % MICROS) : 0;
    writer.decimals = isMicros ? 6 : 0;
  }

  /** trace-cmd report begins such a text with this line. */
  private isCpuCount(start: number, end: number): boolean {
    return /^cpus=\d+$/.test(this.bytes.toString('latin1', start, Math.min(end, start + LOOK)));
  }
}

/** The context character of common_flags: hard and soft interrupt, NMI. */
function contextOf(flags: number): number {
  const isHard = (flags & 0x08) !== 0;
  const isSoft = (flags & 0x10) !== 0;
  if ((flags & 0x40) !== 0) return (isHard ? 'Z' : 'z').charCodeAt(0);
  if (isHard) return (isSoft ? 'H' : 'h').charCodeAt(0);
  return (isSoft ? 's' : '.').charCodeAt(0);
}

const SHORT = /^.{8}-\d+ +\d+[^\s\d]\S{3,7} +\d+(?:us.)?: /m;
const LINE = /^.{16} +\d+ +\d+ +\d+ [0-9a-f]{8} [0-9a-f]{8} \[[0-9a-f]{8,16}\] /m;

/** `trace` with the option latency-format. */
export const ftraceLatency: TraceFormat = {
  name: 'ftrace text, latency layout',
  matches: (_, text) => SHORT.test(text) || LINE.test(text),
  read: (chunks, window, sink) => readLines(chunks, window, sink, new LatencyParser(window, sink)),
};
