// Writes the rows of a replay into outcome batches.
//
// A request or a timer may cause any number of rows, more than a batch holds: full batches wait in a
// list until the replay hands them out between two requests, then they are used again.

import type { RequestBatch } from '@dmalab/trace';
import type { Latency } from './latency.ts';
import type { CostModel } from './machine.ts';
import { addMachineWork, machineWork } from './machine-work.ts';
import { FailStage, OUTCOME_ROWS, type OutcomeBatch, OutcomeKind } from './outcome.ts';
import { AllocPath, FailCause } from './policy.ts';
import type { Timers } from './timers.ts';

/** The state of a domain that every row carries. */
export interface Gauges {
  readonly index: number;
  readonly liveMappings: number;
  readonly livePages: number;
  queuedEntries(): number;
  readonly queuedPages: number;
  cachedPages(): number;
  low32Pages(): number;
}

/** The state of bounce memory and host that every row carries, where a machine has them. */
export interface MachineGauges {
  bounceUsed(): number;
  bounceTotal(): number;
  hostEntries(): number;
  hostStale(): number;
  hostPinned(): number;
}

/** An empty batch. */
export function createOutcomeBatch(rows: number = OUTCOME_ROWS): OutcomeBatch {
  return {
    length: 0,
    time: new Float64Array(rows),
    kind: new Uint8Array(rows),
    cpu: new Uint16Array(rows),
    device: new Uint16Array(rows),
    domain: new Uint16Array(rows),
    tid: new Int32Array(rows),
    id: new Uint32Array(rows),
    pfn: new Float64Array(rows),
    pages: new Float64Array(rows),
    bytes: new Float64Array(rows),
    path: new Uint8Array(rows),
    reach: new Uint8Array(rows),
    stage: new Uint8Array(rows),
    cause: new Uint8Array(rows),
    steps: new Uint32Array(rows),
    value: new Float64Array(rows),
    costNs: new Float64Array(rows),
    waitNs: new Float64Array(rows),
    latencyNs: new Float64Array(rows),
    searches: new Uint8Array(rows),
    updates: new Uint32Array(rows),
    exchanges: new Uint32Array(rows),
    flags: new Uint32Array(rows),
    line: new Uint32Array(rows),
    liveMappings: new Uint32Array(rows),
    livePages: new Float64Array(rows),
    queuedEntries: new Uint32Array(rows),
    queuedPages: new Float64Array(rows),
    cachedPages: new Float64Array(rows),
    low32Pages: new Float64Array(rows),
    bounceUsed: new Uint32Array(rows),
    bounceTotal: new Uint32Array(rows),
    hostEntries: new Float64Array(rows),
    hostStale: new Float64Array(rows),
    hostPinned: new Float64Array(rows),
    samples: [],
  };
}

/** Rows of the first batch: many replays are short, and a whole batch takes longer to make than they take. */
const FIRST_ROWS = 4096;
/** Columns that most rows leave at 0: cleared when a batch is used again, not row by row. */
const MOSTLY_ZERO = [
  'path',
  'reach',
  'stage',
  'cause',
  'steps',
  'waitNs',
  'latencyNs',
  'searches',
  'updates',
  'exchanges',
] as const satisfies readonly (keyof OutcomeBatch)[];

const NO_WORK = machineWork();

/** The log of a replay: knows the request at hand, so that rows say what caused them. */
export class OutcomeLog {
  /** The batch of the last row. */
  batch: OutcomeBatch = createOutcomeBatch(FIRST_ROWS);
  /** Set where the machine has bounce memory or host limits; else their columns stay 0. */
  machine: MachineGauges | null = null;
  /** A map that fails now is given up, after so many tries before. */
  isLastTry = true;
  tries = 0;
  /** Of the last map that failed. */
  failedStage: FailStage = FailStage.none;
  failedCause: FailCause = FailCause.none;
  readonly #timers: Timers;
  readonly #latency: Latency;
  readonly #cost: CostModel;
  readonly #work = machineWork();
  readonly #full: OutcomeBatch[] = [];
  readonly #spare: OutcomeBatch[] = [];
  #cpu = 0;
  #device = 0;
  #tid = -1;
  #flags = 0;
  #line = 0;
  #rows = FIRST_ROWS;
  #flushBatch: OutcomeBatch = this.batch;
  #flushRow = -1;
  #rowsBefore = 0;
  #answerBatch: OutcomeBatch = this.batch;
  #answerRow = -1;

