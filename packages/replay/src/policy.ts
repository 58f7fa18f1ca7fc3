// What a policy is, what the engine offers it, and what each kind of policy must answer.
//
// A policy is a plain record. It knows its parameters and a port; it reaches other policies through
// the port alone. Nothing in here knows traces or files.

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

/** Why a whole-domain IOTLB flush happened. */
export const FlushCause = { full: 0, timeout: 1, host: 2, teardown: 3 } as const;
export type FlushCause = (typeof FlushCause)[keyof typeof FlushCause];

/** What the engine offers to the policies of one domain. */
export interface Port {
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
  /** Flushes the IOTLB of the whole domain. */
  invalidateAll(cause: FlushCause): void;
  /** Flushes the IOTLB for one range. */
  invalidate(pfn: number, pages: number): void;
  /** Gives a range back to the domain's allocator on `cpu`, now really free; `queuedAt` is the time of its unmap in ns. */
  freeIova(pfn: number, pages: number, cpu: number, queuedAt: number, id: number): void;
  /** Tells of work that no call shows: `rcacheFlush` and `depotTrim`, n ranges each, become rows. */
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

/** Why an allocation failed. */
export const FailCause = { none: 0, max32: 1, noGap: 2 } as const;
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
  readonly work: AllocWork;
  /** Pages that a request for `pages` takes out of the address space: caches round small ones up. */
  takenPages(pages: number): number;
  /** Pages freed but kept in caches. */
  cachedPages(): number;
  /** Pages of all allocated ranges (live, queued and cached) that lie below 4 GiB, reservations left out. */
  low32Pages(): number;
}

/** Holds unmapped ranges until the IOTLB no longer has them. */
export interface FlushQueue {
  /** Takes a range that was unmapped on `cpu`. */
  queue(pfn: number, pages: number, cpu: number, id: number): void;
  /** Entries waiting in the queue that `cpu` uses. */
  length(cpu: number): number;
  /** Ranges waiting in all queues. */
  queuedEntries(): number;
}

interface PolicyRecord<Kind extends string, Made> {
  readonly kind: Kind;
  /** As typed on the command line. */
  readonly name: string;
  readonly summary: string;
  readonly parameters: ParameterList;
  create(parameters: Parameters, port: Port): Made;
}
/** What a file in iova/ exports. */
export type IovaPolicy = PolicyRecord<'iova', IovaAllocator>;
/** What a file in flush/ exports. */
export type FlushPolicy = PolicyRecord<'flush', FlushQueue>;
