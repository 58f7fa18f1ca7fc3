// Figures of one domain, device, CPU, task or size. Part of summary.json: see ../summary.ts.

import type { FreeSpaceFigures, SpaceSplit } from './addresses.ts';
import type { DomainExposure } from './flushes.ts';

/** One IOVA domain. */
export interface DomainFigures {
  /** Index in machine.domains; beyond them the domains that devices without a recorded one get. */
  readonly index: number;
  /** The recorded pointer, "virtual:N" where the domain was inferred, or "own:N" of device N. */
  readonly token: string;
  /** Names of its devices. */
  readonly devices: readonly string[];
  /** Bytes of a page. */
  readonly granule: number;
  /** DMA (strict), DMA-FQ (lazy) or identity (no translation) at creation. */
  readonly type: 'DMA' | 'DMA-FQ' | 'identity';
  /** Pages that can be allocated: up to the least of masks, bus limits and aperture, reservations left out. */
  readonly limitPages: number;
  /** Those of them below 4 GiB. */
  readonly limitLow32Pages: number;
  /** Maps that got an address. */
  readonly mapped: number;
  /** Maps that failed. */
  readonly failed: number;
  /** Flushes of the whole domain. */
  readonly flushes: number;
  /** Split at the moment when live + queued + cached was highest. */
  readonly peak: SpaceSplit;
  /** Time of that moment, ns. */
  readonly peakAt: number;
  /** Split at the end. */
  readonly end: SpaceSplit;
  /** Means over time, from the domain's first row to time.end. */
  readonly mean: SpaceSplit;
  /** Most mappings live at once. */
  readonly peakLiveMappings: number;
  /** Most ranges waiting in flush queues at once. */
  readonly peakQueuedEntries: number;
  /** Most pages waiting in flush queues at once, as the allocator rounds them. */
  readonly peakQueuedPages: number;
  /** Most pages taken below 4 GiB at once (live, queued and cached). */
  readonly peakLow32Pages: number;
  /** What its devices could reach after it was unmapped. */
  readonly exposure: DomainExposure;
  /** How its free address space was cut up; null where that is not known, see freeSpaceUnknown. */
  readonly freeSpace: FreeSpaceFigures | null;
  /** Why freeSpace is null; null where it is not. */
  readonly freeSpaceUnknown: string | null;
}

/** Requests of one device, CPU, task or size. */
export interface GroupFigures {
  /** Maps that got an address. */
  readonly mapped: number;
  /** Maps that failed. */
  readonly failed: number;
  /** Unmaps of ranges that the replay had mapped. */
  readonly unmapped: number;
  /** Maps without translation. */
  readonly directMaps: number;
  /** Bytes asked for by the maps that were served. */
  readonly bytes: number;
  /** Maps (served or not) of at most 32 pages that asked for an address. */
  readonly cacheable: number;
  /** Those of them that a cache served. */
  readonly cacheHits: number;
  /** cacheHits / cacheable; null without such maps. */
  readonly cacheHitRate: number | null;
  readonly modelledMap: GroupLatency;
}

/** Modelled, never measured: time of the maps of a group, served or not and with translation, with all that each caused, ns. Null without maps. */
export interface GroupLatency {
  /** Always true: these are assumptions turned into ns. */
  readonly modelled: true;
  /** Sum / number of maps. */
  readonly mean: number | null;
  /** Median. */
  readonly p50: number | null;
  /** 99 % are not above it. */
  readonly p99: number | null;
  /** The longest. */
  readonly max: number | null;
  /** Bound of |reported - true| / true for p50 and p99. */
  readonly relativeError: number;
}

/** Requests on one CPU of the machine. */
export interface CpuFigures {
  /** Number of the CPU. */
  readonly cpu: number;
  readonly requests: GroupFigures;
}

/** Requests of one task. */
export interface TaskFigures {
  /** Thread id as recorded; -1: not recorded, or no task (a timer). */
  readonly tid: number;
  readonly requests: GroupFigures;
}

/** Requests of one size. */
export interface SizeFigures {
  /** Power of two: requests of so many bytes and less, but more than half as many. Above 131072 no cache serves with 4 KiB pages, above 262144 no bounce buffer. */
  readonly upToBytes: number;
  readonly requests: GroupFigures;
}

/** One device. */
export interface DeviceFigures {
  /** Index in machine.devices. */
  readonly index: number;
  /** As recorded; empty for the unknown device. */
  readonly name: string;
  /** Maps that got an address. */
  readonly mapped: number;
  /** Maps that failed. */
  readonly failed: number;
  /** Unmaps. */
  readonly unmapped: number;
  /** Requests without translation. */
  readonly direct: number;
  /** Bytes asked for by the maps that got an address. */
  readonly bytes: number;
  /** Time of its first failure, ns; null without failures. */
  readonly firstFailureAt: number | null;
  /** Maps (served or not) of at most 32 pages that asked for an address. */
  readonly cacheable: number;
  /** Those of them that a cache served. */
  readonly cacheHits: number;
  /** cacheHits / cacheable; null without such maps. */
  readonly cacheHitRate: number | null;
  readonly modelledMap: GroupLatency;
}
