// One IOVA domain of a replay: its DMA layer, what is live in it, and the port of its policies.
//
// Every row that a policy causes is written here, with the modelled cost of its work.
// An unmap row says the state after the unmap, so it follows the flush and the releases that made
// room in the queue; but it precedes the invalidation and the release of its own range (strict).

import { cachedRanges } from './cached-ranges.ts';
import { createPolicy } from './create-policy.ts';
import { DmaLayer } from './dma-layer.ts';
import { DomainHost, type HostedDomain } from './domain-host.ts';
import { freeSpace } from './free-space.ts';
import type { HostResources } from './host-policy.ts';
import { INVALIDATION_QUEUE, type Latency } from './latency.ts';
import type { CostModel, DomainType, MachineDevice, MachineDomain, SacPolicy } from './machine.ts';
import { FailStage, OutcomeKind, Reach } from './outcome.ts';
import type { Gauges, OutcomeLog } from './outcome-log.ts';
import {
  AllocPath,
  FailCause,
  type FlushCause,
  type FlushPolicy,
  type FlushQueue,
  type IovaAllocator,
  type IovaPolicy,
  NO_PFN,
  type Parameters,
  type PolicyKit,
  type Port,
} from './policy.ts';
import { policyKit } from './policy-kit.ts';
import type { DomainSample } from './state-sampler.ts';
import type { Timers } from './timers.ts';

/** Size classes of the caches, each with a depot. */
const DEPOTS = 6;
/** Stands for the nodes of an allocator that does not count any. */
const UNKNOWN_NODES = 65_536;
const QUEUE_LOCK = 1;
const FIRST_DEPOT_LOCK = 2;

/** What the domains of a replay share. */
export interface DomainContext {
  readonly cpus: number;
  /** By CPU: 1 while it is online. */
  readonly online: Uint8Array;
  readonly timers: Timers;
  readonly log: OutcomeLog;
  readonly latency: Latency;
  readonly cost: CostModel;
  readonly sac: SacPolicy;
  readonly devices: readonly MachineDevice[];
  /** null: no host limits. */
  readonly host: HostResources | null;
}

/** The CPU itself while it is online, else the lowest that is: where its timers go. */
export function runningCpu(online: Uint8Array, cpu: number): number {
  if (online[cpu] === 1) return cpu;
  const lowest = online.indexOf(1);
  return lowest < 0 ? cpu : lowest;
}

/** A policy with complete parameters. */
export interface Chosen<Policy> {
  readonly policy: Policy;
  readonly parameters: Parameters;
}

/** A domain with its allocator and its queue; the port that both talk to. */
export class Domain implements Gauges, HostedDomain, Port {
  readonly index: number;
  readonly kit: PolicyKit = policyKit;
  readonly cpus: number;
  readonly shift: number;
  readonly granule: number;
  /** The type in the course of the replay. */
  type: DomainType;
  /** Name of the flush policy. */
  queueName: string;
  liveMappings = 0;
  /** Pages taken, as the allocator rounds them: live, and waiting for a flush. */
  livePages = 0;
  queuedPages = 0;
  #queuedLow32Pages = 0;
  readonly #context: DomainContext;
  readonly #timers: Timers;
  readonly #log: OutcomeLog;
  readonly #latency: Latency;
  /** Numbers of its locks: the tree, the queue, then the depots by size class. */
  readonly #treeLock: number;
  readonly #cost: CostModel;
  readonly #dma: DmaLayer;
  readonly #host: DomainHost | null;
  /** First pfn at or above 4 GiB, and the lowest that is given out. */
  readonly #dma32Pfn: number;
  readonly #startPfn: number;
  readonly #isAligned: boolean;
  /** What the next rcacheFlush row and the next depotTrim row say beside their number of ranges. */
  #usefulRanges = 0;
  #trimPages = 0;
  /** The request that is being unmapped, 0 = none: what it frees was never queued. */
  #unmapping = 0;
  /** The unmap under way whose row is not written yet; id 0 = none. */
  #unmapId = 0;
  #unmapPfn = 0;
  #unmapPages = 0;
  #unmapBytes = 0;
  #unmapLifetime = 0;
  #unmapWait = 0;

