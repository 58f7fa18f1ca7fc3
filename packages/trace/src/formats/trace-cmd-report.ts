// Text of `trace-cmd report`, versions 2.x to 3.3: default, -t, -R, -l, --ts-diff, several buffers.
//
//   cpus=4
//             fio-380   [000]    19.822910: dma_unmap_page:       0000:00:04.0 dir=...
//             fio-380   [000] d.h1.    19.822910: (+15)    dma_unmap_page:        device=0000:00:04.0 addr=...
//
// Names are padded to 20 columns. Flags are printed by default from 3.3 on and with -l, where the
// columns are those of the latency layout. Where several buffers are reported, each line begins with
// the name of its buffer or as many blanks; which buffer it was is not kept. Reports of several files are refused: their
// CPUs and clocks are not one machine's. Payloads that
// libtraceevent cannot print name their fields (events/named-fields.ts), as all do with -R.
// Left out: summaries after the events (--profile), PADDING and TIME EXTEND lines of --debug.

import { UNKNOWN_CPU } from '../batch.ts';
import { Byte } from '../bytes.ts';
import { TraceClock } from '../clock.ts';
import type { EventSink } from '../event-sink.ts';
import { type LineParser, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import { TraceError } from '../trace-error.ts';
import { EventWriter } from './event-writer.ts';
import type { TraceFormat } from './format.ts';
import { FtraceNotes } from './ftrace-notes.ts';
import { LatencyColumns } from './latency-columns.ts';
import { StampColumns } from './stamp-columns.ts';
import { TaskColumns } from './task-columns.ts';

const COMM = 16;
const LOOK = 256;

const CPUS = /^(?:([^:\n]*): +)?cpus=(\d+)\s*$/;
/** What --profile prints in place of the events. */
const SUMMARY = /^task: .*-\d+$/;
const SEVERAL_FILES =
  'SEVERAL_FILES: expected the report of one file, found those of several, whose CPUs and clocks differ; report each by itself';
const DROPPED = /^CPU:(\d+) \[(?:(\d+) )?EVENTS DROPPED\]/;
/** What the tool says beside the events. */
const TOOL =
  /^(?:version = \d+|CPU ?\d+ (?:is empty|data recorded at .*)|\s*\d+ bytes in size.*|CPU:\d+ \[SUBBUFFER START\].*| (?:TIME EXTEND|TIME STAMP|PADDING):.*|trace-cmd: .*|libtraceevent: .*|.*(?:Error|Warning): .*)$/;
/** The columns behind the name of a buffer, or behind the blanks in its place. */
const PREFIXED = /^(?:[^:\n]*: | +)(?=.{16}-\d+ +\[\d+\]|.{8}-\d+ +\d+[^\s\d])/s;
const UNKNOWN = /^\s*(?:\(NULL\)|\[UNKNOWN TYPE \d+\])/;

class ReportParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly clock: TraceClock;
  private readonly notes: FtraceNotes;
  private readonly columns: TaskColumns;
  private readonly latency: LatencyColumns;
  private readonly stamp: StampColumns;
  private readonly writer: EventWriter;
  /** Bytes of the names of buffers before the task. */
  private prefix = 0;
  /** Files that the report names. */
  private files = 0;
  private inSummary = false;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.sink = sink;
    this.clock = new TraceClock(sink);
    this.notes = new FtraceNotes(window, sink, this.clock);
    this.columns = new TaskColumns(window, sink.tasks);
    this.latency = new LatencyColumns(window, sink.tasks);
    this.stamp = new StampColumns(window);
    this.writer = new EventWriter(window, sink, this.clock, this.notes);
  }

  line(start: number): number {
    const task = start + this.prefix;
    let position = this.columns.again(task);
    if (position < 0 && this.bytes[task + COMM] === Byte.dash) {
      position = this.columns.read(task, task + COMM);
    }
    if (position >= 0) {
      position = this.afterTime(position);
      if (position >= 0) return this.event(position);
    }
    return this.otherLine(start);
  }

  end(): void {
    this.clock.end();
  }

  /** Takes task and time over to the writer; returns the position after the time, or a negative number. */
  private afterTime(start: number): number {
    const { bytes, columns, stamp, writer } = this;
    let from = start;
    // -R prints the flags as "-0x1" behind the CPU.
    if (bytes[from] === Byte.dash) while (bytes[from]! > Byte.space) from++;
    const position = stamp.read(from);
    if (position < 0) return position;
    writer.cpu = columns.cpu;
    writer.tid = columns.tid;
    writer.task = columns.task;
    writer.stamp(stamp);
    return position;
  }

  /** Reads an event behind the time and, with --ts-diff, the difference "(+15)". */
  private event(start: number): number {
    const { bytes, writer } = this;
    let position = start;
    while (bytes[position] === Byte.space) position++;
    if (bytes[position] === Byte.parenOpen && bytes[position + 1] === 0x2b) {
      while (bytes[position]! > Byte.space) position++;
      while (bytes[position] === Byte.space) position++;
    }
    const next = writer.event(position);
    return next >= 0 ? next : this.unknownEvent(position);
  }

  private unknownEvent(start: number): number {
    const end = this.bytes.indexOf(Byte.lineFeed, start);
    if (!UNKNOWN.test(this.text(start, end))) return this.notes.body(start, this.writer.cpu);
    this.sink.diagnose('UNKNOWN_EVENT', 'events of a type that the tool does not know');
    return end + 1;
  }

  private otherLine(start: number): number {
    const { bytes, latency, stamp, writer } = this;
    let position = latency.read(start + this.prefix);
    if (position >= 0) {
      position = stamp.read(position);
      if (position >= 0) {
        writer.cpu = latency.cpu;
        writer.tid = latency.tid;
        writer.task = latency.task;
        writer.stamp(stamp);
        writer.context = latency.context;
        return this.event(position);
      }
    }
    const end = bytes.indexOf(Byte.lineFeed, start);
    const text = this.text(start, end);
    if (this.note(text, start, end)) return end + 1;
    const prefixed = PREFIXED.exec(text);
    if (prefixed !== null && prefixed[0].length !== this.prefix) {
      this.prefix = prefixed[0].length;
      return this.line(start);
    }
    if (!writer.afterMark) this.notes.unknown(start, end);
    return end + 1;
  }

  private note(text: string, start: number, end: number): boolean {
    const { sink } = this;
    const cpus = CPUS.exec(text);
    if (cpus !== null) {
      if (cpus[1] !== undefined && this.files++ > 0) {
        throw new TraceError(sink.source, sink.line, SEVERAL_FILES);
      }
      sink.counts.headerCpus = Math.max(sink.counts.headerCpus, Number(cpus[2]));
      return true;
    }
    if (SUMMARY.test(text)) this.inSummary = true;
    if (this.inSummary) {
      sink.diagnose(
        'REPORT_SUMMARY',
        'a summary (--profile) has no events: print them with "trace-cmd report" alone',
      );
      return true;
    }
    const dropped = DROPPED.exec(text);
    if (dropped !== null) {
      sink.loss(Math.min(Number(dropped[1]), UNKNOWN_CPU), Number(dropped[2] ?? 0));
      return true;
    }
    return TOOL.test(text) || this.notes.read(start, end);
  }

  private text(start: number, end: number): string {
    return this.bytes.toString('latin1', start, Math.min(end, start + LOOK));
  }
}

const HEADER = /^(?:[^:\n]{1,256}: +)?(?:cpus=\d+|version = \d+)[\t ]*$/m;

/** An event whose name is padded, where the first lines were cut off. */
const PADDED =
  /^.{8,48}?-\d{1,10} {1,8}(?:\[\d{1,5}\]|\d{1,5}[^\s\d]).{0,32}?\d: .{0,16}?(?!tracing_mark_write)\b[a-z]\w{0,18}: {2,20}\S/m;

/** `trace-cmd report`. */
export const traceCmdReport: TraceFormat = {
  name: 'trace-cmd report',
  matches: (_, text) => HEADER.test(text.slice(0, 4096)) || PADDED.test(text),
  read: (chunks, window, sink) => readLines(chunks, window, sink, new ReportParser(window, sink)),
};
