// Golden family `iova`: calls of the allocator, compared after every operation.
//
// Operations, columns and totals: test/golden/README.md, "Family iova".

import { KERNEL_PRESETS, NO_NODE, NO_PFN } from '@dmalab/replay';
import type { Checker } from './checker.ts';
import type { CsvTable } from './csv-table.ts';
import type { Family } from './family.ts';
import { GoldenDomain } from './golden-domain.ts';
import { domainOf, type Scenario, type ScenarioRun } from './scenario.ts';

const kernels: readonly string[] = KERNEL_PRESETS;

/** Checks the allocator alone. */
export const iova: Family = {
  name: 'iova',
  unsupported: (run) => (kernels.includes(run.kernel) ? null : 'no preset'),
  check: checkIova,
};

function checkIova(scenario: Scenario, run: ScenarioRun, ops: CsvTable, checker: Checker): void {
  const domain = new GoldenDomain(domainOf(scenario), run.kernel, checker);
  const stream = new IovaStream(domain, ops);
  const time = ops.column('t_ns');
  const cpuAt = ops.column('cpu');
  for (let row = 0; row < ops.rows; row++) {
    const cpu = ops.numberAt(row, cpuAt);
    if (cpu >= domain.cpus) throw ops.error(row, cpuAt, `expected a CPU below ${domain.cpus}`);
    domain.begin(row, ops.numberAt(row, time), cpu);
    stream.run(row, cpu);
    domain.checkState();
  }
  checker.endOfEvents();
  const totals = { ...domain.totals(domain.allocator.cacheDigest()), ...stream.totals() };
  checker.totals(scenario.file, run.totals, totals);
}

/** Runs one operation after the other and compares `result` and `aux`. */
class IovaStream {
  readonly #domain: GoldenDomain;
  readonly #ops: CsvTable;
  readonly #checker: Checker;
  readonly #limit32: number;
  readonly #at: Readonly<Record<(typeof columns)[number], number>>;
  readonly #result: number;
  readonly #aux: number;
  readonly #pfns = new Map<number, number>();
  readonly #sizes = new Map<number, number>();
  readonly #counts = new Map<string, number>();
  #fail = 0;
  #skip = 0;
  #rcacheHits = 0;
  #treeAllocs = 0;
  #pciFallbacks = 0;

  constructor(domain: GoldenDomain, ops: CsvTable) {
    this.#domain = domain;
    this.#ops = ops;
    this.#checker = domain.checker;
    this.#limit32 = 2 ** (32 - domain.shift) - 1;
    this.#at = Object.fromEntries(columns.map((name) => [name, ops.column(name)])) as Record<
      (typeof columns)[number],
      number
    >;
    this.#result = domain.checker.out.column('result');
    this.#aux = domain.checker.out.column('aux');
  }