  constructor(
    index: number,
    options: MachineDomain,
    allocator: Chosen<IovaPolicy>,
    flush: Chosen<FlushPolicy>,
    context: DomainContext,
  ) {
    this.index = index;
    this.cpus = context.cpus;
    this.granule = options.granule;
    this.shift = Math.log2(options.granule);
    this.#dma32Pfn = 2 ** 32 / options.granule;
    this.#startPfn = Math.max(1, options.startPfn);
    this.#isAligned = allocator.policy.aligned !== false;
    this.type = options.type;
    this.queueName = flush.policy.name;
    this.#context = context;
    this.#timers = context.timers;
    this.#log = context.log;
    this.#latency = context.latency;
    this.#treeLock = context.latency.addLocks(2 + DEPOTS);
    this.#cost = context.cost;
    const takesStart = allocator.policy.parameters.some(({ name }) => name === 'startPfn');
    const start = takesStart ? { startPfn: options.startPfn } : {};
    const iova = createPolicy(allocator.policy, { ...allocator.parameters, ...start }, this);
    const { granule, apertureEnd } = options;
    const { sac, devices } = context;
    const queue = createPolicy(flush.policy, flush.parameters, this);
    this.#dma = new DmaLayer({ granule, apertureEnd, sac, devices }, iova, queue);
    for (const [pfnLo, pfnHi] of options.reserved) iova.reserve(pfnLo, pfnHi);
    const { host } = context;
    this.#host = host && new DomainHost(host, this, context.log);
  }

  hostRoom(): number {
    return this.#host?.room() ?? Number.POSITIVE_INFINITY;
  }

  queue(): FlushQueue {
    return this.#dma.queue;
  }

  allocator(): IovaAllocator {
    return this.#dma.allocator;
  }

