// What a replay says: one log of outcomes in virtual time, in columns.
//
// As with the batches of the trace package, the arrays are refilled: a batch is valid until the next.

import type { StateSample } from './state-sampler.ts';

/** What one row of an outcome batch reports. */
export const OutcomeKind = {
  /** A map or alloc was served: pfn, pages, bytes, path, steps; cause = why 32 bits gave nothing, where it fell back. */
  map: 1,
  /** A map or alloc failed for good: stage, cause, steps; value = tries before the last. */
  mapFail: 2,
  /** An unmap or free: pfn, pages, bytes, value = lifetime in ns (-1 where the map was before the trace). */
  unmap: 3,
  /** A range became really free: pfn, pages, value = ns since its unmap (stale window, 0 when strict). */
  release: 4,
  /**
   * A flush of the whole IOTLB: cause = FlushCause, value = entries released at once, pages = theirs.
   * Entries of other CPUs' queues that a full flush covers are released at their CPU's next unmap.
   */
  flush: 5,
  /** A synchronous invalidation of one range (strict unmap). */
  sync: 6,
  /** A device stopped trying 32-bit addresses first. */
  sacGiveUp: 7,
  /** A depot was trimmed by one magazine: value = ranges returned to the tree, pages = theirs. */
  depotTrim: 8,
  /**
   * All caches were returned to the tree by a failed search: value = ranges returned, steps = how many of
   * them end at or below the limit of the request that failed, and may help it.
   */
  rcacheFlush: 9,
  /**
   * A request of a device that is not translated, which needs no address: value = 1 for a map or alloc, 2 for
   * an unmap or free. What bounced has its own rows before this one.
   */
  direct: 10,
  /**
   * A row that asks for nothing: an unmap of something that failed in the replay, or (flag failed) a
   * recorded failure that is dropped or that a later retry stands for.
   */
  skipped: 11,
  /** A mapping from before the trace was put in its place: pfn, pages, bytes; value = 1 if it overlapped another and was left out. */
  openStart: 12,
  /**
   * A map that failed and is to be tried again: stage, cause, bytes; value = tries before this one. Its request ends in
   * `map`, `direct` or `mapFail`.
   */
  retry: 13,
  domainCreate: 16,
  domainDestroy: 17,
  /** A switch of the domain type: path = QueueKind asked for, cause = QueueKind made, value = errno, 0 where it was done. */
  typeSwitch: 19,
  cpuDown: 20,
  cpuUp: 21,
  /** The recording lost events here: value = how many, 0 unknown. */
  loss: 22,
  /** Slots were taken for a buffer or one segment of a list: pages = slots, bytes copied in, steps = slots searched, path = BounceSource, value = areas searched, updates = 1 + area of the default pool, 0 for another pool. */
  bounceMap: 24,
  /** Slots were given back: pages = slots, bytes copied out (0 where nothing was), value = bytes of the buffer, updates as of bounceMap. */
  bounceUnmap: 25,
  /** A sync copied: bytes; value = 0 for the CPU (out), 1 for the device (in). */
  bounceSync: 26,
  /** Bounce memory grew, or could not (BounceEvent in `path`): pages = slots, bytes = theirs, value = areas. */
  bounceEvent: 27,
  /** The encryption of bytes of memory was changed, on the path of a map. */
  convert: 28,
  /** The host looked at changed entries: path = RefreshScope, stage = HostAnswer, pages of the range, value = entries that the host gained (negative: gave up). Of an undo, cause = 1 where other guests held as many unmapped pages as the map lacked. */
  hostRefresh: 32,
  /** What the host lacked for a map was found by the policy's answer: value = entries that it freed; cause = FailCause that it cured. */
  hostReclaim: 33,
} as const;
export type OutcomeKind = (typeof OutcomeKind)[keyof typeof OutcomeKind];

/** Kinds of flush queue; `other` is one that no kernel has. */
export const QueueKind = { none: 0, percpu: 1, single: 2, other: 3 } as const;
export type QueueKind = (typeof QueueKind)[keyof typeof QueueKind];

