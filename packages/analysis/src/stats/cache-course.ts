// Hits of the caches over time, by size class.

import { AllocPath, type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import { askedForAddress, CACHE_CLASSES, sizeClass } from './allocations.ts';
import { CountCourse } from './count-course.ts';

/** Maps of one size class over time, one count per bucket of the series. */
export interface CacheClassSeries {
  /** Pages of its ranges: a power of two. */
  readonly pages: number;
  /** Maps, served or not. */
  readonly requests: readonly number[];
  /** Those served from a cache. */
  readonly hits: readonly number[];
}

/** See the head of the file. */
export class CacheCourse {
  readonly #course = new CountCourse(2 * CACHE_CLASSES);

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, time, pages, path, stage } = batch;
    for (let i = 0; i < length; i++) {
      const isMap = kind[i] === OutcomeKind.map;
      if (!isMap && !(kind[i] === OutcomeKind.mapFail && askedForAddress(stage[i]!))) continue;
      const size = sizeClass(pages[i]!);
      if (size === CACHE_CLASSES) continue;
      this.#course.advance(time[i]!);
      this.#course.count(size);
      if (isMap && path[i] === AllocPath.rcache) this.#course.count(CACHE_CLASSES + size);
    }
  }

  finish(end: number): void {
    this.#course.advance(end);
  }

  /** The classes that were asked for. */
  series(): CacheClassSeries[] {
    return Array.from({ length: CACHE_CLASSES }, (_, k) => ({
      pages: 2 ** k,
      requests: this.#course.series(k),
      hits: this.#course.series(CACHE_CLASSES + k),
    })).filter(({ requests }) => requests.some((count) => count > 0));
  }
}
