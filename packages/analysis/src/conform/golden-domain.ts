// One simulated domain under golden operations: clock, CPUs, the linux allocator, and what the
// families `iova` and `fq` check of it after every operation.

import {
  createLinuxIova,
  type FlushCause,
  type LinuxIova,
  linuxIovaParameters,
  NO_PFN,
  type PolicyKit,
  type Port,
  policyKit,
  Timers,
} from '@dmalab/replay';
import type { Checker } from './checker.ts';
import type { ScenarioDomain } from './scenario.ts';

const CLASSES = 6;

/** The port of a golden domain. A family with a flush queue extends what happens on a flush or a free. */
export class GoldenDomain implements Port {
  readonly kit: PolicyKit = policyKit;
  readonly cpus: number;
  readonly shift: number;
  readonly timers: Timers;
  readonly allocator: LinuxIova;
  readonly checker: Checker;
  /** CPU that the operation or the timer runs on. */
  cpu = 0;
  nodesHiwater = 0;
  readonly #online: Uint8Array;
  #onlineCpus: number;
  #searches = 0;
  #removed = 0;
  readonly #columns: readonly number[];
  /** What the kernel keeps; the columns of what it does not keep are empty. */
  readonly #hasMax32: boolean;
  readonly #hasHint64: boolean;

  constructor(domain: ScenarioDomain, kernel: string, checker: Checker) {
    this.cpus = domain.cpus;
    this.shift = Math.log2(domain.granule);
    this.timers = new Timers(domain.hz, domain.timer);
    this.checker = checker;
    this.#online = new Uint8Array(domain.cpus).fill(1);
    this.#onlineCpus = domain.cpus;
    const { max32Reset, hint64 } = linuxIovaParameters({ kernel });
    this.#hasMax32 = max32Reset !== 'none';
    this.#hasHint64 = hint64;
    this.allocator = createLinuxIova({ kernel, startPfn: domain.startPfn }, this);
    for (const [lo, hi] of domain.reserved) this.allocator.reserve(lo, hi);
    this.nodesHiwater = this.allocator.nodes();
    this.#columns = ['seq', 'tries', 'removed', 'nodes', 'max32', 'cached', 'cached32'].map(
      (name) => checker.out.column(name),
    );
  }

  now(): number {
    return this.timers.now;
  }

  isOnline(cpu: number): boolean {
    return this.#online[cpu] === 1;
  }

  onlineCpus(): number {
    return this.#onlineCpus;
  }

  /** Takes a CPU offline or brings it back; false if it is so already. */
  setOnline(cpu: number, online: boolean): boolean {
    if (this.isOnline(cpu) === online) return false;
    this.#online[cpu] = online ? 1 : 0;
    this.#onlineCpus += online ? 1 : -1;
    if (online) this.allocator.cpuUp(cpu);
    else this.allocator.cpuDown(cpu);
    return true;
  }

  timer(cpu: number, delayMs: number, callback: (cpu: number) => void): void {
    this.timers.arm(0, cpu, delayMs, (armedOn) => {
      this.cpu = armedOn;
      callback(armedOn);
    });
  }

  timerAt(cpu: number, ns: number, callback: (cpu: number) => void): void {
    this.timers.armAt(0, cpu, ns, callback, 0);
  }

  invalidateAll(_cause: FlushCause): void {}

  invalidate(_pfn: number, _pages: number): void {}

  freeIova(pfn: number, pages: number, cpu: number, _queuedAt: number, _id: number): void {
    this.allocator.free(pfn, pages, cpu);
  }

  count(name: string, _n: number): void {
    if (name !== 'depotTrim') return;
    const { sizeClass, ranges } = this.allocator.trim;
    this.checker.event(this.timers.now, this.cpu, 'depot_gc', sizeClass, ranges);
  }

  /** Moves to the operation `seq`: timers that are due fire first. */
  begin(seq: number, timeNs: number, cpu: number): void {
    this.checker.seq = seq;
    this.timers.advance(timeNs);
    this.cpu = cpu;
    this.#searches = this.allocator.tree.searches;
    this.#removed = this.allocator.tree.removed;
  }

  /** Tree searches since {@link begin}. */
  tries(): number {
    return this.allocator.tree.searches - this.#searches;
  }

  /** Compares the columns that `iova` and `fq` share, after the operation. */
  checkState(): void {
    const { allocator, checker } = this;
    const [seq, tries, removed, nodesAt, max32, cached, cached32] = this.#columns;
    const nodes = allocator.nodes();
    if (nodes > this.nodesHiwater) this.nodesHiwater = nodes;
    checker.number(seq!, checker.seq);
    checker.number(tries!, this.tries());
    checker.number(removed!, allocator.tree.removed - this.#removed);
    checker.number(nodesAt!, nodes);
    if (this.#hasMax32) checker.number(max32!, allocator.max32());
    else checker.word(max32!, '');
    if (this.#hasHint64) checkHint(checker, cached!, allocator.cachedLo());
    else checker.word(cached!, '');
    checkHint(checker, cached32!, allocator.cached32Lo());
  }

  /** The totals that `iova` and `fq` share; the families add their own counts. */
  totals(cacheDigest: number): Record<string, number> {
    const { allocator } = this;
    const counters = allocator.counters();
    let depotMagazines = 0;
    for (let k = 0; k < CLASSES; k++) depotMagazines += allocator.depotSize(k);
    return {
      tree_nodes: allocator.nodes(),
      tree_nodes_hiwater: this.nodesHiwater,
      rcache_cpu_pfns: allocator.rcache.cpuPfns(),
      rcache_depot_mags: depotMagazines,
      tree_hash: allocator.treeDigest(),
      cache_hash: cacheDigest,
      warnings: counters.warnings,
      depot_gc_runs: counters.depotRuns,
      depot_gc_mags: counters.depotTrims,
    };
  }
}

function checkHint(checker: Checker, column: number, lo: number): void {
  if (lo === NO_PFN) checker.word(column, 'A');
  else checker.number(column, lo);
}
