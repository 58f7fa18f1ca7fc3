// From waiting perf records to rows: decodes samples by the kernel's event formats, follows names and losses.
//
// `line` of a row is the number of its sample in order of time, the line that perf script would print it on.

import { UNKNOWN_CPU } from '../batch.ts';
import { EventDecoder } from '../binary/event-decoder.ts';
import { parseFormat } from '../binary/format-description.ts';
import type { TracingData } from '../binary/tracing-data.ts';
import { TraceClock } from '../clock.ts';
import { type EventSink, MAX_CPU, NO_CPU } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import { NONE, type PerfAttrs, readLength, TRACEPOINT } from './perf-data-attr.ts';
import { type PendingRecords, RecordType } from './perf-data-pending.ts';
import { PerfTasks } from './perf-data-tasks.ts';

const SECOND = 1e9;
const LOST = 24;
const COMM = 16;
const FORK = 24;

/** Writes the rows of one file. */
export class PerfRows {
  /** Events that LOST records speak of. */
  lost = 0;
  private readonly sink: EventSink;
  private readonly attrs: PerfAttrs;
  private readonly pending: PendingRecords;
  private readonly little: boolean;
  private readonly decoder: EventDecoder;
  private readonly tasks: PerfTasks;
  private readonly clock: TraceClock;
  private baseSeconds: number = NONE;
  private baseFraction = 0;
  /** The second of the last time, and when it began. */
  private second = 0;
  private secondStart = Infinity;
  private samples = 0;

  constructor(
    sink: EventSink,
    window: TextWindow,
    pending: PendingRecords,
    attrs: PerfAttrs,
    little: boolean,
    tracing: TracingData,
  ) {
    this.sink = sink;
    this.attrs = attrs;
    this.pending = pending;
    this.little = little;
    this.decoder = new EventDecoder(sink, window, tracing.little);
    this.tasks = new PerfTasks(sink, window);
    this.clock = new TraceClock(sink);
    for (const { system, text, offset } of tracing.formats) {
      const description = parseFormat(system, text, tracing.longSize);
      sink.offset = offset;
      if (description !== null) this.decoder.add(description);
      else sink.diagnose('BAD_FORMAT', 'events whose format description is malformed');
    }
  }

  /** Writes the records `sorted[from]` on, up to time `limit` or a full batch; returns the next one. */
  write(sorted: Uint32Array, from: number, limit: number): number {
    const { pending, sink } = this;
    const { time, at, view } = pending;
    let i = from;
    for (; i < pending.length && !sink.full; i++) {
      const entry = sorted[i]!;
      if (time[entry]! > limit) break;
      sink.offset = pending.offset[entry]!;
      const start = at[entry]!;
      if (view.getUint32(start, this.little) === RecordType.sample) this.sample(entry, start);
      else this.other(entry, start);
    }
    return i;
  }

  /** Completes the counts; `lostSamples` is what the recorder counted as lost at its end. */
  end(lostSamples: number): void {
    if (lostSamples > this.lost) this.sink.loss(UNKNOWN_CPU, lostSamples - this.lost);
    this.clock.end();
    this.sink.counts.resolution = 1;
    this.sink.counts.lines = this.samples;
  }

