// Text of `perf script`: default, --ns, -F with these fields in any choice, --header, callchains.
//
//             fio   371 [001]    12.457884:      dma:dma_map_page: 0000:00:04.0 dir=...
//             fio   371/371   [001]    12.457884000:          1 iommu:map:  IOMMU: iova=...
//
// No "-" joins comm and thread id, so comm ends before the number that stands before "[cpu]". Names
// carry their group; `counts` has them without. Six decimals are truncated, not rounded. --reltime
// begins at 0; --deltatime is refused. Payloads that libtraceevent cannot print name their fields (events/named-fields.ts).
// Without the field time nothing can be replayed: such events are counted (NO_TIME).
// Left out: symbols.

import { UNKNOWN_CPU } from '../batch.ts';
import { Byte, isDigit } from '../bytes.ts';
import { TraceClock } from '../clock.ts';
import { type EventSink, NO_CPU } from '../event-sink.ts';
import { type LineParser, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import { TraceError } from '../trace-error.ts';
import { EventWriter } from './event-writer.ts';
import type { TraceFormat } from './format.ts';
import { FtraceNotes } from './ftrace-notes.ts';
import { COMM_END, perfFields } from './perf-fields.ts';
import { StampColumns } from './stamp-columns.ts';

const NO_POSITION = -1;
const LOOK = 384;
const UPPER_V = 0x56;

/** The event, or another record, behind any choice of fields. */
const EVENT = /(?:^|\s)(?:[\w-]+:\w+(?::[a-zA-Z]+)?: |PERF_RECORD_\w)/;
const RECORD = /^PERF_RECORD_(\w+)(?:.*?lost:?\s+(\d+))?/;
const CHAIN = /^\s+[0-9a-f]{1,16}(?: .*)?$/;
const CHUNKS = /lost (\d+) chunks/;
const TOOL =
  /^(?:\s*(?:libtraceevent|Error|Warning): |Warning:|Processed \d+ events|Check IO\/CPU overload)/;
/** One step back in so many events: far more than perf lets pass while it sorts. */
const BACK_STEPS = 8;
const DELTA =
  'NO_TIME: expected the times of the events, found the times between them (--deltatime); print them with "perf script --ns"';
const UNSORTED =
  'TIME_BACKWARDS: expected events in the order of time, found those of --show-round-events, which does not sort; print them with "perf script" alone';
const CPUS = /^# nrcpus online : (\d+)/;

class PerfScriptParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly clock: TraceClock;
  private readonly notes: FtraceNotes;
  private readonly stamp: StampColumns;
  private readonly writer: EventWriter;
  /** Offset of the "[" before the CPU in the last line. */
  private bracket = 25;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.sink = sink;
    this.clock = new TraceClock(sink);
    this.notes = new FtraceNotes(window, sink, this.clock);
    this.stamp = new StampColumns(window);
    this.writer = new EventWriter(window, sink, this.clock, this.notes);
  }

  line(start: number): number {
    const { bytes } = this;
    if (bytes[start]! >= Byte.space && bytes[start] !== Byte.hash) {
      let position = this.columns(start, start + this.bracket);
      if (position < 0) {
        const open = this.openBracket(start);
        position = open < 0 ? NO_POSITION : this.columns(start, open);
      }
      if (position >= 0) {
        const next = this.event(position);
        if (next >= 0) return next;
      }
    }
    return this.otherLine(start);
  }

  end(): void {
    this.clock.end();
    if (this.isDelta()) throw new TraceError(this.sink.source, null, DELTA);
  }

  /** Times from 0 on that go back again and again are those since the event before: perf sorts its lines. */
  private isDelta(): boolean {
    const { counts, origin } = this.sink;
    if (origin === null || origin.seconds + origin.fraction > 0) return false;
    const events = counts.byName.reduce((sum, count) => sum + count, 0);
    const back = counts.diagnostics.find(({ code }) => code === 'TIME_BACKWARDS')?.count ?? 0;
    return BACK_STEPS * back > events;
  }

  /** Reads "comm tid [cpu] time: " with the "[" at `open`; returns the position after it. */
  private columns(start: number, open: number): number {
    const { bytes, writer, stamp } = this;
    if (bytes[open] !== Byte.bracketOpen) return NO_POSITION;
    let position = open + 1;
    let cpu = 0;
    while (isDigit(bytes[position]!)) cpu = 10 * cpu + bytes[position++]! - Byte.zero;
    if (bytes[position] !== Byte.bracketClose || position === open + 1) return NO_POSITION;
    position++;

    // backwards over "tid" or "pid/tid"
    let end = open;
    while (end > start && bytes[end - 1] === Byte.space) end--;
    let digits = end;
    while (digits > start && isDigit(bytes[digits - 1]!)) digits--;
    let tid = 0;
    for (let at = digits; at < end; at++) tid = 10 * tid + bytes[at]! - Byte.zero;
    // A comm may end in digits where no thread is printed, and a guest may stand before it (perf-fields.ts).
    if (digits === end || (end === start + COMM_END && bytes[start] === Byte.space))
      return NO_POSITION;
    if (bytes[start] === UPPER_V && bytes[start + 2] === Byte.colon) return NO_POSITION;
    if (digits > start && bytes[digits - 1] === Byte.dash) {
      tid = -tid;
      digits--;
    }
    if (digits > start && bytes[digits - 1] === Byte.slash) {
      digits--;
      while (digits > start && bytes[digits - 1]! > Byte.space) digits--;
    }
    if (digits > start && bytes[digits - 1] !== Byte.space) return NO_POSITION;

    position = stamp.read(position);
    if (position < 0 || stamp.decimals === 0) return NO_POSITION;
    writer.cpu = cpu;
    writer.tid = tid;
    writer.task = this.task(start, digits);
    writer.stamp(stamp);
    writer.context = 0;
    this.bracket = open - start;
    return position;
  }

  private task(start: number, limit: number): number {
    const { bytes } = this;
    let from = start;
    let end = limit;
    while (from < end && bytes[from] === Byte.space) from++;
    while (end > from && bytes[end - 1] === Byte.space) end--;
    return this.sink.tasks.intern(from, end - from);
  }

  /** Position of the first "[" before a number and "]", or a negative number. */
  private openBracket(start: number): number {
    const { bytes } = this;
    for (let at = start; bytes[at]! >= Byte.space; at++) {
      if (bytes[at] !== Byte.bracketOpen) continue;
      let end = at + 1;
      while (isDigit(bytes[end]!)) end++;
      const isCpu = end > at + 1 && bytes[end] === Byte.bracketClose;
      if (isCpu && bytes[at - 1] === Byte.space && bytes[end + 1] === Byte.space) return at;
    }
    return NO_POSITION;
  }

  /** Reads "[period] group:name[:modifier]: payload"; returns the position after the line. */
  private event(start: number): number {
    const { writer } = this;
    const group = this.group(start);
    if (group < 0) return NO_POSITION;
    const name = writer.name(group);
    if (name < 0) return NO_POSITION;
    return writer.row(name, this.afterName(group + this.sink.names.lengthAt(name, group) + 1));
  }

  /** Position of the name behind a period and the group, or a negative number. */
  private group(start: number): number {
    const { bytes } = this;
    let position = start;
    while (bytes[position] === Byte.space) position++;
    if (isDigit(bytes[position]!)) {
      while (isDigit(bytes[position]!)) position++;
      while (bytes[position] === Byte.space) position++;
    }
    while (bytes[position]! > Byte.space && bytes[position] !== Byte.colon) position++;
    return bytes[position] === Byte.colon && bytes[position + 1]! > Byte.space
      ? position + 1
      : NO_POSITION;
  }

  /** Position after "name:", or after "name:modifier:". */
  private afterName(start: number): number {
    const { bytes } = this;
    let position = start;
    while (bytes[position]! > Byte.space && bytes[position] !== Byte.colon) position++;
    return bytes[position] === Byte.colon && position > start ? position + 1 : start;
  }

  private otherLine(start: number): number {
    const { bytes, sink, notes, writer } = this;
    const end = bytes.indexOf(Byte.lineFeed, start);
    const text = bytes.toString('latin1', start, Math.min(end, start + LOOK));
    if (text.trim() === '') return end + 1;
    if (text.startsWith('#')) {
      const cpus = CPUS.exec(text);
      if (cpus !== null) sink.counts.headerCpus = Number(cpus[1]);
      return end + 1;
    }
    if (TOOL.test(text)) {
      if (CHUNKS.test(text)) sink.loss(UNKNOWN_CPU, 0);
      return end + 1;
    }
    const event = text.startsWith('\t') ? null : EVENT.exec(text);
    if (event === null && CHAIN.test(text)) {
      sink.diagnose('STACK_TRACE', 'stack traces are passed over');
      return end + 1;
    }
    if (event !== null) {
      const position = start + event.index + (/^\s/.test(event[0]) ? 1 : 0);
      this.chosen(text.slice(0, event.index), start);
      if (this.rest(position, end) >= 0) return end + 1;
    }
    if (!writer.afterMark) notes.unknown(start, end);
    return end + 1;
  }

  /** Takes over what stands before an event with another choice of fields. */
  private chosen(text: string, start: number): void {
    const { writer } = this;
    const fields = perfFields(text);
    writer.cpu = fields.cpu ?? UNKNOWN_CPU;
    writer.tid = fields.tid;
    writer.task = this.task(start + fields.commStart, start + fields.commEnd);
    writer.context = 0;
    writer.seconds = fields.seconds;
    writer.fraction = fields.fraction;
    writer.decimals = fields.decimals;
  }

  /** Reads the event or record at `start`; returns the position after the line, or a negative number. */
  private rest(start: number, end: number): number {
    const { sink, writer, bytes } = this;
    const record = RECORD.exec(bytes.toString('latin1', start, Math.min(end, start + LOOK)));
    if (record !== null) {
      if (record[1] === 'FINISHED_ROUND') throw new TraceError(sink.source, sink.line, UNSORTED);
      // Records that perf made up itself are of the time 0.
      if (!record[1]!.startsWith('LOST')) return end + 1;
      if (writer.decimals > 0 && writer.seconds + writer.fraction > 0) writer.time();
      sink.loss(writer.cpu, Number(record[2] ?? 0));
      return end + 1;
    }
    if (writer.decimals > 0) {
      if (writer.cpu === UNKNOWN_CPU)
        sink.diagnose('NO_CPU', `${NO_CPU}: print them with all fields`);
      return this.event(start);
    }
    const group = this.group(start);
    const name = group < 0 ? NO_POSITION : writer.name(group);
    if (name < 0) return NO_POSITION;
    writer.count(name);
    sink.diagnose(
      'NO_TIME',
      'events without a time cannot be replayed: print them with "perf script" and its default fields',
    );
    return end + 1;
  }
}

