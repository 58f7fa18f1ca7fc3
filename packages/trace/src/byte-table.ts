// Interned byte strings: event names, task names and device names become small numbers.
//
// Identity is by bytes, text is made once per distinct entry (UTF-8 with replacement characters).
// Entries lie in one pool behind an open addressing table; nothing is allocated when an entry is found
// again. They are compared eight bytes at a time, as doubles: what differs as doubles may still be
// equal bytes (those of NaN), so it is compared again byte by byte.

import type { TextWindow } from './text-window.ts';

/** Masks that keep the first n bytes of a little-endian word. */
const KEEP: Uint32Array = Uint32Array.of(0, 0xff, 0xffff, 0xff_ffff);

/** Room of a new table; it doubles. */
const FIRST_ENTRIES = 16;
const FIRST_POOL = 256;

/** A growing table of byte strings. Index 0 is the empty string. */
export class ByteTable {
  /** The entries as text, by index. */
  readonly strings: string[] = [''];
  private readonly limit: number;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private slots: Int32Array;
  private hashes: Int32Array;
  private lengths: Uint32Array;
  /** First byte of each entry in the pool. */
  private offsets: Uint32Array;
  private pool: Uint8Array = new Uint8Array(FIRST_POOL);
  private poolView: DataView = new DataView(this.pool.buffer);
  private poolLength = 0;

  /** Entries of `window`; once `limit` are known, new ones become "(more)". */
  constructor(window: TextWindow, limit: number) {
    this.bytes = window.bytes;
    this.view = window.view;
    this.limit = limit;
    // One piece of memory: a small input has a dozen tables, and most stay small.
    const columns = new ArrayBuffer(4 * 7 * FIRST_ENTRIES);
    this.slots = new Int32Array(columns, 0, 4 * FIRST_ENTRIES);
    this.hashes = new Int32Array(columns, 16 * FIRST_ENTRIES, FIRST_ENTRIES);
    this.lengths = new Uint32Array(columns, 20 * FIRST_ENTRIES, FIRST_ENTRIES);
    this.offsets = new Uint32Array(columns, 24 * FIRST_ENTRIES, FIRST_ENTRIES);
  }

  /** Index of the bytes from `start`, or -1 where they are not in the table. */
  find(start: number, length: number): number {
    const { view, slots } = this;
    const hash = hashBytes(view, start, length);
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot]!;
      if (index === 0) return -1;
      if (this.hashes[index] === hash && this.lengths[index] === length) {
        if (this.isAt(index, start)) return index;
      }
    }
  }

  /** Index of the bytes from `start`, which are added where they are new. */
  intern(start: number, length: number): number {
    if (length === 0) return 0;
    const index = this.find(start, length);
    return index >= 0 ? index : this.add(start, length);
  }

  /** The bytes of an entry; valid until one is added. */
  entry(index: number): Uint8Array {
    const start = this.offsets[index] ?? 0;
    return this.pool.subarray(start, start + (this.lengths[index] ?? 0));
  }

  /** Length of entry `index` where the text at `start` begins with it, else 0. */
  lengthAt(index: number, start: number): number {
    return this.isAt(index, start) ? this.lengths[index]! : 0;
  }

  private isAt(index: number, start: number): boolean {
    const { view, poolView } = this;
    const from = this.offsets[index]!;
    const last = this.lengths[index]! - 8;
    if (last < 0) return this.isEveryByteAt(index, start);
    // The last eight bytes may overlap those before.
    for (let at = 0; at < last; at += 8) {
      if (view.getFloat64(start + at, true) !== poolView.getFloat64(from + at, true)) {
        return this.isEveryByteAt(index, start);
      }
    }
    return (
      view.getFloat64(start + last, true) === poolView.getFloat64(from + last, true) ||
      this.isEveryByteAt(index, start)
    );
  }

  private isEveryByteAt(index: number, start: number): boolean {
    const { bytes, pool } = this;
    const from = this.offsets[index]!;
    const length = this.lengths[index]!;
    let at = 0;
    while (at < length && bytes[start + at] === pool[from + at]) at++;
    return at === length;
  }

  private add(start: number, length: number): number {
    const index = this.strings.length;
    if (index >= this.limit) return this.more();
    const { view } = this;
    this.strings.push(new TextDecoder().decode(this.bytes.subarray(start, start + length)));
    this.reserve(index, length);
    this.hashes[index] = hashBytes(view, start, length);
    this.lengths[index] = length;
    this.offsets[index] = this.poolLength;
    this.pool.set(this.bytes.subarray(start, start + length), this.poolLength);
    this.poolLength += length;
    this.place(index);
    return index;
  }

  private more(): number {
    if (this.strings.length === this.limit) this.strings.push('(more)');
    return this.limit;
  }

  private place(index: number): void {
    const mask = this.slots.length - 1;
    let slot = this.hashes[index]! & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = index;
  }

  private reserve(index: number, length: number): void {
    while (this.poolLength + length > this.pool.length) {
      this.pool = doubled(this.pool);
      this.poolView = new DataView(this.pool.buffer);
    }
    // "(more)" has a row of its own, which matches nothing.
    if (index + 1 < this.hashes.length) return;
    this.hashes = doubled(this.hashes);
    this.lengths = doubled(this.lengths);
    this.offsets = doubled(this.offsets);
    this.slots = new Int32Array(4 * this.hashes.length);
    for (let entry = 1; entry < index; entry++) this.place(entry);
  }
}

/** Length, first, middle and last word: all of a short entry, and enough of a long one. */
function hashBytes(view: DataView, start: number, length: number): number {
  if (length < 4) return mix(length ^ (view.getUint32(start, true) & KEEP[length]!));
  let hash = mix(length ^ view.getUint32(start, true));
  hash = mix(hash ^ view.getUint32(start + (length >> 1) - 2, true));
  return mix(hash ^ view.getUint32(start + length - 4, true));
}

function mix(word: number): number {
  const hash = Math.imul(word, 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

function doubled<T extends Int32Array | Uint32Array | Uint8Array>(column: T): T {
  const grown = new (column.constructor as new (length: number) => T)(2 * column.length);
  grown.set(column);
  return grown;
}