  private sample(entry: number, start: number): void {
    const { pending, sink, little } = this;
    const { view } = pending;
    const attr = pending.attr[entry]!;
    const { cpuAt, tidAt, steadyRaw } = this.attrs.layouts[attr]!;
    const end = start + view.getUint16(start + 6, little);
    sink.line = ++this.samples;
    if (steadyRaw === NONE && this.attrs.list[attr]!.type !== TRACEPOINT) {
      sink.diagnose('OTHER_EVENT', 'samples of events that are no tracepoints are passed over');
      return;
    }
    const raw = steadyRaw === NONE ? this.rawAt(attr, start, end) : start + steadyRaw;
    const length = raw === NONE || raw + 4 > end ? NONE : view.getUint32(raw, little);
    if (length < 0 || raw + 4 + length > end) {
      sink.unparsed('BAD_RECORD', 'a sample whose raw data does not fit into it is dropped');
      return;
    }
    const cpu = cpuAt === NONE ? UNKNOWN_CPU : view.getUint32(start + cpuAt, little);
    if (cpu > MAX_CPU && cpuAt !== NONE) {
      sink.unparsed('BAD_CPU', `a sample with a CPU number over ${MAX_CPU} is dropped`);
      return;
    }
    if (cpuAt === NONE) sink.diagnose('NO_CPU', `${NO_CPU}: record with "-a" or "--sample-cpu"`);
    if (cpu > sink.counts.maxCpu && cpu <= MAX_CPU) sink.counts.maxCpu = cpu;
    const time = this.timeOf(pending.time[entry]!, cpu);
    const row = this.decoder.read(view, raw + 4, length, cpu);
    if (row < 0) return;
    sink.batch.time[row] = time;
    if (tidAt === NONE) return;
    const tid = view.getInt32(start + tidAt + 4, little);
    sink.batch.tid[row] = tid;
    sink.batch.task[row] = this.tasks.of(tid);
  }

  /** Where the length word of the raw data lies, NONE where there is none. */
  private rawAt(attr: number, start: number, end: number): number {
    const { hasRaw, hasCallchain, readFormat, fixedEnd } = this.attrs.layouts[attr]!;
    if (!hasRaw) return NONE;
    const { view } = this.pending;
    let at = start + fixedEnd;
    if (readFormat !== NONE) {
      if (at + 8 > end) return NONE;
      at += readLength(readFormat, view, at, this.little);
    }
    if (hasCallchain) {
      if (at + 8 > end) return NONE;
      at += 8 + 8 * view.getUint32(this.little ? at : at + 4, this.little);
    }
    return at;
  }

  private timeOf(sinceBase: number, cpu: number): number {
    let fraction = sinceBase - this.secondStart;
    if (!(fraction >= 0 && fraction < SECOND)) {
      if (this.baseSeconds === NONE) this.startClock();
      const seconds = Math.max(
        -this.baseSeconds,
        Math.floor((sinceBase + this.baseFraction) / SECOND),
      );
      this.second = this.baseSeconds + seconds;
      this.secondStart = seconds * SECOND - this.baseFraction;
      fraction = Math.max(0, sinceBase - this.secondStart);
    }
    return this.clock.at(this.second, fraction, cpu);
  }

  private startClock(): void {
    const { baseLow, baseHigh } = this.pending;
    const ns = (BigInt(baseHigh) << 32n) + BigInt(baseLow);
    this.baseSeconds = Number(ns / BigInt(SECOND));
    this.baseFraction = Number(ns % BigInt(SECOND));
  }

  private other(entry: number, start: number): void {
    const { view } = this.pending;
    const { little, tasks } = this;
    const type = view.getUint32(start, little);
    const size = view.getUint16(start + 6, little);
    if (type === RecordType.comm && size > COMM) {
      const tid = view.getInt32(start + 12, little);
      tasks.named(tid, this.pending.bytes, start + COMM, start + size);
    } else if (type === RecordType.fork && size >= FORK) {
      tasks.forked(view.getInt32(start + 16, little), view.getInt32(start + 20, little));
    } else if (type === RecordType.lost && size >= LOST) {
      this.loss(entry, start, size);
    } else {
      this.sink.diagnose('BAD_RECORD', 'a record that is shorter than its fields is passed over');
    }
  }

  private loss(entry: number, start: number, size: number): void {
    const { pending, sink, little } = this;
    const { view } = pending;
    const { cpuBefore } = this.attrs.layouts[pending.attr[entry]!] ?? { cpuBefore: NONE };
    const low = view.getUint32(little ? start + 16 : start + 20, little);
    let cpu = UNKNOWN_CPU;
    if (cpuBefore !== NONE && cpuBefore + LOST <= size) {
      cpu = Math.min(UNKNOWN_CPU, view.getUint32(start + size - cpuBefore, little));
    }
    if (this.samples > 0) this.timeOf(pending.time[entry]!, cpu);
    this.lost += low;
    sink.loss(cpu, low);
  }
}
