// What a policy is, what the engine offers it, and what each kind of policy must answer.
//
// A policy is a plain record. It knows its parameters and a port; it reaches other policies through
// the port alone. Nothing in here knows traces or files.

import type { HostAnswer } from './host-policy.ts';
import type { Ring } from './structures/ring.ts';

/** Page frame number that stands for "no range": allocation failed. */
export const NO_PFN = -1;

/** One parameter of a policy: feeds help, validation, sweep and reports. */
export interface Parameter {
  readonly name: string;
  readonly type: 'integer' | 'number' | 'boolean' | 'choice';
  readonly default: number | boolean | string;
  /** For numbers, both included. */
  readonly range?: readonly [number, number];
  readonly choices?: readonly string[];
  /** Only powers of two are allowed. */
  readonly powerOfTwo?: boolean;
  /** e.g. "entries", "ms", "pages"; absent for a plain count. */
  readonly unit?: string;
  readonly summary: string;
}
/** All parameters of a policy, in the order of help texts. */
export type ParameterList = readonly Parameter[];
/** Values by parameter name. */
export type Parameters = Readonly<Record<string, number | boolean | string>>;

/** Why a whole-domain IOTLB flush happened. `bound`: a queue reached a bound of its own, of pages or exposure. */
export const FlushCause = { full: 0, timeout: 1, host: 2, teardown: 3, bound: 4 } as const;
export type FlushCause = (typeof FlushCause)[keyof typeof FlushCause];

/** Constants and helpers for policies that import nothing: as the exports of the same names. */
export interface PolicyKit {
  readonly NO_PFN: typeof NO_PFN;
  readonly NO_SLOT: typeof NO_SLOT;
  readonly NO_PAGES: typeof NO_PAGES;
  readonly AllocPath: typeof AllocPath;
  readonly FailCause: typeof FailCause;
  readonly FlushCause: typeof FlushCause;
  readonly BounceEvent: typeof BounceEvent;
  readonly BounceSource: typeof BounceSource;
  readonly PageZone: typeof PageZone;
  readonly HostAnswer: typeof HostAnswer;
  /** The least power of two that is not less than `pages` (1 for 0). */
  powerOfTwoFrom(pages: number): number;
  /** An empty ring of `size` entries, of which `size - 1` are usable. */
  createRing(size: number): Ring;
  /** The entry after `entry`. */
  nextEntry(ring: Ring, entry: number): number;
  /** Entries waiting in the ring. */
  ringLength(ring: Ring): number;
}

/** What the engine offers to the policies of one domain. */
export interface Port {
  readonly kit: PolicyKit;
  /** Possible CPUs of the machine. */
  readonly cpus: number;
  /** log2 of the domain's granule in bytes. */
  readonly shift: number;
  /** Virtual time in ns. */
  now(): number;
  isOnline(cpu: number): boolean;
  onlineCpus(): number;
  /**
   * Calls back on `cpu` once `delayMs` of virtual time have passed, by the timer mode of the machine
   * (ideal, exact jiffies, or the kernel's timer wheel).
   */
  timer(cpu: number, delayMs: number, callback: (cpu: number) => void): void;
  /** Calls back on `cpu` at the virtual time `ns` exactly, whatever the timer mode (as a high-resolution timer does). */
  timerAt(cpu: number, ns: number, callback: (cpu: number) => void): void;
  /**
   * Pages of the domain that the host has room for now, by entries and by pinned pages; Infinity, as where
   * it is absent, without a limit. Pages whose unmap no flush has covered are no room yet.
   */
  hostRoom?(): number;
  /** Flushes the IOTLB of the whole domain. */
  invalidateAll(cause: FlushCause): void;
  /** Flushes the IOTLB for one range. */
  invalidate(pfn: number, pages: number): void;
  /** Gives a range back to the domain's allocator on `cpu`, now really free; `queuedAt` is the time of its unmap in ns. */
  freeIova(pfn: number, pages: number, cpu: number, queuedAt: number, id: number): void;
  /**
   * Tells of work that no call shows: `rcacheFlush` and `depotTrim`, n ranges each, become rows. Before
   * them, `usefulRanges`: how many of a flush end at or below the limit of the request that failed; and
   * `trimPages`: the pages of a trim.
   */
  count(name: string, n: number): void;
}

