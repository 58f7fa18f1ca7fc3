// What perf.data says about its events: one perf_event_attr each (include/uapi/linux/perf_event.h), and
// from it where the fields of a sample lie.
//
// The fields of a sample stand in a fixed order, each present if its bit of sample_type is set. Those
// before READ have a fixed size, so their place is known once. Other records end with some of the
// same fields (sample_id_all). A sample belongs to the event whose id it carries.

import type { ByteCursor } from '../binary/byte-cursor.ts';

/** attr.type of tracepoints and of probe events. */
export const TRACEPOINT = 2;

/** No such field, event or id. */
export const NONE = -1;

/** Bits of sample_type. */
const Bit = {
  ip: 0,
  tid: 1,
  time: 2,
  addr: 3,
  read: 4,
  callchain: 5,
  id: 6,
  cpu: 7,
  period: 8,
  streamId: 9,
  raw: 10,
  identifier: 16,
} as const;

const READ_GROUP = 8;
const SMALLEST = 64;
const LARGEST = 4096;
const SAMPLE_ID_ALL = 18;
const USE_CLOCKID = 25;
const MAX_IDS = 1 << 20;
const DENSE = 4096;
const FEW_IDS = 64;
const HEADER = 8;

/** One event as it was opened. */
export interface PerfAttr {
  readonly type: number;
  /** The event id of a tracepoint. */
  readonly config: number;
  /** Low word of sample_type: fields that we read are all in it. */
  readonly sampleType: number;
  readonly readFormat: number;
  readonly sampleIdAll: boolean;
  /** NONE for the clock of perf itself. */
  readonly clockId: number;
}

/** Offsets from the start of a record; NONE where a field is missing. */
export interface SampleLayout {
  readonly timeAt: number;
  readonly tidAt: number;
  readonly cpuAt: number;
  /** Where the fields of fixed size end. */
  readonly fixedEnd: number;
  /** NONE where there is no READ field. */
  readonly readFormat: number;
  readonly hasCallchain: boolean;
  readonly hasRaw: boolean;
  /** Where the length word of a tracepoint's raw data lies, NONE where fields before it vary or it is missing. */
  readonly steadyRaw: number;
  /** The same for other records, counted back from their end. */
  readonly timeBefore: number;
  readonly cpuBefore: number;
}

/** Reads an attr; its own size tells how long it is, at most `room`. */
export function readAttr(cursor: ByteCursor, room: number): PerfAttr {
  const start = cursor.position;
  const type = cursor.u32();
  const stated = cursor.u32();
  const size = stated === 0 ? SMALLEST : stated;
  if (size < SMALLEST || size > Math.min(room, LARGEST)) {
    const most = Math.min(room, LARGEST);
    const problem = `an attribute of ${SMALLEST} to ${most} bytes, found ${size}`;
    throw cursor.error(start, `BAD_HEADER: expected ${problem}`);
  }
  const config = cursor.u64();
  cursor.skip(8);
  const sampleType = lowWord(cursor);
  const readFormat = lowWord(cursor);
  const flags = cursor.bytes(8);
  cursor.position = start + 92;
  const clockId = size >= 96 && isSet(flags, USE_CLOCKID, cursor.little) ? cursor.u32() : NONE;
  cursor.position = start + size;
  const sampleIdAll = isSet(flags, SAMPLE_ID_ALL, cursor.little);
  return { type, config, sampleType, readFormat, sampleIdAll, clockId };
}

// C numbers the bits of a bit field from the low end on little-endian machines, else from the high end.
function isSet(flags: Uint8Array, bit: number, little: boolean): boolean {
  const mask = little ? 1 << (bit & 7) : 0x80 >> (bit & 7);
  return (flags[bit >> 3]! & mask) !== 0;
}

function lowWord(cursor: ByteCursor): number {
  const first = cursor.u32();
  const second = cursor.u32();
  return cursor.little ? first : second;
}

/** The places of the fields. */
export function layoutOf(attr: PerfAttr): SampleLayout {
  const { sampleType, readFormat, sampleIdAll } = attr;
  const has = (bit: number): boolean => (sampleType & (1 << bit)) !== 0;
  let end = HEADER;
  const field = (bit: number): number => {
    if (!has(bit)) return NONE;
    end += 8;
    return end - 8;
  };
  field(Bit.identifier);
  field(Bit.ip);
  const tidAt = field(Bit.tid);
  const timeAt = field(Bit.time);
  for (const bit of [Bit.addr, Bit.id, Bit.streamId]) field(bit);
  const cpuAt = field(Bit.cpu);
  field(Bit.period);
  let behind = 0;
  const before = (bit: number): number => {
    if (!has(bit) || !sampleIdAll) return NONE;
    behind += 8;
    return behind;
  };
  before(Bit.identifier);
  const cpuBefore = before(Bit.cpu);
  before(Bit.streamId);
  before(Bit.id);
  const isSteady = has(Bit.raw) && !has(Bit.read) && !has(Bit.callchain);
  return {
    timeAt,
    tidAt,
    cpuAt,
    fixedEnd: end,
    readFormat: has(Bit.read) ? readFormat : NONE,
    hasCallchain: has(Bit.callchain),
    hasRaw: has(Bit.raw),
    steadyRaw: isSteady && attr.type === TRACEPOINT ? end : NONE,
    cpuBefore,
    timeBefore: before(Bit.time),
  };
}

