// The places of an order where two calls could have taken effect the other way round.

import type { LinearOrder } from './linear-order.ts';
import { OperationKind, type OperationLog } from './operation-log.ts';
import { classOfPages, NO_CLASS } from './work-items.ts';

/** Positions that are searched for the partner of a choice. */
const SPAN = 64;
/** Partners that are tried with one call. */
const PARTNERS = 16;

/** A copy of the end of an order, so that its choices can be tried one by one on the order itself. */
export class Choices {
  readonly #log: OperationLog;
  readonly #bottom: number;
  readonly #operations: Float64Array;
  readonly #shared: Uint8Array;
  readonly #waiting: readonly number[];

  /** Of the positions of `order` from `bottom` on. */
  constructor(order: LinearOrder, bottom: number) {
    const length = order.position - bottom;
    this.#log = order.log;
    this.#bottom = bottom;
    this.#operations = new Float64Array(length);
    this.#shared = new Uint8Array(length);
    for (let p = 0; p < length; p++) {
      this.#operations[p] = order.operationAt(bottom + p);
      this.#shared[p] = order.isShared(bottom + p) ? 1 : 0;
    }
    this.#waiting = [...order.waiting];
  }

  operationAt(position: number): number {
    return this.#operations[position - this.#bottom]!;
  }

  /** Operations that could come before the one at `position` but do not. `lateOnly`: only where a wrong order shows late. */
  partners(position: number, lateOnly: boolean): number[] {
    const log = this.#log;
    const u = position - this.#bottom;
    const end = log.end[log.at(this.#operations[u]!)]!;
    const found: number[] = [];
    if (!lateOnly) {
      for (const other of this.#waiting) {
        if (log.begin[log.at(other)]! < end && this.#mayDepend(u, other)) found.push(other);
      }
    }
    const last = Math.min(this.#operations.length - 1, u + SPAN);
    for (let v = u + 1; v <= last && found.length < PARTNERS; v++) {
      const other = this.#operations[v]!;
      if (log.begin[log.at(other)]! >= end || !this.#depend(u, v)) continue;
      if (!lateOnly || this.#showsLate(u, v)) found.push(other);
    }
    return found;
  }

  #depend(u: number, v: number): boolean {
    if (this.#shared[u] === 1 && this.#shared[v] === 1) return true;
    return this.#sameMagazines(this.#operations[u]!, this.#operations[v]!);
  }

  #mayDepend(u: number, other: number): boolean {
    return this.#shared[u] === 1 || this.#sameMagazines(this.#operations[u]!, other);
  }

  #sameMagazines(a: number, b: number): boolean {
    const log = this.#log;
    const i = log.at(a);
    const j = log.at(b);
    if (log.cpu[i] !== log.cpu[j]) return false;
    const sizeClass = classOfPages(log.pages[i]!);
    return sizeClass !== NO_CLASS && sizeClass === classOfPages(log.pages[j]!);
  }

  /** An allocation shows at once if it came too early or too late, unless only the tree is meant. */
  #showsLate(u: number, v: number): boolean {
    const log = this.#log;
    const i = log.at(this.#operations[u]!);
    const j = log.at(this.#operations[v]!);
    const allocs = Number(isAlloc(log, i)) + Number(isAlloc(log, j));
    if (allocs === 0) return true;
    return allocs === 1 && this.#shared[u] === 1 && this.#shared[v] === 1;
  }
}

function isAlloc(log: OperationLog, i: number): boolean {
  return log.kind[i] === OperationKind.alloc || log.kind[i] === OperationKind.treeAlloc;
}
