// Free slots of a bounce pool, one bit each, with bounds that let a search skip what is too full.
//
// Stands for the `list` counts of kernel/dma/swiotlb.c: the free run from a slot ends with its slot
// set of 128 slots. The kernel keeps a count per slot and walks; here a run is counted in the bits.
//
// A bound is never below the longest free run of its slot set (or of 32 sets) that starts at a slot of
// its class: any slot, every second one, every fourth one. Takes leave bounds alone; a search in vain
// lowers them.

/** Slots of a slot set: no run is longer (`IO_TLB_SEGSIZE`). */
export const SET_SLOTS = 128;
/** What `first` returns when there is nothing. */
export const NO_RUN = -1;

const SET_SHIFT = 7;
const BLOCK_SHIFT = 5;
const BLOCK_MASK = 31;
const WORDS_PER_SET = 4;
/** Class of steps of 1; of 2 from slot 0 and 1; of 4 from slot 0 to 3; the eighth is not used. */
const CLASSES = 8;
const CLASS_SHIFT = 3;

/** One bit per slot, all free at first. */
export class SlotMap {
  readonly slots: number;
  readonly #free: Int32Array;
  readonly #sets: number;
  readonly #blocks: number;
  /** By set and class, by block of 32 sets and class. */
  readonly #setBound: Uint8Array;
  /** By set: 1 once a bound of it was lowered. A block's bound is low only if those of its sets are. */
  readonly #lowered: Uint8Array;
  readonly #blockBound: Uint8Array;

  constructor(slots: number) {
    this.slots = slots;
    this.#sets = Math.ceil(slots / SET_SLOTS);
    this.#blocks = (this.#sets >> BLOCK_SHIFT) + 1;
    this.#free = new Int32Array(this.#sets * WORDS_PER_SET);
    this.#setBound = new Uint8Array(CLASSES * this.#sets);
    this.#blockBound = new Uint8Array(CLASSES * this.#blocks);
    this.#lowered = new Uint8Array(this.#sets);
    this.clear();
  }

  /** Makes all slots free. */
  clear(): void {
    this.#free.fill(0);
    const words = this.slots >> 5;
    this.#free.fill(-1, 0, words);
    const rest = this.slots & 31;
    if (rest > 0) this.#free[words] = (1 << rest) - 1;
    this.#setBound.fill(SET_SLOTS);
    this.#blockBound.fill(SET_SLOTS);
    this.#lowered.fill(0);
  }

  /** Free slots from `slot` to the first used one or the end of its slot set; 0 if it is used. */
  run(slot: number): number {
    const free = this.#free;
    let word = slot >> 5;
    const bit = slot & 31;
    const used = ~free[word]! >>> bit;
    if (used !== 0) return 31 - Math.clz32(used & -used);
    let run = 32 - bit;
    const end = (word | 3) + 1;
    for (word++; word < end; word++) {
      const more = ~free[word]!;
      if (more !== 0) return run + 31 - Math.clz32(more & -more);
      run += 32;
    }
    return run;
  }

