// Writes the rows of the text formats whose lines are not those of the kernel's default layout.
//
// A format sets the columns that it found before the event name, and says where the name and the
// payload are; the payload may follow the print format of the event, or name the fields
// (named-fields.ts). What is known of a name is looked up once.

import { UNKNOWN_CPU } from '../batch.ts';
import { clearRows } from '../batch-builder.ts';
import { Byte } from '../bytes.ts';
import type { TraceClock } from '../clock.ts';
import type { EventSink } from '../event-sink.ts';
import { catalogue, NO_EVENT } from '../events/catalogue.ts';
import { FOREIGN } from '../events/head.ts';
import { NamedFields } from '../events/named-fields.ts';
import { PayloadReader } from '../events/payload.ts';
import type { TextWindow } from '../text-window.ts';
import { longerFollower, newFollower } from './follower.ts';
import type { FtraceNotes } from './ftrace-notes.ts';
import type { StampColumns } from './stamp-columns.ts';

/** There is no event name. */
export const NO_NAME = -1;

const NOT_SEEN = -1;
const NO_FIELDS =
  'events without their fields cannot be replayed: print them with all fields, as "perf script" does by itself';
/** Events that hold a line of the user: the second is what libtraceevent calls it. */
const MARKS: readonly string[] = ['tracing_mark_write', 'print'];

/** Writes one event after the other. */
export class EventWriter {
  /** Columns of the next event. */
  cpu: number = UNKNOWN_CPU;
  tid = -1;
  task = 0;
  context = 0;
  seconds = 0;
  /** ns. */
  fraction = 0;
  /** Decimals of the time, 0 for ticks. */
  decimals = 0;
  /** The last event was a line of the user, which may go on in the lines that follow. */
  afterMark = false;
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly clock: TraceClock;
  private readonly notes: FtraceNotes;
  private readonly payload: PayloadReader;
  private readonly named: NamedFields;
  /** By event name: the definition of the tracepoint and of the probe, and whether it is a mark. */
  private readonly tracepoints: number[] = [NO_EVENT];
  private readonly probes: number[] = [NO_EVENT];
  private readonly isMark: boolean[] = [false];
  private follower: Uint16Array = newFollower();
  private lastName = 0;
  private precision: number = NOT_SEEN;

  constructor(window: TextWindow, sink: EventSink, clock: TraceClock, notes: FtraceNotes) {
    this.bytes = window.bytes;
    this.sink = sink;
    this.clock = clock;
    this.notes = notes;
    this.payload = new PayloadReader(window, sink);
    this.named = new NamedFields(window, sink);
  }

  /** Takes the context and the time of the next event. */
  stamp({ context, seconds, fraction, decimals }: StampColumns): void {
    this.context = context;
    this.seconds = seconds;
    this.fraction = fraction;
    this.decimals = decimals;
  }

  /** Time of the next event. */
  time(): number {
    const { seconds, fraction, decimals, cpu } = this;
    if (cpu > this.sink.counts.maxCpu && cpu !== UNKNOWN_CPU) this.sink.newCpu(cpu);
    if (decimals !== this.precision) this.newPrecision(decimals);
    return decimals === 0 ? this.clock.at(0, seconds, cpu) : this.clock.at(seconds, fraction, cpu);
  }

  /** Writes "name: payload" at `start`; returns the position after the line, or NO_NAME. */
  event(start: number): number {
    const name = this.name(start);
    if (name >= 0) return this.row(name, start + this.sink.names.lengthAt(name, start) + 1);
    const symbol = this.notes.symbol(start);
    return symbol === null ? NO_NAME : this.row(this.known(start, symbol[0]), symbol[1] + 1);
  }

