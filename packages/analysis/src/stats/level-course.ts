// Levels that hold from one row to the next: peaks, integrals, and their course in buckets whose width doubles.
//
// The buckets are those of series.ts when both are advanced to the same times.

import { type LevelSeries, SERIES_BUCKETS } from './series.ts';

/** A fixed number of levels; the owner changes `now` between {@link advance} and {@link settle}. */
export class LevelCourse {
  readonly now: Float64Array;
  readonly peak: Float64Array;
  /** Level x ns since the start. */
  readonly integral: Float64Array;
  readonly #levels: number;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #last: Float64Array;
  readonly #area: Float64Array;
  #width = 1000;
  #bucket = 0;
  #time = 0;

  constructor(levels: number) {
    this.#levels = levels;
    this.now = new Float64Array(levels);
    this.peak = new Float64Array(levels);
    this.integral = new Float64Array(levels);
    this.#min = new Float64Array(SERIES_BUCKETS * levels);
    this.#max = new Float64Array(SERIES_BUCKETS * levels);
    this.#last = new Float64Array(SERIES_BUCKETS * levels);
    this.#area = new Float64Array(SERIES_BUCKETS * levels);
  }

  /** Carries the levels on to `time`, ns. */
  advance(time: number): void {
    while (time >= this.#width * SERIES_BUCKETS) this.#double();
    while (time >= (this.#bucket + 1) * this.#width) {
      this.#integrate((this.#bucket + 1) * this.#width);
      this.#last.set(this.now, this.#bucket * this.#levels);
      this.#bucket++;
      this.#min.set(this.now, this.#bucket * this.#levels);
      this.#max.set(this.now, this.#bucket * this.#levels);
    }
    if (time > this.#time) this.#integrate(time);
  }

  /** Takes the changed levels into the peaks. */
  settle(): void {
    const base = this.#bucket * this.#levels;
    for (let i = 0; i < this.#levels; i++) {
      const value = this.now[i]!;
      if (value > this.peak[i]!) this.peak[i] = value;
      if (value < this.#min[base + i]!) this.#min[base + i] = value;
      else if (value > this.#max[base + i]!) this.#max[base + i] = value;
    }
  }

  /** The course of one level up to the time reached. */
  series(level: number): LevelSeries {
    this.#last.set(this.now, this.#bucket * this.#levels);
    const column = (of: Float64Array): number[] => {
      const values = new Array<number>(this.#bucket + 1);
      for (let i = 0; i < values.length; i++) values[i] = of[i * this.#levels + level]!;
      return values;
    };
    const mean = column(this.#area).map((area, i) => {
      const span = Math.min(this.#time, (i + 1) * this.#width) - i * this.#width;
      return span > 0 ? Math.round((area / span) * 1000) / 1000 : this.now[level]!;
    });
    return { min: column(this.#min), max: column(this.#max), last: column(this.#last), mean };
  }

  #integrate(time: number): void {
    const span = time - this.#time;
    this.#time = time;
    const base = this.#bucket * this.#levels;
    for (let i = 0; i < this.#levels; i++) {
      const area = this.now[i]! * span;
      this.integral[i]! += area;
      this.#area[base + i]! += area;
    }
  }

  #double(): void {
    this.#last.set(this.now, this.#bucket * this.#levels);
    const levels = this.#levels;
    for (let i = 0; i < SERIES_BUCKETS / 2; i++) {
      const right = 2 * i + 1 <= this.#bucket ? 2 * i + 1 : 2 * i;
      for (let j = 0; j < levels; j++) {
        const [l, r, t] = [2 * i * levels + j, right * levels + j, i * levels + j];
        this.#min[t] = Math.min(this.#min[l]!, this.#min[r]!);
        this.#max[t] = Math.max(this.#max[l]!, this.#max[r]!);
        this.#last[t] = this.#last[r]!;
        this.#area[t] = l === r ? this.#area[l]! : this.#area[l]! + this.#area[r]!;
      }
    }
    const half = (SERIES_BUCKETS / 2) * levels;
    for (const column of [this.#min, this.#max, this.#last, this.#area]) column.fill(0, half);
    this.#bucket = Math.floor(this.#bucket / 2);
    this.#width *= 2;
  }
}
