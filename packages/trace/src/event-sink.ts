// Where a format puts what it finds: rows of the current batch, interned names, counts, diagnostics.
//
// Every non-empty line ends as a row, as a counted diagnostic or as `unparsed`; nothing is dropped
// without a trace here. The batch is refilled in place: its columns are valid until the next one.

import { type EventBatch, EventKind, Flag, UNKNOWN_CPU } from './batch.ts';
import { clearRows, eventBatch } from './batch-builder.ts';
import { ByteTable } from './byte-table.ts';
import { DurationLog } from './durations/duration-log.ts';
import type { EventCounts, EventReader } from './event-reader.ts';
import type { TextWindow } from './text-window.ts';
import { TokenTable } from './token-table.ts';
import { TraceError } from './trace-error.ts';

const MAX_WHERE = 10;
const MAX_SEGMENTS = 1 << 18;
/** Rows that one line can make. */
const SPARE = 4;

/** What is said of events whose CPU is unknown. */
export const NO_CPU =
  'events without a CPU count as of one CPU, on which all caches and queues are';

/** The highest CPU number that fits the columns. */
export const MAX_CPU: number = UNKNOWN_CPU - 1;

/** Collects the rows of one reading. */
export class EventSink {
  readonly source: string;
  /** Printed time of the first event, to the ns; null before it. */
  origin: { readonly seconds: number; readonly fraction: number } | null = null;
  readonly batch: EventBatch;
  readonly names: ByteTable;
  readonly tasks: ByteTable;
  readonly devices: ByteTable;
  readonly tokens: TokenTable = new TokenTable();
  readonly counts: EventCounts = eventCounts();
  /** Durations that the trace itself states. */
  readonly durations: DurationLog = new DurationLog();
  /** 1-based number of the line that is being read. */
  line = 0;
  /** Byte offset in a binary file of what is being read, -1 in texts: places of findings name it. */
  offset = -1;
  /** ns of the last row, for rows that have no time of their own. */
  time = 0;
  /** Flags of every row of the current line. */
  lineFlags = 0;
  /** True while the last line of an input without a final line feed is read: it may be cut off. */
  atTail = false;
  /** Set where the input is known to break off: what follows its last line feed is no line. */
  dropsTail = false;
  /** By CPU, made with the first loss. */
  private lossPending: Uint8Array | null = null;
  private lossesPending = 0;
  private readonly room: number;

  /** A sink for one input; names are cut from `window`, rows go into `batch`, whose old ones are gone. */
  constructor(source: string, window: TextWindow, batch: EventBatch = eventBatch()) {
    this.source = source;
    this.batch = batch;
    this.room = batch.time.length - SPARE;
    this.restart();
    this.names = new ByteTable(window, 65_535);
    this.tasks = new ByteTable(window, 1 << 20);
    this.devices = new ByteTable(window, 65_535);
  }

  /** What its batches index, and its counts, as an EventReader has them. */
  get tables(): Pick<EventReader, 'names' | 'tasks' | 'devices' | 'tokens' | 'counts'> {
    const { names, tasks, devices, tokens, counts } = this;
    return {
      names: names.strings,
      tasks: tasks.strings,
      devices: devices.strings,
      tokens: tokens.strings,
      counts,
    };
  }

  /** True when the batch has to be taken before the next line. */
  get full(): boolean {
    return this.batch.length > this.room || this.batch.segments.length > MAX_SEGMENTS;
  }

  /** Starts the next batch. */
  restart(): void {
    clearRows(this.batch, 0);
    this.batch.segments.length = 0;
  }

  /** Counts a finding; `message` says what it means, once per code. */
  diagnose(code: string, message: string): void {
    const { diagnostics } = this.counts;
    let entry = diagnostics.find((diagnostic) => diagnostic.code === code);
    if (entry === undefined) {
      entry = { code, message, count: 0, where: [] };
      diagnostics.push(entry);
    }
    entry.count++;
    if (entry.where.length < MAX_WHERE) entry.where.push(this.place());
  }

