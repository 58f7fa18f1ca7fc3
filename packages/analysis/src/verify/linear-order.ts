// One order of a domain's recorded calls, as far as it goes, and the model driven in it.
//
// An order is allowed if A comes before B wherever A is over before B begins. Among the calls that
// may come next the earliest by entry is taken; an allocation only when the model gives it the
// recorded address, by the recorded path (cache or tree). Until then it waits while others pass, as
// long as its interval allows. When nothing can be taken the order is dead.
//
// Extra constraints ("V before U") and differences that are put up with (`forced`) change the order;
// who sets them goes back to an earlier position first. Checkpoints of the model make that cheap.
// Positions older than HISTORY are final: what can be said of them is counted, then forgotten.

import { Checkpoints } from './checkpoints.ts';
import { type Difference, differenceAt } from './difference.ts';
import { type DomainModel, isRecorded, type ModelState } from './domain-model.ts';
import { OperationKind, type OperationLog, UNKNOWN_PFN } from './operation-log.ts';
import { OrderSummary } from './order-summary.ts';

/** A constraint beside the intervals: `before` takes effect before `after`. Operation numbers. */
export interface Edge {
  readonly before: number;
  readonly after: number;
}

/** Why {@link LinearOrder.advance} stopped. reached: what was asked for. starved: it needs more of the trace. */
export type OrderStatus = 'reached' | 'starved' | 'dead';

/** Positions that can still be changed. */
const HISTORY = 32_768;
const CHECKPOINT_EVERY = 64;
const SHARED = 1;
const DIFFERS = 2;
const COMPARED = 4;

export class LinearOrder {
  readonly log: OperationLog;
  /** Operations taken so far: the next position. */
  position = 0;
  /** The first position that can still be changed. */
  kept = 0;
  /** The lowest operation that is not taken. */
  lowest = 0;
  /** Allocations whose result is known, and those of them that differ. */
  compared = 0;
  differing = 0;
  /** Attempts that were taken back. */
  tries = 0;
  /** Calls of the model, as a measure of effort. */
  steps = 0;
  edges: readonly Edge[] = [];
  /** Operations that may differ from the record. */
  forced: ReadonlySet<number> = new Set();
  /** Every operation is taken in the order of entry, whatever it gives. */
  plain = false;
  /** Allocations that were tried at this position and did not fit. */
  waiting: number[] = [];
  /** What the model offered them last. */
  offered: number[] = [];
  /** The first difference in the order as it is. */
  first: Difference | null = null;
  #firstOperation = -1;
  readonly summary: OrderSummary;
  readonly #model: DomainModel;
  readonly #checkpoints: Checkpoints;
  /** By position minus `kept`. */
  #order = new Float64Array(1024);
  #flags = new Uint8Array(1024);
  /** Of `waiting`: something happened since that may make it fit. */
  #again: boolean[] = [];
  /** Whether alloc_iova is recorded inside of alloc_iova_fast: null before the first allocation, which needs it. */
  #showsTree: boolean | null = null;

  constructor(log: OperationLog, model: DomainModel) {
    this.log = log;
    this.#model = model;
    this.summary = new OrderSummary(log);
    this.#checkpoints = new Checkpoints(model);
  }

  /** Takes operations below `limit` until position `stopAt`. `final`: the trace has no more than these. */
  advance(limit: number, stopAt: number, final: boolean): OrderStatus {
    while (this.position < stopAt && this.lowest < limit) {
      const status = this.#takeOne(limit);
      if (status === 'dead') return 'dead';
      if (status === 'starved') return final ? 'dead' : 'starved';
    }
    return 'reached';
  }

  /** Goes back to a position from `kept` on, as if nothing after it had been taken. */
  goBack(position: number): void {
    const { log } = this;
    for (let p = position; p < this.position; p++) {
      const operation = this.#order[p - this.kept]!;
      const flags = this.#flags[p - this.kept]!;
      log.done[log.at(operation)] = 0;
      if (operation < this.lowest) this.lowest = operation;
      if ((flags & COMPARED) !== 0) this.compared--;
      if ((flags & DIFFERS) !== 0) this.differing--;
    }
    const first = this.#firstOperation;
    if (first >= log.base && log.done[log.at(first)] === 0) this.first = null;
    if (this.first === null) this.#firstOperation = -1;
    this.position = position;
    this.#stopWaiting();
    this.#checkpoints.dropAbove(position);
    this.#restoreModel();
  }

  operationAt(position: number): number {
    return this.#order[position - this.kept]!;
  }

