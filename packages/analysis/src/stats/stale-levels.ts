// Unmapped bytes that a device can still reach, over time: queued ranges that no flush has covered yet.
//
// A flush of a domain covers all that its queues hold; a covered range may wait there for its release.
// So what is stale is what is queued less what is covered and not yet released. The integral of the
// level is the exposure (see flushes.ts) but for an unmap and a flush of the same ns.

import { type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import { LevelCourse } from './level-course.ts';
import type { LevelSeries } from './series.ts';
import type { DomainSpace } from './space.ts';

/** See the head of the file. */
export class StaleLevels {
  readonly #course = new LevelCourse(1);
  readonly #granules: Float64Array;
  readonly #stale: Float64Array;
  readonly #covered: Float64Array;
  readonly #flushedAt: Float64Array;

  constructor(spaces: readonly DomainSpace[]) {
    this.#granules = Float64Array.from(spaces, ({ granule }) => granule);
    this.#stale = new Float64Array(spaces.length);
    this.#covered = new Float64Array(spaces.length);
    this.#flushedAt = new Float64Array(spaces.length).fill(-1);
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, domain, time } = batch;
    for (let i = 0; i < length; i++) {
      if (domain[i]! === 0 || domain[i]! >= this.#stale.length) continue;
      switch (kind[i]) {
        case OutcomeKind.unmap:
        case OutcomeKind.release:
        case OutcomeKind.flush:
        case OutcomeKind.domainDestroy:
          this.#course.advance(time[i]!);
          this.#take(batch, i, domain[i]!);
          this.#course.settle();
      }
    }
  }

  finish(end: number): void {
    this.#course.advance(end);
  }

  /** Most bytes stale at once. */
  peak(): number {
    return this.#course.peak[0]!;
  }

  series(): LevelSeries {
    return this.#course.series(0);
  }

  #take(batch: OutcomeBatch, i: number, domain: number): void {
    const time = batch.time[i]!;
    const isGone = batch.kind[i] === OutcomeKind.domainDestroy;
    const queued = isGone ? 0 : batch.queuedPages[i]!;
    let covered = this.#covered[domain]!;
    if (batch.kind[i] === OutcomeKind.flush) {
      covered = queued;
      this.#flushedAt[domain] = time;
    } else if (batch.kind[i] === OutcomeKind.release) {
      const wasCovered = time - batch.value[i]! < this.#flushedAt[domain]!;
      if (batch.value[i]! > 0 && wasCovered) covered -= batch.pages[i]!;
    }
    covered = Math.max(0, Math.min(covered, queued));
    const stale = queued - covered;
    this.#course.now[0]! += (stale - this.#stale[domain]!) * this.#granules[domain]!;
    this.#covered[domain] = covered;
    this.#stale[domain] = stale;
  }
}
