// The figures of one replay. docs/summary.schema.json and docs/summary-schema.md are made from this file.
//
// Every field has its formula and its unit in its sentence. Where no unit is named a field is a
// count; "ns" is virtual time since the first event of the capture, or a span of it. A quantile is
// the nearest-rank one: the smallest value such that at least that share of all values is not above
// it; its relative error is stated beside it. Null means that there was nothing to measure.

import type { Machine } from '@dmalab/replay';

/** Everything that a replay of one capture on one machine amounts to. */
export interface Summary {
  /** Name and version of this layout; a field changes its meaning only with the version. */
  readonly schema: 'dmalab.summary/1';
  readonly tool: ToolFacts;
  readonly trace: TraceFacts;
  /** What the result was made of, so that a batch can tell that it need not be made again; null outside a batch. */
  readonly inputs: InputHashes | null;
  readonly machine: Machine;
  /** What weakens the figures, the gravest first. */
  readonly warnings: readonly Warning[];
  readonly time: TimeFacts;
  readonly requests: RequestFigures;
  readonly failures: FailureFigures;
  readonly occupancy: OccupancyFigures;
  readonly addresses: AddressFigures;
  readonly rcache: RcacheFigures;
  readonly tree: TreeFigures;
  readonly flushes: FlushFigures;
  /** Switches of the domain type, recorded or of the machine file, in the order of time. */
  readonly typeSwitches: readonly TypeSwitchFigures[];
  readonly exposure: ExposureFigures;
  /** Time from map to unmap, for mappings whose map and unmap both lie in the capture. */
  readonly lifetime: DistributionFigures;
  /** How far the peaks stay below the limits that apply. */
  readonly headroom: readonly Headroom[];
  /** Bounce memory (swiotlb); null where the machine has none. */
  readonly bounce: BounceFigures | null;
  /** The host behind the page table; null where it limits nothing. */
  readonly host: HostFigures | null;
  readonly modelledCost: CostFigures;
  readonly modelledLatency: LatencyFigures;
  readonly modelledWork: WorkFigures;
  /** Kernel functions whose calls were timed while recording, by name: measured on the recorded machine, to be held against the modelled ones. */
  readonly measuredLatency: readonly MeasuredFigures[];
  /** Domains with at least one row, by index. */
  readonly domains: readonly DomainFigures[];
  /** Devices with at least one request, by index. */
  readonly devices: readonly DeviceFigures[];
  /** CPUs with at least one map or unmap, by number; those of a machine with fewer than the recorded one. */
  readonly cpus: readonly CpuFigures[];
  /** The 32 tasks with most maps, the busiest first. Of more than 2,048 tasks those with fewest maps are forgotten on the way. */
  readonly tasks: readonly TaskFigures[];
  /** Tasks with a map or an unmap; one that was forgotten and comes again is another. */
  readonly taskCount: number;
  /** Sizes that were asked for, the smallest first. */
  readonly sizes: readonly SizeFigures[];
}

/** What made the summary. */
export interface ToolFacts {
  readonly name: 'dmalab';
  /** Version of the package. */
  readonly version: string;
}

/** SHA-256 of all that a result depends on beside the version of the tool, hex. */
export interface InputHashes {
  /** The trace as it lies on disk; for a directory the list of the files in it with their hashes. */
  readonly trace: string;
  /** The meta.json beside the trace; null where there is none. */
  readonly meta: string | null;
  /** What the machine file, the policies and the options say, in the order and spelling that dmalab gives them. */
  readonly machine: string;
}

/** Where the requests come from, and how well the recording was read. */
export interface TraceFacts {
  /** What the capture is called in reports: as the caller named it, else the base name of the file. */
  readonly name: string;
  /** Base name of the file, "-" for standard input. */
  readonly source: string;
  /** SHA-256 of the file as it lies on disk, hex. */
  readonly sha256: string;
  /** Format that was recognised. */
  readonly format: string;
  /** Compression of the file. */
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Kernel release of the recording, null where the capture does not say. */
  readonly kernel: string | null;
  /** Events by name (without the group). */
  readonly events: Readonly<Record<string, number>>;
  /** Events of all names. */
  readonly eventsTotal: number;
  /** Events known to be lost. */
  readonly lost: number;
  /** True where events were lost whose number was not recorded. */
  readonly lostUnknown: boolean;
  /** Lines that look like events and were not understood. */
  readonly unparsed: number;
  /** Time between the first and the last event, ns. */
  readonly duration: number;
  /** Step of the recorded times, ns: nothing shorter can be told apart. */
  readonly resolution: number;
}

