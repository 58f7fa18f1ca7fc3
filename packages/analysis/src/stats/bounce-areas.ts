// Slots in use in each area of the default pool of bounce memory, at the highest moment of each bucket.

import { type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import { SERIES_BUCKETS } from './series.ts';

/** Areas beyond so many are counted with the last one. */
const MOST_AREAS = 256;

/** See the head of the file. */
export class BounceAreas {
  readonly #now = new Float64Array(MOST_AREAS);
  #max: Float64Array | null = null;
  #areas = 0;
  #width = 1000;
  #bucket = 0;

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, time, pages, updates } = batch;
    for (let i = 0; i < length; i++) {
      const isMap = kind[i] === OutcomeKind.bounceMap;
      if ((!isMap && kind[i] !== OutcomeKind.bounceUnmap) || updates[i] === 0) continue;
      this.#advance(time[i]!);
      this.#change(Math.min(updates[i]!, MOST_AREAS) - 1, isMap ? pages[i]! : -pages[i]!);
    }
  }

  finish(end: number): void {
    this.#advance(end);
  }

  /** One list per area, one value per bucket; null where no slot of the default pool was taken. */
  series(): number[][] | null {
    const max = this.#max;
    if (max === null) return null;
    return Array.from({ length: this.#areas }, (_, area) =>
      Array.from({ length: this.#bucket + 1 }, (_, b) => max[b * MOST_AREAS + area]!),
    );
  }

  #change(area: number, slots: number): void {
    this.#max ??= new Float64Array(SERIES_BUCKETS * MOST_AREAS);
    if (area >= this.#areas) this.#areas = area + 1;
    const used = this.#now[area]! + slots;
    const at = this.#bucket * MOST_AREAS + area;
    this.#now[area] = used;
    if (used > this.#max[at]!) this.#max[at] = used;
  }

  /** A new bucket begins with what is in use. */
  #advance(time: number): void {
    while (time >= this.#width * SERIES_BUCKETS) this.#double();
    while (time >= (this.#bucket + 1) * this.#width) {
      this.#bucket++;
      this.#max?.set(this.#now, this.#bucket * MOST_AREAS);
    }
  }

  #double(): void {
    const max = this.#max;
    if (max !== null) {
      const half = (SERIES_BUCKETS / 2) * MOST_AREAS;
      for (let i = 0; i < half; i++) {
        const left = 2 * (i - (i % MOST_AREAS)) + (i % MOST_AREAS);
        max[i] = Math.max(max[left]!, max[left + MOST_AREAS]!);
      }
      max.fill(0, half);
    }
    this.#bucket = Math.floor(this.#bucket / 2);
    this.#width *= 2;
  }
}
