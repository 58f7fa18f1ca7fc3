// Classes of sizes by powers of two.

/** k of the smallest 2^k that is not less than `size`; 0 for 0. */
export function powerAtOrAbove(size: number): number {
  if (size > 2 ** 31) return Math.ceil(Math.log2(size));
  return size <= 1 ? 0 : 32 - Math.clz32(size - 1);
}