  /** Whether `n` slots from `slot` are free, all in its slot set. */
  fits(slot: number, n: number): boolean {
    const bit = slot & 31;
    if (bit + n > 31) return this.run(slot) >= n;
    const ones = (1 << n) - 1;
    return ((this.#free[slot >> 5]! >>> bit) & ones) === ones;
  }

  /** Takes `n` free slots from `slot`, all in one slot set. */
  take(slot: number, n: number): void {
    const free = this.#free;
    let word = slot >> 5;
    let bit = slot & 31;
    if (bit + n < 32) {
      free[word] = free[word]! & ~(((1 << n) - 1) << bit);
      return;
    }
    for (let left = n; left > 0; word++) {
      const here = 32 - bit < left ? 32 - bit : left;
      free[word] = free[word]! & ~bits(here, bit);
      left -= here;
      bit = 0;
    }
  }

  /** Makes `n` taken slots from `slot` free. */
  give(slot: number, n: number): void {
    const free = this.#free;
    let word = slot >> 5;
    let bit = slot & 31;
    for (let left = n; left > 0; word++) {
      const here = 32 - bit < left ? 32 - bit : left;
      free[word] = free[word]! | bits(here, bit);
      left -= here;
      bit = 0;
    }
    const set = slot >> SET_SHIFT;
    if (this.#lowered[set] !== 0) this.#raise(set, this.#runBefore(slot) + this.run(slot));
  }

  /**
   * First of the slots `from`, `from + step`, ... below `end` where `n` slots are free, or
   * {@link NO_RUN}. `step` is a power of two. With `phase` >= 0, (phase + slot) mod `period` + n must not
   * exceed `period` (a power of two): the segment boundary of the device.
   */
  first(from: number, end: number, step: number, n: number, phase: number, period: number): number {
    if (from >= end) return NO_RUN;
    if (this.run(from) >= n && (phase < 0 || fits(phase + from, n, period))) return from;
    const setBound = this.#setBound;
    const mask = step - 1;
    const kind = mask < 3 ? mask + (from & mask) : 3 + (from & 3);
    let slot = from;
    while (slot < end) {
      const set = slot >> SET_SHIFT;
      const setEnd = (set + 1) << SET_SHIFT;
      if (setBound[(set << CLASS_SHIFT) + kind]! >= n) {
        const found = this.#firstInSet(from, slot, end, mask, n, phase, period, kind);
        if (found >= 0) return found;
      }
      slot = setEnd + ((from - setEnd) & mask);
      const next = slot >> SET_SHIFT;
      if ((next & BLOCK_MASK) === 0 && next - set === 1 && slot < end)
        slot = this.#skipBlocks(kind, next, from, slot, end, mask, n);
    }
    return NO_RUN;
  }

  /** Visits each run of free slots; one ends with its slot set. */
  eachRun(visit: (slots: number) => void): void {
    for (let slot = this.#nextFree(0, this.slots); slot < this.slots; ) {
      const run = this.run(slot);
      visit(run);
      slot = this.#nextFree(slot + run, this.slots);
    }
  }

  /** The words that hold slots `from` to `end`, as {@link restore} wants them. */
  save(from: number, end: number): Int32Array {
    return this.#free.slice(from >> 5, (end + 31) >> 5);
  }

  /** Puts slots `from` to `end` back as they were when `save` was called for them. */
  restore(from: number, end: number, saved: Int32Array): void {
    const first = from >> 5;
    for (let i = 0; i < saved.length; i++) {
      const start = (first + i) << 5;
      let mask = -1;
      if (start < from) mask &= -1 << (from - start);
      if (start + 32 > end) mask &= -1 >>> (start + 32 - end);
      this.#free[first + i] = (this.#free[first + i]! & ~mask) | (saved[i]! & mask);
    }
    for (let set = from >> SET_SHIFT; set << SET_SHIFT < end; set++) this.#raise(set, SET_SLOTS);
  }

  #firstInSet(
    from: number,
    first: number,
    end: number,
    mask: number,
    n: number,
    phase: number,
    period: number,
    kind: number,
  ): number {
    const setStart = (first >> SET_SHIFT) << SET_SHIFT;
    const setEnd = setStart + SET_SLOTS;
    const stop = setEnd < end ? setEnd : end;
    let longest = 0;
    let slot = first;
    while (slot < stop) {
      const run = this.run(slot);
      if (run >= n) {
        if (phase < 0 || fits(phase + slot, n, period)) return slot;
        longest = SET_SLOTS;
        slot += mask + 1;
        continue;
      }
      if (run > longest) longest = run;
      slot = this.#nextFree(slot + run, stop);
      slot += (from - slot) & mask;
    }
    // The whole set was seen, in steps that its class of slots covers.
    if (mask <= 3 && first <= setStart + mask && stop === setEnd) {
      const set = first >> SET_SHIFT;
      this.#setBound[(set << CLASS_SHIFT) + kind] = longest;
      this.#lowered[set] = 1;
    }
    return NO_RUN;
  }

  // First free slot from `slot` on, or `stop`.
  #nextFree(slot: number, stop: number): number {
    if (slot >= stop) return stop;
    const free = this.#free;
    let word = slot >> 5;
    let there = free[word]! & (-1 << (slot & 31));
    while (there === 0) {
      if (++word << 5 >= stop) return stop;
      there = free[word]!;
    }
    return (word << 5) + 31 - Math.clz32(there & -there);
  }

  // Passes blocks of sets that are too full; `slot` is the first candidate in set `set`, which begins one.
  #skipBlocks(
    kind: number,
    set: number,
    from: number,
    slot: number,
    end: number,
    mask: number,
    n: number,
  ): number {
    const setBound = this.#setBound;
    const blockBound = this.#blockBound;
    let block = set >> BLOCK_SHIFT;
    let at = slot;
    while (at < end && (block + 1) << BLOCK_SHIFT <= this.#sets) {
      const known = (block << CLASS_SHIFT) + kind;
      if (blockBound[known]! >= n) {
        const start = ((block << BLOCK_SHIFT) << CLASS_SHIFT) + kind;
        let longest = 0;
        for (let i = 0; i <= BLOCK_MASK; i++) {
          const bound = setBound[start + (i << CLASS_SHIFT)]!;
          if (bound > longest) longest = bound;
        }
        blockBound[known] = longest;
        if (longest >= n) return at;
      }
      block++;
      const blockStart = (block << BLOCK_SHIFT) << SET_SHIFT;
      at = blockStart + ((from - blockStart) & mask);
      if (at >> SET_SHIFT !== block << BLOCK_SHIFT) return at;
    }
    return at;
  }

  #runBefore(slot: number): number {
    const free = this.#free;
    let word = slot >> 5;
    const bit = slot & 31;
    let run = 0;
    if (bit > 0) {
      const used = ~free[word]! << (32 - bit);
      if (used !== 0) return Math.clz32(used);
      run = bit;
    }
    const start = word & ~3;
    for (word--; word >= start; word--) {
      const used = ~free[word]!;
      if (used !== 0) return run + Math.clz32(used);
      run += 32;
    }
    return run;
  }

  #raise(set: number, run: number): void {
    const setBound = this.#setBound;
    const blockBound = this.#blockBound;
    const inSet = set << CLASS_SHIFT;
    const inBlock = (set >> BLOCK_SHIFT) << CLASS_SHIFT;
    for (let kind = 0; kind < CLASSES - 1; kind++) {
      if (setBound[inSet + kind]! < run) setBound[inSet + kind] = run;
      if (blockBound[inBlock + kind]! < run) blockBound[inBlock + kind] = run;
    }
  }
}

// `n` ones from bit `bit` up; n + bit is at most 32.
function bits(n: number, bit: number): number {
  return n === 32 ? -1 : ((1 << n) - 1) << bit;
}

function fits(position: number, n: number, period: number): boolean {
  return (position & (period - 1)) + n <= period;
}
