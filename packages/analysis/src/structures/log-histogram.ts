// Counts of non-negative numbers in log-linear buckets: constant memory, quantiles with a known error.
//
// Every power of two is cut into SUB_BUCKETS buckets of equal width, so that integers below
// 2 * SUB_BUCKETS have a bucket of their own and larger values keep a relative error of at most
// RELATIVE_ERROR. Zero is a value like any other (the stale window of a strict unmap) and has its
// own count. Count, sum, min and max are exact. Values between 0 and 1 share the bucket of 1.

const SUB_BITS = 9;

/** Powers of two that have buckets, from 1 on. */
export const OCTAVES: number = 53;

/** Buckets in every power of two. */
export const SUB_BUCKETS: number = 512;

/** The largest distance of a reported quantile from the true one, as a share of the true one. */
export const RELATIVE_ERROR: number = 1 / 1024;

/** A bucket of {@link LogHistogram.bins}: values in [lo, hi), or exactly 0 where both are 0. */
export interface Bin {
  readonly lo: number;
  readonly hi: number;
  readonly count: number;
}

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
const HIGH_WORD = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
const EXPONENT_BIAS = 1023 << SUB_BITS;

/** See the head of the file. */
export class LogHistogram {
  count = 0;
  zeros = 0;
  sum = 0;
  min: number = Number.POSITIVE_INFINITY;
  max = 0;
  // As many octaves as the largest value needs; below #lowest all are 0.
  #counts = new Float64Array(0);
  #lowest = OCTAVES * SUB_BUCKETS;
  #isWhole = true;

  /** Counts `value`, which is not negative; returns its bucket, -1 for 0. */
  add(value: number): number {
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (value === 0) {
      this.zeros++;
      return -1;
    }
    if (value !== Math.floor(value)) this.#isWhole = false;
    const bucket = bucketOf(value);
    if (bucket >= this.#counts.length) this.#grow(bucket);
    if (bucket < this.#lowest) this.#lowest = bucket;
    this.#counts[bucket]!++;
    return bucket;
  }

  /**
   * The nearest-rank quantile: the smallest value such that at least `permille` thousandths of all
   * values are not above it. NaN where nothing was counted.
   */
  quantile(permille: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil((permille * this.count) / 1000));
    if (rank <= this.zeros) return 0;
    if (rank >= this.count) return this.max;
    let seen = this.zeros;
    for (let i = this.#lowest; i < this.#counts.length; i++) {
      seen += this.#counts[i]!;
      if (seen >= rank) return Math.min(this.max, Math.max(this.min, midOf(i, this.#isWhole)));
    }
    return this.max;
  }

  /** The buckets in use in ascending order, `perOctave` (a power of two up to {@link SUB_BUCKETS}) to each power of two. */
  bins(perOctave: number): Bin[] {
    const step = SUB_BUCKETS / perOctave;
    const bins: Bin[] = [];
    if (this.zeros > 0) bins.push({ lo: 0, hi: 0, count: this.zeros });
    const first = this.#lowest - (this.#lowest % step);
    for (let i = first; i < this.#counts.length; i += step) {
      let count = 0;
      for (let j = i; j < i + step; j++) count += this.#counts[j]!;
      if (count > 0) bins.push({ lo: lowOf(i), hi: lowOf(i + step), count });
    }
    return bins;
  }

  #grow(bucket: number): void {
    const grown = new Float64Array((Math.floor(bucket / SUB_BUCKETS) + 1) * SUB_BUCKETS);
    grown.set(this.#counts);
    this.#counts = grown;
  }
}

/** Exponent and upper mantissa bits of a double are the bucket number. */
function bucketOf(value: number): number {
  scratch[0] = value;
  const bucket = (words[HIGH_WORD]! >>> (20 - SUB_BITS)) - EXPONENT_BIAS;
  return bucket < 0 ? 0 : Math.min(bucket, OCTAVES * SUB_BUCKETS - 1);
}

function lowOf(bucket: number): number {
  const octave = Math.floor(bucket / SUB_BUCKETS);
  return 2 ** octave * (1 + (bucket % SUB_BUCKETS) / SUB_BUCKETS);
}

/** Of whole values the integer of the bucket where it holds one, else its middle. */
function midOf(bucket: number, isWhole: boolean): number {
  const lo = lowOf(bucket);
  const hi = lowOf(bucket + 1);
  return isWhole && hi - lo <= 1 ? Math.ceil(lo) : (lo + hi) / 2;
}