const HEAD = /^# ========\n# captured on|^# (?:hostname|os release|perf version) : /m;
const NAME = String.raw`[\w-]{1,64}:\w{1,64}(?::\w+)?: `;
const COMM = String.raw`^(?:VM:.{1,32}?)?[\t ]{0,32}(?:\S.{0,15}?[\t ]{1,16})??`;
const TASK = String.raw`-?\d{1,10}(?:\/-?\d{1,10})?[\t ]{1,16}`;
const CPU = String.raw`(?:\[\w+\]|cpu=unknown|\d{1,5})[\t ]{1,80}`;
/** Any choice of fields with the time, */
const TIMED = new RegExp(
  String.raw`${COMM}(?:${TASK})?(?:${CPU})?(?:[A-Z]{1,6}[\t ]{1,16})?(?:\S{8,10} \d\d:\d\d:\d\d\.\d+ +)?\d{1,12}\.\d{1,9}:[\t ]+(?:\d{1,12}[\t ]+)?${NAME}`,
  'm',
);
/** and without it. */
const TIMELESS = new RegExp(
  String.raw`${COMM}(?:${TASK})(?:${CPU})?(?:\d{1,12}[\t ]+)?${NAME}`,
  'm',
);
const BARE = /^[\t ]*(?:dma|iommu|swiotlb|probe|kprobes|fprobes):\w+: /m;

/** `perf script`. */
export const perfScript: TraceFormat = {
  name: 'perf script',
  matches: (_, text) =>
    HEAD.test(text.slice(0, 4096)) || [TIMED, TIMELESS, BARE].some((line) => line.test(text)),
  read: (chunks, window, sink) =>
    readLines(chunks, window, sink, new PerfScriptParser(window, sink)),
};
