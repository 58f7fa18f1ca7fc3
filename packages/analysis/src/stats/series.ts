// Levels and counts over time in a fixed number of buckets whose width doubles as time goes on.
//
// A bucket keeps of each level the smallest and the largest value, the last one and the mean over
// its time, and the split live / queued / cached at its highest moment. A level that does not change
// in a bucket still shows in it.

import { LEVELS, Level } from './gauges.ts';

/** Most buckets of a series; at least half of them are in use once time has passed SERIES_BUCKETS microseconds. */
export const SERIES_BUCKETS = 512;

/** Events that are counted per bucket. */
export const Tally = { mapped: 0, failed: 1, unmapped: 2, flushes: 3, sync: 4 } as const;
export type Tally = (typeof Tally)[keyof typeof Tally];
const TALLIES = 5;

/** One level over time: one value per bucket. */
export interface LevelSeries {
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly last: readonly number[];
  readonly mean: readonly number[];
}

/** What a series is kept as: bucket i spans [i, i + 1) x bucketNs. Bytes are address space (pages x granule). */
export interface Series {
  readonly schema: 'dmalab.series/1';
  readonly bucketNs: number;
  readonly buckets: number;
  readonly liveBytes: LevelSeries;
  readonly queuedBytes: LevelSeries;
  readonly cachedBytes: LevelSeries;
  readonly takenBytes: LevelSeries;
  readonly low32Bytes: LevelSeries;
  readonly liveMappings: LevelSeries;
  readonly queuedEntries: LevelSeries;
  /** The split at each bucket's highest moment of takenBytes. */
  readonly highest: {
    readonly live: readonly number[];
    readonly queued: readonly number[];
    readonly cached: readonly number[];
  };
  readonly mapped: readonly number[];
  readonly failed: readonly number[];
  readonly unmapped: readonly number[];
  readonly flushes: readonly number[];
  readonly rangeInvalidations: readonly number[];
}

/** Fills a series. `current` holds the LEVELS levels as they are; its owner changes it. */
export class SeriesRecorder {
  #width = 1000;
  #bucket = 0;
  #bucketEnd = 1000;
  #time = 0;
  readonly #current: Float64Array;
  readonly #min = new Float64Array(SERIES_BUCKETS * LEVELS);
  readonly #max = new Float64Array(SERIES_BUCKETS * LEVELS);
  readonly #last = new Float64Array(SERIES_BUCKETS * LEVELS);
  readonly #integral = new Float64Array(SERIES_BUCKETS * LEVELS);
  readonly #highest = new Float64Array(SERIES_BUCKETS * 3);
  readonly #tally = new Float64Array(SERIES_BUCKETS * TALLIES);

  constructor(current: Float64Array) {
    this.#current = current;
  }

