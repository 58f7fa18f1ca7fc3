// Lines of the kernel's text that are no events: headers, losses, stack traces, function traces.
//
// These lines are rare, so they are read as strings (one byte, one character) and by regular
// expressions. What is recognised but not read (other layouts and tracers) is counted under a code
// that says how to record it instead.

import { EventKind, UNKNOWN_CPU } from '../batch.ts';
import { Byte } from '../bytes.ts';
import type { TraceClock } from '../clock.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';

/** No regular expression looks further into a line. */
const LOOK = 512;

const LOST = /^CPU:(\d+) \[LOST (?:(\d+) )?EVENTS\]/;
const BUFFER_STARTED = /^##### CPU (\d+) buffer started/;
const ENTRIES = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)(?:\s+#P:(\d+))?/;
const STACK = /^\s*=> |^<(?:user )?stack trace>/;
const TASK = /^[\t ]*[^\t ].{0,14}?(?=-\d+[\t ]+(?:\([^)]*\)[\t ]+)?\[\d+\])/s;
const FUNCTION = /^[^\s:]+(?: \[\w+\])?(?: <[0-9a-f]+>)?\s+<-/;
/** The symbol of a text with the options sym-offset and sym-addr. */
const SYMBOL = /^([A-Za-z_]\w*)(?:\+0x[0-9a-f]+\/0x[0-9a-f]+(?: \[\w+\])?)?(?: <[0-9a-f]+>)?(?=: )/;
const UNKNOWN_TYPE = /^(?:Unknown type|type:|UNKNOWN TYPE) /;
const TOO_BIG = /\[LINE TOO BIG\]/;

