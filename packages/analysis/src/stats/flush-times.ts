// The last flush times of one domain, in ascending order, in a ring.

/** Times that are kept, and room at first: a domain that is soon gone needs little. */
const SIZE = 4096;
const FEW = 64;

/** See the head of the file. */
export class FlushTimes {
  #times = new Float64Array(FEW);
  #pushed = 0;

  /** `time` is not before the last one. */
  push(time: number): void {
    if (this.#pushed === this.#times.length && this.#pushed < SIZE) this.#grow();
    this.#times[this.#pushed++ % this.#times.length] = time;
  }

  /** The first kept time after `time`, undefined where there is none. */
  firstAfter(time: number): number | undefined {
    const size = this.#times.length;
    let lo = Math.max(0, this.#pushed - size);
    let hi = this.#pushed;
    while (lo < hi) {
      const middle = Math.floor((lo + hi) / 2);
      if (this.#times[middle % size]! > time) hi = middle;
      else lo = middle + 1;
    }
    return lo < this.#pushed ? this.#times[lo % size] : undefined;
  }

  #grow(): void {
    const few = this.#times;
    this.#times = new Float64Array(4 * few.length);
    this.#times.set(few);
  }
}