/** How the last allocation was served. */
export const AllocPath = {
  rcache: 0,
  rbtree: 1,
  rbtreeRetry: 2,
  rbtreeAfterFlush: 3,
  failed: 4,
} as const;
export type AllocPath = (typeof AllocPath)[keyof typeof AllocPath];

/** Why an allocation failed: 1 and 2 of an IOVA, 3 and 4 of the host, from 5 on of a bounce buffer. */
export const FailCause = {
  none: 0,
  max32: 1,
  noGap: 2,
  /** The host has no mapping entry left. */
  hostEntries: 3,
  /** The host could not pin a page. */
  hostPages: 4,
  /** The bounce address itself is beyond the reach of the device. */
  unreachable: 5,
  /** The address is beyond the reach of the device, and bouncing is switched off. */
  bounceOff: 6,
  /** The machine has no bounce memory. */
  noPool: 8,
  /** More than an empty pool can ever give: beyond a slot set, or over the segment boundary. */
  tooLarge: 9,
  /** Fewer slots free in all areas together than asked for. */
  poolFull: 10,
  /** Enough slots free together, but no area that was tried has as many. */
  areaFull: 11,
  /** An area has enough free slots, but no run of them is long enough. */
  fragmented: 12,
  /** A run is long enough, but not where alignment and segment boundary want it. */
  alignment: 13,
  /** A transient pool found no contiguous pages. */
  noMemory: 14,
  /** A transient pool found nothing in the atomic pools of an encrypted guest. */
  atomicPool: 15,
  /** A transient pool is exactly as long as the request: an offset of whole slots left no room. */
  transientUseless: 16,
  /** The search of kernel 6.1 never ends for this request: the machine would lock up. */
  endlessSearch: 17,
  /** The pool is too full for a request that may sleep: it waits until less is in use. */
  throttled: 18,
} as const;
export type FailCause = (typeof FailCause)[keyof typeof FailCause];

/** Work of the last `alloc`: read it before the next call. */
export interface AllocWork {
  path: AllocPath;
  cause: FailCause;
  /** Nodes visited in the tree, over all attempts of the call. */
  steps: number;
  /** Tree searches of the call. */
  tries: number;
  /** Pages really taken (the cache rounds small sizes up to a power of two). */
  pages: number;
}

/** An IOVA allocator of one domain, in page frame numbers of the domain's granule. */
export interface IovaAllocator {
  /**
   * First pfn of a naturally aligned range of `pages` that ends at or below `limitPfn` (included),
   * or {@link NO_PFN}. `lastTry`: caches may be flushed to make it succeed.
   */
  alloc(pages: number, limitPfn: number, cpu: number, lastTry: boolean): number;
  /** `pages` as asked for in `alloc`. */
  free(pfn: number, pages: number, cpu: number): void;
  /** Takes [pfnLo, pfnHi] out for good; may overlap live ranges. */
  reserve(pfnLo: number, pfnHi: number): void;
  /** Marks a range as allocated that was live before the replay; false if it overlaps another. */
  occupy(pfn: number, pages: number): boolean;
  cpuDown(cpu: number): void;
  cpuUp(cpu: number): void;
  /**
   * The whole IOTLB was flushed because the host was out of resources. Only an allocator that holds
   * freed ranges back until a flush of its own has it: they are free now.
   */
  flushed?(): void;
  readonly work: AllocWork;
  /** Magazines moved to and from depots so far; absent where there are none. */
  depotExchanges?(): number;
  /** Ranges taken out of the tree so far; absent: one with every free that leaves `cachedPages` as it was. */
  treeRemovals?(): number;
  /** Pages that a request for `pages` takes out of the address space: caches round small ones up. */
  takenPages(pages: number): number;
  /** Pages freed but kept in caches. */
  cachedPages(): number;
  /** Pages of all allocated ranges (live, queued and cached) that lie below 4 GiB, reservations left out. */
  low32Pages(): number;
  /** Ranges that it keeps in order, reservations too; absent where it keeps none. */
  nodes?(): number;
  /**
   * Visits each range that a request could be given now, both bounds included, as far as it can be had in
   * one piece; absent: figures of free space are left out. Called now and then, never for each request.
   */
  freeRanges?(visit: (pfnLo: number, pfnHi: number) => void): void;
  /** The range of `pages` that `cpu` freed last came into the caches at `ns`; nothing where it did not. */
  noteCached?(pages: number, cpu: number, ns: number): void;
  /**
   * Visits each range in the caches, with the CPU that has it (-1: all share it) and the time of
   * {@link IovaAllocator.noteCached}; absent: figures of what is cached are left out.
   */
  cachedRanges?(visit: (pfn: number, pages: number, cpu: number, freedAt: number) => void): void;
}

