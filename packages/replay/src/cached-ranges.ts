// The ranges that the caches of an allocator hold at one moment, by place and by age.

const NS = 1;
const US = 1000 * NS;
const MS = 1000 * US;
const SECOND = 1000 * MS;

/** Upper bounds of the classes of age in ns, each not included; the last class has none. */
export const AGE_BOUNDS: readonly number[] = [
  MS,
  10 * MS,
  100 * MS,
  SECOND,
  10 * SECOND,
  60 * SECOND,
  Number.POSITIVE_INFINITY,
];

/** What caches hold. */
export interface CachedRanges {
  /** In the magazines of CPUs. */
  readonly cpuRanges: number;
  /** In depots. */
  readonly depotRanges: number;
  readonly pages: number;
  /** Ranges that end below 4 GiB. */
  readonly low32Ranges: number;
  /** Their pages. */
  readonly low32Pages: number;
  /** Ranges by the time since they were freed: the classes of {@link AGE_BOUNDS}. */
  readonly ages: Float64Array;
}

/** Calls back with each range; `cpu` -1 is a depot, `freedAt` the ns at which it came into the cache. */
export type EachCached = (
  visit: (pfn: number, pages: number, cpu: number, freedAt: number) => void,
) => void;

/** Counts what `each` tells at time `now`. `dma32Pfn`: the first pfn at or above 4 GiB. */
export function cachedRanges(each: EachCached, now: number, dma32Pfn: number): CachedRanges {
  const ages = new Float64Array(AGE_BOUNDS.length);
  const sum = { cpuRanges: 0, depotRanges: 0, pages: 0, low32Ranges: 0, low32Pages: 0, ages };
  each((pfn, pages, cpu, freedAt) => {
    if (cpu < 0) sum.depotRanges++;
    else sum.cpuRanges++;
    sum.pages += pages;
    if (pfn + pages <= dma32Pfn) {
      sum.low32Ranges++;
      sum.low32Pages += pages;
    }
    let k = 0;
    while (now - freedAt >= AGE_BOUNDS[k]!) k++;
    ages[k]!++;
  });
  return sum;
}