/** Which limits a request for an address tried: 32 bits, the whole reach of the device, or one after the other (SAC, then DAC). */
export const Reach = { none: 0, low: 1, wide: 2, lowThenWide: 3 } as const;
export type Reach = (typeof Reach)[keyof typeof Reach];

/** The stage at which a map failed. */
export const FailStage = {
  none: 0,
  iova: 1,
  pagetable: 2,
  syncMap: 3,
  swiotlb: 4,
  dmaCapable: 5,
} as const;
export type FailStage = (typeof FailStage)[keyof typeof FailStage];

/** Rows of a full outcome batch: what the caches of a core hold, or all that statistics read of it comes from memory. */
export const OUTCOME_ROWS = 8192;

/** Outcomes in the order of virtual time; only the first `length` rows count. */
export interface OutcomeBatch {
  length: number;
  /** Virtual ns. */
  readonly time: Float64Array;
  readonly kind: Uint8Array;
  readonly cpu: Uint16Array;
  readonly device: Uint16Array;
  /** Index into the machine's domains; a device d without one has its own, `domains.length + d`. */
  readonly domain: Uint16Array;
  /** Thread of the request, -1 on rows that no request caused. */
  readonly tid: Int32Array;
  /** Request id, of a release that of its mapping; 0 on other rows that no request caused. */
  readonly id: Uint32Array;
  /** -1 where there is none. The address is pfn * granule plus the offset in the request. */
  readonly pfn: Float64Array;
  readonly pages: Float64Array;
  readonly bytes: Float64Array;
  /** AllocPath of a map, mapFail or retry; of other kinds as they say. */
  readonly path: Uint8Array;
  /** Reach of a map, or of a mapFail or retry that asked for an address; 0 on others. */
  readonly reach: Uint8Array;
  /** FailStage of a mapFail or retry. */
  readonly stage: Uint8Array;
  /** FailCause of a mapFail or retry, and of a map with reach lowThenWide; FlushCause of a flush. */
  readonly cause: Uint8Array;
  /** Tree nodes visited by a map; by kind, see above. */
  readonly steps: Uint32Array;
  /** By kind, see above. */
  readonly value: Float64Array;
  /** Modelled cost of the row in ns (cost model of the machine), without waiting; never measured. */
  readonly costNs: Float64Array;
  /** Modelled waiting of the row at its lock (`lockOfRow`) in ns; never measured. */
  readonly waitNs: Float64Array;
  /** On the row of a map, mapFail or unmap: modelled time of the whole request, with all that it caused and waited for, in ns; 0 on others. */
  readonly latencyNs: Float64Array;
  /** Tree searches of a map. */
  readonly searches: Uint8Array;
  /** Ranges that went into the tree or out of it; of rows of bounce memory see above. */
  readonly updates: Uint32Array;
  /** Magazines that went to or came from a depot. */
  readonly exchanges: Uint32Array;
  /** Flag bits of the request (trace package). */
  readonly flags: Uint32Array;
  /** 1-based line of the request in the trace, 0 on rows that no request caused. */
  readonly line: Uint32Array;
  /** State of the row's domain after the row: mappings and pages live, in the queue, in the caches, and taken below 4 GiB; pages as the allocator rounds them. */
  readonly liveMappings: Uint32Array;
  readonly livePages: Float64Array;
  readonly queuedEntries: Uint32Array;
  readonly queuedPages: Float64Array;
  readonly cachedPages: Float64Array;
  readonly low32Pages: Float64Array;
  /** State of the machine after the row: slots in use and in all (2 KiB each; transient pools count in both). */
  readonly bounceUsed: Uint32Array;
  readonly bounceTotal: Uint32Array;
  /** State of the host after the row: entries that it holds for this guest, those of them that the guest unmapped, and pages pinned by all guests of its budget. */
  readonly hostEntries: Float64Array;
  readonly hostStale: Float64Array;
  readonly hostPinned: Float64Array;
  /** Looks at the state of allocators and pools between these rows and the batch before, in the order of time. */
  readonly samples: StateSample[];
}