  constructor(timers: Timers, latency: Latency, cost: CostModel) {
    this.#cost = cost;
    this.#timers = timers;
    this.#latency = latency;
  }

  /** Rows from here on are caused by request `i` of `batch`. */
  request(batch: RequestBatch, i: number, cpu: number): void {
    this.#latency.begin(cpu);
    this.#cpu = cpu;
    this.#device = batch.device[i]!;
    this.#tid = batch.tid[i]!;
    this.#flags = batch.flags[i]!;
    this.#line = batch.line[i]!;
    this.#flushRow = -1;
  }

  /** Rows from here on are caused by a timer on `cpu`, those of a held mapping by its `device`. */
  timer(cpu: number, device: number = 0, flags: number = 0): void {
    this.#latency.begin(cpu);
    this.#cpu = cpu;
    this.#device = device;
    this.#tid = -1;
    this.#flags = flags;
    this.#line = 0;
    this.#flushRow = -1;
  }

  /** `row` of `batch` is that of the request itself: it gets the time of all that the request causes. */
  answer(row: number): void {
    this.#answerBatch = this.batch;
    this.#answerRow = row;
  }

  /** Charges `row` of `batch`, of bounce memory or the host: its search under `lock`, -1 for none. */
  charge(row: number, lock: number = -1): void {
    const { batch } = this;
    const work = this.#work;
    const cost = this.#cost;
    const latency = this.#latency;
    Object.assign(work, NO_WORK);
    addMachineWork(batch, row, work);
    const search =
      work.bounceSearch * cost.bounceSearch +
      work.bounceProbe * cost.bounceProbe +
      work.bounceArea * cost.bounceArea;
    const rest =
      work.transientPool * cost.transientPool +
      work.copyByte * cost.copyByte +
      work.convertCall * cost.convertCall +
      work.convertPage * cost.convertPage +
      work.hostRange * cost.hostRange +
      work.hostGlobal * cost.hostGlobal +
      work.hostEntry * cost.hostEntry;
    if (lock >= 0) batch.waitNs[row] = latency.serve(lock, search);
    else latency.work(search);
    latency.work(rest);
    batch.costNs[row] = search + rest;
  }