  run(row: number, cpu: number): void {
    const op = operations.find((name) => this.#ops.is(row, this.#at.op, name));
    if (op === undefined) throw this.#ops.error(row, this.#at.op, 'unknown operation');
    this.#counts.set(op, (this.#counts.get(op) ?? 0) + 1);
    const aux = this.#step(op, row, cpu);
    if (aux === NO_PFN) this.#checker.word(this.#aux, '');
    else this.#checker.number(this.#aux, aux);
  }

  totals(): Record<string, number> {
    const counts = [...this.#counts].map(([op, n]) => [`n_${op}`, n] as const);
    return {
      ops: this.#ops.rows,
      fail: this.#fail,
      skip: this.#skip,
      rcache_hits: this.#rcacheHits,
      tree_allocs: this.#treeAllocs,
      pci_fallbacks: this.#pciFallbacks,
      ...Object.fromEntries(counts),
    };
  }

  /** Runs one operation, compares its result, and returns what `aux` must be (NO_PFN: empty). */
  #step(op: (typeof operations)[number], row: number, cpu: number): number {
    const { allocator } = this.#domain;
    switch (op) {
      case 'alloc_fast':
      case 'alloc_pci':
      case 'alloc':
        this.#alloc(op, row, cpu);
        return NO_PFN;
      case 'free_fast':
      case 'free':
        this.#free(op, row, cpu);
        return NO_PFN;
      case 'reserve':
        return this.#range(
          allocator.reserve(this.#number(row, 'pfn_lo'), this.#number(row, 'pfn_hi')),
          'FAIL',
        );
      case 'find':
        return this.#range(allocator.find(this.#number(row, 'pfn_lo')), 'NONE');
      case 'state':
        this.#checker.number(this.#result, allocator.treeDigest());
        return allocator.cacheDigest();
      case 'flush_cpu':
        allocator.flushCpu(cpu);
        break;
      case 'flush_global':
        allocator.flushGlobal();
        break;
      case 'cpu_down':
      case 'cpu_up':
        if (!this.#domain.setOnline(cpu, op === 'cpu_up')) {
          this.#skipped();
          return NO_PFN;
        }
        break;
      case 'tick':
        break;
    }
    this.#checker.word(this.#result, 'OK');
    return NO_PFN;
  }

  #alloc(op: 'alloc_fast' | 'alloc_pci' | 'alloc', row: number, cpu: number): void {
    const { allocator } = this.#domain;
    const id = this.#number(row, 'id');
    const pages = this.#number(row, 'size_pfn');
    const limit = this.#number(row, 'limit_pfn');
    let pfn: number;
    if (op === 'alloc') {
      pfn = allocator.allocTree(pages, limit, this.#number(row, 'aligned') !== 0);
    } else {
      const flush = this.#number(row, 'flush_rcache') !== 0;
      pfn = allocator.alloc(pages, op === 'alloc_pci' ? this.#limit32 : limit, cpu, flush);
      if (pfn === NO_PFN && op === 'alloc_pci') {
        this.#pciFallbacks++;
        pfn = allocator.alloc(pages, limit, cpu, true);
      }
    }
    // The kernel's caller takes pfn 0 for a failure.
    if (pfn <= 0) {
      this.#fail++;
      this.#checker.word(this.#result, 'FAIL');
      return;
    }
    if (op === 'alloc' || allocator.work.tries > 0) this.#treeAllocs++;
    else this.#rcacheHits++;
    this.#pfns.set(id, pfn);
    this.#sizes.set(id, pages);
    this.#checker.number(this.#result, pfn);
  }

  #free(op: 'free_fast' | 'free', row: number, cpu: number): void {
    const { allocator } = this.#domain;
    const id = this.#number(row, 'id');
    const pfn = this.#pfns.get(id);
    if (pfn === undefined) {
      this.#skipped();
      return;
    }
    this.#pfns.delete(id);
    if (op === 'free') allocator.freeTree(pfn);
    else {
      const asked = this.#ops.isEmpty(row, this.#at.size_pfn);
      const pages = asked ? this.#sizes.get(id)! : this.#number(row, 'size_pfn');
      allocator.free(pfn, pages, cpu);
    }
    this.#checker.word(this.#result, 'OK');
  }

  #range(node: number, none: string): number {
    if (node === NO_NODE) {
      this.#checker.word(this.#result, none);
      return NO_PFN;
    }
    const { allocator } = this.#domain;
    this.#checker.number(this.#result, allocator.nodeLo(node));
    return allocator.nodeHi(node);
  }

  #skipped(): void {
    this.#skip++;
    this.#checker.word(this.#result, 'SKIP');
  }

  #number(row: number, column: (typeof columns)[number]): number {
    return this.#ops.numberAt(row, this.#at[column]);
  }
}

const columns = [
  'op',
  'id',
  'size_pfn',
  'limit_pfn',
  'flush_rcache',
  'aligned',
  'pfn_lo',
  'pfn_hi',
] as const;

const operations = [
  'alloc_fast',
  'free_fast',
  'alloc_pci',
  'alloc',
  'free',
  'state',
  'tick',
  'find',
  'reserve',
  'flush_cpu',
  'flush_global',
  'cpu_down',
  'cpu_up',
] as const;
