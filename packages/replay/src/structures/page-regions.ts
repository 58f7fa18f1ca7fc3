// Bitmaps of taken pages, in regions of 2^15 pages.
//
// A region exists where there is a range; the rest of the address space costs nothing. It is one block of
// words, so that finding, taking and giving back pages are a few steps on words:
//
//   taken    a bit for each page, 32 in a word, 32 words in a chunk
//   full     for each order k from 0 to 5 a bit for each word: no free aligned block of 2^k pages in it; for
//            each order a bit for each chunk whose 32 bits are all ones. Below order 5 a bit is set by the
//            search that finds this out, not by who takes the pages, so it may be missing
//   blocks   for each order from 6 to 10 a bit for each aligned block: a page of it is taken. Those of order 5
//            are the same as `full`
//   starts   see range-starts.ts
//
// The functions here say numbers of the layout as they are: a constant of a module is read and checked at
// every use. Full: word 1024 + 32 k; its chunks: word 1248 + k; blocks: from word 1248 - (2048 >> k) on.

import { startsOf } from './range-starts.ts';

/** Pages of a region. */
export const REGION_PAGES: number = 2 ** 15;
/** Orders of blocks whose free ones can be found: 1, 2, 4 ... 1024 pages. */
export const ORDERS = 11;

/** Words of a region: those above, then those of range-starts.ts. */
const STRIDE = 2576;

const INITIAL_REGIONS = 2;
/** No number: equal to none. */
const UNUSED: number = Number.NaN;

/** The regions in use, by number: the first pfn divided by {@link REGION_PAGES}. */
export class PageRegions {
  words: Int32Array = new Int32Array(INITIAL_REGIONS * STRIDE);
  /** Numbers in ascending order; {@link UNUSED} behind them. */
  numbers: Float64Array = new Float64Array(INITIAL_REGIONS).fill(UNUSED);
  /** Where the words of each begin. */
  bases: Int32Array = new Int32Array(INITIAL_REGIONS);
  length = 0;
  /** Of the region that {@link pageOf} was asked for last: where its words begin, -1 if it is not there. */
  base = -1;
  /** First pfn of that region. */
  private first: number = Number.NaN;
  /** Where a region was found last, by the lowest bits of its number. */
  private readonly found: Int32Array = new Int32Array(64);
  /** By order: the pages of a word at which a block may begin. */
  private readonly aligned: Int32Array = Int32Array.of(
    -1,
    0x5555_5555,
    0x1111_1111,
    0x0101_0101,
    0x0001_0001,
    1,
  );
  /** Blocks ever in use, and those of them in no region, which are all zeros. */
  private used = 0;
  private spare: number[] = [];

