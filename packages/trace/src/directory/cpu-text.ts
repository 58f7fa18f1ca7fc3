// The events of one CPU's file, row by row, as an input of the merge.
//
// Each file is read by its own format into small batches. Its names get the numbers of the merged tables
// when they are first met. Times are moved from the first event of the file to the first of all.

import { type EventBatch, EventKind, UNKNOWN_CPU } from '../batch.ts';
import { growSegments } from '../batch-builder.ts';
import type { ByteTable } from '../byte-table.ts';
import type { EventReader } from '../event-reader.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import type { CpuFile } from './cpu-files.ts';

/** A file that is open, with the sink that its format writes to. */
export interface OpenedFile {
  readonly reader: EventReader;
  readonly sink: EventSink;
  /** Nothing was recorded on its CPU. */
  readonly isBlank: boolean;
}

/** Numbers of one table in another, found when they are first asked for. */
class Numbers {
  private known = new Uint32Array(64);
  private readonly find: (index: number) => number;

  constructor(find: (index: number) => number) {
    this.find = find;
  }

  of(index: number): number {
    if (index === 0) return 0;
    if (index >= this.known.length) {
      const longer = new Uint32Array(2 * index);
      longer.set(this.known);
      this.known = longer;
    }
    if (this.known[index] === 0) this.known[index] = this.find(index);
    return this.known[index]!;
  }
}

/** One file on its way through the merge. */
export class CpuText {
  readonly cpu: number;
  readonly file: CpuFile;
  readonly sink: EventSink;
  /** ns of the current row since the first event of all files. */
  time = 0;
  /** Rows on a CPU other than that of the file. */
  foreign = 0;
  private readonly batches: AsyncGenerator<EventBatch, void, undefined>;
  private readonly names: Numbers;
  private readonly tasks: Numbers;
  private readonly devices: Numbers;
  private readonly tokens: Numbers;
  private batch: EventBatch;
  private at = 0;
  private offset = 0;

  constructor(file: CpuFile, { reader, sink }: OpenedFile, into: EventSink, window: TextWindow) {
    this.file = file;
    this.cpu = file.cpu;
    this.sink = sink;
    this.batch = sink.batch;
    this.batches = reader.batches();
    const numbers = (from: ByteTable, to: ByteTable): Numbers =>
      new Numbers((index) => {
        const entry = from.entry(index);
        window.bytes.set(entry, 0);
        return to.intern(0, entry.length);
      });
    this.names = numbers(sink.names, into.names);
    this.tasks = numbers(sink.tasks, into.tasks);
    this.devices = numbers(sink.devices, into.devices);
    this.tokens = new Numbers((index) => into.tokens.adopt(sink.tokens, index));
  }

  /** Reads the next batch; false at the end. */
  async fill(): Promise<boolean> {
    const next = await this.batches.next();
    if (next.done === true) return false;
    this.batch = next.value;
    this.at = 0;
    this.time = this.batch.time[0]! + this.offset;
    return this.batch.length > 0 || this.fill();
  }

  /** Moves all times of the file by `offset` ns. */
  startAt(offset: number): void {
    this.offset = offset;
    this.time = this.batch.time[this.at]! + offset;
  }

  /** Goes to the next row of the batch; false at its end. */
  step(): boolean {
    if (++this.at >= this.batch.length) return false;
    this.time = this.batch.time[this.at]! + this.offset;
    return true;
  }

  /** True for a loss on an unknown CPU: the header of each file tells those of the whole buffer. */
  get isHeaderLoss(): boolean {
    const { batch, at } = this;
    return batch.kind[at] === EventKind.lost && batch.cpu[at] === UNKNOWN_CPU;
  }

  /** CPU of the current row. */
  get rowCpu(): number {
    return this.batch.cpu[this.at]!;
  }

  /** Number of a name of the file in the merged table. */
  nameOf(index: number): number {
    return this.names.of(index);
  }

  /** Copies the current row to the end of `to`. */
  copy(to: EventBatch): void {
    const { batch: from, at } = this;
    const row = to.length++;
    const kind = from.kind[at]!;
    to.time[row] = this.time;
    to.cpu[row] = from.cpu[at]!;
    to.tid[row] = from.tid[at]!;
    to.task[row] = this.tasks.of(from.task[at]!);
    to.context[row] = from.context[at]!;
    to.kind[row] = kind;
    to.name[row] = this.names.of(from.name[at]!);
    to.device[row] = this.devices.of(from.device[at]!);
    to.token[row] = this.tokens.of(from.token[at]!);
    to.addressLow[row] = from.addressLow[at]!;
    to.addressHigh[row] = from.addressHigh[at]!;
    to.physLow[row] = from.physLow[at]!;
    to.physHigh[row] = from.physHigh[at]!;
    to.size[row] = from.size[at]!;
    to.aux[row] = hasTokenInAux(kind) ? this.tokens.of(from.aux[at]!) : from.aux[at]!;
    to.aux2[row] = from.aux2[at]!;
    to.direction[row] = from.direction[at]!;
    to.flags[row] = from.flags[at]!;
    to.line[row] = from.line[at]!;
    if (from.listLength[at]! > 0) this.copyList(to, row);
  }

  /** Ends the reading early. */
  async close(): Promise<void> {
    await this.batches.return(undefined);
  }

  private copyList(to: EventBatch, row: number): void {
    const { batch: from, at } = this;
    const length = from.listLength[at]!;
    const first = from.listStart[at]!;
    const { segments } = to;
    while (segments.length + length > segments.size.length) growSegments(segments);
    const start = segments.length;
    to.listStart[row] = start;
    to.listLength[row] = length;
    for (const key of SEGMENT_KEYS) {
      segments[key].set(from.segments[key].subarray(first, first + length), start);
    }
    segments.length += length;
  }
}

const SEGMENT_KEYS = ['addressLow', 'addressHigh', 'physLow', 'physHigh', 'size'] as const;

function hasTokenInAux(kind: number): boolean {
  return kind === EventKind.fqRingFree || kind === EventKind.magazineFree;
}
