// Addresses in two 32-bit columns, and the 4 KiB pages they lie in (doubles, exact to 2^52).

const BYTES = 4096;
/** Bytes of a page of the live set; independent of the granule of a domain. */
export const PAGE: number = BYTES;

const PAGES_IN_HIGH = 0x100000;

/** The page of an address. */
export function pageOf(low: number, high: number): number {
  return high * PAGES_IN_HIGH + (low >>> 12);
}

/** How many pages the bytes from `offset` in a page on touch. */
export function pagesFor(size: number): number {
  return Math.ceil(size / BYTES);
}

/** Low and high word of a page's address. */
export function lowOf(page: number): number {
  return (page * BYTES) >>> 0;
}

export function highOf(page: number): number {
  return Math.floor(page / PAGES_IN_HIGH);
}

/** Whether a mapping address says that the call failed (all ones; in 32 bits, only where the offset in the page differs from that of the buffer). */
export function isMappingError(low: number, high: number, physLow: number): boolean {
  if (low !== 0xffffffff) return false;
  return high === 0xffffffff || (high === 0 && (physLow & 0xfff) !== 0xfff);
}