/** Where the id of a sample lies, and that of another record counted back from its end. */
function idPlaces({ sampleType }: PerfAttr): { at: number; before: number } {
  const has = (bit: number): number => (sampleType >> bit) & 1;
  if (has(Bit.identifier)) return { at: HEADER, before: 8 };
  if (!has(Bit.id)) return { at: NONE, before: NONE };
  const earlier = has(Bit.ip) + has(Bit.tid) + has(Bit.time) + has(Bit.addr);
  return { at: HEADER + 8 * earlier, before: 8 + 8 * (has(Bit.cpu) + has(Bit.streamId)) };
}

/** Bytes of the READ field at `at`, which ends before `end`. */
export function readLength(format: number, view: DataView, at: number, little: boolean): number {
  const bits = (format & 1) + ((format >> 1) & 1);
  const perValue = 1 + ((format >> 2) & 1) + ((format >> 4) & 1);
  if ((format & READ_GROUP) === 0) return 8 * (bits + perValue);
  return 8 * (1 + bits + perValue * view.getUint32(little ? at : at + 4, little));
}

/** The events of a file, found by the ids in its records. */
export class PerfAttrs {
  readonly list: PerfAttr[] = [];
  readonly layouts: SampleLayout[] = [];
  private idAt: number = NONE;
  private idBefore: number = NONE;
  /** The kernel counts ids from 1: the event of each low one. */
  private dense: Int32Array = new Int32Array(FEW_IDS).fill(NONE);
  /** Open addressing for the others: ids as doubles, the event beside each. */
  private keys: Float64Array = new Float64Array(64).fill(NONE);
  private values: Uint32Array = new Uint32Array(64);
  private ids = 0;

  /** Adds an event with its ids. */
  add(attr: PerfAttr, ids: readonly number[]): void {
    if (this.list.length === 0) {
      const { at, before } = idPlaces(attr);
      this.idAt = at;
      this.idBefore = before;
    }
    this.list.push(attr);
    this.layouts.push(layoutOf(attr));
    for (const id of ids) this.put(id, this.list.length - 1);
  }

  /** Index of the event of a sample at `at`, NONE where its id is not known. */
  ofSample(view: DataView, at: number, size: number, little: boolean): number {
    if (this.idAt < 0) return this.list.length === 0 ? NONE : 0;
    return this.idAt + 8 <= size ? this.find(view, at + this.idAt, little) : NONE;
  }

  /** Index of the event that tells the last fields of another record, which ends at `end`. */
  ofOther(view: DataView, end: number, size: number, little: boolean): number {
    if (this.idBefore < 0 || this.list[0]?.sampleIdAll !== true || this.idBefore + HEADER > size) {
      return this.list.length === 0 ? NONE : 0;
    }
    return Math.max(0, this.find(view, end - this.idBefore, little));
  }

  private find(view: DataView, at: number, little: boolean): number {
    const low = view.getUint32(little ? at : at + 4, little);
    const high = view.getUint32(little ? at + 4 : at, little);
    if (high === 0 && low < DENSE) return low < this.dense.length ? this.dense[low]! : NONE;
    const { keys } = this;
    const mask = keys.length - 1;
    const id = high * 2 ** 32 + low;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const key = keys[slot]!;
      if (key === id) return this.values[slot]!;
      if (key === NONE) return NONE;
    }
  }

  private put(id: number, attr: number): void {
    if (id < DENSE) {
      if (id >= this.dense.length) this.growDense(id);
      this.dense[id] = attr;
      return;
    }
    if (this.ids >= MAX_IDS) return;
    if (2 * ++this.ids > this.keys.length) this.grow();
    const mask = this.keys.length - 1;
    let slot = (id % 2 ** 32) & mask;
    while (this.keys[slot] !== NONE && this.keys[slot] !== id) slot = (slot + 1) & mask;
    this.keys[slot] = id;
    this.values[slot] = attr;
  }

  private growDense(id: number): void {
    const few = this.dense;
    let room = few.length;
    while (room <= id) room *= 2;
    this.dense = new Int32Array(room).fill(NONE);
    this.dense.set(few);
  }

  private grow(): void {
    const { keys, values } = this;
    this.keys = new Float64Array(2 * keys.length).fill(NONE);
    this.values = new Uint32Array(2 * keys.length);
    this.ids = 1;
    keys.forEach((id, slot) => {
      if (id !== NONE) this.put(id, values[slot]!);
    });
  }
}
