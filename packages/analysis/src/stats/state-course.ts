// What the looks at a replay say over time, as columns: free space of the busiest domain, cached ranges by age.

import { AGE_BOUNDS, type StateSample } from '@dmalab/replay';
import { cachedState } from './cached-ranges.ts';
import { freeSpaceState } from './fragmentation.ts';

/** Free address space of one domain at each look; null where nothing was free. */
export interface FreeSpaceSeries {
  /** Index of the domain. */
  readonly domain: number;
  /** Times of the looks, ns. */
  readonly time: readonly number[];
  /** Free bytes, and those of the largest gap, below 4 GiB. */
  readonly lowFree: readonly number[];
  readonly lowLargest: readonly number[];
  /** 1 - lowLargest / lowFree. */
  readonly lowFragmentation: readonly (number | null)[];
  /** Share of the free space below 4 GiB that requests of 32 pages cannot use. */
  readonly lowWaste32: readonly (number | null)[];
  /** Bytes of the largest gap from 4 GiB on. */
  readonly highLargest: readonly number[];
}

/** Ranges in caches at each look. */
export interface CachedAgeSeries {
  /** Times of the looks, ns. */
  readonly time: readonly number[];
  /** Classes of age by their upper bounds in ns, null for the last, and their ranges at each look. */
  readonly ages: readonly {
    readonly below: number | null;
    readonly ranges: readonly number[];
  }[];
}

/** The course of a domain's free space; null where its allocator does not tell of it. */
export function freeSpaceSeries(
  course: readonly StateSample[],
  domain: number,
  granule: number,
): FreeSpaceSeries | null {
  const states = course.flatMap(({ time, domains }) => {
    const sample = domains.find((other) => other.domain === domain);
    return (sample && freeSpaceState(time, sample, granule)) ?? [];
  });
  if (states.length === 0) return null;
  return {
    domain,
    time: states.map(({ at }) => at),
    lowFree: states.map(({ below4G }) => below4G.freeBytes),
    lowLargest: states.map(({ below4G }) => below4G.largestGapBytes),
    lowFragmentation: states.map(({ below4G }) => below4G.fragmentation),
    lowWaste32: states.map(({ below4G }) => below4G.alignmentWaste[4]?.share ?? null),
    highLargest: states.map(({ above4G }) => above4G.largestGapBytes),
  };
}

/** The course of what is cached; null where no allocator tells of it. */
export function cachedAgeSeries(course: readonly StateSample[]): CachedAgeSeries | null {
  const states = course.flatMap((sample) => cachedState(sample) ?? []);
  if (states.length === 0) return null;
  return {
    time: states.map(({ at }) => at),
    ages: AGE_BOUNDS.map((bound, k) => ({
      below: Number.isFinite(bound) ? bound : null,
      ranges: states.map(({ ages }) => ages[k]!.ranges),
    })),
  };
}