  /** Adds findings that another sink counted. */
  diagnoseMany(code: string, message: string, count: number, where: readonly string[]): void {
    const { diagnostics } = this.counts;
    const entry = diagnostics.find((diagnostic) => diagnostic.code === code);
    if (entry === undefined) diagnostics.push({ code, message, count, where: [...where] });
    else {
      entry.count += count;
      entry.where.push(...where.slice(0, MAX_WHERE - entry.where.length));
    }
  }

  private place(): string {
    const { source, offset } = this;
    return offset < 0 ? `${source}:${this.line}` : `${source}@0x${offset.toString(16)}`;
  }

  /** Counts a line that looks like an event and was not understood. */
  unparsed(code: string, message: string): void {
    // A last line that was cut off is reported as such.
    if (this.atTail) return;
    this.counts.unparsed++;
    this.diagnose(code, message);
  }

  /** Notes `lost` events of a CPU, 0 where their number was not recorded. */
  loss(cpu: number, lost: number): void {
    const { counts } = this;
    counts.lost += lost;
    if (lost === 0) counts.lostUnknown = true;
    const key = cpu === UNKNOWN_CPU ? -1 : cpu;
    counts.lostByCpu.set(key, (counts.lostByCpu.get(key) ?? 0) + lost);
    this.lossPending ??= new Uint8Array(UNKNOWN_CPU + 1);
    if (this.lossPending[cpu] === 0) this.lossesPending++;
    this.lossPending[cpu] = 1;
    const row = this.note(EventKind.lost, cpu);
    this.batch.aux[row] = lost;
  }

  /** Notes a CPU number above all so far; a TraceError where it does not fit the columns. */
  newCpu(cpu: number): void {
    if (cpu > MAX_CPU) {
      const problem = `BAD_CPU: expected a CPU number up to ${MAX_CPU}, found ${cpu}`;
      throw new TraceError(this.source, this.line, problem);
    }
    this.counts.maxCpu = cpu;
    const { headerCpus } = this.counts;
    if (headerCpus > 0 && cpu >= headerCpus) {
      this.diagnose('BAD_CPU', 'a CPU number beyond the CPUs of the header');
    }
  }

  /** Says what is unusual about times with this number of decimals. */
  diagnosePrecision(decimals: number): void {
    if (decimals === 0) {
      this.diagnose('TICK_CLOCK', 'the clock counts ticks: durations are in ticks, not in ns');
    } else if (decimals !== 6 && decimals !== 9) {
      this.diagnose('TIME_PRECISION', 'times with another number of decimals than 6 or 9');
    }
  }

  /** Adds a row that is no event: a loss, a buffer start or a segment. Returns its index. */
  note(kind: EventKind, cpu: number): number {
    const { batch } = this;
    const row = batch.length++;
    batch.time[row] = this.time;
    batch.cpu[row] = cpu;
    batch.tid[row] = -1;
    batch.task[row] = 0;
    batch.kind[row] = kind;
    batch.line[row] = this.line;
    return row;
  }

  /** Flags of the next event of `cpu`. */
  flagsOf(cpu: number): number {
    const { lossPending } = this;
    if (this.lossesPending === 0 || lossPending === null) return this.lineFlags;
    if (lossPending[cpu] === 0) return this.lineFlags;
    lossPending[cpu] = 0;
    this.lossesPending--;
    return this.lineFlags | Flag.lossBefore;
  }
}

function eventCounts(): EventCounts {
  return {
    taken: 0,
    size: 0,
    bytes: 0,
    lines: 0,
    byName: [0],
    lost: 0,
    lostUnknown: false,
    lostByCpu: new Map(),
    unparsed: 0,
    diagnostics: [],
    firstTime: 0,
    lastTime: 0,
    resolution: 0,
    headerCpus: 0,
    maxCpu: 0,
    kernel: '',
    clock: '',
    sha256: '',
  };
}
