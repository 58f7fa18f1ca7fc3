// Where mappings lie, and how much of the address space is taken, cut up or free. Part of summary.json: see ../summary.ts.

/** How the I/O address space of all domains was used: pages as the allocator rounds them, turned into bytes by each domain's granule. */
export interface OccupancyFigures {
  /** True where mappings were live before the trace began: every figure here is then a lower bound. */
  readonly lowerBound: boolean;
  /** Split at the moment when live + queued + cached was highest. */
  readonly peak: SpaceSplit;
  /** Time of that moment, ns. */
  readonly peakAt: number;
  /** Split at the end of the replay. */
  readonly end: SpaceSplit;
  /** Means over time: integral of each state from 0 to time.end, divided by time.end. */
  readonly mean: SpaceSplit;
  /** Most mappings live at once. */
  readonly peakLiveMappings: number;
  /** Mappings live at the end. */
  readonly endLiveMappings: number;
  /** Mean of live mappings over time. */
  readonly meanLiveMappings: number;
  /** Most bytes of address space in live mappings at once. */
  readonly peakLiveBytes: number;
  /** Most bytes at once that drivers had asked for (request sizes of live mappings, not rounded to pages). */
  readonly peakRequestedBytes: number;
  /** Most ranges waiting in flush queues at once. */
  readonly peakQueuedEntries: number;
  /** Most bytes of address space waiting in flush queues at once; what of them devices could reach is exposure.peakStaleBytes. */
  readonly peakQueuedBytes: number;
  /** Most bytes at once in freed ranges that caches kept. */
  readonly peakCachedBytes: number;
  /** Most bytes of pages mapped or waiting in queues at once, not rounded up: what a device, or a host that shadows the page table, still sees. */
  readonly peakReachableBytes: number;
  /** The same in pages of 4 KiB: mapping entries that a host would hold. */
  readonly peakReachablePages: number;
  /** Most bytes taken below 4 GiB at once, summed over domains (live, queued and cached). */
  readonly peakLow32Bytes: number;
  /** What was taken below 4 GiB by state, at that look at which it was most; null where there was no look. */
  readonly low32: Low32Split | null;
}

/** Address space below 4 GiB by state, in bytes of all domains. The replay is looked at from time to time: peakLow32Bytes may be higher than total. */
export interface Low32Split {
  /** Time of the look, ns. */
  readonly at: number;
  /** live + queued + cached. */
  readonly total: number;
  /** Mapped; with it what the allocator rounded up. */
  readonly live: number;
  /** Unmapped, waiting for a flush. */
  readonly queued: number;
  /** Free, kept in caches. */
  readonly cached: number;
}

/** Address space by state, in bytes. */
export interface SpaceSplit {
  /** Mapped. */
  readonly live: number;
  /** Unmapped, waiting for a flush: not usable, still reachable. */
  readonly queued: number;
  /** Free, kept in caches for the next request of the same size. */
  readonly cached: number;
  /** Neither: limit of the address space - live - queued - cached. */
  readonly free: number;
  /** Bytes that the allocator has taken below 4 GiB; it rounds small ranges up, so this may exceed live + queued + cached. */
  readonly low32: number;
  /** low32 / (live + queued + cached), at most 1; null where nothing is taken. */
  readonly low32Share: number | null;
}

/** Where the addresses were placed, and how the allocator found them. */
export interface AddressFigures {
  /** Maps whose whole range lies below 4 GiB. */
  readonly below4G: number;
  /** below4G / mapped; null without maps. */
  readonly below4GShare: number | null;
  /** Maps by the way they were served. */
  readonly paths: PathCounts;
  /** Maps (served or not) that failed below 4 GiB and were tried again with the whole reach of the device (DAC). */
  readonly dacFallbacks: number;
  /** dacFallbacks / maps that asked for an address; null without such. */
  readonly dacFallbackRate: number | null;
  /** Time of the first one, ns: when the space below 4 GiB failed a request first, though the request may have been served; null without one. */
  readonly firstDacFallbackAt: number | null;
  /** Devices that stopped trying 32-bit addresses first. */
  readonly sacGiveUps: readonly SacGiveUp[];
}

/** Maps by the way the allocator served them. */
export interface PathCounts {
  /** From a cache. */
  readonly rcache: number;
  /** From the tree, in the first pass. */
  readonly rbtree: number;
  /** From the tree, in a second pass from the limit. */
  readonly rbtreeRetry: number;
  /** From the tree, after all caches were returned to it. */
  readonly rbtreeAfterFlush: number;
  /** Not at all. */
  readonly failed: number;
}

/** The moment from which a device uses 64-bit addresses for good. */
export interface SacGiveUp {
  /** Name of the device. */
  readonly device: string;
  /** ns. */
  readonly at: number;
  /** Maps of all devices that had been served before. */
  readonly afterMaps: number;
}

/** The free address space of a domain whenever the replay was looked at: between two looks it may have been worse. */
export interface FreeSpaceFigures {
  /** Looks. */
  readonly looks: number;
  /** The look with the highest fragmentation below 4 GiB. */
  readonly mostFragmented: FreeSpaceState;
  /** At the first map of any domain that failed for want of an address; null without one. */
  readonly firstFailure: FreeSpaceState | null;
  /** At the end. */
  readonly end: FreeSpaceState;
}

/** The free address space of a domain at one moment: neither live, queued nor cached, and not reserved. */
export interface FreeSpaceState {
  /** ns. */
  readonly at: number;
  /** Ranges that the allocator kept in order, reservations too; null where it keeps none. */
  readonly nodes: number | null;
  /** From the first page that is given out to 4 GiB. */
  readonly below4G: FreeRegionFigures;
  /** From 4 GiB to the highest limit of any request so far; nothing where no device reaches so far. */
  readonly above4G: FreeRegionFigures;
}

/** Free space of one part of an address space. */
export interface FreeRegionFigures {
  /** Free bytes. */
  readonly freeBytes: number;
  /** Free ranges. */
  readonly gaps: number;
  /** Bytes of the largest one. */
  readonly largestGapBytes: number;
  /** F: 1 - largestGapBytes / freeBytes; null where nothing is free. */
  readonly fragmentation: number | null;
  /** What is of no use to requests of a size. */
  readonly alignmentWaste: readonly AlignmentWaste[];
}

/** Free space that requests of one size cannot use. */
export interface AlignmentWaste {
  /** Pages of a request; it lies at a multiple of them where the allocator aligns. */
  readonly pages: number;
  /** 1 - pages of all such requests that fit in beside each other / free pages: the remainders of the gaps; null where nothing is free. */
  readonly share: number | null;
}
