// Invalidations of the IOTLB, and how long unmapped ranges stay within reach.
//
// A release says when a range could be used again. The device lost it earlier where the flush of
// another CPU had covered it before its own queue was looked at: the stale window ends with the
// first flush of the domain after the unmap. For this the last flush times of each domain are kept;
// where even the oldest of them is too young, the window is an upper bound.
//
// An unmap and a flush of the same ns: the flush came first, as a full queue flushes and then adds.

import { FlushCause, type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import type {
  DomainExposure,
  ExposureFigures,
  FlushCauses,
  FlushFigures,
} from '../figures/flushes.ts';
import { COARSE_ERROR, CoarseHistogram, coarseBucket } from '../structures/coarse-histogram.ts';
import { LogHistogram } from '../structures/log-histogram.ts';
import { SlicedHistogram } from '../structures/sliced-histogram.ts';
import { distributionFigures } from './distribution.ts';
import { FlushTimes } from './flush-times.ts';
import type { ReachLevels } from './reach-levels.ts';
import { share } from './share.ts';
import type { DomainSpace } from './space.ts';

const CAUSES = Object.keys(FlushCause).length;

/** Counts of flushes by cause, batch sizes and stale windows. */
export class FlushStats {
  readonly stale: SlicedHistogram = new SlicedHistogram();
  readonly reuse: LogHistogram = new LogHistogram();
  readonly batch: LogHistogram = new LogHistogram();
  /** Time from one flush of a domain to its next. */
  readonly interval: SlicedHistogram = new SlicedHistogram();
  /** Batch sizes by FlushCause. */
  readonly batchByCause: readonly SlicedHistogram[] = Array.from(
    { length: CAUSES },
    () => new SlicedHistogram(),
  );
  readonly #granules: Float64Array;
  readonly #times: (FlushTimes | undefined)[] = [];
  readonly #byDomain: Float64Array;
  readonly #lastFlush: Float64Array;
  #syncs = 0;
  #unmapped = 0;
  /** By domain: byte seconds that released ranges waited after they were covered, and stale windows. */
  readonly #covered: Float64Array;
  readonly #windows: (CoarseHistogram | undefined)[] = [];

  constructor(spaces: readonly DomainSpace[]) {
    this.#granules = Float64Array.from(spaces, ({ granule }) => granule);
    this.#byDomain = new Float64Array(spaces.length);
    this.#lastFlush = new Float64Array(spaces.length).fill(-1);
    this.#covered = new Float64Array(spaces.length);
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, kind } = batch;
    for (let i = 0; i < length; i++) {
      switch (kind[i]) {
        case OutcomeKind.unmap:
          this.#unmapped++;
          break;
        case OutcomeKind.release:
          this.#release(batch, i);
          break;
        case OutcomeKind.flush:
          this.#flush(batch, i);
          break;
        case OutcomeKind.sync:
          this.#syncs++;
          break;
        case OutcomeKind.domainDestroy:
          // What waited in its queues went with it: nothing asks for these any more.
          this.#times[batch.domain[i]!] = undefined;
          break;
      }
    }
  }

  /** `gigabytes`: GiB mapped. */
  figures(duration: number, gigabytes: number): FlushFigures {
    const total = this.batch.count;
    const perThousand = (n: number): number | null =>
      this.#unmapped > 0 ? (1000 * n) / this.#unmapped : null;
    const count = (cause: number): number => this.batchByCause[cause]!.whole.count;
    const causes = mapCauses(count);
    return {
      total,
      causes,
      perThousandUnmaps: perThousand(total),
      causesPerThousandUnmaps:
        this.#unmapped > 0 ? mapCauses((cause) => (1000 * count(cause)) / this.#unmapped) : null,
      perGigabyte: share(total, gigabytes),
      invalidationsPerGigabyte: share(total + this.#syncs, gigabytes),
      perSecond: duration > 0 ? total / (duration / 1e9) : null,
      rangeInvalidations: this.#syncs,
      invalidationsPerThousandUnmaps: perThousand(total + this.#syncs),
      batch: distributionFigures(this.batch, 'entries'),
      interval: distributionFigures(this.interval.whole, 'ns'),
      wasted: this.batch.zeros,
      wastedShare: total > 0 ? this.batch.zeros / total : null,
    };
  }

  /** `reach`: what waited in queues; what was released was out of reach for a part of that time. */
  exposure(duration: number, reach: ReachLevels): ExposureFigures {
    let byteSeconds = 0;
    let unreleasedBytes = 0;
    for (let domain = 0; domain < this.#covered.length; domain++) {
      byteSeconds += this.#byteSeconds(domain, reach);
      unreleasedBytes += reach.unreleasedBytes(domain);
    }
    return {
      staleWindow: distributionFigures(this.stale.whole, 'ns'),
      reuseDelay: distributionFigures(this.reuse, 'ns'),
      byteSeconds,
      meanStaleBytes: duration > 0 ? byteSeconds / (duration / 1e9) : null,
      peakStaleBytes: reach.peakStale(),
      unreleasedBytes,
    };
  }

  /** The same of `domain` alone. */
  domainExposure(domain: number, reach: ReachLevels): DomainExposure {
    const windows = this.#windows[domain] ?? new CoarseHistogram();
    return {
      released: windows.count,
      mean: share(windows.sum, windows.count),
      p50: windows.quantile(500),
      p99: windows.quantile(990),
      max: windows.count > 0 ? windows.max : null,
      relativeError: COARSE_ERROR,
      byteSeconds: this.#byteSeconds(domain, reach),
      unreleasedBytes: reach.unreleasedBytes(domain),
    };
  }

  /** Flushes of `domain`. */
  ofDomain(domain: number): number {
    return this.#byDomain[domain] ?? 0;
  }

  #flush(batch: OutcomeBatch, i: number): void {
    const domain = batch.domain[i]!;
    const entries = batch.value[i]!;
    const time = batch.time[i]!;
    this.batch.add(entries);
    this.batchByCause[batch.cause[i]!]?.add(entries, time);
    if (domain < this.#byDomain.length) {
      const last = this.#lastFlush[domain]!;
      if (last >= 0) this.interval.add(time - last, time);
      this.#lastFlush[domain] = time;
      this.#byDomain[domain]!++;
    }
    const times = this.#times[domain] ?? new FlushTimes();
    times.push(time);
    this.#times[domain] = times;
  }

  #release(batch: OutcomeBatch, i: number): void {
    const domain = batch.domain[i]!;
    const waited = batch.value[i]!;
    const unmappedAt = batch.time[i]! - waited;
    const covered = waited > 0 ? this.#times[domain]?.firstAfter(unmappedAt) : undefined;
    const stale = covered === undefined ? waited : Math.min(waited, covered - unmappedAt);
    this.reuse.add(waited);
    this.stale.add(stale, batch.time[i]!);
    if (domain >= this.#granules.length) return;
    const bytes = batch.pages[i]! * this.#granules[domain]!;
    this.#covered[domain]! += bytes * ((waited - stale) / 1e9);
    const windows = this.#windows[domain] ?? new CoarseHistogram();
    windows.add(stale, coarseBucket(stale));
    this.#windows[domain] = windows;
  }

  #byteSeconds(domain: number, reach: ReachLevels): number {
    return Math.max(0, reach.waitedByteSeconds(domain) - this.#covered[domain]!);
  }
}

function mapCauses(of: (cause: FlushCause) => number): FlushCauses {
  return {
    full: of(FlushCause.full),
    timeout: of(FlushCause.timeout),
    host: of(FlushCause.host),
    teardown: of(FlushCause.teardown),
    bound: of(FlushCause.bound),
  };
}