/** Something that weakens the figures. */
export interface Warning {
  /** Stable name for scripts. */
  readonly code: string;
  /** How often. */
  readonly count: number;
  /** What happened. */
  readonly text: string;
  /** What it does to the figures. */
  readonly meaning: string;
}

/** The span that means over time are taken over. */
export interface TimeFacts {
  /** End of the replay: the later of the last event and the last outcome (timers run on), ns. */
  readonly end: number;
  /** Outcome rows that were counted. */
  readonly outcomes: number;
}

/** Requests as recorded, and what became of them. */
export interface RequestFigures {
  readonly recorded: RecordedRequests;
  /** Maps and allocations that got an address. */
  readonly mapped: number;
  /** Maps and allocations that failed in the replay. */
  readonly failed: number;
  /** Unmaps and frees of ranges that the replay had mapped. */
  readonly unmapped: number;
  /** Requests left out: unmaps whose map failed in the replay or was never seen, dropped recorded failures. */
  readonly skipped: number;
  /** Requests of devices without translation: no address was allocated for them. */
  readonly direct: number;
  /** Those of them that are maps and allocations. */
  readonly directMaps: number;
  /** Tries that failed and were followed by another one. */
  readonly retries: number;
  /** Mappings from before the trace that were put in their place. */
  readonly preloaded: number;
  /** Mappings from before the trace that overlapped another one and were left out. */
  readonly overlapping: number;
  /** Bytes asked for by the maps that got an address. */
  readonly mappedBytes: number;
  /** Bytes asked for by the maps that failed. */
  readonly failedBytes: number;
  /** (mapped + directMaps) / (mapped + directMaps + failed); null without maps. */
  readonly successRate: number | null;
}

/** DMA API calls in the capture, by call. */
export interface RecordedRequests {
  /** Page, phys, resource and scatter list maps. */
  readonly map: number;
  /** Page, phys, resource and scatter list unmaps. */
  readonly unmap: number;
  /** Coherent allocations. */
  readonly alloc: number;
  /** Frees of coherent allocations. */
  readonly free: number;
  /** Syncs for the CPU or the device. */
  readonly sync: number;
  /** Calls that failed while recording. */
  readonly failed: number;
  /** Mappings that were live before the trace began. */
  readonly openStart: number;
  /** Mappings that were still live when it ended. */
  readonly openEnd: number;
}

/** Why maps failed, and since when. */
export interface FailureFigures {
  /** Failed maps. */
  readonly total: number;
  /** Time of the first failure (when exhaustion happened), ns; null without failures. */
  readonly firstAt: number | null;
  /** 1-based line of the first failed request in the trace; null without failures. */
  readonly firstLine: number | null;
  /** Failures by stage and cause, as far as they happened. */
  readonly causes: readonly FailureCause[];
}

