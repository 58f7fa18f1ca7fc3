// Interned byte strings: event names, task names and device names become small numbers.
//
// Identity is by bytes, text is made once per distinct entry (UTF-8 with replacement characters).
// Open addressing over 32-bit words; nothing is allocated when an entry is found again.

import type { TextWindow } from './text-window.ts';

/** Masks that keep the first n bytes of a little-endian word. */
const KEEP = [0, 0xff, 0xffff, 0xff_ffff] as const;

/** A growing table of byte strings. Index 0 is the empty string. */
export class ByteTable {
  /** The entries as text, by index. */
  readonly strings: string[] = [''];
  private readonly limit: number;
  private readonly view: DataView;
  private slots = new Int32Array(256);
  private hashes = new Int32Array(64);
  private lengths = new Uint32Array(64);
  private offsets = new Uint32Array(64);
  private pool: DataView;
  private poolLength = 0;

  /** Entries of `window`; once `limit` are known, new ones become "(more)". */
  constructor(window: TextWindow, limit: number) {
    this.view = window.view;
    this.limit = limit;
    this.pool = new DataView(new ArrayBuffer(4096));
  }

  /** Index of the bytes from `start`, or -1 where they are not in the table. */
  find(start: number, length: number): number {
    const { view, slots } = this;
    const hash = hashBytes(view, start, length);
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot]!;
      if (index === 0) return -1;
      if (this.hashes[index] === hash && this.equals(index, start, length)) return index;
    }
  }

  /** Index of the bytes from `start`, which are added where they are new. */
  intern(start: number, length: number): number {
    if (length === 0) return 0;
    const index = this.find(start, length);
    return index >= 0 ? index : this.add(start, length);
  }

  private equals(index: number, start: number, length: number): boolean {
    if (this.lengths[index] !== length) return false;
    const { view, pool } = this;
    let at = this.offsets[index]!;
    const whole = start + length - 3;
    let position = start;
    for (; position < whole; position += 4, at += 4) {
      if (view.getUint32(position, true) !== pool.getUint32(at, true)) return false;
    }
    const keep = KEEP[length & 3]!;
    return (view.getUint32(position, true) & keep) === (pool.getUint32(at, true) & keep);
  }

  private add(start: number, length: number): number {
    const index = this.strings.length;
    if (index >= this.limit) return this.more();
    const bytes = new Uint8Array(this.view.buffer, start, length);
    this.strings.push(new TextDecoder().decode(bytes));
    this.reserve(index, length);
    this.hashes[index] = hashBytes(this.view, start, length);
    this.lengths[index] = length;
    this.offsets[index] = this.poolLength;
    new Uint8Array(this.pool.buffer).set(bytes, this.poolLength);
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
    if (this.poolLength + length + 4 > this.pool.byteLength) {
      const grown = new Uint8Array(2 * (this.poolLength + length));
      grown.set(new Uint8Array(this.pool.buffer, 0, this.poolLength));
      this.pool = new DataView(grown.buffer);
    }
    if (index < this.hashes.length) return;
    this.hashes = doubled(this.hashes);
    this.lengths = doubled(this.lengths);
    this.offsets = doubled(this.offsets);
    this.slots = new Int32Array(4 * this.hashes.length);
    for (let entry = 1; entry < index; entry++) this.place(entry);
  }
}

function hashBytes(view: DataView, start: number, length: number): number {
  let hash = length;
  const whole = start + length - 3;
  let position = start;
  for (; position < whole; position += 4) {
    hash = Math.imul(hash ^ view.getUint32(position, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  const keep = KEEP[length & 3]!;
  hash = Math.imul(hash ^ (view.getUint32(position, true) & keep), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

function doubled<T extends Int32Array | Uint32Array>(column: T): T {
  const grown = new (column.constructor as new (length: number) => T)(2 * column.length);
  grown.set(column);
  return grown;
}
