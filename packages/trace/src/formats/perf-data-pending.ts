// Records that wait for their turn: their bytes, and for each its time, its place and its event.
//
// Memory is that of the rounds that are pending; what was released is overwritten.

import type { EventSink } from '../event-sink.ts';
import { NONE, type PerfAttrs } from './perf-data-attr.ts';
import { TimeOrder } from './perf-data-order.ts';

/** Types of records (enum perf_event_type). */
export const RecordType = {
  lost: 2,
  comm: 3,
  fork: 7,
  sample: 9,
  lostSamples: 13,
  headerAttr: 64,
  tracingData: 66,
  finishedRound: 68,
  auxtrace: 71,
  headerFeature: 80,
  compressed: 81,
  compressed2: 83,
} as const;

/** Bytes of records that may wait. Memory is taken as it is needed. */
const ROOM = 96 * 1024 * 1024;
/** One piece from the decoder and the rest of the last one fit. */
const LEAST_ROOM = 512 * 1024;
/** Records seldom come out longer than this for a byte of the file; what has no room waits in a file. */
const USUAL_RATIO = 64;
const ROWS = 64;
const FEW_BYTES = 16 * 1024;
const TWO_32 = 2 ** 32;
const HEADER = 8;

/** One row for each record that waits. */
interface PendingColumns {
  /** ns since the first time of the file; -Infinity for what is true from the start. */
  time: Float64Array;
  /** Where the record lies in `bytes`. */
  at: Uint32Array;
  /** Byte offset in the file, of the block where the record was compressed. */
  offset: Float64Array;
  /** Index of the event. */
  attr: Uint16Array;
}

/** Bytes that the records of a file of `size` bytes may need in memory. */
export function roomFor(size: number): number {
  return Math.min(ROOM, Math.max(LEAST_ROOM, USUAL_RATIO * size));
}

/** The records of the rounds that are not over yet. */
export class PendingRecords implements PendingColumns {
  /** Grows up to the room there is. */
  bytes: Buffer;
  view: DataView;
  /** Records that wait. */
  length = 0;
  time: Float64Array;
  at: Uint32Array;
  offset: Float64Array;
  attr: Uint16Array;
  /** The first time of the file as two words: times are differences to it. */
  baseLow = 0;
  baseHigh = 0;
  /** The latest time so far. */
  latest: number = -Infinity;
  private spare: PendingColumns = columns(ROWS);
  private used = 0;
  private hasBase = false;
  private readonly order: TimeOrder = new TimeOrder();
  private readonly sink: EventSink;
  private readonly attrs: PerfAttrs;
  private readonly little: boolean;
  private readonly room: number;

  /** Room for `room` bytes of records. */
  constructor(sink: EventSink, attrs: PerfAttrs, little: boolean, room: number) {
    const memory = new ArrayBuffer(Math.min(room, FEW_BYTES));
    this.room = room;
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
    const { time, at, offset, attr } = columns(ROWS);
    this.time = time;
    this.at = at;
    this.offset = offset;
    this.attr = attr;
    this.sink = sink;
    this.attrs = attrs;
    this.little = little;
  }

  /** True where `length` more bytes fit. */
  hasRoom(length: number): boolean {
    const needed = this.used + length;
    if (needed > this.bytes.length && needed <= this.room) this.growTo(needed);
    return needed <= this.bytes.length;
  }

  /**
   * Takes the records of `bytes` from `from` on, which lie at `offset` of the file (compressed, or `isPlain`). Returns where
   * that ends: at `to`, at a record that is not whole or damaged, or (plain ones) at one that does not wait for its turn.
   */
  take(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
    offset: number,
    isPlain: boolean,
  ): number {
    const { little } = this;
    const shift = this.used - from;
    let at = from;
    while (at + HEADER <= to) {
      const size = view.getUint16(at + 6, little);
      const type = view.getUint32(at, little);
      if (size < HEADER || at + size > to) break;
      if (type === RecordType.sample) {
        this.sample(view, at, size, isPlain ? at + offset : offset, shift);
      } else if (isPlain && doesNotWait(type)) break;
      else if (type === RecordType.comm || type === RecordType.fork || type === RecordType.lost) {
        this.other(view, at, size, isPlain ? at + offset : offset, shift);
      }
      at += size;
    }
    this.bytes.set(bytes.subarray(from, at), this.used);
    this.used = at + shift;
    return at;
  }

  /** The waiting records by time. */
  sorted(): Uint32Array {
    return this.order.sort(this.time, this.length);
  }

  /** Bytes of a waiting record. */
  sizeOf(entry: number): number {
    return this.view.getUint16(this.at[entry]! + 6, this.little);
  }