/** Failures of one stage and cause. */
export interface FailureCause {
  /** The stage of the map path that said no. */
  readonly stage: 'iova' | 'pagetable' | 'syncMap' | 'swiotlb' | 'dmaCapable' | 'unknown';
  /**
   * max32: refused below 4 GiB by the remembered size; noGap: searched in vain. Of the host: hostEntries: no mapping
   * entry left; hostPages: a page could not be pinned. Of bounce memory: unreachable: the slot is beyond the device's
   * reach; bounceOff: it would have to bounce and must not; noPool: there is none;
   * tooLarge: more than an empty pool can give; poolFull: too few free slots; areaFull: too few in any one area;
   * fragmented: no run is long enough; alignment: no run lies right; noMemory, atomicPool: no memory for a transient pool;
   * transientUseless: it could not serve the request; endlessSearch: kernel 6.1 would search for ever;
   * throttled: it slept to the end of the replay, as the pool stayed too full.
   */
  readonly cause:
    | 'none'
    | 'max32'
    | 'noGap'
    | 'hostEntries'
    | 'hostPages'
    | 'unreachable'
    | 'bounceOff'
    | 'noPool'
    | 'tooLarge'
    | 'poolFull'
    | 'areaFull'
    | 'fragmented'
    | 'alignment'
    | 'noMemory'
    | 'atomicPool'
    | 'transientUseless'
    | 'endlessSearch'
    | 'throttled'
    | 'unknown';
  /** Maps that failed so. */
  readonly count: number;
  /** Time of the first one, ns. */
  readonly firstAt: number;
  /** Time of the last one, ns. */
  readonly lastAt: number;
}

/** How the I/O address space of all domains was used; page counts are turned into bytes by each domain's granule. */
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
  /** Most bytes waiting in flush queues at once: the largest stale set. */
  readonly peakQueuedBytes: number;
  /** Most bytes at once in freed ranges that caches kept. */
  readonly peakCachedBytes: number;
  /** Most bytes live or queued at once: what a device, or a host that shadows the page table, still sees. */
  readonly peakReachableBytes: number;
  /** Most 4 KiB pages live or queued at once: mapping entries that a host would hold. */
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

/** Caches of freed ranges in front of the tree. */
export interface RcacheFigures {
  /** Maps (served or not) of at most 32 pages, which caches can hold; those that failed for want of bounce memory asked for no address. */
  readonly cacheable: number;
  /** Maps of more than 32 pages: never cached. */
  readonly uncacheable: number;
  /** uncacheable / (cacheable + uncacheable); null without maps. */
  readonly uncacheableShare: number | null;
  /** Maps served from a cache. */
  readonly hits: number;
  /** hits / cacheable; null without cacheable maps. */
  readonly hitRate: number | null;
  /** By size class. */
  readonly classes: readonly RcacheClass[];
  /** By the limit that a cache was asked with: a map that falls back asks twice. */
  readonly limits: readonly RcacheLimit[];
  /** Full magazines that went to a depot. */
  readonly depotPushes: number;
  /** Full magazines that came from a depot. */
  readonly depotPops: number;
  /** Full magazines that found their depot full (kernels to 6.6): their ranges went to the tree. */
  readonly depotOverflows: number;
  /** Their ranges. */
  readonly depotOverflowRanges: number;
  /** Maps that the tree served within 1 s after overflows and trims had given it ranges of their class; each range counts once at most. */
  readonly depotRegrets: number;
  /** depotRegrets / ranges given back by overflows and trims; null without such. */
  readonly depotRegretShare: number | null;
  /** Times that a depot gave one magazine back to the tree. */
  readonly depotTrims: number;
  /** Pages given back so. */
  readonly depotTrimPages: number;
  /** Times that a last try returned all caches to the tree. */
  readonly cacheFlushes: number;
  /** Ranges returned so. */
  readonly cacheFlushRanges: number;
  /** Of these, ranges at or below the limit of the request that failed: the others were thrown away in vain. */
  readonly usefulFlushRanges: number;
  /** usefulFlushRanges / cacheFlushRanges; null where no flush returned a range. */
  readonly usefulFlushShare: number | null;
  /** Flushes of the caches that returned no such range. */
  readonly uselessCacheFlushes: number;
  /** What the caches held, by place and age; null for allocators without caches that tell of them. */
  readonly cached: CachedFigures | null;
}

/** Maps of at most 32 pages by the limit that their cache was asked with. */
export interface RcacheLimit {
  /** low32: 4 GiB, or less where the device reaches no further; wide: beyond 4 GiB. */
  readonly limit: 'low32' | 'wide';
  /** Times that a cache was asked. */
  readonly requests: number;
  /** Times that it served. */
  readonly hits: number;
  /** hits / requests; null without requests. */
  readonly hitRate: number | null;
}

