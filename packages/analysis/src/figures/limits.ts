// Bounce memory, the host behind the page table, and the room below limits. Part of summary.json: see ../summary.ts.

import type { DistributionFigures } from './distribution.ts';

/** A limit, and how far the peak stayed below it. */
export interface Headroom {
  /** What is limited. */
  readonly what: string;
  /** Where the limit comes from. */
  readonly basis: string;
  /** Unit of limit and peak. */
  readonly unit: 'pages' | 'bytes';
  /** The most that fits. */
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
  /** Slots in use. */
  readonly usedSlots: number;
  /** Slots not in use. */
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
