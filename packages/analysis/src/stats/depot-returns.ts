// Magazines between CPUs and depots, and what depots give to the tree too early.
//
// A release that takes ranges out of the tree has found its depot full, as the depots of kernels to 6.6 can be; a
// trim is the background work of 6.7 and later. Either gives back ranges of one size class.

import { AllocPath, type OutcomeBatch } from '@dmalab/replay';
import type { RcacheFigures } from '../figures/caches.ts';
import { CACHE_CLASSES, sizeClass } from './allocations.ts';
import { share } from './share.ts';

const WITHIN_NS = 1e9;

/** See the head of the file. */
export class DepotReturns {
  #pushes = 0;
  #pops = 0;
  #overflows = 0;
  #overflowRanges = 0;
  #returned = 0;
  #regrets = 0;
  /** By class: when ranges were given back last, and how many of them no map has asked for again. */
  readonly #at = new Float64Array(CACHE_CLASSES);
  readonly #left = new Float64Array(CACHE_CLASSES);

  /** A map, served or not. */
  map(batch: OutcomeBatch, i: number): void {
    this.#pops += batch.exchanges[i]!;
    const path = batch.path[i]!;
    if (path === AllocPath.rcache || path === AllocPath.failed || batch.pfn[i]! < 0) return;
    const size = sizeClass(batch.pages[i]!);
    if (size === CACHE_CLASSES || this.#left[size] === 0) return;
    if (batch.time[i]! - this.#at[size]! > WITHIN_NS) return;
    this.#left[size]!--;
    this.#regrets++;
  }

  release(batch: OutcomeBatch, i: number): void {
    this.#pushes += batch.exchanges[i]!;
    const ranges = batch.updates[i]!;
    if (ranges <= 1) return;
    this.#overflows++;
    this.#overflowRanges += ranges;
    this.#giveBack(sizeClass(batch.pages[i]!), ranges, batch.time[i]!);
  }

  trim(batch: OutcomeBatch, i: number): void {
    const ranges = batch.value[i]!;
    this.#giveBack(sizeClass(batch.pages[i]! / ranges), ranges, batch.time[i]!);
  }

  figures(): Pick<
    RcacheFigures,
    | 'depotPushes'
    | 'depotPops'
    | 'depotOverflows'
    | 'depotOverflowRanges'
    | 'depotRegrets'
    | 'depotRegretShare'
  > {
    return {
      depotPushes: this.#pushes,
      depotPops: this.#pops,
      depotOverflows: this.#overflows,
      depotOverflowRanges: this.#overflowRanges,
      depotRegrets: this.#regrets,
      depotRegretShare: share(this.#regrets, this.#returned),
    };
  }

  #giveBack(size: number, ranges: number, time: number): void {
    if (size === CACHE_CLASSES) return;
    this.#returned += ranges;
    const fresh = time - this.#at[size]! <= WITHIN_NS;
    this.#left[size] = ranges + (fresh ? this.#left[size]! : 0);
    this.#at[size] = time;
  }
}