/** What the caches of all domains held whenever the replay was looked at: between two looks it may have been more. */
export interface CachedFigures {
  /** Looks. */
  readonly looks: number;
  /** The look with most ranges. */
  readonly most: CachedState;
  /** The look with most ranges that were a minute old. */
  readonly oldest: CachedState;
  /** At the end. */
  readonly end: CachedState;
}

/** What the caches of all domains held at one moment. */
export interface CachedState {
  /** ns. */
  readonly at: number;
  /** Ranges. */
  readonly ranges: number;
  /** Of them in the magazines of CPUs. */
  readonly cpuRanges: number;
  /** Of them in depots. */
  readonly depotRanges: number;
  /** Of them below 4 GiB. */
  readonly low32Ranges: number;
  /** low32Ranges / ranges; null without ranges. */
  readonly low32Share: number | null;
  /** Ranges by the time since they came into a cache. */
  readonly ages: readonly CachedAge[];
  /** Ranges of 60 s and older / ranges; null without ranges. */
  readonly olderThanMinuteShare: number | null;
}

/** Ranges in caches of one class of age. */
export interface CachedAge {
  /** They were younger than this, and not younger than the class before, ns; null: as old as the class before or older. */
  readonly below: number | null;
  readonly ranges: number;
}

/** One size class of the caches. */
export interface RcacheClass {
  /** Pages of its ranges: a power of two. */
  readonly pages: number;
  /** Maps of this class, served or not. */
  readonly requests: number;
  /** Those served from a cache. */
  readonly hits: number;
  /** hits / requests. */
  readonly hitRate: number;
}

/** Work in the tree. */
export interface TreeFigures {
  /** Maps (served or not) that visited the tree. */
  readonly searches: number;
  /** searches / (mapped + failed); null without maps. */
  readonly searchShare: number | null;
  /** Maps refused without a search because of the remembered size (early exit). */
  readonly earlyExits: number;
  /** earlyExits / (mapped + failed); null without maps. */
  readonly earlyExitRate: number | null;
  /** Maps served in the second pass of a search (paths.rbtreeRetry) / searches; null without searches. */
  readonly secondPassRate: number | null;
  /** Nodes visited, for each map that visited the tree. */
  readonly steps: DistributionFigures;
  /** Most ranges that the allocators of all domains kept in order at a look, reservations too; null where none keeps any. */
  readonly peakNodes: number | null;
  /** The same at the end. */
  readonly endNodes: number | null;
}

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
  /** Sum over unmapped ranges of bytes (whole pages) x stale window, byte seconds; ranges never released count until the end, or until their domain went. */
  readonly byteSeconds: number;
  /** byteSeconds / duration in s: bytes that are stale on average; null for a replay without duration. */
  readonly meanStaleBytes: number | null;
  /** Most bytes stale at once, over all domains: the largest set that devices could reach after its unmap. */
  readonly peakStaleBytes: number;
  /** Bytes still queued at the end, or when their domain went: the distributions above do not have them. */
  readonly unreleasedBytes: number;
}

/** A distribution: exact count, min, mean and max, and nearest-rank quantiles. Null where count is 0. */
export interface DistributionFigures {
  /** Unit of the values. */
  readonly unit: 'ns' | 'entries' | 'nodes' | 'slots';
  /** Values. */
  readonly count: number;
  /** Values that are exactly 0. */
  readonly zeros: number;
  /** Smallest value. */
  readonly min: number | null;
  /** Sum of the values / count. */
  readonly mean: number | null;
  /** Median. */
  readonly p50: number | null;
  /** 90 % of the values are not above it. */
  readonly p90: number | null;
  /** 99 % of the values are not above it. */
  readonly p99: number | null;
  /** 99.9 % of the values are not above it. */
  readonly p999: number | null;
  /** Largest value. */
  readonly max: number | null;
  /** Bound of |reported - true| / true for p50 to p999; integers below 1024 are exact. */
  readonly relativeError: number;
}

