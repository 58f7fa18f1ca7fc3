// The IOVA allocator of Linux: magazines of freed ranges in front of a tree.
//
// Models drivers/iommu/iova.c in Linux 6.12, 6.6, 6.1, 4.15 and 4.9 bit for bit; see
// docs/models/iova-linux.md. Left out: locks, failed allocations of the allocator's own memory.
//
// Live, queued and cached ranges are disjoint; with the reservations they are the tree.
// A range at pfn 0 counts as a failure although the tree keeps it, as in the kernel.

import { powerOfTwoFrom } from '../pfn.ts';
import {
  AllocPath,
  type AllocWork,
  FailCause,
  type IovaAllocator,
  NO_PFN,
  type Port,
} from '../policy.ts';
import { FNV_BASIS, fnvWord } from '../structures/fnv.ts';
import { NO_RANGE } from '../structures/ranges.ts';
import {
  ARRAY_DEPOT,
  CLASSES,
  MAX_CACHED_PAGES,
  Rcache,
  type RcacheCopy,
  rcacheCopy,
} from '../structures/rcache.ts';
import type { LinuxIovaParameters } from './linux-parameters.ts';
import { LinuxTree, type LinuxTreeCopy, linuxTreeCopy } from './linux-tree.ts';

// A copy for the paths of a hit: an imported binding is looked up at every use.
const MAX_CACHED = MAX_CACHED_PAGES;

/** What `find` and `reserve` return where there is no range. */
export const NO_NODE: number = NO_RANGE;

/** Work done since the allocator was made. */
export interface LinuxIovaCounters {
  readonly treeSearches: number;
  readonly treeSteps: number;
  readonly secondPasses: number;
  /** Searches that `max32_alloc_size` answered. */
  readonly earlyExits: number;
  /** Searches that found no gap. */
  readonly treeFailures: number;
  readonly nodesRemoved: number;
  readonly depotPushes: number;
  readonly depotPops: number;
  /** Runs of the depot work, and magazines it gave to the tree. */
  readonly depotRuns: number;
  readonly depotTrims: number;
  /** Times that all caches were emptied for a last try. */
  readonly rcacheFlushes: number;
  /** Kernel WARN conditions. */
  readonly warnings: number;
}

/** A copy of a {@link LinuxIova}: filled by `save`, read by `restore`, reusable for any number of times. */
export interface LinuxIovaCopy {
  readonly tree: LinuxTreeCopy;
  readonly rcache: RcacheCopy;
  readonly trimPending: Uint8Array;
}

/** The allocator of one domain, with its whole state open to conformance and verification. */
export class LinuxIova implements IovaAllocator {
  readonly work: AllocWork = {
    path: AllocPath.rcache,
    cause: FailCause.none,
    steps: 0,
    tries: 0,
    pages: 0,
  };
  /** The last run of the depot work; read it when the port counts `depotTrim`. */
  readonly trim: { sizeClass: number; ranges: number } = { sizeClass: 0, ranges: 0 };
  declare readonly tree: LinuxTree;
  declare readonly rcache: Rcache;

  declare private readonly parameters: LinuxIovaParameters;
  declare private readonly port: Port;
  /** Kernel 4.9: a cached range only has to begin below the limit. */
  declare private readonly limitsFirst: boolean;
  private readonly found = new Float64Array(1);
  private readonly trimPending = new Uint8Array(CLASSES);
  private readonly trimCallbacks: readonly ((cpu: number) => void)[];
  private depotRuns = 0;
  private depotTrims = 0;
  private rcacheFlushes = 0;
  /** During a flush: the limit of the request that failed, and the ranges that keep to it. */
  private usefulLimit = 0;
  private usefulRanges = 0;

  constructor(parameters: LinuxIovaParameters, port: Port) {
    this.parameters = parameters;
    this.port = port;
    this.limitsFirst = parameters.cacheLimit === 'first';
    this.tree = new LinuxTree(parameters, port.shift);
    this.rcache = new Rcache(port.cpus, parameters.magazineSize, parameters.magazineScan === 'all');
    this.trimCallbacks = Array.from(
      { length: CLASSES },
      (_, sizeClass) => (cpu: number) => this.depotWork(sizeClass, cpu),
    );
  }