  /** Index of the highest region at or below `number`, -1 if there is none. */
  indexAt(number: number): number {
    const { numbers, found } = this;
    const last = found[number & 63]!;
    if (numbers[last] === number) return last;
    let low = -1;
    let high = this.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (numbers[middle]! <= number) low = middle;
      else high = middle;
    }
    if (low >= 0) found[number & 63] = low;
    return low;
  }

  /** Page of a pfn in its region, which {@link base} is about from then on. */
  pageOf(pfn: number): number {
    const page = pfn - this.first;
    return page >= 0 && page < 32768 ? page | 0 : this.seek(pfn);
  }

  /** {@link pageOf} with the region made if it is not there. */
  madePageOf(pfn: number): number {
    const page = this.pageOf(pfn);
    if (this.base < 0) this.base = this.make(Math.floor(pfn / REGION_PAGES));
    return page;
  }

  isTaken(base: number, page: number): boolean {
    return ((this.words[base + (page >> 5)]! >> (page & 31)) & 1) === 1;
  }

  /** The pages from `first` to `last`, both included and all free, are taken from now on. */
  take(base: number, first: number, last: number): void {
    const { words } = this;
    const from = first >> 5;
    const end = last >> 5;
    const head = -1 << (first & 31);
    const tail = -1 >>> (31 - (last & 31));
    if (from === end) {
      const old = words[base + from]!;
      this.takeIn(base, from, head & tail);
      // Larger blocks around it were taken before.
      if (old !== 0) return;
    } else {
      if (head !== -1) this.takeIn(base, from, head);
      if (tail !== -1) this.takeIn(base, end, tail);
      this.fillWords(base, head === -1 ? from : from + 1, tail === -1 ? end : end - 1);
    }
    let a = from;
    let b = end;
    for (let order = 6; order < 11; order++) {
      a >>= 1;
      b >>= 1;
      const at = base + 1248 - (2048 >> order);
      let changed = 0;
      for (let w = a >> 5; w <= b >> 5; w++) {
        let bits = -1;
        if (w === a >> 5) bits <<= a & 31;
        if (w === b >> 5) bits &= -1 >>> (31 - (b & 31));
        changed |= bits & ~words[at + w]!;
        words[at + w]! |= bits;
      }
      if (changed === 0) return;
    }
  }

  /** The pages from `first` to `last`, both included and all taken, are free from now on. */
  release(base: number, first: number, last: number): void {
    const { words } = this;
    let a = first >> 5;
    let b = last >> 5;
    const head = -1 << (first & 31);
    const tail = -1 >>> (31 - (last & 31));
    if (a === b) {
      this.releaseIn(base, a, head & tail);
      if (words[base + a] !== 0) return;
    } else {
      if (head !== -1) this.releaseIn(base, a, head);
      if (tail !== -1) this.releaseIn(base, b, tail);
      this.clearWords(base, head === -1 ? a : a + 1, tail === -1 ? b : b - 1);
      if (words[base + a] !== 0) a++;
      if (words[base + b] !== 0) b--;
      if (a > b) return;
    }
    for (let order = 5; order < 10; order++) {
      // A block of the next order is free if both its halves are; only those at the ends may not be.
      const half = base + 1248 - (2048 >> order);
      if ((a & 1) === 1) a += ((words[half + (a >> 5)]! >> ((a - 1) & 31)) & 1) === 1 ? 1 : -1;
      if ((b & 1) === 0) b += ((words[half + (b >> 5)]! >> ((b + 1) & 31)) & 1) === 1 ? -1 : 1;
      a >>= 1;
      b >>= 1;
      if (a > b) return;
      const at = base + 1248 - (1024 >> order);
      for (let w = a >> 5; w <= b >> 5; w++) {
        let bits = -1;
        if (w === a >> 5) bits <<= a & 31;
        if (w === b >> 5) bits &= -1 >>> (31 - (b & 31));
        words[at + w]! &= ~bits;
      }
    }
  }

  /** The highest free block of an order at or below `block`, -1 if there is none. */
  freeBlock(base: number, order: number, block: number): number {
    const { words } = this;
    if (order > 5) {
      const at = base + 1248 - (2048 >> order);
      let w = block >> 5;
      let free = ~words[at + w]! & (-1 >>> (31 - (block & 31)));
      while (free === 0) {
        if (--w < 0) return -1;
        free = ~words[at + w]!;
      }
      return (w << 5) + 31 - Math.clz32(free);
    }
    const page = block << order;
    let w = page >> 5;
    let free = this.freeIn(words[base + w]!, order) & (-1 >>> (31 - (page & 31)));
    while (free === 0) {
      w = this.notFull(base, order, w);
      if (w < 0) return -1;
      free = this.freeIn(words[base + w]!, order);
      if (free === 0) this.noteFull(base, order, w);
    }
    return ((w << 5) + 31 - Math.clz32(free)) >> order;
  }

  /** The highest word below `w` that is not known to be full for an order, -1 if there is none. */
  private notFull(base: number, order: number, w: number): number {
    const { words } = this;
    const full = base + 1024 + 32 * order;
    let chunk = w >> 5;
    let room = ~words[full + chunk]! & ((1 << (w & 31)) - 1);
    if (room === 0) {
      room = ~words[base + 1248 + order]! & ((1 << chunk) - 1);
      if (room === 0) return -1;
      chunk = 31 - Math.clz32(room);
      room = ~words[full + chunk]!;
    }
    return (chunk << 5) + 31 - Math.clz32(room);
  }

  private noteFull(base: number, order: number, w: number): void {
    const { words } = this;
    const at = base + 1024 + 32 * order + (w >> 5);
    words[at]! |= 1 << (w & 31);
    if (words[at] === -1) words[base + 1248 + order]! |= 1 << (w >> 5);
  }

  /** First pages of the free blocks of an order in a word. */
  private freeIn(word: number, order: number): number {
    let free = ~word;
    for (let k = 0; k < order; k++) free &= free >>> (1 << k);
    return free & this.aligned[order]!;
  }

  /** Pages of a word, free before, are taken; only of its block of order 5 it is noted that this is not free. */
  private takeIn(base: number, w: number, pages: number): void {
    const { words } = this;
    const old = words[base + w]!;
    words[base + w] = old | pages;
    if (old === 0) this.noteFull(base, 5, w);
  }

  /** Pages of a word, taken before, are free: it is not full for the orders of the blocks that there are now. */
  private releaseIn(base: number, w: number, pages: number): void {
    const { words, aligned } = this;
    let free = ~words[base + w]! | pages;
    words[base + w] = ~free;
    const others = ~(1 << (w & 31));
    const otherChunks = ~(1 << (w >> 5));
    let at = base + 1024 + (w >> 5);
    for (let order = 0; free !== 0; order++) {
      words[at]! &= others;
      words[base + 1248 + order]! &= otherChunks;
      if (order === 5) return;
      free &= (free >>> (1 << order)) & aligned[order + 1]!;
      at += 32;
    }
  }

  /** The words from `from` to `end`, both included and all free, are taken. */
  private fillWords(base: number, from: number, end: number): void {
    if (from > end) return;
    const { words } = this;
    for (let w = base + from; w <= base + end; w++) words[w] = -1;
    for (let chunk = from >> 5; chunk <= end >> 5; chunk++) {
      const bits = bitsIn(chunk, from, end);
      for (let order = 0; order < 6; order++) {
        const at = base + 1024 + 32 * order + chunk;
        words[at]! |= bits;
        if (words[at] === -1) words[base + 1248 + order]! |= 1 << chunk;
      }
    }
  }

  /** The words from `from` to `end`, both included and all taken, are free. */
  private clearWords(base: number, from: number, end: number): void {
    if (from > end) return;
    const { words } = this;
    for (let w = base + from; w <= base + end; w++) words[w] = 0;
    for (let chunk = from >> 5; chunk <= end >> 5; chunk++) {
      const bits = bitsIn(chunk, from, end);
      for (let order = 0; order < 6; order++) {
        words[base + 1024 + 32 * order + chunk]! &= ~bits;
        words[base + 1248 + order]! &= ~(1 << chunk);
      }
    }
  }

  /**
   * The highest block of an order at or below `block` whose first `pages` pages, more than half of it, are
   * free; -1 if there is none.
   */
  partOfBlock(base: number, order: number, block: number, pages: number): number {
    const half = order - 1;
    for (let at = 2 * block; at >= 0; at -= 2) {
      at = this.freeBlock(base, half, at);
      if (at < 0) return -1;
      const first = at << half;
      if ((at & 1) === 1) at++;
      else if (this.isFree(base, first + (1 << half), first + pages - 1)) return at >> 1;
    }
    return -1;
  }

  /** Whether the pages from `first` to `last`, both included, are free. */
  private isFree(base: number, first: number, last: number): boolean {
    const end = last >> 5;
    for (let w = first >> 5; w <= end; w++) {
      if ((this.words[base + w]! & bitsIn(w, first, last)) !== 0) return false;
    }
    return true;
  }

  /** Becomes a copy of `from`. */
  assign(from: PageRegions): void {
    const { length, used } = from;
    if (this.words.length < used * STRIDE) this.resize(from.words.length / STRIDE);
    this.words.set(from.words.subarray(0, used * STRIDE));
    if (this.used > used) this.words.fill(0, used * STRIDE, this.used * STRIDE);
    this.numbers.set(from.numbers.subarray(0, length));
    this.numbers.fill(UNUSED, length);
    this.bases.set(from.bases.subarray(0, length));
    this.length = length;
    this.forget();
    this.used = used;
    this.spare = from.spare.slice();
  }

  private seek(pfn: number): number {
    const number = Math.floor(pfn / REGION_PAGES);
    const i = this.indexAt(number);
    this.base = i >= 0 && this.numbers[i] === number ? this.bases[i]! : -1;
    this.first = number * REGION_PAGES;
    return pfn - this.first;
  }

  private make(number: number): number {
    const base = this.takeBlock();
    const { numbers, bases, length } = this;
    const i = this.indexAt(number) + 1;
    numbers.copyWithin(i + 1, i, length);
    bases.copyWithin(i + 1, i, length);
    numbers[i] = number;
    bases[i] = base;
    this.length++;
    return base;
  }

  /** A block of zeros, with room for one more region. */
  private takeBlock(): number {
    if (this.spare.length === 0 && this.used * STRIDE === this.words.length) this.dropEmpty();
    const block = this.spare.pop();
    if (block !== undefined) return block;
    if (this.used * STRIDE === this.words.length) this.resize(2 * this.used);
    return this.used++ * STRIDE;
  }

  /** Regions that hold nothing any more are none. */
  private dropEmpty(): void {
    const { words, numbers, bases, length } = this;
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const base = bases[i]!;
      // A range may reach into the region without starting there.
      if (startsOf(words, base) === 0 && words[base + 1246] === 0) {
        this.spare.push(base);
        continue;
      }
      numbers[kept] = numbers[i]!;
      bases[kept++] = base;
    }
    numbers.fill(UNUSED, kept);
    this.forget();
    this.length = kept;
  }

  /** Regions have moved. */
  private forget(): void {
    this.found.fill(0);
    this.first = Number.NaN;
    this.base = -1;
  }

  private resize(regions: number): void {
    const { words, numbers, bases } = this;
    this.words = new Int32Array(regions * STRIDE);
    this.words.set(words);
    this.numbers = new Float64Array(regions).fill(UNUSED);
    this.numbers.set(numbers);
    this.bases = new Int32Array(regions);
    this.bases.set(bases);
  }
}

/** Bits of word `w` that belong to those from `from` to `end`, both included. */
function bitsIn(w: number, from: number, end: number): number {
  let bits = -1;
  if (w === from >> 5) bits <<= from & 31;
  if (w === end >> 5) bits &= -1 >>> (31 - (end & 31));
  return bits;
}
