// How the allocator found its addresses: caches, tree work, addresses below 4 GiB, SAC give-ups.
//
// The size class of a request is the power of two at or above its pages, as the caches count it.

import { AllocPath, FailStage, type OutcomeBatch, OutcomeKind, Reach } from '@dmalab/replay';
import type { AddressFigures, SacGiveUp } from '../figures/addresses.ts';
import type { CachedFigures, RcacheFigures, RcacheLimit, TreeFigures } from '../figures/caches.ts';
import { LogHistogram } from '../structures/log-histogram.ts';
import { DepotReturns } from './depot-returns.ts';
import { distributionFigures } from './distribution.ts';
import { share } from './share.ts';
import type { DomainSpace } from './space.ts';

/** Classes of 1, 2, 4, 8, 16 and 32 pages. */
export const CACHE_CLASSES = 6;
const FOUR_GIB = 2 ** 32;
const FAIL_CAUSE_MAX32 = 1;

/** Counts of served and failed maps by path and size class, and the tree steps of each. */
export class AllocationStats {
  readonly steps: LogHistogram = new LogHistogram();
  readonly #end32: Float64Array;
  readonly #paths = new Float64Array(256);
  readonly #requests = new Float64Array(CACHE_CLASSES + 1);
  readonly #hits = new Float64Array(CACHE_CLASSES + 1);
  readonly #giveUps: { device: number; at: number; afterMaps: number }[] = [];
  #mapped = 0;
  #failed = 0;
  #below4G = 0;
  #earlyExits = 0;
  #trims = 0;
  #trimPages = 0;
  #cacheFlushes = 0;
  #cacheFlushRanges = 0;
  #usefulRanges = 0;
  #uselessFlushes = 0;
  readonly #depots = new DepotReturns();
  /** Maps that asked for an address, by reach; those of at most 32 pages, and the hits of these. */
  readonly #reach = new Float64Array(4);
  readonly #cacheableReach = new Float64Array(4);
  readonly #hitReach = new Float64Array(4);
  #firstDacFallbackAt: number | null = null;

