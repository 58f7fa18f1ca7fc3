// Counts over time in buckets whose width doubles as time goes on.
//
// The buckets are those of series.ts when both are carried on to the same time.

import { SERIES_BUCKETS } from './series.ts';

/** A fixed number of counters, each with one count per bucket. */
export class CountCourse {
  readonly #counters: number;
  readonly #counts: Float64Array;
  #width = 1000;
  #bucket = 0;

  constructor(counters: number) {
    this.#counters = counters;
    this.#counts = new Float64Array(SERIES_BUCKETS * counters);
  }

  /** Makes the bucket of `time`, ns, the current one; time does not go back. */
  advance(time: number): void {
    while (time >= this.#width * SERIES_BUCKETS) this.#double();
    if (time >= (this.#bucket + 1) * this.#width) this.#bucket = Math.floor(time / this.#width);
  }

  /** Adds 1 to `counter` in the current bucket. */
  count(counter: number): void {
    this.#counts[this.#bucket * this.#counters + counter]!++;
  }

  /** The counts of one counter up to the time reached. */
  series(counter: number): number[] {
    return Array.from(
      { length: this.#bucket + 1 },
      (_, i) => this.#counts[i * this.#counters + counter]!,
    );
  }

  #double(): void {
    const n = this.#counters;
    const counts = this.#counts;
    for (let i = 0; i < SERIES_BUCKETS / 2; i++) {
      for (let j = 0; j < n; j++) {
        counts[i * n + j] = counts[2 * i * n + j]! + counts[(2 * i + 1) * n + j]!;
      }
    }
    counts.fill(0, (SERIES_BUCKETS / 2) * n);
    this.#bucket = Math.floor(this.#bucket / 2);
    this.#width *= 2;
  }
}
