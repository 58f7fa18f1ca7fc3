// Arithmetic on page frame numbers and addresses, which are doubles.
//
// A page frame number is exact to 2^52. Bitwise operators belong here and to structures/.

/** The least power of two that is not less than `pages` (1 for 0). */
export function powerOfTwoFrom(pages: number): number {
  if (pages <= 1) return 1;
  if (pages <= 0x4000_0000) return 1 << (32 - Math.clz32(pages - 1));
  let power = 0x8000_0000;
  while (power < pages) power *= 2;
  return power;
}

/**
 * Highest pfn that lies wholly or partly at or below `address`, in granules of `granule` bytes. An
 * address of all ones reads 2^64 as a double; it is the last pfn of the space as well.
 */
export function limitPfnOf(address: number, granule: number): number {
  return Math.min(Math.floor(address / granule), 2 ** 64 / granule - 1);
}