/** Holds unmapped ranges until the IOTLB no longer has them. */
export interface FlushQueue {
  /** Takes a range that was unmapped on `cpu`. */
  queue(pfn: number, pages: number, cpu: number, id: number): void;
  /** Flushes now, for this cause, and releases on `cpu` whatever waits in any queue; nothing where nothing can wait. */
  flush(cause: FlushCause, cpu: number): void;
  /** `cpu` went offline: what waits for it may be flushed on `running`, a CPU that is online. Absent: it waits on. */
  cpuDown?(cpu: number, running: number): void;
  /** True where all CPUs share one queue with one lock: in the latency model their unmaps wait for each other. */
  readonly shared?: boolean;
  /** Entries waiting in the queue that `cpu` uses. */
  length(cpu: number): number;
  /** Ranges waiting in all queues. */
  queuedEntries(): number;
}

/** Bounce address that stands for "no slots": the map failed. */
export const NO_SLOT = -1;
/** Page address that stands for "no memory". */
export const NO_PAGES = -1;

/** What a bounce pool must know of a device; made once per device. Addresses and masks are doubles; 2^64 stands for 2^64 - 1. */
export interface BounceDevice {
  /** Index of the device: transient pools belong to it. */
  readonly index: number;
  /** Low bits in which the bounce address equals the original one (`min_align_mask`), 0 = none. */
  readonly minAlignMask: number;
  /** No buffer crosses a multiple of this plus 1 (`seg_boundary_mask`, usually 2^32 - 1). */
  readonly segBoundary: number;
  /** Highest address that the device can put out. */
  readonly dmaMask: number;
  /** Highest bus address, 0 = none. */
  readonly busDmaLimit: number;
}

/** Where the memory of new pools comes from. */
export interface PageSource {
  /**
   * Address of 2^`order` contiguous pages from `zone`, without fallback to another zone, or
   * {@link NO_PAGES}. `maySleep`: may reclaim and compact.
   */
  alloc(order: number, zone: PageZone, maySleep: boolean): number;
  /** Gives back what `alloc` gave. */
  free(address: number, order: number): void;
}

/** Zone of physical memory: below 16 MiB, below 4 GiB, above (the zone of requests without a limit). */
export const PageZone = { dma: 0, dma32: 1, normal: 2 } as const;
export type PageZone = (typeof PageZone)[keyof typeof PageZone];

/** What bounce memory tells of itself besides the answers to calls. */
export const BounceEvent = {
  /** A pool joined the list. */
  poolAdd: 0,
  /** The background work, or a map that may sleep, found no memory for a pool; start is 0. */
  poolFail: 1,
  /** An idle pool left the list (option `shrink`). */
  poolFree: 2,
  transientAdd: 3,
  /** No memory for a transient pool. */
  transientFail: 4,
  /** A new transient pool could not serve its request and was given back. */
  transientUseless: 5,
  transientDel: 6,
  /** The atomic pools grew; pool is their index (see PageZone), slots are theirs. */
  atomicExpand: 7,
  /** No atomic pool could serve a transient pool of `slots`. */
  atomicExhausted: 8,
} as const;
export type BounceEvent = (typeof BounceEvent)[keyof typeof BounceEvent];

/** What the engine offers to bounce memory. */
export interface BouncePort {
  readonly kit: PolicyKit;
  /** Possible CPUs of the machine. */
  readonly cpus: number;
  /** Virtual time in ns. */
  now(): number;
  /** Calls back once `delayNs` of virtual time have passed, exactly. */
  later(delayNs: number, callback: (argument: number) => void, argument: number): void;
  readonly pages: PageSource;
  /** Told at the time of the event, in the middle of a call too. `pool` is the number of the pool, `start` its address. */
  event(kind: BounceEvent, pool: number, start: number, slots: number, areas: number): void;
}