  /** Adds a record that waited elsewhere. */
  takeBack(time: number, offset: number, attr: number, record: Uint8Array): void {
    const start = this.used;
    this.bytes.set(record, start);
    this.used = start + record.length;
    this.add(time, start, offset, attr);
  }

  /** Forgets all records. */
  clear(): void {
    this.length = 0;
    this.used = 0;
  }

  /** Drops the first `count` records of `sorted` and moves the others together. */
  drop(sorted: Uint32Array, count: number): void {
    const left = this.length - count;
    const first = this.gather(sorted, count, left);
    for (let i = 0; i < left; i++) this.at[i] = this.at[i]! - first;
    this.bytes.copyWithin(0, first, this.used);
    this.used -= first;
    this.length = left;
  }

  /** Puts the columns of the kept records into the spare ones, which are used from now on; returns where the first one lies. */
  private gather(sorted: Uint32Array, count: number, left: number): number {
    const { time, at, offset, attr, spare } = this;
    let first = this.used;
    for (let i = 0; i < left; i++) {
      const from = sorted[count + i]!;
      const start = at[from]!;
      if (start < first) first = start;
      spare.time[i] = time[from]!;
      spare.at[i] = start;
      spare.offset[i] = offset[from]!;
      spare.attr[i] = attr[from]!;
    }
    this.time = spare.time;
    this.at = spare.at;
    this.offset = spare.offset;
    this.attr = spare.attr;
    this.spare = { time, at, offset, attr };
    return first;
  }

  /** Adds the sample at `at` of `view`, whose bytes will lie `shift` further on. */
  private sample(view: DataView, at: number, size: number, offset: number, shift: number): void {
    const attr = this.attrs.ofSample(view, at, size, this.little);
    if (attr === NONE) {
      this.find(offset, 'UNKNOWN_ID', 'samples of an event that the file does not describe');
      return;
    }
    const { timeAt, fixedEnd } = this.attrs.layouts[attr]!;
    if (timeAt === NONE) {
      this.find(
        offset,
        'NO_TIME',
        'samples without a time are dropped; record with "perf record -T"',
      );
    } else if (fixedEnd > size) {
      this.sink.offset = offset;
      this.sink.unparsed('BAD_RECORD', 'a sample that is shorter than its fields is dropped');
    } else {
      const time = this.timeAt(view, at + timeAt);
      if (time > this.latest) this.latest = time;
      this.add(time, at + shift, offset, attr);
    }
  }

  private other(view: DataView, at: number, size: number, offset: number, shift: number): void {
    const attr = this.attrs.ofOther(view, at + size, size, this.little);
    const before = attr === NONE ? NONE : this.attrs.layouts[attr]!.timeBefore;
    const isTimed = before !== NONE && before + HEADER <= size;
    this.add(
      isTimed ? this.timeAt(view, at + size - before) : this.latest,
      at + shift,
      offset,
      Math.max(0, attr),
    );
  }

  private timeAt(view: DataView, at: number): number {
    const { little } = this;
    const low = view.getUint32(little ? at : at + 4, little);
    const high = view.getUint32(little ? at + 4 : at, little);
    if (low === 0 && high === 0) return -Infinity;
    if (!this.hasBase) {
      this.hasBase = true;
      this.baseLow = low;
      this.baseHigh = high;
    }
    return (high - this.baseHigh) * TWO_32 + (low - this.baseLow);
  }

  private add(time: number, at: number, offset: number, attr: number): void {
    const i = this.length++;
    if (i >= this.time.length) this.grow();
    this.time[i] = time;
    this.at[i] = at;
    this.offset[i] = offset;
    this.attr[i] = attr;
  }

  private growTo(needed: number): void {
    const memory = new ArrayBuffer(Math.min(this.room, Math.max(4 * this.bytes.length, needed)));
    const larger = Buffer.from(memory);
    this.bytes.copy(larger, 0, 0, this.used);
    this.bytes = larger;
    this.view = new DataView(memory);
  }

  private grow(): void {
    const larger = columns(2 * this.time.length);
    larger.time.set(this.time);
    larger.at.set(this.at);
    larger.offset.set(this.offset);
    larger.attr.set(this.attr);
    Object.assign(this, larger);
    this.spare = columns(larger.time.length);
  }

  private find(offset: number, code: string, message: string): void {
    this.sink.offset = offset;
    this.sink.diagnose(code, message);
  }
}

function doesNotWait(type: number): boolean {
  return type >= RecordType.headerAttr || type === RecordType.lostSamples;
}

function columns(room: number): PendingColumns {
  return {
    time: new Float64Array(room),
    at: new Uint32Array(room),
    offset: new Float64Array(room),
    attr: new Uint16Array(room),
  };
}
