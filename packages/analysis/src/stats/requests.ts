// What became of the requests, per device and per domain; lifetimes and modelled costs.

import { type OutcomeBatch, OutcomeKind, RefreshScope } from '@dmalab/replay';
import type { DeviceFigures, GroupFigures } from '../figures/groups.ts';
import type { CostFigures } from '../figures/latency.ts';
import type { RequestFigures } from '../figures/requests.ts';
import { LogHistogram } from '../structures/log-histogram.ts';
import { SlicedHistogram } from '../structures/sliced-histogram.ts';
import type { Breakdown } from './breakdown.ts';
import { distributionFigures } from './distribution.ts';
import { sum } from './quantile.ts';
import { share } from './share.ts';

const GIB = 2 ** 30;

/** Counts of maps, unmaps and failures, by device and domain. */
export class RequestStats {
  readonly lifetime: SlicedHistogram = new SlicedHistogram();
  readonly perMap: LogHistogram = new LogHistogram();
  /** Maps served and failed, by domain. */
  readonly domainMapped: Float64Array;
  readonly domainFailed: Float64Array;
  readonly #mapped: Float64Array;
  readonly #failed: Float64Array;
  readonly #unmapped: Float64Array;
  readonly #direct: Float64Array;
  readonly #bytes: Float64Array;
  readonly #firstFailure: Float64Array;
  #skipped = 0;
  #directMaps = 0;
  #directBytes = 0;
  #retries = 0;
  #preloaded = 0;
  #overlapping = 0;
  #failedBytes = 0;
  #mapCost = 0;
  #totalCost = 0;
  #rows = 0;
  #lastTime = 0;

  constructor(devices: number, domains: number) {
    this.domainMapped = new Float64Array(domains);
    this.domainFailed = new Float64Array(domains);
    this.#mapped = new Float64Array(devices);
    this.#failed = new Float64Array(devices);
    this.#unmapped = new Float64Array(devices);
    this.#direct = new Float64Array(devices);
    this.#bytes = new Float64Array(devices);
    this.#firstFailure = new Float64Array(devices);
  }

  /** Rows, and the time of the last one. */
  get rows(): number {
    return this.#rows;
  }
  get lastTime(): number {
    return this.#lastTime;
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, time, kind, device, domain, bytes, value, costNs } = batch;
    for (let i = 0; i < length; i++) {
      this.#totalCost += costNs[i]!;
      switch (kind[i]) {
        case OutcomeKind.map:
          this.#mapped[device[i]!]!++;
          this.#bytes[device[i]!]! += bytes[i]!;
          this.domainMapped[domain[i]!]!++;
          this.#cost(costNs[i]!);
          break;
        case OutcomeKind.mapFail:
          if (this.#failed[device[i]!]!++ === 0) this.#firstFailure[device[i]!] = batch.time[i]!;
          this.#failedBytes += bytes[i]!;
          this.domainFailed[domain[i]!]!++;
          this.#cost(costNs[i]!);
          break;
        case OutcomeKind.unmap:
          this.#unmapped[device[i]!]!++;
          if (value[i]! >= 0) this.lifetime.add(value[i]!, time[i]!);
          break;
        case OutcomeKind.direct:
          this.#direct[device[i]!]!++;
          if (value[i] !== 1) break;
          this.#directMaps++;
          this.#directBytes += bytes[i]!;
          break;
        case OutcomeKind.retry:
          this.#retries++;
          this.#mapCost += costNs[i]!;
          break;
        case OutcomeKind.skipped:
          this.#skipped++;
          break;
        case OutcomeKind.bounceMap:
        case OutcomeKind.convert:
        case OutcomeKind.rcacheFlush:
          this.#mapCost += costNs[i]!;
          break;
        case OutcomeKind.hostRefresh:
          if (isOfMap(batch.path[i]!)) this.#mapCost += costNs[i]!;
          break;
        case OutcomeKind.openStart:
          if (value[i] === 0) this.#preloaded++;
          else this.#overlapping++;
          break;
      }
    }
    this.#rows += length;
    if (length > 0) this.#lastTime = Math.max(this.#lastTime, batch.time[length - 1]!);
  }

  figures(recorded: RequestFigures['recorded']): RequestFigures {
    const mapped = sum(this.#mapped);
    const failed = sum(this.#failed);
    const served = mapped + this.#directMaps;
    return {
      recorded,
      mapped,
      failed,
      unmapped: sum(this.#unmapped),
      skipped: this.#skipped,
      direct: sum(this.#direct),
      directMaps: this.#directMaps,
      retries: this.#retries,
      preloaded: this.#preloaded,
      overlapping: this.#overlapping,
      mappedBytes: sum(this.#bytes),
      failedBytes: this.#failedBytes,
      successRate: served + failed > 0 ? served / (served + failed) : null,
    };
  }

  /** GiB that the maps which got an address asked for, and with those that need none. */
  get mappedGigabytes(): number {
    return sum(this.#bytes) / GIB;
  }
  get servedGigabytes(): number {
    return (sum(this.#bytes) + this.#directBytes) / GIB;
  }

  /** `copyNs`: cost of all copies. */
  cost(copyNs: number): CostFigures {
    return {
      modelled: true,
      map: this.#mapCost,
      unmap: this.#totalCost - this.#mapCost,
      total: this.#totalCost,
      perMap: distributionFigures(this.perMap, 'ns'),
      perGigabyte: share(this.#totalCost, this.servedGigabytes),
      copyShare: share(copyNs, this.#totalCost),
    };
  }

  devices(name: (device: number) => string, breakdown: Breakdown): DeviceFigures[] {
    const figures = Array.from(this.#mapped, (mapped, index) => ({
      index,
      name: name(index),
      mapped,
      failed: this.#failed[index]!,
      unmapped: this.#unmapped[index]!,
      direct: this.#direct[index]!,
      bytes: this.#bytes[index]!,
      firstFailureAt: this.#failed[index]! > 0 ? this.#firstFailure[index]! : null,
      ...cacheAndLatency(breakdown.device(index)),
    }));
    return figures.filter((d) => d.mapped + d.failed + d.unmapped + d.direct > 0);
  }

  #cost(ns: number): void {
    this.#mapCost += ns;
    this.perMap.add(ns);
  }
}

function isOfMap(scope: number): boolean {
  return scope === RefreshScope.map || scope === RefreshScope.undo;
}

function cacheAndLatency({ cacheable, cacheHits, cacheHitRate, modelledMap }: GroupFigures) {
  return { cacheable, cacheHits, cacheHitRate, modelledMap };
}
