// Levels over time (pages live, queued, cached, below 4 GiB; mappings; entries) in slots: one per
// domain, and one for their sum. A slot keeps the current levels, their integrals, their peaks, and
// the split at the moment when most was taken.
//
// Levels hold from the row that reports them until the next row of the slot. Means are kept of the
// first five.

/** The levels of a slot, in this order. */
export const Level = {
  live: 0,
  queued: 1,
  cached: 2,
  low32: 3,
  mappings: 4,
  entries: 5,
  /** live + queued + cached. */
  taken: 6,
} as const;
export type Level = (typeof Level)[keyof typeof Level];

/** Levels per slot. */
export const LEVELS = 7;
const INTEGRATED = 5;

/** Pages (or bytes) by state. */
export interface LevelSplit {
  readonly live: number;
  readonly queued: number;
  readonly cached: number;
  readonly low32: number;
}

/** See the head of the file. */
export class Gauges {
  /** Current levels: `slot * LEVELS + level`. */
  readonly now: Float64Array;
  readonly #integral: Float64Array;
  readonly #peak: Float64Array;
  readonly #peakSplit: Float64Array;
  readonly #peakAt: Float64Array;
  readonly #first: Float64Array;
  readonly #last: Float64Array;

  constructor(slots: number) {
    this.now = new Float64Array(slots * LEVELS);
    this.#integral = new Float64Array(slots * INTEGRATED);
    this.#peak = new Float64Array(slots * LEVELS);
    this.#peakSplit = new Float64Array(slots * 4);
    this.#peakAt = new Float64Array(slots);
    this.#first = new Float64Array(slots).fill(-1);
    this.#last = new Float64Array(slots);
  }

  /** Carries the levels of `slot` on to `time`. Call before `now` is changed. */
  advance(slot: number, time: number): void {
    if (this.#first[slot]! < 0) {
      this.#first[slot] = time;
      this.#last[slot] = time;
      return;
    }
    const span = time - this.#last[slot]!;
    if (span <= 0) return;
    this.#last[slot] = time;
    const { now } = this;
    const integral = this.#integral;
    const base = slot * LEVELS;
    const at = slot * INTEGRATED;
    for (let i = 0; i < INTEGRATED; i++) integral[at + i]! += now[base + i]! * span;
  }

  /** Takes the changed levels of `slot` at `time` into the peaks; taken is derived. */
  settle(slot: number, time: number): void {
    const { now } = this;
    const peak = this.#peak;
    const base = slot * LEVELS;
    now[base + Level.taken] = now[base]! + now[base + Level.queued]! + now[base + Level.cached]!;
    if (now[base + Level.taken]! > peak[base + Level.taken]!) {
      this.#peakAt[slot] = time;
      for (let i = 0; i < 4; i++) this.#peakSplit[slot * 4 + i] = now[base + i]!;
    }
    for (let i = base; i < base + LEVELS; i++) if (now[i]! > peak[i]!) peak[i] = now[i]!;
  }

  /** True once the slot had a row. */
  used(slot: number): boolean {
    return this.#first[slot]! >= 0;
  }

  peak(slot: number, level: Level): number {
    return this.#peak[slot * LEVELS + level]!;
  }

  /** ns of the moment when most was taken. */
  peakAt(slot: number): number {
    return this.#peakAt[slot]!;
  }

  /** Levels at the moment when most was taken. */
  atPeak(slot: number): LevelSplit {
    return splitAt(this.#peakSplit, slot * 4);
  }

  atEnd(slot: number): LevelSplit {
    return splitAt(this.now, slot * LEVELS);
  }

  /** Integral of `level` over time divided by the time from `from` to `end`, 0 where that is empty. */
  mean(slot: number, level: Level, from: number, end: number): number {
    return end > from ? this.#integral[slot * INTEGRATED + level]! / (end - from) : 0;
  }

  /** Time of the first row of `slot`. */
  first(slot: number): number {
    return Math.max(0, this.#first[slot]!);
  }
}

function splitAt(levels: Float64Array, at: number): LevelSplit {
  return {
    live: levels[at]!,
    queued: levels[at + 1]!,
    cached: levels[at + 2]!,
    low32: levels[at + 3]!,
  };
}
