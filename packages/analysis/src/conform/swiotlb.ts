// Golden family `swiotlb`: maps and unmaps of bounce memory, compared after every operation.
//
// Operations, columns, events and totals: test/golden/README.md, "Family swiotlb". The pools are those of a
// replay; time, the pages of new pools and the end of a grace period are those of the golden vectors.

import {
  type BounceDevice,
  BounceEvent,
  type BouncePort,
  createDynamicBounce,
  createStaticBounce,
  FailCause,
  NO_SLOT,
  policyKit,
  type SlotPool,
  SWIOTLB_KERNELS,
  type Swiotlb,
  ZonedPages,
} from '@dmalab/replay';
import type { Checker } from './checker.ts';
import type { CsvTable } from './csv-table.ts';
import type { Family } from './family.ts';
import type { Fields, Scenario, ScenarioRun } from './scenario.ts';
import { SwiotlbClock } from './swiotlb-clock.ts';

const kernels: readonly string[] = SWIOTLB_KERNELS;
const NS_PER_MS = 1e6;
const DEFAULT_DELAY_NS = 100_000;
/** An allocation mask beyond the page makes the kernel warn. */
const PAGE_MASK = 4095;

/** Checks bounce memory, static and dynamic. */
export const swiotlb: Family = {
  name: 'swiotlb',
  eventValues: ['pool', 'start', 'nslabs', 'nareas'],
  unsupported: (run) => (kernels.includes(run.kernel) ? null : 'no preset'),
  check: checkSwiotlb,
};

function checkSwiotlb(scenario: Scenario, run: ScenarioRun, ops: CsvTable, checker: Checker): void {
  const stream = new SwiotlbStream(scenario.domain, run, ops, checker);
  for (let row = 0; row < ops.rows; row++) stream.run(row);
  checker.endOfEvents();
  checker.totals(scenario.file, run.totals, stream.totals());
}

const columns = [
  't_ns',
  'cpu',
  'op',
  'id',
  'orig_addr',
  'size',
  'alloc_align_mask',
  'min_align_mask',
  'atomic_order',
  'kernel_order',
] as const;
const operations = ['map', 'unmap', 'alloc', 'free', 'mem', 'tick', 'state'] as const;
const outColumns = [
  'seq',
  'result',
  'pool',
  'slot',
  'pad',
  'area',
  'area_used',
  'area_index',
  'used',
  'hiwater',
] as const;
const eventNames = {
  [BounceEvent.poolAdd]: 'pool_add',
  [BounceEvent.poolFail]: 'pool_fail',
  [BounceEvent.transientAdd]: 'transient_add',
  [BounceEvent.transientDel]: 'transient_del',
} as const;

type At<Name extends string> = Readonly<Record<Name, number>>;

/** An allocation that is live. */
interface Live {
  readonly address: number;
  readonly device: BounceDevice;
}

/** Runs one operation after the other and compares its row. */
class SwiotlbStream {
  readonly #ops: CsvTable;
  readonly #checker: Checker;
  readonly #at: At<(typeof columns)[number]>;
  readonly #out: At<(typeof outColumns)[number]>;
  readonly #clock = new SwiotlbClock();
  readonly #pages = new ZonedPages();
  readonly #bounce: Swiotlb;
  readonly #modern: boolean;
  readonly #cpus: number;
  readonly #pattern: BounceDevice;
  readonly #devices = new Map<number, BounceDevice>();
  readonly #live = new Map<number, Live>();
  readonly #counts = new Map<string, number>();
  readonly #events = new Map<string, number>();
  #cpu = 0;
  #fail = 0;
  #hang = 0;
  #skip = 0;
  #usedMax = 0;
  #warnings = 0;

