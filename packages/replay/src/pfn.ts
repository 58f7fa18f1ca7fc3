// Arithmetic on page frame numbers and addresses, which are doubles.
//
// A page frame number is exact to 2^52. Bitwise operators belong here and to structures/.

const TWO_31 = 2 ** 31;
const TWO_32 = 2 ** 32;
const TWO_53 = 2 ** 53;

/** The least power of two that is not less than `pages` (1 for 0). */
export function powerOfTwoFrom(pages: number): number {
  if (pages <= 1) return 1;
  if (pages <= 0x4000_0000) return 1 << (32 - Math.clz32(pages - 1));
  let power = 0x8000_0000;
  while (power < pages) power *= 2;
  return power;
}

/** Pfn of an address in two 32-bit halves; exact for all 64 bits. */
export function pfnOf(low: number, high: number, granule: number): number {
  return high * (TWO_32 / granule) + Math.floor(low / granule);
}

/** Offset in its granule of an address, or of one with this lower half; a granule has at most 2^31 bytes. */
export function offsetOf(low: number, granule: number): number {
  return low & (granule - 1);
}

/** Granules that `bytes` from `offset` in the first one touch. */
export function pagesOf(bytes: number, offset: number, granule: number): number {
  const end = bytes + offset + granule - 1;
  return end < TWO_31 ? end >> (31 - Math.clz32(granule)) : Math.floor(end / granule);
}

/**
 * Highest pfn that lies wholly or partly at or below `address`, in granules of `granule` bytes. A mask
 * beyond 2^53 reads as the power of two above it (all ones as 2^64); the pfn is still that of the mask.
 */
export function limitPfnOf(address: number, granule: number): number {
  return address >= TWO_53 ? address / granule - 1 : Math.floor(address / granule);
}