  /** Maps `pages` and writes the row; the pfn, or {@link NO_PFN}. */
  map(
    device: number,
    pages: number,
    bytes: number,
    dmaLimit: number,
    cpu: number,
    id: number,
  ): number {
    const latency = this.#latency;
    const { allocator } = this.#dma;
    const exchangesBefore = allocator.depotExchanges?.() ?? 0;
    const pfn = this.#dma.map(device, pages, dmaLimit, cpu);
    const { work, gaveUp } = this.#dma;
    if (gaveUp) this.#log.row(OutcomeKind.sacGiveUp, this, id, -1, 0, 0, 0, 0);
    const started = latency.elapsed;
    const exchanges = (allocator.depotExchanges?.() ?? 0) - exchangesBefore;
    const updates = work.path === AllocPath.rcache || pfn === NO_PFN ? 0 : 1;
    if (work.path === AllocPath.rcache) latency.work(this.#cost.rcache);
    const wait = this.#exchange(exchanges, pages) + this.#search(work.tries, work.steps, updates);
    let cost = latency.elapsed - started - wait;
    let stage: FailStage = FailStage.none;
    let { cause } = work;
    if (pfn === NO_PFN) stage = FailStage.iova;
    else if (this.#host !== null) {
      cause = this.#host.establish(pfn, pages, cpu, id);
      if (cause !== FailCause.none) stage = FailStage.syncMap;
    }
    if (stage === FailStage.none) {
      this.liveMappings++;
      this.livePages += this.#taken(pages);
      const entries = pages * this.#cost.pageTableEntry;
      latency.work(entries);
      cost += entries;
    } else if (pfn !== NO_PFN) {
      // What the host refused is free at once, in lazy mode too.
      allocator.free(pfn, pages, cpu);
      allocator.noteCached?.(pages, cpu, this.#timers.now);
    }
    const served = stage === FailStage.none;
    const row = served
      ? this.#log.row(OutcomeKind.map, this, id, pfn, pages, bytes, 0, cost)
      : this.#log.failed(this, id, pages, bytes, stage, cause, cost);
    const { batch } = this.#log;
    batch.path[row] = work.path;
    batch.reach[row] = this.#dma.reach;
    if (served && this.#dma.reach === Reach.lowThenWide) batch.cause[row] = this.#dma.lowCause;
    batch.steps[row] = work.steps;
    batch.searches[row] = work.tries;
    batch.updates[row] = updates;
    batch.exchanges[row] = exchanges;
    batch.waitNs[row] = wait;
    this.#log.answer(row);
    return served ? pfn : NO_PFN;
  }

  /** Puts a mapping from before the trace in its place; false, and nothing is live, if it overlaps. */
  occupy(pfn: number, pages: number, bytes: number, id: number): boolean {
    const placed = this.#dma.allocator.occupy(pfn, pages);
    if (placed) {
      this.liveMappings++;
      this.livePages += this.#taken(pages);
      this.#host?.adopt(pages);
    }
    this.#log.row(OutcomeKind.openStart, this, id, pfn, pages, bytes, placed ? 0 : 1, 0);
    return placed;
  }

  /** Unmaps a live range and writes the row. `lifetime`: ns, -1 where unknown. */
  unmap(
    pfn: number,
    pages: number,
    bytes: number,
    lifetime: number,
    cpu: number,
    id: number,
  ): void {
    this.#unmapping = id;
    this.#unmapId = id;
    this.#unmapPfn = pfn;
    this.#unmapPages = pages;
    this.#unmapBytes = bytes;
    this.#unmapLifetime = lifetime;
    const latency = this.#latency;
    latency.work(pages * this.#cost.pageTableEntry);
    // The lock of a queue that all CPUs share is held while it is flushed and what waited is freed.
    const { shared } = this.#dma.queue;
    this.#unmapWait = shared === true ? latency.acquire(this.#treeLock + QUEUE_LOCK) : 0;
    this.#host?.unmapped(pages);
    this.#dma.unmap(pfn, pages, cpu, id);
    if (shared === true) latency.release(this.#treeLock + QUEUE_LOCK);
    this.#unmapping = 0;
    if (this.#unmapId === 0) return;
    const taken = this.#taken(pages);
    this.queuedPages += taken;
    this.#queuedLow32Pages += this.#below4G(pfn, taken);
    this.#writeUnmap();
  }

  reserve(pfnLo: number, pfnHi: number): void {
    this.#dma.allocator.reserve(pfnLo, pfnHi);
  }

  /** The domain becomes lazy: later unmaps go through a queue of this policy. */
  becomeLazy(flush: Chosen<FlushPolicy>): void {
    this.type = 'DMA-FQ';
    this.queueName = flush.policy.name;
    this.#dma.queue = createPolicy(flush.policy, flush.parameters, this);
  }

  cpuDown(cpu: number): void {
    this.#dma.allocator.cpuDown(cpu);
    this.#dma.queue.cpuDown?.(cpu, runningCpu(this.#context.online, cpu));
  }

  cpuUp(cpu: number): void {
    this.#dma.allocator.cpuUp(cpu);
  }

  queuedEntries(): number {
    return this.#dma.queue.queuedEntries();
  }

  cachedPages(): number {
    return this.#dma.allocator.cachedPages();
  }

  low32Pages(): number {
    return this.#dma.allocator.low32Pages();
  }

  now(): number {
    return this.#timers.now;
  }

  isOnline(cpu: number): boolean {
    return this.#context.online[cpu] === 1;
  }

  onlineCpus(): number {
    let online = 0;
    for (const state of this.#context.online) online += state;
    return online;
  }

  timer(cpu: number, delayMs: number, callback: (cpu: number) => void): void {
    const running = runningCpu(this.#context.online, cpu);
    this.#timers.arm(this.index, running, delayMs, callback);
  }

  timerAt(cpu: number, ns: number, callback: (cpu: number) => void): void {
    this.#timers.armAt(this.index, runningCpu(this.#context.online, cpu), ns, callback, 0);
  }

  invalidateAll(cause: FlushCause): void {
    const ns = this.#cost.invalidateAll;
    const wait = this.#latency.serve(INVALIDATION_QUEUE, ns);
    const row = this.#log.flush(this, cause, ns);
    this.#log.batch.waitNs[row] = wait;
    this.#host?.flushed();
  }

  invalidate(pfn: number, pages: number): void {
    if (this.#unmapId !== 0 && pfn === this.#unmapPfn) this.#writeUnmap();
    const bytes = pages * this.granule;
    const ns = this.#cost.invalidateRange;
    const wait = this.#latency.serve(INVALIDATION_QUEUE, ns);
    const row = this.#log.row(OutcomeKind.sync, this, 0, pfn, pages, bytes, 0, ns);
    this.#log.batch.waitNs[row] = wait;
    this.#host?.invalidated(pfn, pages);
  }

  /** The domain goes with everything that the host holds of it. */
  remove(): void {
    this.#host?.remove();
  }

  freeIova(pfn: number, pages: number, cpu: number, queuedAt: number, id: number): void {
    if (this.#unmapId === id && id !== 0) this.#writeUnmap();
    if (this.#unmapping !== id) {
      const taken = this.#taken(pages);
      this.queuedPages -= taken;
      this.#queuedLow32Pages -= this.#below4G(pfn, taken);
    }
    const { allocator } = this.#dma;
    const latency = this.#latency;
    const exchangesBefore = allocator.depotExchanges?.() ?? 0;
    const updatesBefore = allocator.treeRemovals?.() ?? 0;
    const cachedBefore = allocator.cachedPages();
    allocator.free(pfn, pages, cpu);
    allocator.noteCached?.(pages, cpu, this.#timers.now);
    const exchanges = (allocator.depotExchanges?.() ?? 0) - exchangesBefore;
    const returned = (allocator.treeRemovals?.() ?? 0) - updatesBefore;
    const cached = returned === 0 && allocator.cachedPages() > cachedBefore;
    const updates = cached ? 0 : Math.max(1, returned);
    const started = latency.elapsed;
    const wait = this.#exchange(exchanges, pages) + this.#search(0, 0, updates);
    if (cached) latency.work(this.#cost.rcache);
    const cost = latency.elapsed - started - wait;
    const window = this.#timers.now - queuedAt;
    const bytes = pages * this.granule;
    const row = this.#log.row(OutcomeKind.release, this, id, pfn, pages, bytes, window, cost);
    const { batch } = this.#log;
    batch.path[row] = cached ? AllocPath.rcache : AllocPath.rbtree;
    batch.updates[row] = updates;
    batch.exchanges[row] = exchanges;
    batch.waitNs[row] = wait;
    this.#log.released(pages);
  }

  count(name: string, n: number): void {
    if (name === 'usefulRanges') this.#usefulRanges = n;
    if (name === 'trimPages') this.#trimPages = n;
    if (n === 0) return;
    if (name === 'rcacheFlush') {
      const look = DEPOTS * this.cpus * this.#cost.cacheFlush;
      this.#latency.work(look);
      const row = this.#returnRanges(OutcomeKind.rcacheFlush, n, 0, look);
      this.#log.batch.steps[row] = this.#usefulRanges;
    } else if (name === 'depotTrim') {
      this.#returnRanges(OutcomeKind.depotTrim, n, this.#trimPages, 0);
    }
  }

  /** Writes the row of `n` ranges that go to the tree; `more` ns were charged before. */
  #returnRanges(kind: OutcomeKind, n: number, pages: number, more: number): number {
    const wait = this.#search(0, 0, n);
    const cost = n * this.#cost.treeUpdate + more;
    const row = this.#log.row(kind, this, 0, -1, pages, 0, n, cost);
    this.#log.batch.updates[row] = n;
    this.#log.batch.waitNs[row] = wait;
    return row;
  }

  /** Work under the lock of the tree; ns of waiting. */
  #search(searches: number, steps: number, updates: number): number {
    if (searches + updates === 0) return 0;
    const cost = this.#cost;
    return this.#latency.serve(
      this.#treeLock,
      searches * cost.treeSearch + steps * cost.treeStep + updates * cost.treeUpdate,
    );
  }

  /** Magazines that went to or came from a depot; ns of waiting. */
  #exchange(exchanges: number, pages: number): number {
    if (exchanges === 0) return 0;
    const sizeClass = Math.min(DEPOTS - 1, Math.ceil(Math.log2(Math.max(1, pages))));
    const lock = this.#treeLock + FIRST_DEPOT_LOCK + sizeClass;
    return this.#latency.serve(lock, exchanges * this.#cost.depotExchange);
  }

  /** What a look at the domain visits, about. */
  stateSize(): number {
    const { allocator } = this.#dma;
    return (allocator.nodes?.() ?? UNKNOWN_NODES) + allocator.cachedPages();
  }

  /** The address space as it is now. */
  sample(): DomainSample {
    const { allocator, highestLimit } = this.#dma;
    const { freeRanges, cachedRanges: eachCached } = allocator;
    const dma32Pfn = this.#dma32Pfn;
    const free =
      freeRanges === undefined || highestLimit < 0
        ? null
        : freeSpace(
            (visit) => freeRanges.call(allocator, visit),
            this.#startPfn,
            highestLimit,
            dma32Pfn,
            this.#isAligned,
          );
    const cached =
      eachCached === undefined
        ? null
        : cachedRanges((visit) => eachCached.call(allocator, visit), this.#timers.now, dma32Pfn);
    return {
      domain: this.index,
      nodes: allocator.nodes?.() ?? null,
      free,
      cached,
      low32Pages: allocator.low32Pages(),
      queuedLow32Pages: this.#queuedLow32Pages,
    };
  }

  #below4G(pfn: number, pages: number): number {
    const end = this.#dma32Pfn;
    return pfn >= end ? 0 : Math.min(pages, end - pfn);
  }

  #taken(pages: number): number {
    return this.#dma.allocator.takenPages(pages);
  }

  // Until its row the range counts as live, so that the states add up in the rows before it.
  #writeUnmap(): void {
    const pages = this.#unmapPages;
    this.liveMappings--;
    this.livePages -= this.#taken(pages);
    const cost = pages * this.#cost.pageTableEntry;
    const row = this.#log.row(
      OutcomeKind.unmap,
      this,
      this.#unmapId,
      this.#unmapPfn,
      pages,
      this.#unmapBytes,
      this.#unmapLifetime,
      cost,
    );
    this.#log.batch.waitNs[row] = this.#unmapWait;
    this.#log.answer(row);
    this.#unmapId = 0;
  }
}