const OPEN_LIST = /\{[^{}]*(?:\{|$)/;
/** In a field: negative, over 20 decimal or 16 hexadecimal digits, or with other letters in between. */
const BAD_NUMBER = /=(?:-\d|\d{21}|0x[0-9a-f]{17}|0x[0-9a-f]*[g-z]|\d+[a-z]*[g-z])/;

/** Lines that show another layout or tracer, with what to do about it. */
const LAYOUTS: readonly (readonly [RegExp, string, string])[] = [
  [
    /^(?:\d+ \d+ \d+|[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16}) type: \d+/,
    'RAW_TEXT_UNSUPPORTED',
    'raw or hex text has no field values: record again with "echo noraw nohex > trace_options"',
  ],
  [
    /^\s*(?:[\d.]+ \|\s+)?\d+\)|^ -{20,}|\/\* .* \*\/\s*$|^\s*(?:[\d.]+ us)?\s*\|/,
    'FUNCTION_GRAPH',
    'function_graph lines are not read: record with "echo nop > current_tracer"',
  ],
  [
    /^\s*\S.*\d+us.: |ms \(\+[\d.]+ms\): /,
    'LATENCY_LAYOUT',
    'the latency layout is not read: record with "echo nolatency-format > trace_options"',
  ],
  [
    /\[\d+\]\s+(?:\S{1,8}\s+)?-\d+\.\d+: \w/,
    'BAD_TIME',
    'a time below zero: the event is left out',
  ],
  [
    /\[\d+\]\s+(?:\S{1,8}\s+)?\d+,\d+: \w/,
    'TIME_PRECISION',
    'a time with a decimal comma: the event is left out',
  ],
  [
    /^[A-Za-z_]\w*: /,
    'NO_TIME',
    'events without task, CPU and time are not read: record with "echo context-info > trace_options"',
  ],
];

/** Reads the lines that are no events. */
export class FtraceNotes {
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly clock: TraceClock;
  private headers = 0;

  constructor(window: TextWindow, sink: EventSink, clock: TraceClock) {
    this.bytes = window.bytes;
    this.sink = sink;
    this.clock = clock;
  }

  /** True where the line from `start` to `end` was one of these. */
  read(start: number, end: number): boolean {
    const { sink } = this;
    const text = this.text(start, end);
    if (/^\s*$/.test(text)) return true;
    if (text.startsWith('#')) return this.header(text);
    const lost = LOST.exec(text);
    if (lost !== null) {
      sink.loss(Math.min(Number(lost[1]), UNKNOWN_CPU), Number(lost[2] ?? 0));
      return true;
    }
    if (STACK.test(text)) {
      sink.diagnose('STACK_TRACE', 'stack traces are passed over');
      return true;
    }
    return false;
  }

  /** Position of the "-" after a task name, in a line that lost its indentation; or -1. */
  taskEnd(start: number, end: number): number {
    const task = TASK.exec(this.text(start, end));
    return task === null ? -1 : start + task[0].length;
  }

  /** Where the name in "name+0x8a/0x170 <ffffffff81498b1a>: text" ends, and its colon; null for another body. */
  symbol(start: number): readonly [nameEnd: number, colon: number] | null {
    const found = SYMBOL.exec(this.text(start, this.bytes.indexOf(Byte.lineFeed, start)));
    return found === null ? null : [start + found[1]!.length, start + found[0].length];
  }

  /** A body that is no `name: payload`; returns the position after the line. */
  body(start: number, cpu: number): number {
    const end = this.bytes.indexOf(Byte.lineFeed, start);
    const text = this.text(start, end);
    if (STACK.test(text)) this.sink.diagnose('STACK_TRACE', 'stack traces are passed over');
    else if (FUNCTION.test(text)) {
      this.sink.diagnose('FUNCTION_TRACE', 'lines of the function tracer are passed over');
    } else if (UNKNOWN_TYPE.test(text)) {
      this.sink.diagnose('UNKNOWN_EVENT', 'events of a type that the kernel could not print');
    } else this.malformed(start, end, cpu);
    return end + 1;
  }

  /** An event line whose body or payload does not parse. */
  malformed(start: number, end: number, cpu: number): void {
    const { sink } = this;
    const text = this.bytes.toString('latin1', start, end);
    if (TOO_BIG.test(text)) {
      sink.diagnose('LINE_TOO_BIG', 'an event too long for the line buffer of the kernel is lost');
      sink.loss(cpu, 1);
    } else if (OPEN_LIST.test(text)) {
      sink.unparsed('BAD_LIST', 'a list without its end: the event is left out');
    } else if (BAD_NUMBER.test(text)) {
      sink.unparsed('BAD_NUMBER', 'a negative, too long or damaged number: the event is left out');
    } else {
      sink.unparsed('MALFORMED_EVENT', 'a known event whose fields do not parse');
    }
  }

  /** A line that is nothing known. */
  unknown(start: number, end: number): void {
    const text = this.text(start, end);
    if (TOO_BIG.test(text)) {
      this.malformed(start, end, UNKNOWN_CPU);
      return;
    }
    const layout = LAYOUTS.find(([pattern]) => pattern.test(text));
    if (layout === undefined) this.sink.unparsed('NOISE', 'a line that is no line of a trace');
    else this.sink.unparsed(layout[1], layout[2]);
  }

  private text(start: number, end: number): string {
    return this.bytes.toString('latin1', start, Math.min(end, start + LOOK));
  }

  private header(text: string): boolean {
    const { sink } = this;
    const started = BUFFER_STARTED.exec(text);
    const entries = ENTRIES.exec(text);
    if (started !== null) {
      sink.note(EventKind.bufferStart, Math.min(Number(started[1]), UNKNOWN_CPU));
    } else if (entries !== null) {
      const lost = Number(entries[2]) - Number(entries[1]);
      if (lost > 0) sink.loss(UNKNOWN_CPU, lost);
      sink.counts.headerCpus = Math.max(sink.counts.headerCpus, Number(entries[3] ?? 0));
    } else if (text.startsWith('# tracer: ')) {
      this.headers++;
      if (this.headers > 1 || sink.counts.byName.length > 1) {
        this.clock.boundary = true;
        sink.diagnose('MULTI_SEGMENT', 'a header in mid-file begins a new segment');
      }
    } else if (text.startsWith('# WARNING')) {
      sink.diagnose('TRACE_WARNING', 'the kernel warns that the trace is corrupted');
    }
    return true;
  }
}
