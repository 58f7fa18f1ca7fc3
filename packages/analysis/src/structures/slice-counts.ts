// Counts of one slice of time in a list that holds only what is not 0.

/** Bucket and count in turns, by ascending bucket. Bucket 0 holds zeros. */
export type SliceCounts = readonly number[];

/** Buckets in every power of two: 3 % wide. */
export const SLICE_PER_OCTAVE = 32;

/** Lower end of a bucket, which is the upper end of the one before; 0 of bucket 0, which has no width. */
export function sliceBucketLow(bucket: number): number {
  if (bucket === 0) return 0;
  const octave = Math.floor((bucket - 1) / SLICE_PER_OCTAVE);
  return 2 ** octave * (1 + ((bucket - 1) % SLICE_PER_OCTAVE) / SLICE_PER_OCTAVE);
}

/** The counts of two slices together. */
export function addCounts(a: SliceCounts, b: SliceCounts): SliceCounts {
  const sum: number[] = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    for (; j < b.length && b[j]! < a[i]!; j += 2) sum.push(b[j]!, b[j + 1]!);
    const isBoth = j < b.length && b[j] === a[i];
    sum.push(a[i]!, a[i + 1]! + (isBoth ? b[j + 1]! : 0));
    if (isBoth) j += 2;
  }
  for (; j < b.length; j++) sum.push(b[j]!);
  return sum;
}
