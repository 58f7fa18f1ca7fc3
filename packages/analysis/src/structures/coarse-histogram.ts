// A small distribution, of which there may be many: counts in buckets of 3 %, as LogHistogram keeps them finer.
//
// Every power of two from 1 on is cut into 32 buckets; what is below 1 counts as 0, and what is beyond the last
// bucket (2^44 ns are 4.9 hours) as the largest value. Sum and max are exact, a quantile
// is off by 1/64 at most.

const SUB_BITS = 5;
const SUB_BUCKETS = 32;
const OCTAVES = 44;
const BUCKETS = OCTAVES * SUB_BUCKETS;
const BIAS = (1023 << SUB_BITS) - 1;

/** Bound of |reported - true| / true of a quantile. */
export const COARSE_ERROR: number = 1 / 64;

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
const HIGH_WORD = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** The bucket of a value that is not negative, for {@link CoarseHistogram.add}. */
export function coarseBucket(value: number): number {
  scratch[0] = value;
  const bucket = (words[HIGH_WORD]! >>> (20 - SUB_BITS)) - BIAS;
  return bucket < 0 ? 0 : bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/** See the head of the file. */
export class CoarseHistogram {
  count = 0;
  sum = 0;
  max = 0;
  readonly #counts = new Uint32Array(BUCKETS);

  /** Counts `value`, whose bucket is `bucket`. */
  add(value: number, bucket: number): void {
    this.#counts[bucket]!++;
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
  }

  /** The nearest-rank quantile, at most {@link COARSE_ERROR} off; null where nothing was counted. */
  quantile(permille: number): number | null {
    if (this.count === 0) return null;
    let left = Math.max(1, Math.ceil((permille * this.count) / 1000));
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#counts[i]!;
      if (left <= 0) return i === BUCKETS - 1 ? this.max : Math.min(this.max, middle(i));
    }
    return this.max;
  }
}

function middle(bucket: number): number {
  if (bucket === 0) return 0;
  const octave = 2 ** Math.floor((bucket - 1) / SUB_BUCKETS);
  return octave * (1 + (((bucket - 1) % SUB_BUCKETS) + 0.5) / SUB_BUCKETS);
}
