// Golden family `fq`: maps and unmaps through the DMA layer, compared after every operation.
//
// Operations, columns, events and totals: test/golden/README.md, "Family fq". The DMA layer, the
// queues and the allocator are those of a replay; only the port differs.

import {
  AllocPath,
  DmaLayer,
  flushPolicy,
  type KernelPreset,
  type MachineDevice,
  NO_PFN,
  offsetOf,
  PLAIN_DEVICE,
  pagesOf,
  sacOfKernel,
  VERIFIED_KERNELS,
} from '@dmalab/replay';
import type { Checker } from './checker.ts';
import type { CsvTable } from './csv-table.ts';
import type { Family } from './family.ts';
import { FqDomain } from './fq-domain.ts';
import { domainOf, type Scenario, type ScenarioRun } from './scenario.ts';

const TWO_53 = 2 ** 53;
/** Before 6.1 other code stood around the allocator. */
const kernels: readonly string[] = VERIFIED_KERNELS;

/** Checks the DMA layer, the flush queues and the allocator together. */
export const fq: Family = {
  name: 'fq',
  unsupported: (run) => (kernels.includes(run.kernel) ? null : 'no preset'),
  check: checkFq,
};

function checkFq(scenario: Scenario, run: ScenarioRun, ops: CsvTable, checker: Checker): void {
  const domain = new FqDomain(domainOf(scenario), run.kernel, checker);
  const stream = new FqStream(scenario, run, domain, ops);
  const time = ops.column('t_ns');
  const cpuAt = ops.column('cpu');
  for (let row = 0; row < ops.rows; row++) {
    const cpu = ops.numberAt(row, cpuAt);
    if (cpu >= domain.cpus) throw ops.error(row, cpuAt, `expected a CPU below ${domain.cpus}`);
    domain.begin(row, ops.numberAt(row, time), cpu);
    stream.run(row, cpu);
    domain.checkState();
    stream.checkQueue(cpu);
  }
  checker.endOfEvents();
  const totals = { ...domain.totals(domain.stateDigest(stream.dma.queue)), ...stream.totals() };
  checker.totals(scenario.file, run.totals, totals);
}

const columns = ['op', 'id', 'dev', 'phys', 'size', 'dma_limit'] as const;
const operations = ['map', 'unmap', 'tick', 'state'] as const;

/** Runs one operation after the other and compares what the family adds to the columns. */
class FqStream {
  readonly dma: DmaLayer;
  readonly #domain: FqDomain;
  readonly #ops: CsvTable;
  readonly #checker: Checker;
  readonly #devices: readonly MachineDevice[];
  readonly #apertureEnd: number;
  readonly #at: Readonly<Record<(typeof columns)[number], number>>;
  readonly #out: Readonly<Record<'result' | 'aux' | 'fqLen' | 'flushes' | 'timer', number>>;
  readonly #pfns = new Map<number, number>();
  readonly #pages = new Map<number, number>();
  readonly #counts = new Map<string, number>();
  #fail = 0;
  #skip = 0;
  #rcacheHits = 0;
  #treeAllocs = 0;
  #dacNotices = 0;

