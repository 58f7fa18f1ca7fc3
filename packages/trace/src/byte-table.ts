// Interned byte strings: event names, task names and device names become small numbers.
//
// Identity is by bytes, text is made once per distinct entry (UTF-8 with replacement characters).
// Entries are kept as 32-bit words, the last one padded with zeros, in one pool behind an open
// addressing table; nothing is allocated when an entry is found again. Entries begin at even words,
// so that they are compared eight bytes at a time, as doubles.

import type { TextWindow } from './text-window.ts';

/** Masks that keep the first n bytes of a little-endian word. */
const KEEP: Uint32Array = Uint32Array.of(0, 0xff, 0xffff, 0xff_ffff);

/** A growing table of byte strings. Index 0 is the empty string. */
export class ByteTable {
  /** The entries as text, by index. */
  readonly strings: string[] = [''];
  private readonly limit: number;
  private readonly view: DataView;
  private slots = new Int32Array(256);
  private hashes = new Int32Array(64);
  private lengths = new Uint32Array(64);
  /** First word of each entry in the pool. */
  private offsets = new Uint32Array(64);
  private pool = new Uint32Array(1024);
  private pairs = new Float64Array(this.pool.buffer);
  private poolLength = 0;

  /** Entries of `window`; once `limit` are known, new ones become "(more)". */
  constructor(window: TextWindow, limit: number) {
    this.view = window.view;
    this.limit = limit;
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

  /** Length of entry `index` where the text at `start` begins with it, else 0. */
  lengthAt(index: number, start: number): number {
    return this.isAt(index, start) ? this.lengths[index]! : 0;
  }

  private isAt(index: number, start: number): boolean {
    const { view, pairs } = this;
    const length = this.lengths[index]!;
    const end = start + length - 7;
    let pair = this.offsets[index]! >> 1;
    let position = start;
    for (; position < end; position += 8, pair++) {
      if (view.getFloat64(position, true) !== pairs[pair]) break;
    }
    return this.isRestAt(2 * pair, position, start + length);
  }

  /** Compares what is left by words: less than two of them, or all from two that differ as doubles (or are no numbers). */
  private isRestAt(from: number, start: number, end: number): boolean {
    const { view, pool } = this;
    let word = from;
    let position = start;
    for (; position < end - 3; position += 4, word++) {
      if (view.getUint32(position, true) !== pool[word]) return false;
    }
    return (view.getUint32(position, true) & KEEP[end - position]!) >>> 0 === pool[word];
  }

  private add(start: number, length: number): number {
    const index = this.strings.length;
    if (index >= this.limit) return this.more();
    const { view } = this;
    this.strings.push(new TextDecoder().decode(new Uint8Array(view.buffer, start, length)));
    const words = ((length >> 2) + 2) & ~1;
    this.reserve(index, words);
    this.hashes[index] = hashBytes(view, start, length);
    this.lengths[index] = length;
    this.offsets[index] = this.poolLength;
    for (let word = 0; word < words; word++) {
      const left = length - 4 * word;
      const bytes = left > 0 ? view.getUint32(start + 4 * word, true) : 0;
      this.pool[this.poolLength++] = left < 4 ? bytes & KEEP[Math.max(0, left)]! : bytes;
    }
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

  private reserve(index: number, words: number): void {
    while (this.poolLength + words > this.pool.length) {
      this.pool = doubled(this.pool);
      this.pairs = new Float64Array(this.pool.buffer);
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

function doubled<T extends Int32Array | Uint32Array>(column: T): T {
  const grown = new (column.constructor as new (length: number) => T)(2 * column.length);
  grown.set(column);
  return grown;
}
