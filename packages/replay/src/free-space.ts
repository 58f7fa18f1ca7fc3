// The free address space of a domain at one moment: how much, in what pieces, and what requests of a size can use.
//
// Counted from the free ranges that an allocator tells (`freeRanges`), below 4 GiB and from there on
// apart: a range that crosses 4 GiB is two. Left out: what lies beyond the reach of every request so far.

/** Sizes of requests for which {@link FreeRegion.usable} is counted: 2^0 to 2^9 pages. */
export const USABLE_SIZES = 10;

/** Free pages of one part of an address space. */
export interface FreeRegion {
  /** Free pages. */
  readonly pages: number;
  /** Ranges that they lie in. */
  readonly gaps: number;
  /** Pages of the largest. */
  readonly largest: number;
  /** By k: pages that requests of 2^k pages could take, one beside the other, each where its alignment wants it. */
  readonly usable: Float64Array;
}

/** Free pages of a domain. */
export interface FreeSpace {
  readonly below4G: FreeRegion;
  readonly above4G: FreeRegion;
}

/** Calls back with each free range, both bounds included; ranges may touch where no request can span them. */
export type FreeRanges = (visit: (pfnLo: number, pfnHi: number) => void) => void;

/**
 * What lies free from `lowestPfn` to `highestPfn`. `dma32Pfn`: the first pfn at or above 4 GiB. `aligned`: requests lie
 * at multiples of their pages.
 */
export function freeSpace(
  ranges: FreeRanges,
  lowestPfn: number,
  highestPfn: number,
  dma32Pfn: number,
  aligned: boolean,
): FreeSpace {
  const below4G = emptyRegion();
  const above4G = emptyRegion();
  ranges((pfnLo, pfnHi) => {
    const lo = Math.max(pfnLo, lowestPfn);
    const hi = Math.min(pfnHi, highestPfn);
    addGap(below4G, lo, Math.min(hi, dma32Pfn - 1), aligned);
    addGap(above4G, Math.max(lo, dma32Pfn), hi, aligned);
  });
  return { below4G, above4G };
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

function emptyRegion(): Writable<FreeRegion> {
  return { pages: 0, gaps: 0, largest: 0, usable: new Float64Array(USABLE_SIZES) };
}

function addGap(region: Writable<FreeRegion>, lo: number, hi: number, aligned: boolean): void {
  const pages = hi + 1 - lo;
  if (pages <= 0) return;
  region.pages += pages;
  region.gaps++;
  if (pages > region.largest) region.largest = pages;
  const { usable } = region;
  for (let k = 0, size = 1; k < USABLE_SIZES && size <= pages; k++, size *= 2) {
    const units = aligned
      ? Math.floor((hi + 1) / size) - Math.ceil(lo / size)
      : Math.floor(pages / size);
    if (units > 0) usable[k]! += units * size;
  }
}
