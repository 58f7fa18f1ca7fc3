// Invalidations, what waits for them, and switches of the domain type. Part of summary.json: see ../summary.ts.

import type { DistributionFigures } from './distribution.ts';

/** Invalidations of the IOTLB, and what the queues gave them to do. */
export interface FlushFigures {
  /** Flushes of a whole domain. */
  readonly total: number;
  /** Flushes by cause. */
  readonly causes: FlushCauses;
  /** 1000 x total / unmapped; null without unmaps. */
  readonly perThousandUnmaps: number | null;
  /** 1000 x causes / unmapped; null without unmaps. */
  readonly causesPerThousandUnmaps: FlushCauses | null;
  /** total / GiB that maps which got an address asked for; null without any. */
  readonly perGigabyte: number | null;
  /** (total + rangeInvalidations) / the same; null without any. */
  readonly invalidationsPerGigabyte: number | null;
  /** total / duration in s; null for a replay without duration. */
  readonly perSecond: number | null;
  /** Synchronous invalidations of one range (strict unmaps). */
  readonly rangeInvalidations: number;
  /** (total + rangeInvalidations) x 1000 / unmapped; null without unmaps. */
  readonly invalidationsPerThousandUnmaps: number | null;
  /** Queue entries released by each flush. */
  readonly batch: DistributionFigures;
  /** Time from one flush of a domain to its next. */
  readonly interval: DistributionFigures;
  /** Flushes that released nothing (0 entries). */
  readonly wasted: number;
  /** wasted / total; null without flushes. */
  readonly wastedShare: number | null;
}

/** One switch of a domain's type, and the unmaps around it. */
export interface TypeSwitchFigures {
  /** ns. */
  readonly time: number;
  /** Index of the domain. */
  readonly domain: number;
  /** Queue that was asked for. */
  readonly requested: QueueName;
  /** Queue that the domain has afterwards. */
  readonly got: QueueName;
  /** Done, or the error of the kernel. */
  readonly result: 'done' | 'EPERM' | 'EBUSY' | 'EINVAL';
  /** Unmaps of the domain before the switch. */
  readonly unmapsBefore: number;
  /** Synchronous invalidations of the domain before the switch. */
  readonly strictUnmapsBefore: number;
  /** Unmaps of the domain after the switch. */
  readonly unmapsAfter: number;
  /** Synchronous invalidations of the domain after the switch. */
  readonly strictUnmapsAfter: number;
}

/** Kinds of flush queue; other: one that no kernel has. */
export type QueueName = 'none' | 'percpu' | 'single' | 'other';

/** Flushes by what caused them: a count, or a rate where it is one. */
export interface FlushCauses {
  /** A queue was full. */
  readonly full: number;
  /** The timer of the queue fired. */
  readonly timeout: number;
  /** The host was out of resources. */
  readonly host: number;
  /** The domain went away. */
  readonly teardown: number;
  /** A queue reached its own bound of pages or exposure. */
  readonly bound: number;
}

/** How long unmapped memory stays within reach of a device. */
export interface ExposureFigures {
  /** Time from each unmap to the flush that covers it; 0 where the unmap itself invalidates. */
  readonly staleWindow: DistributionFigures;
  /** Time from each unmap until its range could be allocated again: never shorter than the stale window. */
  readonly reuseDelay: DistributionFigures;
  /** Sum over unmapped ranges of bytes (the pages that were mapped) x stale window, byte seconds; ranges never released count until the end, or until their domain went. */
  readonly byteSeconds: number;
  /** byteSeconds / duration in s: bytes that are stale on average; null for a replay without duration. */
  readonly meanStaleBytes: number | null;
  /** Most bytes stale at once, over all domains: the largest set that devices could reach after its unmap. */
  readonly peakStaleBytes: number;
  /** Bytes still queued at the end, or when their domain went: the distributions above do not have them. */
  readonly unreleasedBytes: number;
}

/** How long the unmapped memory of one domain stays within reach of its devices. */
export interface DomainExposure {
  /** Released ranges: the stale windows that mean, p50, p99 and max are of. */
  readonly released: number;
  /** Mean stale window, ns; null where nothing was released. */
  readonly mean: number | null;
  /** Median, ns. */
  readonly p50: number | null;
  /** 99 % are not above it, ns. */
  readonly p99: number | null;
  /** Longest, ns. */
  readonly max: number | null;
  /** Bound of |reported - true| / true for p50 and p99. */
  readonly relativeError: number;
  /** As exposure.byteSeconds, which is the sum over domains. */
  readonly byteSeconds: number;
  /** As exposure.unreleasedBytes, which is the sum over domains. */
  readonly unreleasedBytes: number;
}
