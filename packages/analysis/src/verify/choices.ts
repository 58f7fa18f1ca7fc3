// The places of an order where two calls could have taken effect the other way round.
//
// Only calls that depend on each other are paired: on the magazines of one CPU and size, or both on
// what CPUs share (a depot, the tree). Each question has its own list, since most pairs do not matter
// for a given dead end: those near it, those that put the addresses in question where they are, and
// those further back whose order nothing contradicted when they were taken.

import type { LinearOrder } from './linear-order.ts';
import { OperationKind, type OperationLog } from './operation-log.ts';
import { classOfPages, NO_CLASS } from './work-items.ts';

/** An alternative: `before` takes effect before `after`, which is at `position`. */
export interface Choice {
  readonly position: number;
  readonly before: number;
  readonly after: number;
}

/** Positions before a dead end that count as near. */
const NEAR = 96;
/** Positions that are searched for the partners of an operation, and partners that are tried. */
const SPAN = 64;
const PARTNERS = 16;
/** The same for an operation that put an address in question where it is. */
const WIDE_SPAN = 512;
const WIDE_PARTNERS = 64;

/** A copy of an order that is dead, so that its choices can be tried one by one on the order itself. */
export class Choices {
  readonly #log: OperationLog;
  readonly #bottom: number;
  readonly #operations: Float64Array;
  readonly #shared: Uint8Array;
  readonly #waiting: readonly number[];
  /** Addresses in question: recorded for a waiting allocation, or offered to it. */
  readonly #pfns: ReadonlySet<number>;

  constructor(order: LinearOrder) {
    const { kept, log } = order;
    const length = order.position - kept;
    this.#log = log;
    this.#bottom = kept;
    this.#operations = new Float64Array(length);
    this.#shared = new Uint8Array(length);
    for (let p = 0; p < length; p++) {
      this.#operations[p] = order.operationAt(kept + p);
      this.#shared[p] = order.isShared(kept + p) ? 1 : 0;
    }
    this.#waiting = [...order.waiting];
    this.#pfns = new Set([
      ...this.#waiting.map((operation) => log.pfn[log.at(operation)]!),
      ...order.offered,
    ]);
  }

  /** Pairs of the frees that put the addresses in question where they are, latest first. */
  ofAddresses(): Choice[] {
    const choices: Choice[] = [];
    const open = new Set(this.#pfns);
    for (let v = this.#operations.length - 1; v >= 0 && open.size > 0; v--) {
      const i = this.#log.at(this.#operations[v]!);
      if (isAlloc(this.#log, i) || !open.delete(this.#log.pfn[i]!)) continue;
      this.#pairsAfter(v, WIDE_SPAN, WIDE_PARTNERS, choices, () => true);
      this.#pairsBefore(v, choices);
    }
    return choices.sort((a, b) => b.position - a.position);
  }

  /** Pairs near the dead end, latest first. `relevant`: only those that a waiting call can depend on. */
  near(relevant: boolean): Choice[] {
    const choices: Choice[] = [];
    const top = this.#operations.length;
    for (let u = top - 1; u >= Math.max(0, top - NEAR); u--) {
      for (const other of this.#waiting) this.#pairWaiting(u, other, choices);
      this.#pairsAfter(u, SPAN, PARTNERS, choices, (v) => !relevant || this.#isRelevant(u, v));
    }
    return choices;
  }

  /** Pairs before those, latest first: only where a wrong order shows late. */
  far(): Choice[] {
    const choices: Choice[] = [];
    for (let u = this.#operations.length - NEAR - 1; u >= 0; u--) {
      if (this.#shared[u] === 0) continue;
      this.#pairsAfter(u, SPAN, PARTNERS, choices, (v) => this.#showsLate(u, v));
    }
    return choices;
  }

  #pairWaiting(u: number, other: number, choices: Choice[]): void {
    if (this.#begin(other) >= this.#end(this.#operations[u]!)) return;
    if (this.#shared[u] === 0 && !this.#sameMagazines(this.#operations[u]!, other)) return;
    this.#add(u, other, choices);
  }

  #pairsAfter(
    u: number,
    span: number,
    partners: number,
    choices: Choice[],
    wanted: (v: number) => boolean,
  ): void {
    const end = this.#end(this.#operations[u]!);
    const last = Math.min(this.#operations.length - 1, u + span);
    let found = 0;
    for (let v = u + 1; v <= last && found < partners; v++) {
      const before = this.#operations[v]!;
      if (this.#begin(before) >= end || !this.#depend(u, v) || !wanted(v)) continue;
      this.#add(u, before, choices);
      found++;
    }
  }

  #pairsBefore(v: number, choices: Choice[]): void {
    const before = this.#operations[v]!;
    const begin = this.#begin(before);
    let found = 0;
    for (let u = v - 1; u >= Math.max(0, v - WIDE_SPAN) && found < WIDE_PARTNERS; u--) {
      if (begin >= this.#end(this.#operations[u]!) || !this.#depend(u, v)) continue;
      this.#add(u, before, choices);
      found++;
    }
  }

  #add(u: number, before: number, choices: Choice[]): void {
    choices.push({ position: this.#bottom + u, before, after: this.#operations[u]! });
  }

  #begin(operation: number): number {
    return this.#log.begin[this.#log.at(operation)]!;
  }

  #end(operation: number): number {
    return this.#log.end[this.#log.at(operation)]!;
  }

  #depend(u: number, v: number): boolean {
    if (this.#shared[u] === 1 && this.#shared[v] === 1) return true;
    return this.#sameMagazines(this.#operations[u]!, this.#operations[v]!);
  }

  #sameMagazines(a: number, b: number): boolean {
    const log = this.#log;
    const i = log.at(a);
    const j = log.at(b);
    if (log.cpu[i] !== log.cpu[j]) return false;
    const sizeClass = classOfPages(log.pages[i]!);
    return sizeClass !== NO_CLASS && sizeClass === classOfPages(log.pages[j]!);
  }

  /** Both work on what CPUs share, or on the magazines of a waiting call. */
  #isRelevant(u: number, v: number): boolean {
    if (this.#shared[u] === 1 && this.#shared[v] === 1) return true;
    const operation = this.#operations[u]!;
    return this.#waiting.some((other) => this.#sameMagazines(operation, other));
  }

  /** An allocation shows at once if it came too early or too late, unless only the tree is meant. */
  #showsLate(u: number, v: number): boolean {
    if (this.#shared[u] === 0 || this.#shared[v] === 0) return false;
    const log = this.#log;
    const first = isAlloc(log, log.at(this.#operations[u]!));
    return !first || !isAlloc(log, log.at(this.#operations[v]!));
  }
}

function isAlloc(log: OperationLog, i: number): boolean {
  return log.kind[i] === OperationKind.alloc || log.kind[i] === OperationKind.treeAlloc;
}