  /** `alloc_iova_fast`. */
  alloc(pages: number, limitPfn: number, cpu: number, lastTry: boolean): number {
    let size = pages;
    if (pages <= MAX_CACHED) {
      const { rcache } = this;
      const { tops, pfns } = rcache;
      const sizeClass = rcache.classOf(pages);
      size = 1 << sizeClass;
      // A difference below 0 is a huge number in the kernel: every pfn is low enough.
      const room = this.limitsFirst ? Math.max(0, limitPfn - 1) : limitPfn + 1 - size;
      const maxPfn = room < 0 ? Number.POSITIVE_INFINITY : room;
      const slot = rcache.slotOf(sizeClass, cpu);
      const top = tops[slot]!;
      const pfn = pfns[top]!;
      if (pfn <= maxPfn && pfn > 0 && (top & rcache.mask) > 0) {
        tops[slot] = top - 1;
        rcache.cachedPages -= size;
        const { work } = this;
        if (work.tries > 0) this.setHit();
        work.pages = size;
        return pfn;
      }
      if (this.popBelow(slot, sizeClass, maxPfn)) return this.found[0]!;
    }
    this.allocBehindCache(size, limitPfn, lastTry);
    return this.found[0]!;
  }

  /** `alloc_iova`: from the tree, no rounding of the size. Returns pfn 0 as it is. */
  allocTree(pages: number, limitPfn: number, aligned: boolean): number {
    const { work } = this;
    work.steps = 0;
    work.tries = 0;
    work.pages = pages;
    return this.search(pages, limitPfn, aligned) ? this.tree.pfn[0]! : NO_PFN;
  }

  /** `free_iova_fast`. */
  free(pfn: number, pages: number, cpu: number): void {
    if (pages > MAX_CACHED) {
      this.tree.free(pfn);
      return;
    }
    const { rcache } = this;
    const { tops } = rcache;
    const sizeClass = rcache.classOf(pages);
    const slot = rcache.slotOf(sizeClass, cpu);
    if ((tops[slot]! & rcache.mask) === rcache.capacity) this.makeRoom(slot, sizeClass, cpu);
    const top = tops[slot]! + 1;
    tops[slot] = top;
    rcache.pfns[top] = pfn;
    rcache.cachedPages += 1 << sizeClass;
  }

  /** `free_iova`: false if no range contains `pfn`. */
  freeTree(pfn: number): boolean {
    return this.tree.free(pfn);
  }

  /** `reserve_iova`: the node returned, or {@link NO_NODE}. */
  reserve(pfnLo: number, pfnHi: number): number {
    return this.tree.reserve(pfnLo, pfnHi);
  }

  /** `find_iova`: the node that contains `pfn`, or {@link NO_NODE}. */
  find(pfn: number): number {
    return this.tree.ranges.find(pfn);
  }

  nodeLo(node: number): number {
    return this.tree.ranges.lo(node);
  }

  nodeHi(node: number): number {
    return this.tree.ranges.hi(node);
  }

  /** Takes the pages that `alloc` would have taken for `pages`; no hint moves. */
  occupy(pfn: number, pages: number): boolean {
    return this.tree.occupy(pfn, pfn + this.takenPages(pages) - 1);
  }

  cpuDown(cpu: number): void {
    this.flushCpu(cpu);
  }

  cpuUp(_cpu: number): void {}

  /** Gives both magazines of every class of `cpu` to the tree; returns how many ranges. */
  flushCpu(cpu: number): number {
    const { rcache } = this;
    const end = rcache.slotOf(0, cpu + 1);
    let ranges = 0;
    let at = rcache.filledFrom(rcache.slotOf(0, cpu), end);
    for (; at < end; at = rcache.filledFrom(at + 1, end)) ranges += this.flushMagazine(at);
    return ranges;
  }

