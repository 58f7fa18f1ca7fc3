// What devices can reach: pages that are mapped, and unmapped ones that no flush has covered yet.
//
// Pages count as drivers asked for them: the room by which an allocator rounds a range up (which counts in
// occupancy.ts) has no entry in a page table. A flush of a domain covers all that its queues hold; a covered range
// may wait there for its release. So what is stale is what waits less what is covered and not yet released. The
// integral of that level is the exposure (see flushes.ts) but for an unmap and a flush of the same ns. A domain that is
// made anew in its place was destroyed before, though its end was not recorded.

import { type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import { LevelCourse } from './level-course.ts';
import type { LevelSeries } from './series.ts';
import type { DomainSpace } from './space.ts';

// A copy for what is done at every row: an imported binding is looked up at every use.
const Kinds = OutcomeKind;

/** See the head of the file. All pages are those of the domain. */
export class ReachLevels {
  /** The stale bytes of all domains. */
  readonly #course = new LevelCourse(1);
  readonly #granules: Float64Array;
  /** Pages mapped or waiting; of them waiting; of these covered by a flush. */
  readonly #reachable: Float64Array;
  readonly #waiting: Float64Array;
  readonly #covered: Float64Array;
  /** queuedPages of the last row: an unmap that is queued adds to it. */
  readonly #level: Float64Array;
  readonly #flushedAt: Float64Array;
  /** Integral of the waiting pages over time up to `#areaAt`, and pages that waited when their domain went. */
  readonly #area: Float64Array;
  readonly #areaAt: Float64Array;
  readonly #left: Float64Array;
  #reachableBytes = 0;
  #peakReachableBytes = 0;

  constructor(spaces: readonly DomainSpace[]) {
    const zeros = (): Float64Array => new Float64Array(spaces.length);
    this.#granules = Float64Array.from(spaces, ({ granule }) => granule);
    this.#reachable = zeros();
    this.#waiting = zeros();
    this.#covered = zeros();
    this.#level = zeros();
    this.#flushedAt = zeros().fill(-1);
    this.#area = zeros();
    this.#areaAt = zeros();
    this.#left = zeros();
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, domain, time, pages } = batch;
    for (let i = 0; i < length; i++) {
      const d = domain[i]!;
      if (d === 0 || d >= this.#granules.length) continue;
      switch (kind[i]) {
        case Kinds.openStart:
          if (batch.value[i] === 0) this.#reach(d, pages[i]!);
          break;
        case Kinds.map:
          this.#reach(d, pages[i]!);
          break;
        case Kinds.unmap:
        case Kinds.release:
        case Kinds.flush:
        case Kinds.domainCreate:
        case Kinds.domainDestroy:
          this.#wait(batch, i, d, time[i]!);
      }
    }
  }

  finish(end: number): void {
    this.#course.advance(end);
    for (let d = 0; d < this.#area.length; d++) this.#integrate(d, end);
  }

  /** Most bytes stale at once. */
  peakStale(): number {
    return this.#course.peak[0]!;
  }

  /** Most bytes mapped or waiting at once. */
  get peakReachableBytes(): number {
    return this.#peakReachableBytes;
  }

  /** Byte seconds that unmapped ranges of `domain` waited, covered or not. */
  waitedByteSeconds(domain: number): number {
    return (this.#area[domain]! * this.#granules[domain]!) / 1e9;
  }

  /** Bytes of `domain` that still wait, or waited when it went. */
  unreleasedBytes(domain: number): number {
    return (this.#waiting[domain]! + this.#left[domain]!) * this.#granules[domain]!;
  }

  /** The stale bytes over time. */
  series(): LevelSeries {
    return this.#course.series(0);
  }

  #reach(domain: number, pages: number): void {
    this.#reachable[domain]! += pages;
    this.#reachableBytes += pages * this.#granules[domain]!;
    if (this.#reachableBytes > this.#peakReachableBytes) {
      this.#peakReachableBytes = this.#reachableBytes;
    }
  }

  #wait(batch: OutcomeBatch, i: number, domain: number, time: number): void {
    this.#course.advance(time);
    this.#integrate(domain, time);
    const before = this.#waiting[domain]! - this.#covered[domain]!;
    const kind = batch.kind[i]!;
    if (kind === Kinds.domainDestroy || kind === Kinds.domainCreate) {
      this.#remove(domain);
    } else this.#take(batch, i, domain, time);
    const stale = this.#waiting[domain]! - this.#covered[domain]!;
    this.#course.now[0]! += (stale - before) * this.#granules[domain]!;
    this.#course.settle();
  }

  #take(batch: OutcomeBatch, i: number, domain: number, time: number): void {
    const pages = batch.pages[i]!;
    const level = batch.queuedPages[i]!;
    const change = level - this.#level[domain]!;
    this.#level[domain] = level;
    switch (batch.kind[i]) {
      case Kinds.unmap:
        if (change > 0) this.#waiting[domain]! += pages;
        break;
      case Kinds.flush:
        this.#covered[domain] = this.#waiting[domain]!;
        this.#flushedAt[domain] = time;
        break;
      case Kinds.release:
        this.#reach(domain, -pages);
        if (change >= 0) break;
        this.#waiting[domain]! -= pages;
        if (time - batch.value[i]! < this.#flushedAt[domain]!) this.#covered[domain]! -= pages;
        this.#covered[domain] = Math.max(
          0,
          Math.min(this.#covered[domain]!, this.#waiting[domain]!),
        );
    }
  }

  #remove(domain: number): void {
    this.#left[domain]! += this.#waiting[domain]!;
    this.#reach(domain, -this.#reachable[domain]!);
    this.#waiting[domain] = 0;
    this.#covered[domain] = 0;
    this.#level[domain] = 0;
  }

  #integrate(domain: number, time: number): void {
    this.#area[domain]! += this.#waiting[domain]! * (time - this.#areaAt[domain]!);
    this.#areaAt[domain] = time;
  }
}
