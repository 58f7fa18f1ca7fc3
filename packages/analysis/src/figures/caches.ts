// The caches of the allocator and the tree behind them. Part of summary.json: see ../summary.ts.

import type { DistributionFigures } from './distribution.ts';

/** Caches of freed ranges in front of the tree. */
export interface RcacheFigures {
  /** Maps (served or not) of at most 32 pages, which caches can hold; those that failed for want of bounce memory asked for no address. */
  readonly cacheable: number;
  /** Maps of more than 32 pages: never cached. */
  readonly uncacheable: number;
  /** uncacheable / (cacheable + uncacheable); null without maps. */
  readonly uncacheableShare: number | null;
  /** Maps served from a cache. */
  readonly hits: number;
  /** hits / cacheable; null without cacheable maps. */
  readonly hitRate: number | null;
  /** By size class. */
  readonly classes: readonly RcacheClass[];
  /** By the limit that a cache was asked with: a map that falls back asks twice. */
  readonly limits: readonly RcacheLimit[];
  /** Full magazines that went to a depot. */
  readonly depotPushes: number;
  /** Full magazines that came from a depot. */
  readonly depotPops: number;
  /** Full magazines that found their depot full (kernels to 6.6): their ranges went to the tree. */
  readonly depotOverflows: number;
  /** Their ranges. */
  readonly depotOverflowRanges: number;
  /** Maps that the tree served within 1 s after overflows and trims had given it ranges of their class; each range counts once at most. */
  readonly depotRegrets: number;
  /** depotRegrets / ranges given back by overflows and trims; null without such. */
  readonly depotRegretShare: number | null;
  /** Times that a depot gave one magazine back to the tree. */
  readonly depotTrims: number;
  /** Pages given back so. */
  readonly depotTrimPages: number;
  /** Times that a last try returned all caches to the tree. */
  readonly cacheFlushes: number;
  /** Ranges returned so. */
  readonly cacheFlushRanges: number;
  /** Of these, ranges at or below the limit of the request that failed: the others were thrown away in vain. */
  readonly usefulFlushRanges: number;
  /** usefulFlushRanges / cacheFlushRanges; null where no flush returned a range. */
  readonly usefulFlushShare: number | null;
  /** Flushes of the caches that returned no such range. */
  readonly uselessCacheFlushes: number;
  /** What the caches held, by place and age; null for allocators without caches that tell of them. */
  readonly cached: CachedFigures | null;
}

/** Maps of at most 32 pages by the limit that their cache was asked with. */
export interface RcacheLimit {
  /** low32: 4 GiB, or less where the device reaches no further; wide: beyond 4 GiB. */
  readonly limit: 'low32' | 'wide';
  /** Times that a cache was asked. */
  readonly requests: number;
  /** Times that it served. */
  readonly hits: number;
  /** hits / requests; null without requests. */
  readonly hitRate: number | null;
}

/** What the caches of all domains held whenever the replay was looked at: between two looks it may have been more. */
export interface CachedFigures {
  /** Looks. */
  readonly looks: number;
  /** The look with most ranges. */
  readonly most: CachedState;
  /** The look with most ranges that were a minute old. */
  readonly oldest: CachedState;
  /** At the end. */
  readonly end: CachedState;
}

/** What the caches of all domains held at one moment. */
export interface CachedState {
  /** ns. */
  readonly at: number;
  /** Ranges. */
  readonly ranges: number;
  /** Of them in the magazines of CPUs. */
  readonly cpuRanges: number;
  /** Of them in depots. */
  readonly depotRanges: number;
  /** Of them below 4 GiB. */
  readonly low32Ranges: number;
  /** low32Ranges / ranges; null without ranges. */
  readonly low32Share: number | null;
  /** Ranges by the time since they came into a cache. */
  readonly ages: readonly CachedAge[];
  /** Ranges of 60 s and older / ranges; null without ranges. */
  readonly olderThanMinuteShare: number | null;
}

/** Ranges in caches of one class of age. */
export interface CachedAge {
  /** They were younger than this, and not younger than the class before, ns; null: as old as the class before or older. */
  readonly below: number | null;
  /** Ranges of that age. */
  readonly ranges: number;
}

/** One size class of the caches. */
export interface RcacheClass {
  /** Pages of its ranges: a power of two. */
  readonly pages: number;
  /** Maps of this class, served or not. */
  readonly requests: number;
  /** Those served from a cache. */
  readonly hits: number;
  /** hits / requests. */
  readonly hitRate: number;
}

/** Work in the tree. */
export interface TreeFigures {
  /** Maps (served or not) that visited the tree. */
  readonly searches: number;
  /** searches / (mapped + failed); null without maps. */
  readonly searchShare: number | null;
  /** Maps whose request below 4 GiB was refused without a search because of the remembered size (early exit): they failed, or fell back to the whole reach of the device. */
  readonly earlyExits: number;
  /** earlyExits / (mapped + failed); null without maps. */
  readonly earlyExitRate: number | null;
  /** Maps served in the second pass of a search (paths.rbtreeRetry) / searches; null without searches. */
  readonly secondPassRate: number | null;
  /** Nodes visited, for each map that visited the tree. */
  readonly steps: DistributionFigures;
  /** Most ranges that the allocators of all domains kept in order at a look, reservations too; null where none keeps any. */
  readonly peakNodes: number | null;
  /** The same at the end. */
  readonly endNodes: number | null;
}