  /** The operation at `position` touched the tree or a depot. */
  isShared(position: number): boolean {
    return (this.#flags[position - this.kept]! & SHARED) !== 0;
  }

  /** Makes positions older than HISTORY final, or all. */
  settle(all: boolean): void {
    const wanted = all ? this.position : this.position - HISTORY;
    if (wanted <= this.kept || (!all && wanted - this.kept < HISTORY)) return;
    const upTo = all ? wanted : this.#checkpoints.keepFrom(wanted);
    for (let p = this.kept; p < upTo; p++) this.summary.add(this.operationAt(p));
    this.#order.copyWithin(0, upTo - this.kept, this.position - this.kept);
    this.#flags.copyWithin(0, upTo - this.kept, this.position - this.kept);
    this.kept = upTo;
    let oldest = this.lowest;
    for (let p = upTo; p < this.position; p++) oldest = Math.min(oldest, this.operationAt(p));
    this.edges = this.edges.filter(({ before, after }) => before >= oldest && after >= oldest);
    this.log.forget(oldest);
  }

  #takeOne(limit: number): 'taken' | 'starved' | 'dead' {
    const { log } = this;
    let soonestEnd = Number.POSITIVE_INFINITY;
    for (let operation = this.lowest; operation < limit; operation++) {
      const i = log.at(operation);
      if (log.done[i] === 1) continue;
      if (log.begin[i]! >= soonestEnd) return 'dead';
      if (log.end[i]! < soonestEnd) soonestEnd = log.end[i]!;
      if (this.#mayBeTaken(operation) && this.#take(operation, i)) return 'taken';
    }
    return 'starved';
  }

  #mayBeTaken(operation: number): boolean {
    if (this.waiting.length > 0) {
      const w = this.waiting.indexOf(operation);
      if (w >= 0 && !this.#again[w]) return false;
    }
    const { log } = this;
    for (const { before, after } of this.edges) {
      if (after === operation && before >= log.base && log.done[log.at(before)] === 0) return false;
    }
    return true;
  }

  #take(operation: number, i: number): boolean {
    const model = this.#model;
    if (this.position - this.#checkpoints.latest() >= CHECKPOINT_EVERY) {
      this.#checkpoints.add(this.position);
    }
    const state = this.forced.has(operation) || this.plain ? this.#stateFor(operation) : null;
    this.#apply(operation);
    const fits = !isCompared(this.log, i) || this.#fits(i);
    const differs = !fits && !isRecorded(this.log, i, model.pfn);
    if (!fits && !this.plain && !this.forced.has(operation)) {
      this.#wait(operation);
      return false;
    }
    if (differs) {
      if (state !== null) {
        this.first = differenceAt(this.log, operation, model, state);
        this.#firstOperation = operation;
      }
      model.keepDifference(operation);
    }
    this.#append(operation, i, differs);
    return true;
  }

  #stateFor(operation: number): ModelState | null {
    return this.first === null ? this.#model.state(operation) : null;
  }

  #fits(i: number): boolean {
    const { log } = this;
    const model = this.#model;
    if (!isRecorded(log, i, model.pfn)) return false;
    if (log.kind[i] !== OperationKind.alloc || this.plain) return true;
    this.#showsTree ??= log.inner[i]! > 0;
    return !this.#showsTree || model.tries === log.inner[i];
  }

  #append(operation: number, i: number, differs: boolean): void {
    const { log } = this;
    const at = this.position - this.kept;
    if (at === this.#order.length) this.#grow();
    const { shared } = this.#model;
    this.#order[at] = operation;
    const compared = isCompared(log, i);
    this.#flags[at] = (shared ? SHARED : 0) + (differs ? DIFFERS : 0) + (compared ? COMPARED : 0);
    this.position++;
    log.done[i] = 1;
    if (compared) this.compared++;
    if (differs) this.differing++;
    while (this.lowest < log.head && log.done[log.at(this.lowest)] === 1) this.lowest++;
    if (this.waiting.length > 0) this.#wake(operation, log.cpu[i]!, shared);
  }

  #wait(operation: number): void {
    this.tries++;
    const w = this.waiting.indexOf(operation);
    if (w < 0) {
      this.waiting.push(operation);
      this.offered.push(this.#model.pfn);
      this.#again.push(false);
    } else {
      this.offered[w] = this.#model.pfn;
      this.#again[w] = false;
    }
    this.#restoreModel();
    if (this.position - this.#checkpoints.latest() > 8) this.#checkpoints.add(this.position);
  }

  #wake(taken: number, cpu: number, shared: boolean): void {
    const own = this.waiting.indexOf(taken);
    if (own >= 0) {
      this.waiting.splice(own, 1);
      this.offered.splice(own, 1);
      this.#again.splice(own, 1);
    }
    for (let w = 0; w < this.waiting.length; w++) {
      if (shared || this.log.cpu[this.log.at(this.waiting[w]!)] === cpu) this.#again[w] = true;
    }
  }

  #stopWaiting(): void {
    this.waiting = [];
    this.offered = [];
    this.#again = [];
  }

  /** Puts the model in the state of `position`, from the checkpoint before it. */
  #restoreModel(): void {
    for (let p = this.#checkpoints.restore(); p < this.position; p++) {
      this.#apply(this.operationAt(p));
      if ((this.#flags[p - this.kept]! & DIFFERS) !== 0) {
        this.#model.keepDifference(this.operationAt(p));
      }
    }
  }

  #apply(operation: number): void {
    this.steps++;
    this.#model.apply(operation);
  }

  #grow(): void {
    const order = new Float64Array(this.#order.length * 2);
    const flags = new Uint8Array(this.#order.length * 2);
    order.set(this.#order);
    flags.set(this.#flags);
    this.#order = order;
    this.#flags = flags;
  }
}

/** An allocation with a known result. */
function isCompared(log: OperationLog, i: number): boolean {
  const kind = log.kind[i];
  if (kind !== OperationKind.alloc && kind !== OperationKind.treeAlloc) return false;
  return log.pfn[i] !== UNKNOWN_PFN;
}
