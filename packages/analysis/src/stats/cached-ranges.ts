// What the caches of all domains hold, where, and for how long.

import { AGE_BOUNDS, type CachedRanges, type StateSample } from '@dmalab/replay';
import type { Low32Split } from '../figures/addresses.ts';
import type { CachedFigures, CachedState } from '../figures/caches.ts';
import { share } from './share.ts';
import type { DomainSpace } from './space.ts';
import type { Extreme } from './states.ts';

/** The class of ranges that are a minute old or older. */
const OLD = AGE_BOUNDS.length - 1;

/** Finds the looks at which most was cached, most was old, and most was taken below 4 GiB. */
export class CachedStats implements Extreme {
  readonly #granules: readonly number[];
  #looks = 0;
  #most: CachedState | null = null;
  #oldest: CachedState | null = null;
  #end: CachedState | null = null;
  #low32: Low32Split | null = null;

  constructor(spaces: readonly DomainSpace[]) {
    this.#granules = spaces.map(({ granule }) => granule);
  }

  look(sample: StateSample): void {
    this.#lookAtLow32(sample);
    const state = cachedState(sample);
    if (state === null) return;
    this.#looks++;
    this.#end = state;
    if (this.#most === null || state.ranges > this.#most.ranges) this.#most = state;
    if (this.#oldest === null || old(state) > old(this.#oldest)) this.#oldest = state;
  }

  /** null where no allocator has caches that it tells of. */
  figures(): CachedFigures | null {
    if (this.#most === null || this.#oldest === null || this.#end === null) return null;
    return { looks: this.#looks, most: this.#most, oldest: this.#oldest, end: this.#end };
  }

  /** The look with most bytes taken below 4 GiB; null where there was none. */
  low32(): Low32Split | null {
    return this.#low32;
  }

  #lookAtLow32({ time, domains }: StateSample): void {
    const split = { at: time, total: 0, live: 0, queued: 0, cached: 0 };
    for (const { domain, low32Pages, queuedLow32Pages, cached } of domains) {
      const granule = this.#granules[domain] ?? 4096;
      const inCaches = cached?.low32Pages ?? 0;
      split.total += low32Pages * granule;
      split.queued += queuedLow32Pages * granule;
      split.cached += inCaches * granule;
      split.live += (low32Pages - queuedLow32Pages - inCaches) * granule;
    }
    if (domains.length > 0 && split.total > (this.#low32?.total ?? -1)) this.#low32 = split;
  }
}

/** What the caches of all domains hold at a look; null where no allocator tells of any. */
export function cachedState({ time, domains }: StateSample): CachedState | null {
  const caches = domains.flatMap(({ cached }) => cached ?? []);
  if (caches.length === 0) return null;
  const sum = (of: (cache: CachedRanges) => number): number =>
    caches.reduce((total, cache) => total + of(cache), 0);
  const cpuRanges = sum((cache) => cache.cpuRanges);
  const depotRanges = sum((cache) => cache.depotRanges);
  const low32Ranges = sum((cache) => cache.low32Ranges);
  const ranges = cpuRanges + depotRanges;
  return {
    at: time,
    ranges,
    cpuRanges,
    depotRanges,
    low32Ranges,
    low32Share: share(low32Ranges, ranges),
    ages: AGE_BOUNDS.map((bound, k) => ({
      below: Number.isFinite(bound) ? bound : null,
      ranges: sum(({ ages }) => ages[k]!),
    })),
    olderThanMinuteShare: share(
      sum(({ ages }) => ages[OLD]!),
      ranges,
    ),
  };
}

function old({ ages }: CachedState): number {
  return ages[OLD]!.ranges;
}
