// Who takes how much address space: levels of every domain and of all together, their peaks, means
// and course over time. Fed with the state columns of the outcomes.
//
// The sum over domains is in bytes, since granules differ; a domain's own levels are in pages. Rows
// of domain 0 belong to no domain and carry no state; a destroyed domain takes nothing any more.

import { type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import type { Low32Split, OccupancyFigures, SpaceSplit } from '../figures/addresses.ts';
import { Gauges, LEVELS, Level, type LevelSplit } from './gauges.ts';
import { type Series, SeriesRecorder, Tally } from './series.ts';
import type { DomainSpace } from './space.ts';

/** Bytes of a page of the host that would shadow the mappings. */
const HOST_PAGE = 4096;

/** See the head of the file. */
export class OccupancyStats {
  readonly #spaces: readonly DomainSpace[];
  readonly #gauges: Gauges;
  readonly #sum: number;
  readonly #series: SeriesRecorder;
  readonly #requestedOf: Float64Array;
  #requested = 0;
  #peakRequested = 0;

  constructor(spaces: readonly DomainSpace[]) {
    this.#spaces = spaces;
    this.#sum = spaces.length;
    this.#gauges = new Gauges(spaces.length + 1);
    this.#requestedOf = new Float64Array(spaces.length);
    this.#gauges.advance(this.#sum, 0);
    const sum = this.#gauges.now.subarray(this.#sum * LEVELS);
    this.#series = new SeriesRecorder(sum);
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, time, kind, domain } = batch;
    for (let i = 0; i < length; i++) {
      this.#series.advance(time[i]!);
      if (kind[i] === OutcomeKind.domainDestroy) this.#empty(domain[i]!, time[i]!);
      else if (domain[i]! > 0 && domain[i]! < this.#sum) this.#take(batch, i, domain[i]!);
      this.#request(batch, i, domain[i]!);
    }
  }

  /** Ends the levels at `end`. */
  finish(end: number): void {
    this.#series.advance(end);
    for (let slot = 0; slot <= this.#sum; slot++) {
      if (this.#gauges.used(slot)) this.#gauges.advance(slot, end);
    }
  }

  series(): Series {
    return this.#series.series();
  }

  /** True once `domain` had a row with state. */
  used(domain: number): boolean {
    return this.#gauges.used(domain);
  }

  peak(domain: number, level: Level): number {
    return this.#gauges.peak(domain, level);
  }

  /** `reachableBytes`: most that devices could reach at once. */
  figures(
    end: number,
    lowerBound: boolean,
    low32: Low32Split | null,
    reachableBytes: number,
  ): OccupancyFigures {
    const gauges = this.#gauges;
    const sum = this.#sum;
    const split = (levels: LevelSplit): SpaceSplit => spaceSplit(levels, 1, this.#limitBytes());
    return {
      lowerBound,
      peak: split(gauges.atPeak(sum)),
      peakAt: gauges.peakAt(sum),
      end: split(gauges.atEnd(sum)),
      mean: split(this.#means(sum, 0, end)),
      peakLiveMappings: gauges.peak(sum, Level.mappings),
      endLiveMappings: gauges.now[sum * LEVELS + Level.mappings]!,
      meanLiveMappings: gauges.mean(sum, Level.mappings, 0, end),
      peakLiveBytes: gauges.peak(sum, Level.live),
      peakRequestedBytes: this.#peakRequested,
      peakQueuedEntries: gauges.peak(sum, Level.entries),
      peakQueuedBytes: gauges.peak(sum, Level.queued),
      peakCachedBytes: gauges.peak(sum, Level.cached),
      peakReachableBytes: reachableBytes,
      peakReachablePages: Math.ceil(reachableBytes / HOST_PAGE),
      peakLow32Bytes: gauges.peak(sum, Level.low32),
      low32,
    };
  }

  /** The splits of one domain, in bytes. */
  domain(domain: number, end: number): { peak: SpaceSplit; end: SpaceSplit; mean: SpaceSplit } {
    const gauges = this.#gauges;
    const { granule, limitPages } = this.#spaces[domain]!;
    const split = (levels: LevelSplit): SpaceSplit =>
      spaceSplit(levels, granule, limitPages * granule);
    return {
      peak: split(gauges.atPeak(domain)),
      end: split(gauges.atEnd(domain)),
      mean: split(this.#means(domain, gauges.first(domain), end)),
    };
  }

  peakAt(domain: number): number {
    return this.#gauges.peakAt(domain);
  }

  /** Puts the state columns of row `i` into the domain's slot and the change into the sum. */
  #take(batch: OutcomeBatch, i: number, domain: number): void {
    const gauges = this.#gauges;
    const { now } = gauges;
    const time = batch.time[i]!;
    const { granule } = this.#spaces[domain]!;
    const at = domain * LEVELS;
    const total = this.#sum * LEVELS;
    gauges.advance(domain, time);
    gauges.advance(this.#sum, time);
    now[total]! += (batch.livePages[i]! - now[at]!) * granule;
    now[total + 1]! += (batch.queuedPages[i]! - now[at + 1]!) * granule;
    now[total + 2]! += (batch.cachedPages[i]! - now[at + 2]!) * granule;
    now[total + 3]! += (batch.low32Pages[i]! - now[at + 3]!) * granule;
    now[total + 4]! += batch.liveMappings[i]! - now[at + 4]!;
    now[total + 5]! += batch.queuedEntries[i]! - now[at + 5]!;
    now[at] = batch.livePages[i]!;
    now[at + 1] = batch.queuedPages[i]!;
    now[at + 2] = batch.cachedPages[i]!;
    now[at + 3] = batch.low32Pages[i]!;
    now[at + 4] = batch.liveMappings[i]!;
    now[at + 5] = batch.queuedEntries[i]!;
    gauges.settle(domain, time);
    gauges.settle(this.#sum, time);
    this.#series.settle();
  }

  #empty(domain: number, time: number): void {
    if (!this.used(domain)) return;
    const { now } = this.#gauges;
    const { granule } = this.#spaces[domain]!;
    this.#gauges.advance(domain, time);
    this.#gauges.advance(this.#sum, time);
    for (let level = 0; level < LEVELS; level++) {
      const unit = level === Level.mappings || level === Level.entries ? 1 : granule;
      now[this.#sum * LEVELS + level]! -= now[domain * LEVELS + level]! * unit;
      now[domain * LEVELS + level] = 0;
    }
    this.#series.settle();
  }

  #request(batch: OutcomeBatch, i: number, domain: number): void {
    switch (batch.kind[i]) {
      case OutcomeKind.domainCreate:
      case OutcomeKind.domainDestroy:
        // What was live goes with it.
        this.#ask(domain, -this.#requestedOf[domain]!);
        break;
      case OutcomeKind.openStart:
        if (batch.value[i] === 0) this.#ask(domain, batch.bytes[i]!);
        break;
      case OutcomeKind.map:
        this.#ask(domain, batch.bytes[i]!);
        this.#series.count(Tally.mapped);
        break;
      case OutcomeKind.unmap:
        this.#ask(domain, -batch.bytes[i]!);
        this.#series.count(Tally.unmapped);
        break;
      case OutcomeKind.mapFail:
        this.#series.count(Tally.failed);
        break;
      case OutcomeKind.flush:
        this.#series.count(Tally.flushes);
        break;
      case OutcomeKind.sync:
        this.#series.count(Tally.sync);
        break;
    }
  }

  #ask(domain: number, bytes: number): void {
    this.#requestedOf[domain]! += bytes;
    this.#requested += bytes;
    if (this.#requested > this.#peakRequested) this.#peakRequested = this.#requested;
  }

  #means(slot: number, from: number, end: number): LevelSplit {
    const mean = (level: Level): number => this.#gauges.mean(slot, level, from, end);
    return {
      live: mean(Level.live),
      queued: mean(Level.queued),
      cached: mean(Level.cached),
      low32: mean(Level.low32),
    };
  }

  #limitBytes(): number {
    let bytes = 0;
    this.#spaces.forEach(({ granule, limitPages }, domain) => {
      if (this.used(domain)) bytes += granule * limitPages;
    });
    return bytes;
  }
}

function spaceSplit(levels: LevelSplit, granule: number, limitBytes: number): SpaceSplit {
  const live = levels.live * granule;
  const queued = levels.queued * granule;
  const cached = levels.cached * granule;
  const low32 = levels.low32 * granule;
  const taken = live + queued + cached;
  return {
    live,
    queued,
    cached,
    free: Math.max(0, limitBytes - taken),
    low32,
    low32Share: taken > 0 ? Math.min(1, low32 / taken) : null,
  };
}