  constructor(scenario: Scenario, run: ScenarioRun, domain: FqDomain, ops: CsvTable) {
    const fields = scenario.domain;
    const devices = fields.objects('devs').map((device, i) => ({
      ...PLAIN_DEVICE,
      name: `dev${i}`,
      maskBits: device.whole('mask_bits', 1, 64),
      busDmaLimit: device.number('bus_dma_limit'),
      pci: device.number('pci') !== 0,
    }));
    const { granule } = domainOf(scenario);
    const apertureEnd = fields.number('aperture_end');
    const sac = fields.number('forcedac') !== 0 ? 'off' : sacOfKernel(run.kernel as KernelPreset);
    const kind = fields.string('fq');
    const parameters =
      kind === 'none'
        ? {}
        : {
            size: fields.number('fq_size'),
            timeoutMs: fields.number('fq_timeout_ms'),
            timerCpu: -1,
          };
    const policy = flushPolicy(kind === 'none' ? 'strict' : kind);
    const queue = policy.create(parameters, domain.queuePort);
    this.dma = new DmaLayer({ granule, apertureEnd, sac, devices }, domain.allocator, queue);
    this.#domain = domain;
    this.#ops = ops;
    this.#checker = domain.checker;
    this.#devices = devices;
    this.#apertureEnd = apertureEnd;
    this.#at = Object.fromEntries(columns.map((name) => [name, ops.column(name)])) as Record<
      (typeof columns)[number],
      number
    >;
    const { out } = domain.checker;
    this.#out = {
      result: out.column('result'),
      aux: out.column('aux'),
      fqLen: out.column('fq_len'),
      flushes: out.column('flushes'),
      timer: out.column('timer'),
    };
  }

  run(row: number, cpu: number): void {
    const op = operations.find((name) => this.#ops.is(row, this.#at.op, name));
    if (op === undefined) throw this.#ops.error(row, this.#at.op, 'unknown operation');
    this.#counts.set(op, (this.#counts.get(op) ?? 0) + 1);
    if (op === 'state') {
      this.#checker.number(this.#out.result, this.#domain.allocator.treeDigest());
      this.#checker.number(this.#out.aux, this.#domain.stateDigest(this.dma.queue));
      return;
    }
    if (op === 'map') this.#map(row, cpu);
    else if (op === 'unmap') this.#unmap(row, cpu);
    else this.#checker.word(this.#out.result, 'OK');
    this.#checker.word(this.#out.aux, '');
  }

  /** Compares the queue of the CPU, the flushes so far and the timer. */
  checkQueue(cpu: number): void {
    const { flushes, flushJiffy } = this.#domain;
    this.#checker.number(this.#out.fqLen, this.dma.queue.length(cpu));
    this.#checker.number(this.#out.flushes, flushes);
    if (flushJiffy < 0) this.#checker.word(this.#out.timer, '');
    else this.#checker.number(this.#out.timer, flushJiffy);
  }

  totals(): Record<string, number> {
    const domain = this.#domain;
    const counts = [...this.#counts].map(([op, n]) => [`n_${op}`, n] as const);
    return {
      ops: this.#ops.rows,
      fail: this.#fail,
      skip: this.#skip,
      rcache_hits: this.#rcacheHits,
      tree_allocs: this.#treeAllocs,
      flush_full: domain.fullFlushes,
      flush_timeout: domain.timeoutFlushes,
      iotlb_sync: domain.syncs,
      fq_frees: domain.frees,
      dac_notices: this.#dacNotices,
      ...Object.fromEntries(counts),
    };
  }

  #map(row: number, cpu: number): void {
    const { granule } = this.dma;
    const id = this.#number(row, 'id');
    const device = this.#number(row, 'dev');
    const offset = offsetOf(this.#number(row, 'phys'), granule);
    const pages = pagesOf(this.#number(row, 'size'), offset, granule);
    const own = this.#ops.isEmpty(row, this.#at.dma_limit);
    const dmaLimit = own ? 0 : this.#number(row, 'dma_limit');
    const pfn = this.dma.map(device, pages, dmaLimit, cpu);
    if (this.dma.gaveUp) this.#giveUp(device, dmaLimit, cpu);
    if (pfn === NO_PFN) {
      this.#fail++;
      this.#checker.word(this.#out.result, 'FAIL');
      return;
    }
    if (this.dma.work.path === AllocPath.rcache) this.#rcacheHits++;
    else this.#treeAllocs++;
    this.#pfns.set(id, pfn);
    this.#pages.set(id, pages);
    const address = BigInt(pfn) * BigInt(granule) + BigInt(offset);
    this.#checker.word(this.#out.result, `0x${address.toString(16)}`);
  }

  #unmap(row: number, cpu: number): void {
    const id = this.#number(row, 'id');
    const pfn = this.#pfns.get(id);
    if (pfn === undefined) {
      this.#skip++;
      this.#checker.word(this.#out.result, 'SKIP');
      return;
    }
    this.#pfns.delete(id);
    this.dma.unmap(pfn, this.#pages.get(id)!, cpu, id);
    this.#checker.word(this.#out.result, 'OK');
  }

  #giveUp(index: number, dmaLimit: number, cpu: number): void {
    const device = this.#devices[index]!;
    const own = dmaLimit === 0 ? 2 ** device.maskBits - 1 : dmaLimit;
    const limit = Math.min(own, device.busDmaLimit || own, this.#apertureEnd || own);
    this.#dacNotices++;
    this.#checker.event(this.#domain.now(), cpu, 'dac', index, bitsOf(limit));
  }

  #number(row: number, column: (typeof columns)[number]): number {
    return this.#ops.numberAt(row, this.#at[column]);
  }
}

/** Bits of a limit; beyond 2^53 a mask was rounded up to a power of two. */
function bitsOf(limit: number): number {
  return limit < TWO_53 ? limit.toString(2).length : Math.log2(limit);
}
