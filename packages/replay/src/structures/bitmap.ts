// Bits in words, for allocators that look for runs of free pages.

/** As many bits as asked for, all 0 at first. */
export class Bitmap {
  readonly words: Uint32Array;
  /** Words that `firstZero` and `firstOne` looked at; anyone may reset it. */
  steps = 0;

  constructor(bits: number) {
    this.words = new Uint32Array(Math.ceil(bits / 32));
  }

  has(bit: number): boolean {
    return (this.words[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  /** The first bit from `bit` to `end` - 1 that is 0, else `end`. */
  firstZero(bit: number, end: number): number {
    return this.first(bit, end, 0xffff_ffff);
  }

  /** The first bit from `bit` to `end` - 1 that is 1, else `end`. */
  firstOne(bit: number, end: number): number {
    return this.first(bit, end, 0);
  }

  /** Sets `bits` bits from `bit` on. */
  set(bit: number, bits: number): void {
    for (let at = bit, end = bit + bits; at < end; ) {
      const mask = maskOf(at, end);
      this.words[at >>> 5]! |= mask;
      at = (at | 31) + 1;
    }
  }

  /** Clears `bits` bits from `bit` on. */
  clear(bit: number, bits: number): void {
    for (let at = bit, end = bit + bits; at < end; ) {
      this.words[at >>> 5]! &= ~maskOf(at, end);
      at = (at | 31) + 1;
    }
  }

  /** Ones from `bit` to `end` - 1. */
  count(bit: number, end: number): number {
    let ones = 0;
    for (let at = bit; at < end; at = (at | 31) + 1) {
      ones += onesOf(this.words[at >>> 5]! & maskOf(at, end));
    }
    return ones;
  }

  private first(bit: number, end: number, skip: number): number {
    const { words } = this;
    let at = bit;
    while (at < end) {
      this.steps++;
      const found = (words[at >>> 5]! ^ skip) & (-1 << (at & 31));
      if (found !== 0) return Math.min(end, (at & ~31) + 31 - Math.clz32(found & -found));
      at = (at | 31) + 1;
    }
    return end;
  }
}

/** The bits of the word of `at` from `at` on, up to `end` - 1. */
function maskOf(at: number, end: number): number {
  const from = -1 << (at & 31);
  const rest = end - (at & ~31);
  return rest >= 32 ? from : from & ((1 << rest) - 1);
}

function onesOf(word: number): number {
  let x = word - ((word >>> 1) & 0x5555_5555);
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