  /** The request or timer is over: call it before the clock moves. */
  done(): void {
    const ns = this.#latency.end();
    if (this.#answerRow < 0) return;
    this.#answerBatch.latencyNs[this.#answerRow] = ns;
    this.#answerRow = -1;
  }

  /** Adds a row with the state of `domain` as it is now, and returns its index in `batch`. */
  row(
    kind: OutcomeKind,
    domain: Gauges | null,
    id: number,
    pfn: number,
    pages: number,
    bytes: number,
    value: number,
    costNs: number,
  ): number {
    if (this.batch.length === this.#rows) this.#nextBatch();
    const { batch } = this;
    const i = batch.length++;
    batch.time[i] = this.#timers.now;
    batch.kind[i] = kind;
    batch.cpu[i] = this.#cpu;
    batch.device[i] = this.#device;
    batch.tid[i] = this.#tid;
    batch.id[i] = id;
    batch.pfn[i] = pfn;
    batch.pages[i] = pages;
    batch.bytes[i] = bytes;
    batch.value[i] = value;
    batch.costNs[i] = costNs;
    batch.flags[i] = this.#flags;
    batch.line[i] = this.#line;
    if (domain) writeGauges(batch, i, domain);
    else clearGauges(batch, i);
    if (this.machine !== null) writeMachine(batch, i, this.machine);
    return i;
  }

  /** Adds the row of a map that failed; of one that will be tried again where {@link tries} says so. */
  failed(
    domain: Gauges | null,
    id: number,
    pages: number,
    bytes: number,
    stage: FailStage,
    cause: FailCause,
    costNs: number,
  ): number {
    const kind = this.isLastTry ? OutcomeKind.mapFail : OutcomeKind.retry;
    const row = this.row(kind, domain, id, -1, pages, bytes, this.tries, costNs);
    this.batch.path[row] = AllocPath.failed;
    this.batch.stage[row] = stage;
    this.batch.cause[row] = cause;
    this.failedStage = stage;
    this.failedCause = cause;
    this.answer(row);
    return row;
  }

  /** Adds the row of a whole-IOTLB flush and returns its index in `batch`; releases that follow at once are added up in it. */
  flush(domain: Gauges, cause: number, costNs: number): number {
    this.#flushRow = this.row(OutcomeKind.flush, domain, 0, -1, 0, 0, 0, costNs);
    this.#flushBatch = this.batch;
    this.batch.cause[this.#flushRow] = cause;
    return this.#flushRow;
  }

  /** Counts a released range for the flush before it, if there was one. */
  released(pages: number): void {
    if (this.#flushRow < 0) return;
    const { value, pages: total } = this.#flushBatch;
    value[this.#flushRow] = value[this.#flushRow]! + 1;
    total[this.#flushRow] = total[this.#flushRow]! + pages;
  }

  /** True when a batch waits to be handed out. */
  get hasFull(): boolean {
    return this.#full.length > 0;
  }

  /** Hands out the full batches; each is valid until the next. */
  *takeFull(): Generator<OutcomeBatch, void, undefined> {
    for (let batch = this.#full.shift(); batch; batch = this.#full.shift()) {
      yield batch;
      for (const name of MOSTLY_ZERO) batch[name].fill(0, 0, batch.length);
      batch.length = 0;
      batch.samples.length = 0;
      if (batch.time.length === OUTCOME_ROWS) this.#spare.push(batch);
    }
  }

  /** Hands out everything, the last batch too. */
  *takeAll(): Generator<OutcomeBatch, void, undefined> {
    yield* this.takeFull();
    if (this.batch.length > 0) yield this.batch;
  }

  /** Rows so far. */
  get rows(): number {
    return this.#rowsBefore + this.batch.length;
  }

  #nextBatch(): void {
    this.#rowsBefore += this.batch.length;
    this.#full.push(this.batch);
    this.batch = this.#spare.pop() ?? createOutcomeBatch();
    this.#rows = OUTCOME_ROWS;
  }
}

function writeGauges(batch: OutcomeBatch, i: number, domain: Gauges): void {
  batch.domain[i] = domain.index;
  batch.liveMappings[i] = domain.liveMappings;
  batch.livePages[i] = domain.livePages;
  batch.queuedEntries[i] = domain.queuedEntries();
  batch.queuedPages[i] = domain.queuedPages;
  batch.cachedPages[i] = domain.cachedPages();
  batch.low32Pages[i] = domain.low32Pages();
}

function clearGauges(batch: OutcomeBatch, i: number): void {
  batch.domain[i] = 0;
  batch.liveMappings[i] = 0;
  batch.livePages[i] = 0;
  batch.queuedEntries[i] = 0;
  batch.queuedPages[i] = 0;
  batch.cachedPages[i] = 0;
  batch.low32Pages[i] = 0;
}

function writeMachine(batch: OutcomeBatch, i: number, machine: MachineGauges): void {
  batch.bounceUsed[i] = machine.bounceUsed();
  batch.bounceTotal[i] = machine.bounceTotal();
  batch.hostEntries[i] = machine.hostEntries();
  batch.hostStale[i] = machine.hostStale();
  batch.hostPinned[i] = machine.hostPinned();
}