/** A limit, and how far the peak stayed below it. */
export interface Headroom {
  /** What is limited. */
  readonly what: string;
  /** Where the limit comes from. */
  readonly basis: string;
  /** Unit of limit and peak. */
  readonly unit: 'pages' | 'bytes';
  readonly limit: number;
  /** Highest use, in the same unit. */
  readonly peak: number;
  /** 1 - peak / limit; negative where the peak would not have fitted. */
  readonly headroom: number;
  /** True where the replay enforces the limit; else it is a yardstick. */
  readonly enforced: boolean;
}

/** Bounce memory: a slot has 2 KiB. A list of buffers counts as so many buffers as bounced. */
export interface BounceFigures {
  /** Buffers that got slots. */
  readonly buffers: number;
  /** Maps that failed for want of slots, or because the slots were out of reach. */
  readonly failed: number;
  /** Most slots in use at once (io_tlb_used_hiwater), transient pools included. */
  readonly hiwaterSlots: number;
  /** hiwaterSlots x 2048. */
  readonly hiwaterBytes: number;
  /** Slots in use at the end. */
  readonly endSlots: number;
  /** Most slots of all pools at once, transient ones included. */
  readonly totalSlots: number;
  /** Slots of all pools at the end. */
  readonly endTotalSlots: number;
  /** hiwaterSlots / totalSlots; null without slots. */
  readonly hiwaterShare: number | null;
  /** Integral over time of (slots of all pools - slots in use) x 2048, byte seconds: memory that nothing used. */
  readonly idleByteSeconds: number;
  /** Slots that the kernel's search looked at, for each buffer that got slots. */
  readonly probes: DistributionFigures;
  /** Areas searched / buffers; null without buffers. */
  readonly areasPerBuffer: number | null;
  /** 1 - bytes of the buffers / (slots taken x 2048); null without buffers. */
  readonly waste: number | null;
  /** Bytes copied into slots by maps. */
  readonly copiedInBytes: number;
  /** Bytes copied out of slots by unmaps. */
  readonly copiedOutBytes: number;
  /** Bytes copied by syncs. */
  readonly syncedBytes: number;
  /** All copied bytes / bytes asked for by the maps that were served (bounced or not); null without maps. */
  readonly copiedPerByte: number | null;
  /** Bytes whose encryption was changed on the path of a map. */
  readonly convertedBytes: number;
  /** Bytes of pools that were added in the background, which an encrypted guest has to share with its host; 0 where it is not encrypted. */
  readonly backgroundConvertedBytes: number;
  /** Pools added while running. */
  readonly poolsAdded: number;
  /** Added pools that were given up again. */
  readonly poolsFreed: number;
  /** Pools that could not be had. */
  readonly poolsRefused: number;
  /** Slots of the pools that were added. */
  readonly addedSlots: number;
  /** Time of the first added pool, ns; null without one. */
  readonly firstPoolAt: number | null;
  /** Transient pools that were made. */
  readonly transients: number;
  /** Bytes of all transient pools together. */
  readonly transientBytes: number;
  /** Most bytes of transient pools at once. */
  readonly peakTransientBytes: number;
  /** Transient pools whose memory came from the atomic pools: in an encrypted guest all of them, else none. */
  readonly atomicPoolTransients: number;
  /** atomicPoolTransients / transients; null without transient pools. */
  readonly atomicPoolShare: number | null;
  /** Most pools in the list at once, the default pool too: an address is looked up by a walk of it. */
  readonly peakPools: number;
  /** Buffers served from transient pools. */
  readonly transientBuffers: number;
  /** Transient pools for which there was no memory. */
  readonly transientsRefused: number;
  /** Transient pools that could not serve their request. */
  readonly transientsUseless: number;
  /** Times that an atomic pool grew. */
  readonly atomicPoolExpansions: number;
  /** Times that no atomic pool could serve a transient pool. */
  readonly atomicPoolExhausted: number;
  /** Runs of free slots; null where the policy does not tell of them. */
  readonly freeRuns: FreeRunFigures | null;
}

/** Runs of free slots in all pools but transient ones, whenever the replay was looked at. */
export interface FreeRunFigures {
  /** Looks. */
  readonly looks: number;
  /** The look at which most slots were in use. */
  readonly fullest: FreeRunState;
  /** At the first map that failed for want of slots; null without one. */
  readonly firstFailure: FreeRunState | null;
  /** At the end. */
  readonly end: FreeRunState;
}

