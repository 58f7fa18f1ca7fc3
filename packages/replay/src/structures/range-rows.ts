// Memory of the ranges of a RangeTree: rows that keep their number, in a list from the top down, with a
// hash table by first pfn.
//
// A row is 32 bytes: first and last pfn as doubles, then four words: the row below, the row above, the
// leaf that the range is counted in, and the next row of the same hash chain. Rows of ranges that are
// gone wait in a list of their own. All steps are constant, a lookup by first pfn is on average.

import { TOP } from './ranges.ts';

/** Row of the anchor, which is above everything. */
export const ANCHOR = 0;
/** Row below everything, in no leaf. */
export const BOTTOM = 1;

/** Doubles of a row: first pfn, last pfn. */
export const DOUBLES = 4;
/** Words of a row, and where three of its four are; the functions of an allocation say these numbers as they are. */
export const WORDS = 8;
export const BELOW = 4;
export const ABOVE = 5;
export const LEAF = 6;

const INITIAL_ROWS = 16;
/** 2^32 divided by the golden ratio, odd: spreads multiples of powers of two. */
const SPREAD = 0x9e37_79b1;
const NO_ROW = -1;

/** The rows, seen as doubles and as words. */
export class RangeRows {
  doubles: Float64Array = new Float64Array(INITIAL_ROWS * DOUBLES);
  words: Int32Array = new Int32Array(this.doubles.buffer);
  /** By row: 1 where the range is reserved. */
  reserved: Uint8Array = new Uint8Array(INITIAL_ROWS);
  /** Rows ever in use are below it. */
  used = 2;
  private freeRow = NO_ROW;
  /** First rows of the hash chains. */
  private chains: Int32Array = new Int32Array(INITIAL_ROWS).fill(NO_ROW);
  /** Bits of a hash that are dropped. */
  private shift: number = 32 - Math.log2(INITIAL_ROWS);

  constructor() {
    this.doubles.set([TOP, TOP], ANCHOR * DOUBLES);
    this.doubles.set([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], BOTTOM * DOUBLES);
    this.words[ANCHOR * WORDS + BELOW] = BOTTOM;
    this.words[BOTTOM * WORDS + ABOVE] = ANCHOR;
  }

  /** A row for [lo, hi], directly below the one at `above`, in the same leaf. */
  insert(above: number, lo: number, hi: number): number {
    const at = this.take();
    const { doubles, words } = this;
    const below = words[above * 8 + 4]!;
    doubles[at * 4] = lo;
    doubles[at * 4 + 1] = hi;
    words[at * 8 + 4] = below;
    words[at * 8 + 5] = above;
    words[at * 8 + 6] = words[above * 8 + 6]!;
    words[above * 8 + 4] = at;
    words[below * 8 + 5] = at;
    this.enter(at, lo);
    return at;
  }

  remove(at: number): void {
    const { doubles, words } = this;
    const below = words[at * 8 + 4]!;
    const above = words[at * 8 + 5]!;
    words[above * 8 + 4] = below;
    words[below * 8 + 5] = above;
    this.leave(at, doubles[at * 4]!);
    words[at * 8 + 4] = this.freeRow;
    this.freeRow = at;
  }

  /** The row of the range that starts at `lo`, or -1. */
  startingAt(lo: number): number {
    const { doubles, words } = this;
    let at = this.chains[Math.imul(lo, SPREAD) >>> this.shift]!;
    while (at >= 0 && doubles[at * 4] !== lo) at = words[at * 8 + 7]!;
    return at;
  }

  /** The range at `at` starts at `lo` from now on. */
  moveStart(at: number, lo: number): void {
    this.leave(at, this.doubles[at * 4]!);
    this.doubles[at * 4] = lo;
    this.enter(at, lo);
  }

  /** Becomes a copy of `from`. */
  assign(from: RangeRows): void {
    const { used } = from;
    if (this.doubles.length < used * DOUBLES) this.resize(from.doubles.length / DOUBLES);
    this.doubles.set(from.doubles.subarray(0, used * DOUBLES));
    this.reserved.set(from.reserved.subarray(0, used));
    if (this.chains.length !== from.chains.length) this.chains = from.chains.slice();
    else this.chains.set(from.chains);
    this.shift = from.shift;
    this.used = used;
    this.freeRow = from.freeRow;
  }

  private take(): number {
    const at = this.freeRow;
    if (at !== NO_ROW) {
      this.freeRow = this.words[at * 8 + 4]!;
      return at;
    }
    if (this.used * DOUBLES === this.doubles.length) this.grow();
    return this.used++;
  }

  private enter(at: number, lo: number): void {
    const { chains } = this;
    const chain = Math.imul(lo, SPREAD) >>> this.shift;
    this.words[at * 8 + 7] = chains[chain]!;
    chains[chain] = at;
  }

  private leave(at: number, lo: number): void {
    const { chains, words } = this;
    const chain = Math.imul(lo, SPREAD) >>> this.shift;
    const next = words[at * 8 + 7]!;
    let before = chains[chain]!;
    if (before === at) {
      chains[chain] = next;
      return;
    }
    while (words[before * 8 + 7] !== at) before = words[before * 8 + 7]!;
    words[before * 8 + 7] = next;
  }

  /** All rows are in use: there will be twice as many, and chains. */
  private grow(): void {
    const rows = 2 * this.used;
    this.resize(rows);
    this.chains = new Int32Array(rows).fill(NO_ROW);
    this.shift = 32 - Math.log2(rows);
    for (let at = BOTTOM + 1; at < this.used; at++) this.enter(at, this.doubles[at * DOUBLES]!);
  }

  private resize(rows: number): void {
    const { doubles, reserved } = this;
    this.doubles = new Float64Array(rows * DOUBLES);
    this.doubles.set(doubles);
    this.words = new Int32Array(this.doubles.buffer);
    this.reserved = new Uint8Array(rows);
    this.reserved.set(reserved);
  }
}
