// A histogram of a run that also tells from which part of the time its values come.
//
// The time is cut into at most TIME_SLICES slices, whose width doubles as it goes on (like the buckets of
// a series). A slice has counts in buckets that are the ones kept of the whole (see slice-counts.ts), so
// that all slices together are the whole. Values come in the order of time: one slice is open, the ones before it are packed.

import { LogHistogram, OCTAVES, SUB_BUCKETS } from './log-histogram.ts';
import { addCounts, SLICE_PER_OCTAVE, type SliceCounts } from './slice-counts.ts';

/** Most slices of a run; at least half of them are in use once time has passed TIME_SLICES microseconds. */
const TIME_SLICES = 64;

/** From buckets of {@link LogHistogram} to those of slices. */
const SHIFT = Math.log2(SUB_BUCKETS / SLICE_PER_OCTAVE);
const BUCKETS = 1 + OCTAVES * SLICE_PER_OCTAVE;
const FIRST_WIDTH = 1000;

/** See the head of the file. */
export class SlicedHistogram {
  readonly whole: LogHistogram = new LogHistogram();
  readonly #open = new Uint32Array(BUCKETS);
  /** The buckets of the open slice that are not 0, in the order of their first value. */
  readonly #touched = new Uint16Array(BUCKETS);
  #touches = 0;
  #packed: SliceCounts[] = [];
  #slice = 0;
  #width = FIRST_WIDTH;
  #end = FIRST_WIDTH;

  /** Counts `value`, which is not negative, at `time` (ns), which is not before that of the last one. */
  add(value: number, time: number): void {
    if (time >= this.#end) this.#moveTo(time);
    const bucket = this.whole.add(value);
    const coarse = bucket < 0 ? 0 : 1 + (bucket >>> SHIFT);
    if (this.#open[coarse]!++ === 0) this.#touched[this.#touches++] = coarse;
  }

  /** The counts of each slice up to that of `end` (ns), after which nothing may be added; slices are `width` ns wide. */
  slices(end: number): { width: number; counts: SliceCounts[] } {
    if (end >= this.#end) this.#moveTo(end);
    this.#close();
    const counts = Array.from({ length: this.#slice + 1 }, (_, i) => this.#packed[i] ?? []);
    return { width: this.#width, counts };
  }

  #moveTo(time: number): void {
    this.#close();
    while (time >= this.#width * TIME_SLICES) this.#double();
    this.#slice = Math.floor(time / this.#width);
    this.#end = (this.#slice + 1) * this.#width;
  }

  #close(): void {
    if (this.#touches === 0) return;
    const packed: number[] = [];
    for (const bucket of this.#touched.subarray(0, this.#touches).sort()) {
      packed.push(bucket, this.#open[bucket]!);
      this.#open[bucket] = 0;
    }
    this.#touches = 0;
    this.#packed[this.#slice] = packed;
  }

  #double(): void {
    const doubled: SliceCounts[] = [];
    for (let i = 0; i < TIME_SLICES; i += 2) {
      doubled.push(addCounts(this.#packed[i] ?? [], this.#packed[i + 1] ?? []));
    }
    this.#packed = doubled;
    this.#width *= 2;
  }
}