  /** Gives all depots to the tree; returns how many ranges. */
  flushGlobal(): number {
    const { rcache } = this;
    let ranges = 0;
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      // The list is emptied from its top, the array from its first element.
      if (this.parameters.depot === 'array32') rcache.reverseDepot(sizeClass);
      while (rcache.depotSizes[sizeClass]! > 0) ranges += this.freeDepotTop(sizeClass);
    }
    return ranges;
  }

  /**
   * What a failed last try does: every online CPU's magazines, then the depots. Tells the port how many
   * ranges there were, and how many of them end at or below `limitPfn`.
   */
  flushAll(limitPfn: number = Number.POSITIVE_INFINITY): number {
    const { port } = this;
    this.usefulLimit = limitPfn;
    this.usefulRanges = 0;
    let ranges = this.flushOnline();
    if (this.rcache.cachedPages > 0 && this.parameters.flushDepot) ranges += this.flushGlobal();
    this.rcacheFlushes++;
    port.count('usefulRanges', this.usefulRanges);
    port.count('rcacheFlush', ranges);
    return ranges;
  }

  /** The background work of one depot: trims one magazine if there are more than online CPUs. */
  depotWork(sizeClass: number, cpu: number): void {
    this.trimPending[sizeClass] = 0;
    this.depotRuns++;
    let ranges = 0;
    const trims = this.rcache.depotSizes[sizeClass]! > this.port.onlineCpus();
    if (trims) {
      ranges = this.freeDepotTop(sizeClass);
      this.depotTrims++;
      this.armTrim(sizeClass, cpu);
    }
    this.trim.sizeClass = sizeClass;
    this.trim.ranges = ranges;
    this.port.count('trimPages', ranges * 2 ** sizeClass);
    this.port.count('depotTrim', ranges);
  }

  /** Ranges in the tree, with reservations, without the anchor. */
  nodes(): number {
    return this.tree.ranges.size;
  }

  /** `max32_alloc_size`. */
  max32(): number {
    return this.tree.max32;
  }

  /** lo of `cached_node`, NO_PFN for the anchor. */
  cachedLo(): number {
    return this.hintLo(this.tree.cached);
  }

  /** lo of `cached32_node`, NO_PFN for the anchor. */
  cached32Lo(): number {
    return this.hintLo(this.tree.cached32);
  }

  /** Magazines in the depot of a size class. */
  depotSize(sizeClass: number): number {
    return this.rcache.depotSizes[sizeClass]!;
  }

  depotExchanges(): number {
    return this.rcache.depotPushes + this.rcache.depotPops;
  }

  treeRemovals(): number {
    return this.tree.removed;
  }

  cachedPages(): number {
    return this.rcache.cachedPages;
  }

  takenPages(pages: number): number {
    const isRounded = pages <= MAX_CACHED_PAGES || this.parameters.roundSizes === 'all';
    return isRounded ? powerOfTwoFrom(pages) : pages;
  }

  low32Pages(): number {
    return this.tree.low32Pages;
  }

  freeRanges(visit: (pfnLo: number, pfnHi: number) => void): void {
    this.tree.freeRanges(visit);
  }

  noteCached(pages: number, cpu: number, ns: number): void {
    if (pages <= MAX_CACHED) this.rcache.stampTop(this.rcache.classOf(pages), cpu, ns);
  }

  cachedRanges(visit: (pfn: number, pages: number, cpu: number, freedAt: number) => void): void {
    const { rcache } = this;
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      const pages = 2 ** sizeClass;
      rcache.eachMagazine(sizeClass, (magazine, size, cpu) => {
        for (let i = magazine + 1; i <= magazine + size; i++) {
          visit(rcache.pfns[i]!, pages, cpu, rcache.stampAt(i));
        }
      });
    }
  }

  counters(): LinuxIovaCounters {
    const { tree, rcache } = this;
    return {
      treeSearches: tree.searches,
      treeSteps: tree.totalSteps,
      secondPasses: tree.secondPasses,
      earlyExits: tree.earlyExits,
      treeFailures: tree.failures,
      nodesRemoved: tree.removed,
      depotPushes: rcache.depotPushes,
      depotPops: rcache.depotPops,
      depotRuns: this.depotRuns,
      depotTrims: this.depotTrims,
      rcacheFlushes: this.rcacheFlushes,
      warnings: tree.warnings,
    };
  }

  /** Digest of all ranges (test/golden/README.md). */
  treeDigest(): number {
    const { ranges } = this.tree;
    let digest = FNV_BASIS;
    for (let at = ranges.lowest(); at !== ranges.anchor; at = ranges.above(at)) {
      digest = fnvWord(fnvWord(digest, ranges.lo(at)), ranges.hi(at));
    }
    return digest;
  }

  /** Digest of all magazines; the words of flush queues may follow it. */
  cacheDigest(): number {
    return this.rcache.digest(FNV_BASIS);
  }

  /** An empty copy of the right shape for {@link save}. */
  emptyCopy(): LinuxIovaCopy {
    return {
      tree: linuxTreeCopy(),
      rcache: rcacheCopy(this.port.cpus),
      trimPending: new Uint8Array(CLASSES),
    };
  }

  /** Copies the whole state but the counters, and not the timers that the port holds. */
  save(into: LinuxIovaCopy): void {
    this.tree.save(into.tree);
    this.rcache.save(into.rcache);
    into.trimPending.set(this.trimPending);
  }

  /** Goes back to a state saved from this allocator, or from one with the same parameters and CPUs. */
  restore(from: LinuxIovaCopy): void {
    this.tree.restore(from.tree);
    this.rcache.restore(from.rcache);
    this.trimPending.set(from.trimPending);
  }

  /** All CPUs in one walk over the magazines, which ends where nothing is cached any more. */
  private flushOnline(): number {
    const { port, rcache } = this;
    const end = rcache.tops.length;
    let ranges = 0;
    let at = 0;
    while (rcache.cachedPages > 0) {
      at = rcache.filledFrom(at, end);
      if (at === end) break;
      if (port.isOnline(rcache.cpuOf(at))) ranges += this.flushMagazine(at);
      at++;
    }
    return ranges;
  }

  private flushMagazine(at: number): number {
    const { rcache } = this;
    const size = rcache.sizeAt(at);
    this.freePfns(rcache.tops[at]! - size, size, rcache.classAt(at));
    rcache.clear(at);
    return size;
  }

  private hintLo(at: number): number {
    const { ranges } = this.tree;
    return at === ranges.anchor ? NO_PFN : ranges.lo(at);
  }

  private setHit(): void {
    const { work } = this;
    work.path = AllocPath.rcache;
    work.cause = FailCause.none;
    work.steps = 0;
    work.tries = 0;
  }

  /** Leaves the pfn in `found`: as the result of a call it would be an object, and so would those of hits. */
  private allocBehindCache(asked: number, limitPfn: number, lastTry: boolean): void {
    const { work, parameters } = this;
    const size = parameters.roundSizes === 'all' ? powerOfTwoFrom(asked) : asked;
    work.steps = 0;
    work.tries = 0;
    work.pages = size;
    let done = this.search(size, limitPfn, true);
    if (!done && flushes(parameters.rcacheFlush, lastTry)) {
      this.flushAll(limitPfn);
      done = this.search(size, limitPfn, true);
      if (done) work.path = AllocPath.rbtreeAfterFlush;
    }
    const pfn = done ? this.tree.pfn[0]! : NO_PFN;
    this.found[0] = pfn === 0 ? this.failAtZero() : pfn;
  }

  private search(pages: number, limitPfn: number, aligned: boolean): boolean {
    const { work, tree } = this;
    const done = tree.alloc(pages, limitPfn, aligned);
    work.tries++;
    work.steps += tree.steps;
    work.cause = tree.cause;
    if (!done) work.path = AllocPath.failed;
    else work.path = tree.secondPass ? AllocPath.rbtreeRetry : AllocPath.rbtree;
    return done;
  }

  private failAtZero(): number {
    this.work.path = AllocPath.failed;
    this.work.cause = FailCause.noGap;
    return NO_PFN;
  }

  /** A hit that is not on top of the loaded magazine; leaves its pfn in `found`. */
  private popBelow(slot: number, sizeClass: number, maxPfn: number): boolean {
    const { rcache } = this;
    if (!rcache.refill(slot, sizeClass) || !rcache.lift(slot, maxPfn)) return false;
    const top = rcache.tops[slot]!;
    rcache.tops[slot] = top - 1;
    rcache.cachedPages -= 1 << sizeClass;
    // To the kernel a cached pfn 0 is a miss, and lost.
    if (rcache.pfns[top] === 0) return false;
    this.found[0] = rcache.pfns[top]!;
    this.setHit();
    this.work.pages = 1 << sizeClass;
    return true;
  }

  /** The loaded magazine takes no more: another one goes to its place. */
  private makeRoom(slot: number, sizeClass: number, cpu: number): void {
    const { rcache, parameters } = this;
    if (rcache.makeRoom(slot)) return;
    const full = rcache.rotate(slot);
    const isList = parameters.depot === 'list';
    const stored = isList || rcache.depotSizes[sizeClass]! < ARRAY_DEPOT;
    if (stored) rcache.pushDepot(sizeClass, full);
    if (isList) this.armTrim(sizeClass, cpu);
    if (stored) return;
    this.freePfns(full, rcache.capacity, sizeClass);
    rcache.drop(sizeClass, full);
  }

  private armTrim(sizeClass: number, cpu: number): void {
    if (this.trimPending[sizeClass] === 1) return;
    this.trimPending[sizeClass] = 1;
    this.port.timer(cpu, this.parameters.trimDelayMs, this.trimCallbacks[sizeClass]!);
  }

  private freeDepotTop(sizeClass: number): number {
    const { rcache } = this;
    const magazine = rcache.popDepot(sizeClass);
    this.freePfns(magazine, rcache.capacity, sizeClass);
    rcache.drop(sizeClass, magazine);
    return rcache.capacity;
  }

  /** Gives the ranges of a magazine to the tree, first in first out; the caller empties it. */
  private freePfns(magazine: number, size: number, sizeClass: number): void {
    const { pfns } = this.rcache;
    const last = this.usefulLimit + 1 - (1 << sizeClass);
    for (let i = 1; i <= size; i++) {
      const pfn = pfns[magazine + i]!;
      if (pfn <= last) this.usefulRanges++;
      this.tree.freeCached(pfn);
    }
  }
}

function flushes(rule: LinuxIovaParameters['rcacheFlush'], lastTry: boolean): boolean {
  return rule === 'always' || (rule === 'lastChance' && lastTry);
}
