// The kernel's own text: `trace` and `trace_pipe`, default layout (kernel/trace/trace_output.c).
//
//   fio-2831    [002] d..1.   912.004381: map: IOMMU: iova=...
//
// comm is right-aligned in 16 bytes, so byte 16 is the "-" before the thread id whatever the comm
// holds. A tgid column may follow it (or, in 4.13 to 4.17, the CPU); the flags column has 4 to 8
// characters or is missing (noirq-info). Lines that are no events are sorted out in ftrace-notes.ts.
// Left out: the latency, verbose, raw, hex, fields and nocontext-info layouts.

import { clearRows } from '../batch-builder.ts';
import { Byte } from '../bytes.ts';
import { TraceClock } from '../clock.ts';
import type { EventSink } from '../event-sink.ts';
import { catalogue, NO_EVENT } from '../events/catalogue.ts';
import { FOREIGN } from '../events/head.ts';
import { PayloadReader } from '../events/payload.ts';
import { type LineParser, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import { longerFollower, newFollower } from './follower.ts';
import type { TraceFormat } from './format.ts';
import { FtraceNotes } from './ftrace-notes.ts';
import { StampColumns } from './stamp-columns.ts';
import { NO_COLUMNS, TaskColumns } from './task-columns.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Bytes = Byte;

/** The line does not have the columns of an event. */
const NO_EVENT_LINE = -1;
const COMM = 16;
const MAX_NAME = 64;
const NOT_SEEN = -1;

/** Parses the lines of the default layout. */
export class FtraceParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly sink: EventSink;
  private readonly clock: TraceClock;
  private readonly payload: PayloadReader;
  private readonly notes: FtraceNotes;
  private readonly columns: TaskColumns;
  private readonly stamp: StampColumns;
  /** Definitions of the tracepoint and of the probe, by event name. */
  private readonly tracepoints: number[] = [NO_EVENT];
  private readonly probes: number[] = [NO_EVENT];
  private markName = -1;
  private lastName = 0;
  /** By event name: the name that followed it last. */
  private follower: Uint16Array = newFollower();
  private decimals: number = NOT_SEEN;
  /** Lines without columns that follow belong to a marker. */
  private afterMark = false;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.view = window.view;
    this.sink = sink;
    this.clock = new TraceClock(sink);
    this.payload = new PayloadReader(window, sink);
    this.notes = new FtraceNotes(window, sink, this.clock);
    this.columns = new TaskColumns(window, sink.tasks);
    this.stamp = new StampColumns(window);
  }

  line(start: number): number {
    const { bytes, columns } = this;
    let position = columns.again(start);
    if (position < 0 && bytes[start] === Bytes.space && bytes[start + COMM] === Bytes.dash) {
      position = columns.read(start, start + COMM);
    }
    if (position >= 0) {
      const next = this.event(position);
      if (next !== NO_EVENT_LINE) return next;
    }
    return this.otherLine(start);
  }

  end(): void {
    this.clock.end();
  }

  private otherLine(start: number): number {
    const { bytes, notes, columns } = this;
    const end = bytes.indexOf(Bytes.lineFeed, start);
    if (notes.read(start, end)) return end + 1;
    const dash = notes.taskEnd(start, end);
    const position = dash < 0 ? NO_COLUMNS : columns.read(start, dash);
    if (position >= 0) {
      const next = this.event(position);
      if (next !== NO_EVENT_LINE) {
        this.sink.diagnose('REINDENTED', 'lines whose indentation was changed');
        return next;
      }
    }
    if (!this.afterMark) notes.unknown(start, end);
    return end + 1;
  }

  /** Reads an event from the end of its CPU column on; returns the position after the line. */
  private event(start: number): number {
    const { bytes, sink, stamp, columns } = this;
    let position = stamp.read(start);
    if (position < 0) {
      // In 4.13 to 4.17 the tgid came after the CPU.
      const flags = columns.afterTgid(start);
      if (flags === start) return NO_EVENT_LINE;
      position = stamp.read(flags - 1);
      if (position < 0) return NO_EVENT_LINE;
    }

    // event name: mostly the one that came after the last one before
    let name = this.follower[this.lastName]!;
    let colon = position + sink.names.lengthAt(name, position);
    if (bytes[colon] !== Bytes.colon || colon === position) {
      colon = this.nameEnd(position);
      name = colon < 0 ? -1 : sink.names.find(position, colon - position);
      if (name < 0) name = this.newName(position, colon);
      if (name < 0) {
        const symbol = this.notes.symbol(position);
        if (symbol === null) return this.notes.body(position, columns.cpu);
        name = this.newName(position, symbol[0]);
        colon = symbol[1];
      }
      this.follower[this.lastName] = name;
      if (name >= this.follower.length) this.follower = longerFollower(this.follower, name);
    }
    this.lastName = name;
    position = colon + 1;
    if (bytes[position] === Bytes.space) position++;

    const { cpu } = columns;
    const { seconds, fraction, decimals } = stamp;
    if (cpu > sink.counts.maxCpu) this.sink.newCpu(cpu);
    if (decimals !== this.decimals) this.newPrecision(decimals);
    const time =
      decimals === 0 ? this.clock.at(0, seconds, cpu) : this.clock.at(seconds, fraction, cpu);
    return this.row(position, name, time);
  }

  private row(payload: number, name: number, time: number): number {
    const { bytes, sink } = this;
    const { cpu, tid, task } = this.columns;
    const { batch } = sink;
    const row = batch.length;
    batch.time[row] = time;
    batch.cpu[row] = cpu;
    batch.tid[row] = tid;
    batch.task[row] = task;
    batch.context[row] = this.stamp.context;
    batch.name[row] = name;
    batch.line[row] = sink.line;
    batch.flags[row] = sink.flagsOf(cpu);
    const isProbe = bytes[payload] === Bytes.parenOpen;
    const definition = isProbe ? this.probes[name]! : this.tracepoints[name]!;
    let end = FOREIGN;
    if (definition !== NO_EVENT) {
      end = this.payload.read(definition, row, payload);
      if (end < 0 && end !== FOREIGN) return this.malformed(row, payload);
    }
    this.afterMark = name === this.markName;
    batch.length = row + 1;
    sink.counts.byName[name]!++;
    return (end < 0 ? bytes.indexOf(Bytes.lineFeed, payload) : end) + 1;
  }

  private malformed(row: number, payload: number): number {
    const end = this.bytes.indexOf(Bytes.lineFeed, payload);
    clearRows(this.sink.batch, row);
    this.notes.malformed(payload, end, this.sink.batch.cpu[row]!);
    return end + 1;
  }

  /** Position of the colon after an event name, or -1. */
  private nameEnd(start: number): number {
    const { view } = this;
    for (let position = start; position < start + MAX_NAME; position += 4) {
      const word = view.getUint32(position, true) ^ 0x3a3a3a3a;
      const zeros = (word - 0x01010101) & ~word & 0x80808080;
      if (zeros !== 0) return position + ((31 - Math.clz32(zeros & -zeros)) >> 3);
    }
    return -1;
  }

  private newName(start: number, colon: number): number {
    if (colon <= start) return -1;
    const text = this.bytes.toString('latin1', start, colon);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return -1;
    const { names, counts } = this.sink;
    const name = names.intern(start, colon - start);
    this.tracepoints[name] = catalogue.tracepoints.get(text) ?? NO_EVENT;
    this.probes[name] = catalogue.probes.get(text) ?? NO_EVENT;
    counts.byName[name] ??= 0;
    if (text === 'tracing_mark_write') this.markName = name;
    return name;
  }

  private newPrecision(decimals: number): void {
    const { sink } = this;
    sink.diagnosePrecision(decimals);
    if (this.decimals === NOT_SEEN) sink.counts.resolution = this.stamp.unit;
    this.decimals = decimals;
  }
}

/** An event line as 2.2 of the format notes has it, somewhere in the head of a file. */
const EVENT_LINE =
  /^.{0,16}?-\d+[\t ]+(?:\([^)\n]*\)[\t ]+)?\[\d+\][\t ]+(?:\([^)\n]*\)[\t ]+)?(?:[^\s\d:][^\s:]{3,7}[\t ]+)?\d+(?:\.\d+)?: /m;

/** `trace` and `trace_pipe` of the kernel. */
export const ftraceText: TraceFormat = {
  name: 'ftrace text',
  matches: (_, text) => /^\s*# tracer:/.test(text) || EVENT_LINE.test(text),
  read: (chunks, window, sink) => readLines(chunks, window, sink, new FtraceParser(window, sink)),
};
