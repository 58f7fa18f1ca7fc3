// What the work of a replay costs by its model, and what the recorded machine took. Part of summary.json: see ../summary.ts.

import type { DistributionFigures } from './distribution.ts';

/** Modelled, never measured: work x the costs in machine.cost. */
export interface CostFigures {
  /** Always true: these are assumptions turned into ns. */
  readonly modelled: true;
  /** Sum over maps (served or not) and their tries, with the caches, bounce memory and host entries that they needed, ns. */
  readonly map: number;
  /** Sum over all else: unmaps, releases, trims, flushes, invalidations, syncs, copies out of bounce memory, ns. */
  readonly unmap: number;
  /** map + unmap, ns. */
  readonly total: number;
  /** Cost of each map, served or not: search and page table, without bounce memory and host (modelledLatency.map has all). */
  readonly perMap: DistributionFigures;
  /** total / GiB that served maps asked for, translated or not, ns; null without any. */
  readonly perGigabyte: number | null;
  /** Cost of copying to and from bounce memory / total; null where total is 0. */
  readonly copyShare: number | null;
}

/** Modelled, never measured: what requests take by machine.cost when they wait for each other. */
export interface LatencyFigures {
  /** Always true: these are assumptions turned into ns. */
  readonly modelled: true;
  /** open: requests arrive as recorded; closed: a CPU begins its next request when the one before is over. */
  readonly loop: 'open' | 'closed';
  /** Each map, served or not, with all that it caused; each try of one that was tried again. */
  readonly map: DistributionFigures;
  /** Each unmap, with the flush and the releases that it caused. */
  readonly unmap: DistributionFigures;
  /** Waiting of requests and timers, by lock. */
  readonly waiting: readonly WaitingFigures[];
}

/** Modelled waiting at one kind of lock. */
export interface WaitingFigures {
  /** The tree of a domain, the depot of a size class, a flush queue that all CPUs share, the invalidation queue of the IOMMU, an area of bounce memory. */
  readonly lock: 'tree' | 'depot' | 'queue' | 'invalidation' | 'area';
  /** Sum of all waits, ns. */
  readonly total: number;
  /** Times that something waited. */
  readonly waits: number;
  /** The longest wait, ns. */
  readonly longest: number;
}

/** How often each cost of machine.cost was charged: the sum of counts x costs is modelledCost.total. */
export interface WorkFigures {
  /** Hits in a magazine, and puts. */
  readonly rcache: number;
  /** Magazines to or from a depot. */
  readonly depotExchange: number;
  /** CPUs and size classes looked at when all caches were emptied. */
  readonly cacheFlush: number;
  /** Searches of the tree. */
  readonly treeSearch: number;
  /** Nodes visited. */
  readonly treeStep: number;
  /** Ranges into the tree, or out of it. */
  readonly treeUpdate: number;
  /** Synchronous invalidations of a range. */
  readonly invalidateRange: number;
  /** Flushes of the whole IOTLB. */
  readonly invalidateAll: number;
  /** Granules mapped and unmapped. */
  readonly pageTableEntry: number;
  /** Searches for slots of bounce memory. */
  readonly bounceSearch: number;
  /** Slots looked at. */
  readonly bounceProbe: number;
  /** Further areas searched. */
  readonly bounceArea: number;
  /** Transient pools made. */
  readonly transientPool: number;
  /** Bytes copied to and from bounce memory. */
  readonly copyByte: number;
  /** Changes of the encryption of memory on the path of a map. */
  readonly convertCall: number;
  /** Pages of 4 KiB changed so. */
  readonly convertPage: number;
  /** Refreshes of a range by the host. */
  readonly hostRange: number;
  /** Refreshes of the whole aperture by the host. */
  readonly hostGlobal: number;
  /** Entries that the host gained or gave up. */
  readonly hostEntry: number;
}

/** Measured durations of one kernel function on the recorded machine. */
export interface MeasuredFigures {
  /** Always true: nothing here is modelled. */
  readonly measured: true;
  /** As the kernel names it. */
  readonly function: string;
  /** function_graph: the tracer's own durations, with tracing. probes: from entry to return probe, by the clock of the trace. */
  readonly source: 'function_graph' | 'probes';
  /** Count, min, mean and max are of all calls, quantiles of a sample of at most 65,536. */
  readonly duration: DistributionFigures;
  /** The sample by CPU, by number; those that are not known are left out. */
  readonly cpus: readonly MeasuredPart[];
  /** The sample by thread: the 32 with most calls, the busiest first; those that are not known are left out. */
  readonly tasks: readonly MeasuredPart[];
  /** The sample by what the call was about, in powers of two from the number that stands there: pages of an IOVA, bytes of a bounce buffer. Empty where it was not recorded. */
  readonly sizes: readonly MeasuredPart[];
}

/** Measured calls of one CPU, thread or size. */
export interface MeasuredPart {
  /** Number of the CPU or thread, or the lowest size. */
  readonly of: number;
  readonly duration: DistributionFigures;
}