/** Runs of free slots at one moment: no run crosses the border of a set of 128 slots, as no buffer does. */
export interface FreeRunState {
  /** ns. */
  readonly at: number;
  readonly usedSlots: number;
  readonly freeSlots: number;
  /** Slots of the longest run: the largest buffer that fits, alignment apart. */
  readonly longestRun: number;
  /** Histogram of the runs. */
  readonly runs: readonly FreeRunClass[];
}

/** Runs of free slots of one length. */
export interface FreeRunClass {
  /** Fewest slots. */
  readonly slots: number;
  /** Most slots. */
  readonly upTo: number;
  /** Runs. */
  readonly count: number;
}

/** A host that shadows the page table of the guest, in entries and pages of 4 KiB. */
export interface HostFigures {
  /** Most entries that the host takes; null without a limit. */
  readonly entryLimit: number | null;
  /** Most pages that can be pinned; null without a limit. Guests that were replayed together share it. */
  readonly pageLimit: number | null;
  /** Most entries held at once: live pages and lazily unmapped ones. */
  readonly peakEntries: number;
  /** Most of them at once that the guest had unmapped already. */
  readonly peakStaleEntries: number;
  /** Mean of the entries held over time; null for a replay without duration. */
  readonly meanEntries: number | null;
  /** Most pages pinned at once, by all guests of the budget. */
  readonly peakPinnedPages: number;
  /** peakEntries + 1: a limit at which this very load is never refused (the request that takes the last entry is). */
  readonly sufficientEntries: number;
  readonly refreshes: RefreshCounts;
  /** 1000 x all refreshes / maps that got an address; null without maps. */
  readonly refreshesPerThousandMaps: number | null;
  /** Entries freed by refreshes of the whole aperture. */
  readonly globallyFreed: number;
  /** Entries that refreshes of the whole aperture looked at: all that the host held at that time, added up. */
  readonly globallyWalked: number;
  /** Maps that were answered with "out of resource". */
  readonly outOfResource: number;
  /** Those that the guest cured by itself: by its own flush. */
  readonly selfReclaim: number;
  /** Tries to map that failed because of the host. */
  readonly failed: number;
  /** Those that failed while other guests held at least as many unmapped pages as were lacking. */
  readonly crossGuestBlocked: number;
}

/** Refreshes (RPCIT) by what they were for. */
export interface RefreshCounts {
  /** Of a range that was mapped. */
  readonly map: number;
  /** Of a range that was unmapped (strict). */
  readonly unmap: number;
  /** Of the whole aperture: flushes of queues, and answers to out of resource. */
  readonly global: number;
  /** Of the range of a map that failed. */
  readonly undo: number;
}

/** Modelled, never measured: work x the costs in machine.cost. */
export interface CostFigures {
  /** Always true: these are assumptions turned into ns. */
  readonly modelled: true;
  /** Sum over maps (served or not), ns. */
  readonly map: number;
  /** Sum over unmaps, releases, flushes and invalidations, ns. */
  readonly unmap: number;
  /** Sum over all rows, ns. */
  readonly total: number;
  /** Cost of each map, served or not. */
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
  /** Each map, served or not, with all that it caused. */
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
}

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
  /** Most pages waiting in flush queues at once. */
  readonly peakQueuedPages: number;
  /** Most pages taken below 4 GiB at once (live, queued and cached). */
  readonly peakLow32Pages: number;
  /** How its free address space was cut up; null where that is not known, see freeSpaceUnknown. */
  readonly freeSpace: FreeSpaceFigures | null;
  /** Why freeSpace is null; null where it is not. */
  readonly freeSpaceUnknown: string | null;
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
  readonly mean: number | null;
  /** Median. */
  readonly p50: number | null;
  /** 99 % are not above it. */
  readonly p99: number | null;
  readonly max: number | null;
  /** Bound of |reported - true| / true for p50 and p99. */
  readonly relativeError: number;
}

/** Requests on one CPU of the machine. */
export interface CpuFigures {
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