/** Where the slots of a map came from. */
export const BounceSource = { none: 0, default: 1, grown: 2, transient: 3 } as const;
export type BounceSource = (typeof BounceSource)[keyof typeof BounceSource];

/** Work of the last call: read it before the next. Of a failed map only cause, slots, probes, areasTried and convertedBytes count. */
export interface BounceWork {
  cause: FailCause;
  source: BounceSource;
  /** Number of the pool: 0 the default pool, then in order of creation, transient pools included. */
  pool: number;
  /** Area of the first slot. */
  area: number;
  /** First slot of the allocation in its pool, padding included. */
  slot: number;
  /** Slots taken, padding included. */
  slots: number;
  padSlots: number;
  /** Slots that the kernel's search would have looked at, over all areas. */
  probes: number;
  /** Searches of one area. */
  areasTried: number;
  /** Bytes whose encryption the call changed itself (0 where guest memory is not encrypted). */
  convertedBytes: number;
}

/** Shares of all slots: requests that may sleep wait while more than `high` are in use, until fewer than `low` are. */
export interface Throttle {
  readonly high: number;
  readonly low: number;
}

/** Bounce memory of a machine, or of the devices that share a restricted pool (`io_tlb_mem`). */
export interface BouncePool {
  /**
   * Bounce address for `bytes` from the original address `orig`, or {@link NO_SLOT}. `allocAlignMask`
   * is 0 for plain maps; `maySleep` matters to policies that may then wait for memory.
   */
  map(
    orig: number,
    bytes: number,
    allocAlignMask: number,
    device: BounceDevice,
    cpu: number,
    maySleep: boolean,
  ): number;
  /** Releases what `map` returned to the same device; false if nothing is mapped at this address. */
  unmap(address: number, device: BounceDevice): boolean;
  /** Coherent memory of a restricted pool (`swiotlb_alloc`): page aligned, or {@link NO_SLOT}. */
  alloc(bytes: number, device: BounceDevice, cpu: number): number;
  /** Releases what `alloc` returned. */
  free(address: number, device: BounceDevice): boolean;
  readonly work: BounceWork;
  /** null or absent: nobody waits. */
  readonly throttle?: Throttle | null;
  /** Largest request in bytes that an empty pool can serve to this device, padding apart. */
  maxMapping(device: BounceDevice): number;
  /** Slots in use, of transient pools too. */
  usedSlots(): number;
  /** Highest `usedSlots` so far. */
  hiwater(): number;
  /** Slots of all pools but transient ones. */
  totalSlots(): number;
  transientSlots(): number;
  /** Pools in the list, transient ones left out. */
  pools(): number;
  /** Areas of the default pool. */
  areas(): number;
  /** Slots in use in an area of the default pool. */
  areaUsed(area: number): number;
  /** Memory of transient pools that waits for a grace period, in bytes. */
  waitingBytes(): number;
  /**
   * Visits each run of free slots of all pools but transient ones, as far as one buffer can have it; absent:
   * figures of free runs are left out. Called now and then.
   */
  freeRuns?(visit: (slots: number) => void): void;
}

/** What every policy file exports: `create` gets complete parameters and what the engine offers. */
export interface PolicyRecord<Kind extends string, Made, Offered = Port> {
  readonly kind: Kind;
  /** As typed on the command line. */
  readonly name: string;
  readonly summary: string;
  readonly parameters: ParameterList;
  create(parameters: Parameters, port: Offered): Made;
}
/** What a file in iova/ exports. */
export interface IovaPolicy extends PolicyRecord<'iova', IovaAllocator> {
  /** False: ranges may begin at any pfn; else at a multiple of their pages, rounded up to a power of two. */
  readonly aligned?: boolean;
}
/** What a file in flush/ exports. */
export interface FlushPolicy extends PolicyRecord<'flush', FlushQueue> {
  /** False: nothing is invalidated here; the allocator does that before it reuses an address. */
  readonly invalidates?: boolean;
}
/** What a file in bounce/ exports. */
export type BouncePolicy = PolicyRecord<'bounce', BouncePool, BouncePort>;
/** Kinds of policies. */
export type PolicyKind = 'iova' | 'flush' | 'bounce' | 'host';