  /** Index of the name at `start`, which ends in a colon, or NO_NAME. */
  name(start: number): number {
    const { bytes, sink } = this;
    // Mostly it is the one that came after the last one before.
    const guess = this.follower[this.lastName]!;
    const length = sink.names.lengthAt(guess, start);
    if (length > 0 && bytes[start + length] === Byte.colon) {
      this.lastName = guess;
      return guess;
    }
    let end = start;
    while (isNameByte(bytes[end]!)) end++;
    if (bytes[end] !== Byte.colon || end === start || bytes[start]! <= Byte.nine) return NO_NAME;
    const name = this.known(start, end);
    this.follower[this.lastName] = name;
    if (name >= this.follower.length) this.follower = longerFollower(this.follower, name);
    this.lastName = name;
    return name;
  }

  /** Counts an event that has no time and so no row. */
  count(name: number): void {
    this.sink.counts.byName[name]!++;
    this.afterMark = this.isMark[name]!;
  }

  /** Writes the event whose payload is at `start`, maybe behind blanks; returns the position after the line. */
  row(name: number, start: number): number {
    const { bytes, sink, named } = this;
    const { batch } = sink;
    let payload = start;
    while (bytes[payload] === Byte.space) payload++;
    if (bytes[payload] === Byte.lineFeed && this.needsFields(name)) {
      this.count(name);
      sink.diagnose('NO_FIELDS', NO_FIELDS);
      return payload + 1;
    }
    const time = this.time();
    const row = batch.length;
    batch.time[row] = time;
    batch.cpu[row] = this.cpu;
    batch.tid[row] = this.tid;
    batch.task[row] = this.task;
    batch.context[row] = this.context;
    batch.name[row] = name;
    batch.line[row] = sink.line;
    batch.flags[row] = sink.flagsOf(this.cpu);
    const isNamed = named.isAt(payload);
    const isProbe = isNamed ? named.isProbe(payload) : bytes[payload] === Byte.parenOpen;
    const definition = isProbe ? this.probes[name]! : this.tracepoints[name]!;
    let end = FOREIGN;
    if (definition !== NO_EVENT) {
      end = isNamed
        ? named.read(definition, row, payload)
        : this.payload.read(definition, row, payload);
      if (end < 0 && end !== FOREIGN) return this.malformed(row, payload);
    }
    this.afterMark = this.isMark[name]!;
    batch.length = row + 1;
    sink.counts.byName[name]!++;
    return (end < 0 ? bytes.indexOf(Byte.lineFeed, payload) : end) + 1;
  }

  private needsFields(name: number): boolean {
    return this.tracepoints[name] !== NO_EVENT || this.probes[name] !== NO_EVENT;
  }

  private malformed(row: number, payload: number): number {
    const end = this.bytes.indexOf(Byte.lineFeed, payload);
    clearRows(this.sink.batch, row);
    this.notes.malformed(payload, end, this.cpu);
    return end + 1;
  }

  private known(start: number, end: number): number {
    const name = this.sink.names.find(start, end - start);
    return name < 0 ? this.newName(start, end - start) : name;
  }

  private newName(start: number, length: number): number {
    const { names, counts } = this.sink;
    const name = names.intern(start, length);
    const text = names.strings[name]!;
    const isMark = MARKS.includes(text);
    const known = isMark ? MARKS[0]! : text;
    this.tracepoints[name] = catalogue.tracepoints.get(known) ?? NO_EVENT;
    this.probes[name] = catalogue.probes.get(known) ?? NO_EVENT;
    this.isMark[name] = isMark;
    counts.byName[name] ??= 0;
    return name;
  }

  private newPrecision(decimals: number): void {
    const { sink } = this;
    sink.diagnosePrecision(decimals);
    if (this.precision === NOT_SEEN)
      sink.counts.resolution = decimals === 0 ? 0 : 10 ** (9 - decimals);
    this.precision = decimals;
  }
}

function isNameByte(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x5f ||
    (byte >= Byte.zero && byte <= Byte.nine) ||
    (byte >= 0x41 && byte <= 0x5a)
  );
}
