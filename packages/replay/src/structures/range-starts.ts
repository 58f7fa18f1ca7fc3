// Where ranges start, in the regions of page-regions.ts.
//
// A bit for the first page of each range, from word 1552 of a region on. Under the bits the number of starts
// of each word (a byte, from word 1296 on), of each 1024 pages (from word 1264 on) and of the region (word
// 1260): starts are counted without visiting them. The functions say these numbers as they are, as in
// page-regions.ts.

/** Starts in the region at `base`. */
export function startsOf(words: Int32Array, base: number): number {
  return words[base + 1260]!;
}

export function addStart(words: Int32Array, base: number, page: number): void {
  words[base + 1552 + (page >> 5)]! |= 1 << (page & 31);
  words[base + 1296 + (page >> 7)]! += 1 << ((page >> 2) & 24);
  words[base + 1264 + (page >> 10)]!++;
  words[base + 1260]!++;
}

export function dropStart(words: Int32Array, base: number, page: number): void {
  words[base + 1552 + (page >> 5)]! &= ~(1 << (page & 31));
  words[base + 1296 + (page >> 7)]! -= 1 << ((page >> 2) & 24);
  words[base + 1264 + (page >> 10)]!--;
  words[base + 1260]!--;
}

export function isStart(words: Int32Array, base: number, page: number): boolean {
  return ((words[base + 1552 + (page >> 5)]! >> (page & 31)) & 1) === 1;
}

/** Last page in the region of the range that starts at, or goes on over, `page`. */
export function lastOf(words: Int32Array, base: number, page: number): number {
  let w = page >> 5;
  let ends = (~words[base + w]! | words[base + 1552 + w]!) & (-2 << (page & 31));
  while (ends === 0) {
    if (++w === 1024) return 0x7fff;
    ends = ~words[base + w]! | words[base + 1552 + w]!;
  }
  return (w << 5) + 30 - Math.clz32(ends & -ends);
}

/** The lowest start at or above `page` in the region, -1 if there is none. */
export function startFrom(words: Int32Array, base: number, page: number): number {
  const end = base + 1552 + 1024;
  let at = base + 1552 + (page >> 5);
  let starts = words[at]! & (-1 << (page & 31));
  if (starts === 0) {
    at++;
    // Up to the end of its chunk, then chunk by chunk.
    while (((at - end) & 31) !== 0 && words[at] === 0) at++;
    if (((at - end) & 31) === 0) {
      let chunk = 32 - ((end - at) >> 5);
      while (chunk < 32 && words[base + 1264 + chunk] === 0) chunk++;
      if (chunk === 32) return -1;
      at = base + 1552 + 32 * chunk;
      while (words[at] === 0) at++;
    }
    starts = words[at]!;
  }
  return ((at - base - 1552) << 5) + 31 - Math.clz32(starts & -starts);
}

/** The highest start at or below `page` in the region, -1 if there is none. */
export function startAtOrBelow(words: Int32Array, base: number, page: number): number {
  let w = page >> 5;
  let starts = words[base + 1552 + w]! & (-1 >>> (31 - (page & 31)));
  if (starts === 0) {
    w--;
    while ((w & 31) !== 31 && words[base + 1552 + w] === 0) w--;
    if ((w & 31) === 31) {
      let chunk = w >> 5;
      while (chunk >= 0 && words[base + 1264 + chunk] === 0) chunk--;
      if (chunk < 0) return -1;
      w = (chunk << 5) + 31;
      while (words[base + 1552 + w] === 0) w--;
    }
    starts = words[base + 1552 + w]!;
  }
  return (w << 5) + 31 - Math.clz32(starts);
}

/** Starts from page `from` to `end` - 1. */
export function startsIn(words: Int32Array, base: number, from: number, end: number): number {
  let w = from >> 5;
  const last = end >> 5;
  let sum = 0 - onesOf(words[base + 1552 + w]! & ((1 << (from & 31)) - 1));
  if ((end & 31) !== 0) sum += onesOf(words[base + 1552 + last]! & ((1 << (end & 31)) - 1));
  if (w >> 5 === last >> 5) return sum + startsOfWords(words, base, w, last);
  if ((w & 31) !== 0) {
    sum += startsOfWords(words, base, w, (w | 31) + 1);
    w = (w | 31) + 1;
  }
  for (let chunk = base + 1264 + (w >> 5); chunk < base + 1264 + (last >> 5); chunk++)
    sum += words[chunk]!;
  return sum + startsOfWords(words, base, last & ~31, last);
}

/** Starts in the words from `from` to `end` - 1, at most 32 of them: their numbers are bytes, four in a word. */
function startsOfWords(words: Int32Array, base: number, from: number, end: number): number {
  const counts = base + 1296;
  const last = end >> 2;
  let at = from >> 2;
  // The even and the odd bytes of a word are added to two sums of 16 bits.
  let sums = 0;
  let word = words[counts + at]! & (-1 << (8 * (from & 3)));
  while (at < last) {
    sums += (word & 0x00ff_00ff) + ((word >>> 8) & 0x00ff_00ff);
    word = words[counts + ++at]!;
  }
  word &= (1 << (8 * (end & 3))) - 1;
  sums += (word & 0x00ff_00ff) + ((word >>> 8) & 0x00ff_00ff);
  return (sums + (sums >>> 16)) & 0xffff;
}

function onesOf(word: number): number {
  let x = word - ((word >>> 1) & 0x5555_5555);
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
