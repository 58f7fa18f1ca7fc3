// The last flush times of one domain, in ascending order, in a ring.

const SIZE = 4096;

/** See the head of the file. */
export class FlushTimes {
  readonly #times = new Float64Array(SIZE);
  #pushed = 0;

  /** `time` is not before the last one. */
  push(time: number): void {
    this.#times[this.#pushed++ % SIZE] = time;
  }

  /** The first kept time after `time`, undefined where there is none. */
  firstAfter(time: number): number | undefined {
    let lo = Math.max(0, this.#pushed - SIZE);
    let hi = this.#pushed;
    while (lo < hi) {
      const middle = Math.floor((lo + hi) / 2);
      if (this.#times[middle % SIZE]! > time) hi = middle;
      else lo = middle + 1;
    }
    return lo < this.#pushed ? this.#times[lo % SIZE] : undefined;
  }
}
