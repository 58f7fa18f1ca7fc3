// Median lifetimes by device and size class, in fixed memory.
//
// A lifetime falls into one of 16 buckets per power of two; the median is the middle of its bucket,
// so it is wrong by at most 1/32 (3.2 %). Zero has its own bucket and is exact. Size classes are powers of two.

const PER_OCTAVE = 16;
const OCTAVES = 54;
const BUCKETS = 1 + PER_OCTAVE * OCTAVES;
const CLASSES = 64;
const LONGEST = 2 ** OCTAVES - 2;
const EXPONENT_BIAS = 1023;

/** A double to take the bits from. */
const double = new DataView(new ArrayBuffer(8));

/** Power-of-two class of a size in bytes: 0 for 0 and 1, n for sizes up to 2^n. */
export function sizeClass(size: number): number {
  if (size <= 1) return 0;
  return size <= 2 ** 31 ? 32 - Math.clz32(size - 1) : Math.ceil(Math.log2(size));
}

export class Lifetimes {
  /** Counts by device * CLASSES + class, each made when it is first needed. */
  readonly #exact: (Float64Array | undefined)[] = [];
  readonly #byDevice: (Float64Array | undefined)[] = [];
  readonly #all = new Float64Array(BUCKETS);

  add(device: number, size: number, lifetime: number): void {
    const bucket = bucketOf(lifetime);
    counts(this.#exact, device * CLASSES + sizeClass(size))[bucket]!++;
  }

  /** Sums the classes up; call it once, after the last add. */
  finish(): void {
    this.#exact.forEach((buckets, key) => {
      if (buckets === undefined) return;
      const device = counts(this.#byDevice, Math.floor(key / CLASSES));
      for (let i = 0; i < BUCKETS; i++) {
        device[i]! += buckets[i]!;
        this.#all[i]! += buckets[i]!;
      }
    });
  }

  /** ns: of the device and size class, else of the device, else of all, else 0. */
  median(device: number, size: number): number {
    const buckets =
      this.#exact[device * CLASSES + sizeClass(size)] ?? this.#byDevice[device] ?? this.#all;
    return medianOf(buckets);
  }
}

function counts(table: (Float64Array | undefined)[], key: number): Float64Array {
  let buckets = table[key];
  if (buckets === undefined) {
    buckets = new Float64Array(BUCKETS);
    table[key] = buckets;
  }
  return buckets;
}

// The first 16 bits of a double: a sign, 11 bits of exponent, which is the octave, and 4 of the mantissa,
// which are the bucket in it.
function bucketOf(lifetime: number): number {
  if (lifetime < 1) return 0;
  double.setFloat64(0, Math.min(lifetime, LONGEST));
  return 1 + double.getUint16(0) - EXPONENT_BIAS * PER_OCTAVE;
}

function medianOf(buckets: Float64Array): number {
  let total = 0;
  for (const count of buckets) total += count;
  let below = 0;
  for (let i = 0; i < BUCKETS; i++) {
    below += buckets[i]!;
    if (total > 0 && below * 2 >= total) return middle(i);
  }
  return 0;
}

function middle(bucket: number): number {
  if (bucket === 0) return 0;
  const octave = Math.floor((bucket - 1) / PER_OCTAVE);
  const part = (bucket - 1) % PER_OCTAVE;
  return Math.round(2 ** octave * (1 + (part + 0.5) / PER_OCTAVE));
}