  constructor(spaces: readonly DomainSpace[]) {
    this.#end32 = Float64Array.from(spaces, ({ granule }) => FOUR_GIB / granule);
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, kind } = batch;
    for (let i = 0; i < length; i++) {
      switch (kind[i]) {
        case OutcomeKind.map:
        case OutcomeKind.mapFail:
          this.#request(batch, i);
          break;
        case OutcomeKind.retry:
          this.#depots.map(batch, i);
          break;
        case OutcomeKind.release:
          this.#depots.release(batch, i);
          break;
        case OutcomeKind.sacGiveUp:
          this.#giveUps.push({
            device: batch.device[i]!,
            at: batch.time[i]!,
            afterMaps: this.#mapped,
          });
          break;
        case OutcomeKind.depotTrim:
          this.#trims++;
          this.#depots.trim(batch, i);
          this.#trimPages += batch.pages[i]!;
          break;
        case OutcomeKind.rcacheFlush:
          this.#cacheFlushes++;
          this.#cacheFlushRanges += batch.value[i]!;
          this.#usefulRanges += batch.steps[i]!;
          if (batch.steps[i] === 0) this.#uselessFlushes++;
          break;
      }
    }
  }

  addresses(deviceName: (device: number) => string): AddressFigures {
    const paths = this.#paths;
    return {
      below4G: this.#below4G,
      below4GShare: share(this.#below4G, this.#mapped),
      paths: {
        rcache: paths[AllocPath.rcache]!,
        rbtree: paths[AllocPath.rbtree]!,
        rbtreeRetry: paths[AllocPath.rbtreeRetry]!,
        rbtreeAfterFlush: paths[AllocPath.rbtreeAfterFlush]!,
        failed: this.#failed,
      },
      dacFallbacks: this.#reach[Reach.lowThenWide]!,
      dacFallbackRate: share(
        this.#reach[Reach.lowThenWide]!,
        this.#reach.reduce((a, b) => a + b, 0),
      ),
      firstDacFallbackAt: this.#firstDacFallbackAt,
      sacGiveUps: this.#giveUps.map(
        ({ device, at, afterMaps }): SacGiveUp => ({ device: deviceName(device), at, afterMaps }),
      ),
    };
  }

  rcache(cached: CachedFigures | null): RcacheFigures {
    const cacheable = this.#requests.subarray(0, CACHE_CLASSES).reduce((a, b) => a + b, 0);
    const uncacheable = this.#requests[CACHE_CLASSES]!;
    const hits = this.#paths[AllocPath.rcache]!;
    return {
      cacheable,
      uncacheable,
      uncacheableShare: share(uncacheable, cacheable + uncacheable),
      hits,
      hitRate: share(hits, cacheable),
      classes: Array.from({ length: CACHE_CLASSES }, (_, k) => ({
        pages: 2 ** k,
        requests: this.#requests[k]!,
        hits: this.#hits[k]!,
        hitRate: share(this.#hits[k]!, this.#requests[k]!) ?? 0,
      })).filter(({ requests }) => requests > 0),
      limits: this.#limits(),
      ...this.#depots.figures(),
      depotTrims: this.#trims,
      depotTrimPages: this.#trimPages,
      cacheFlushes: this.#cacheFlushes,
      cacheFlushRanges: this.#cacheFlushRanges,
      usefulFlushRanges: this.#usefulRanges,
      usefulFlushShare: share(this.#usefulRanges, this.#cacheFlushRanges),
      uselessCacheFlushes: this.#uselessFlushes,
      cached,
    };
  }

  // A map that fell back had asked the cache with 32 bits in vain.
  #limits(): RcacheLimit[] {
    const [asked, hits] = [this.#cacheableReach, this.#hitReach];
    const limit = (name: RcacheLimit['limit'], requests: number, served: number): RcacheLimit => ({
      limit: name,
      requests,
      hits: served,
      hitRate: share(served, requests),
    });
    const fellBack = asked[Reach.lowThenWide]!;
    return [
      limit('low32', asked[Reach.low]! + fellBack, hits[Reach.low]!),
      limit('wide', asked[Reach.wide]! + fellBack, hits[Reach.wide]! + hits[Reach.lowThenWide]!),
    ];
  }

  tree(peakNodes: number | null, endNodes: number | null): TreeFigures {
    return {
      searches: this.steps.count,
      searchShare: share(this.steps.count, this.#mapped + this.#failed),
      earlyExits: this.#earlyExits,
      earlyExitRate: share(this.#earlyExits, this.#mapped + this.#failed),
      secondPassRate: share(this.#paths[AllocPath.rbtreeRetry]!, this.steps.count),
      steps: distributionFigures(this.steps, 'nodes'),
      peakNodes,
      endNodes,
    };
  }

  #request(batch: OutcomeBatch, i: number): void {
    const pages = batch.pages[i]!;
    const steps = batch.steps[i]!;
    const size = sizeClass(pages);
    if (askedForAddress(batch.stage[i]!)) this.#requests[size]!++;
    if (batch.kind[i] === OutcomeKind.map) {
      const path = batch.path[i]!;
      this.#mapped++;
      this.#paths[path]!++;
      if (path === AllocPath.rcache) this.#hits[size]!++;
      const end32 = this.#end32[batch.domain[i]!] ?? 0;
      if (batch.pfn[i]! + pages <= end32) this.#below4G++;
      if (batch.cause[i] === FAIL_CAUSE_MAX32) this.#earlyExits++;
    } else {
      this.#failed++;
      if (steps === 0 && batch.cause[i] === FAIL_CAUSE_MAX32) this.#earlyExits++;
    }
    if (steps > 0) this.steps.add(steps);
    this.#countReach(batch, i, size);
    this.#depots.map(batch, i);
  }

  #countReach(batch: OutcomeBatch, i: number, size: number): void {
    const reach = batch.reach[i]!;
    if (reach === Reach.none) return;
    this.#reach[reach]!++;
    if (reach === Reach.lowThenWide) this.#firstDacFallbackAt ??= batch.time[i]!;
    if (size === CACHE_CLASSES) return;
    this.#cacheableReach[reach]!++;
    // What the host refused had come from the cache all the same.
    if (batch.path[i] === AllocPath.rcache) this.#hitReach[reach]!++;
  }
}

/** False where a map failed for want of bounce memory, before an address was looked for. */
export function askedForAddress(stage: number): boolean {
  return stage !== FailStage.swiotlb && stage !== FailStage.dmaCapable;
}

/** The class that a request of `pages` belongs to; CACHE_CLASSES where it is never cached. */
export function sizeClass(pages: number): number {
  let size = 0;
  for (let limit = 1; size < CACHE_CLASSES && pages > limit; limit *= 2) size++;
  return size;
}