  /** Carries the levels on to `time`; call it before they change and before {@link count}. */
  advance(time: number): void {
    if (time >= this.#bucketEnd) this.#moveTo(time);
    if (time > this.#time) this.#integrate(time);
  }

  /** Takes the levels that have changed at the time reached. */
  settle(): void {
    const at = this.#bucket * LEVELS;
    const current = this.#current;
    const min = this.#min;
    const max = this.#max;
    const higher = current[Level.taken]! > max[at + Level.taken]!;
    for (let i = 0; i < LEVELS; i++) {
      const value = current[i]!;
      if (value < min[at + i]!) min[at + i] = value;
      else if (value > max[at + i]!) max[at + i] = value;
    }
    if (higher) for (let i = 0; i < 3; i++) this.#highest[this.#bucket * 3 + i] = current[i]!;
  }

  count(tally: Tally): void {
    this.#tally[this.#bucket * TALLIES + tally]!++;
  }

  /** The series up to the last time that was reached. */
  series(): Series {
    const buckets = this.#bucket + 1;
    this.#close();
    const level = (of: Level): LevelSeries => this.#levelSeries(of, buckets);
    const tally = (of: Tally): number[] => column(this.#tally, TALLIES, of, buckets);
    return {
      schema: 'dmalab.series/1',
      bucketNs: this.#width,
      buckets,
      liveBytes: level(Level.live),
      queuedBytes: level(Level.queued),
      cachedBytes: level(Level.cached),
      takenBytes: level(Level.taken),
      low32Bytes: level(Level.low32),
      liveMappings: level(Level.mappings),
      queuedEntries: level(Level.entries),
      highest: {
        live: column(this.#highest, 3, 0, buckets),
        queued: column(this.#highest, 3, 1, buckets),
        cached: column(this.#highest, 3, 2, buckets),
      },
      mapped: tally(Tally.mapped),
      failed: tally(Tally.failed),
      unmapped: tally(Tally.unmapped),
      flushes: tally(Tally.flushes),
      rangeInvalidations: tally(Tally.sync),
    };
  }

  #levelSeries(level: Level, buckets: number): LevelSeries {
    const mean = column(this.#integral, LEVELS, level, buckets);
    for (let i = 0; i < buckets; i++) {
      const span = Math.min(this.#time, (i + 1) * this.#width) - i * this.#width;
      mean[i] = span > 0 ? round(mean[i]! / span) : this.#current[level]!;
    }
    return {
      min: column(this.#min, LEVELS, level, buckets),
      max: column(this.#max, LEVELS, level, buckets),
      last: column(this.#last, LEVELS, level, buckets),
      mean,
    };
  }

  /** Makes the bucket of `time` the current one. */
  #moveTo(time: number): void {
    while (time >= this.#width * SERIES_BUCKETS) this.#double();
    while (time >= (this.#bucket + 1) * this.#width) {
      this.#integrate((this.#bucket + 1) * this.#width);
      this.#close();
      this.#bucket++;
      this.#open();
    }
    this.#bucketEnd = (this.#bucket + 1) * this.#width;
  }

  #integrate(time: number): void {
    const span = time - this.#time;
    this.#time = time;
    const at = this.#bucket * LEVELS;
    const current = this.#current;
    const integral = this.#integral;
    for (let i = 0; i < LEVELS; i++) integral[at + i]! += current[i]! * span;
  }

  #close(): void {
    this.#last.set(this.#current, this.#bucket * LEVELS);
  }

  /** A new bucket begins with the levels that the last one ended with. */
  #open(): void {
    const at = this.#bucket * LEVELS;
    this.#min.set(this.#current, at);
    this.#max.set(this.#current, at);
    this.#highest.set(this.#current.subarray(0, 3), this.#bucket * 3);
  }

  #double(): void {
    this.#close();
    const half = SERIES_BUCKETS / 2;
    for (let i = 0; i < half; i++) {
      const right = 2 * i + 1 <= this.#bucket ? 2 * i + 1 : 2 * i;
      this.#mergeLevels(i, 2 * i, right);
      for (let j = 0; j < TALLIES; j++) {
        const sum = this.#tally[2 * i * TALLIES + j]! + this.#tally[(2 * i + 1) * TALLIES + j]!;
        this.#tally[i * TALLIES + j] = sum;
      }
    }
    for (const [column, per] of this.#columns()) column.fill(0, half * per);
    this.#bucket = Math.floor(this.#bucket / 2);
    this.#width *= 2;
  }

  /** Buckets `left` and `right` become bucket `to`; they are equal where there is no right one. */
  #mergeLevels(to: number, left: number, right: number): void {
    const higher =
      this.#max[right * LEVELS + Level.taken]! > this.#max[left * LEVELS + Level.taken]!;
    const from = (higher ? right : left) * 3;
    this.#highest.copyWithin(to * 3, from, from + 3);
    for (let j = 0; j < LEVELS; j++) {
      const [l, r, t] = [left * LEVELS + j, right * LEVELS + j, to * LEVELS + j];
      this.#min[t] = Math.min(this.#min[l]!, this.#min[r]!);
      this.#max[t] = Math.max(this.#max[l]!, this.#max[r]!);
      this.#last[t] = this.#last[r]!;
      this.#integral[t] = l === r ? this.#integral[l]! : this.#integral[l]! + this.#integral[r]!;
    }
  }

  #columns(): (readonly [Float64Array, number])[] {
    return [
      [this.#min, LEVELS],
      [this.#max, LEVELS],
      [this.#last, LEVELS],
      [this.#integral, LEVELS],
      [this.#highest, 3],
      [this.#tally, TALLIES],
    ];
  }
}

function column(columns: Float64Array, per: number, at: number, buckets: number): number[] {
  const values = new Array<number>(buckets);
  for (let i = 0; i < buckets; i++) values[i] = columns[i * per + at]!;
  return values;
}

/** A thousandth is finer than anything a chart shows, and keeps the files small. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