  constructor(domain: Fields, run: ScenarioRun, ops: CsvTable, checker: Checker) {
    this.#ops = ops;
    this.#checker = checker;
    this.#at = columnsOf(ops, columns);
    this.#out = columnsOf(checker.out, outColumns);
    this.#cpus = domain.whole('cpus', 1, 65_536);
    this.#modern = run.kernel === '6.12';
    this.#pattern = {
      index: 0,
      minAlignMask: 0,
      segBoundary: domain.number('seg_boundary'),
      dmaMask: numberOr(domain, 'dma_mask', 2 ** 64),
      busDmaLimit: numberOr(domain, 'bus_dma_limit', 0),
    };
    const parameters = {
      slots: domain.number('nslabs'),
      areas: domain.number('areas'),
      start: domain.number('pool_start'),
      kernel: run.kernel,
    };
    const port = this.#port();
    this.#bounce =
      run.dynamic === true
        ? createDynamicBounce({ ...parameters, ...growthOf(domain) }, port)
        : createStaticBounce(parameters, port);
  }

  run(row: number): void {
    const op = operations.find((name) => this.#ops.is(row, this.#at.op, name));
    if (op === undefined) throw this.#ops.error(row, this.#at.op, 'unknown operation');
    this.#counts.set(op, (this.#counts.get(op) ?? 0) + 1);
    const checker = this.#checker;
    checker.seq = row;
    this.#cpu = 0;
    this.#clock.advance(this.#number(row, 't_ns'));
    this.#cpu = this.#number(row, 'cpu');
    if (this.#cpu >= this.#cpus)
      throw this.#ops.error(row, this.#at.cpu, `expected a CPU below ${this.#cpus}`);
    checker.number(this.#out.seq, row);
    if (op === 'map' || op === 'alloc') this.#map(row, op);
    else if (op === 'unmap' || op === 'free') this.#unmap(row);
    else {
      if (op === 'state') checker.number(this.#out.result, this.#bounce.digest());
      else checker.word(this.#out.result, 'OK');
      if (op === 'mem') {
        this.#pages.atomicOrder = this.#order(row, 'atomic_order');
        this.#pages.sleepingOrder = this.#order(row, 'kernel_order');
      }
      this.#noPlace();
    }
    this.#clock.endOfOperation();
    const used = this.#bounce.usedSlots();
    if (used > this.#usedMax) this.#usedMax = used;
    checker.number(this.#out.used, used);
    checker.number(this.#out.hiwater, this.#bounce.hiwater());
  }

  totals(): Record<string, unknown> {
    const bounce = this.#bounce;
    const { slots, areas, used } = bounce.defaultPool;
    const counts = [...this.#counts].map(([op, n]) => [`n_${op}`, n] as const);
    const events = (name: string): number => this.#events.get(name) ?? 0;
    return {
      ops: this.#ops.rows,
      ...Object.fromEntries(counts),
      fail: this.#fail,
      hang: this.#hang,
      skip: this.#skip,
      used: bounce.usedSlots(),
      used_max: this.#usedMax,
      hiwater: bounce.hiwater(),
      pools: bounce.pools(),
      pool_adds: events('pool_add'),
      pool_fails: events('pool_fail'),
      transients: events('transient_add'),
      transient_nslabs: bounce.transientSlots(),
      nslabs: slots,
      nareas: areas,
      warnings: this.#warnings,
      state_hash: bounce.digest(),
      area_used: [...used],
    };
  }

  #map(row: number, op: 'map' | 'alloc'): void {
    const device = this.#device(this.#number(row, 'min_align_mask'));
    const size = this.#number(row, 'size');
    let address: number;
    if (op === 'alloc') address = this.#bounce.alloc(size, device, this.#cpu);
    else {
      const mask = this.#number(row, 'alloc_align_mask');
      if (this.#modern && mask > PAGE_MASK) this.#warnings++;
      const orig = this.#number(row, 'orig_addr');
      address = this.#bounce.map(orig, size, mask, device, this.#cpu, false);
    }
    if (address === NO_SLOT) {
      this.#failed();
      return;
    }
    this.#live.set(this.#number(row, 'id'), { address, device });
    this.#checker.number(this.#out.result, address);
    this.#place(this.#bounce.poolAt(address));
  }

  #unmap(row: number): void {
    const id = this.#number(row, 'id');
    const live = this.#live.get(id);
    if (live === undefined) {
      this.#skip++;
      this.#checker.word(this.#out.result, 'SKIP');
      this.#noPlace();
      return;
    }
    this.#live.delete(id);
    const { address, device } = live;
    const released = this.#bounce.unmap(address, device);
    this.#checker.word(this.#out.result, released ? 'OK' : 'FAIL');
    this.#place(this.#bounce.poolAt(address));
  }

  #failed(): void {
    const hang = this.#bounce.work.cause === FailCause.endlessSearch;
    if (hang) this.#hang++;
    else this.#fail++;
    this.#checker.word(this.#out.result, hang ? 'HANG' : 'FAIL');
    this.#noPlace();
  }

  /** Compares where the last call allocated or released; `pool` is null when it is gone. */
  #place(pool: SlotPool | null): void {
    const { work } = this.#bounce;
    this.#checker.number(this.#out.pool, work.pool);
    this.#checker.number(this.#out.slot, work.slot);
    this.#checker.number(this.#out.pad, work.padSlots);
    this.#checker.number(this.#out.area, work.area);
    if (pool !== null) {
      this.#checker.number(this.#out.area_used, pool.used[work.area]!);
      this.#checker.number(this.#out.area_index, pool.index[work.area]!);
      return;
    }
    this.#checker.word(this.#out.area_used, '');
    this.#checker.word(this.#out.area_index, '');
  }

  #noPlace(): void {
    for (const name of ['pool', 'slot', 'pad', 'area', 'area_used', 'area_index'] as const) {
      this.#checker.word(this.#out[name], '');
    }
  }

  #port(): BouncePort {
    return {
      kit: policyKit,
      cpus: this.#cpus,
      now: () => this.#clock.now,
      later: (delayNs, callback, argument) => this.#clock.later(delayNs, callback, argument),
      pages: this.#pages,
      event: (kind, pool, start, slots, areas) => {
        const name = (eventNames as Readonly<Record<number, string>>)[kind];
        if (name === undefined) return;
        this.#events.set(name, (this.#events.get(name) ?? 0) + 1);
        this.#checker.event(this.#clock.now, this.#cpu, name, pool, start, slots, areas);
      },
    };
  }

  #device(minAlignMask: number): BounceDevice {
    let device = this.#devices.get(minAlignMask);
    if (device === undefined) {
      device = { ...this.#pattern, minAlignMask };
      this.#devices.set(minAlignMask, device);
    }
    return device;
  }

  #order(row: number, column: 'atomic_order' | 'kernel_order'): number {
    return this.#ops.is(row, this.#at[column], '-1') ? -1 : this.#number(row, column);
  }

  #number(row: number, column: (typeof columns)[number]): number {
    return this.#ops.numberAt(row, this.#at[column]);
  }
}

function growthOf(domain: Fields): Record<string, number | boolean> {
  return {
    growDelay: numberOr(domain, 'dyn_delay_ns', DEFAULT_DELAY_NS) / NS_PER_MS,
    rcuDelay: 0,
    canGrow: numberOr(domain, 'can_grow', 1) !== 0,
    encrypted: false,
    memory: 4,
    atomicPool: 0,
    maySleep: false,
    earlyGrow: 0,
    shrink: 0,
    keep: 1,
  };
}

function numberOr(fields: Fields, name: string, otherwise: number): number {
  return fields.has(name) ? fields.number(name) : otherwise;
}

function columnsOf<Name extends string>(table: CsvTable, names: readonly Name[]): At<Name> {
  const entries = names.map((name) => [name, table.column(name)] as const);
  return Object.fromEntries(entries) as At<Name>;
}
