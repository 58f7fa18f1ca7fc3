// What is kept of the settled part of an order: where it departs from the order of entry.

import { OperationKind, type OperationLog } from './operation-log.ts';

/** A recorded allocation or free, as it can be found among requests. */
export interface CallMark {
  readonly isAlloc: boolean;
  readonly pfn: number;
  /** ns: its entry. */
  readonly time: number;
}

/** A call that takes effect late: after others that were entered after it. */
export interface Moved {
  readonly call: CallMark;
  /** The call that comes right before it, and the last allocation before it. */
  readonly after: CallMark;
  readonly afterAlloc: CallMark | null;
}

export class OrderSummary {
  /** Stretches in which the order of entry had to be left. */
  places = 0;
  readonly moved: Moved[] = [];
  readonly #log: OperationLog;
  #next = 0;
  #latest = -1;
  /** The operation placed last, and the last allocation. */
  #after: CallMark | null = null;
  #afterAlloc: CallMark | null = null;
  /** Operations above `#next` that came early. */
  readonly #early = new Set<number>();

  constructor(log: OperationLog) {
    this.#log = log;
  }

  /** Adds the next operation of the order. */
  add(operation: number): void {
    if (operation > this.#latest && operation === this.#next && this.#early.size === 0) {
      this.#next++;
      this.#latest = operation;
      // Marks are needed around departures only; the one before is made when the first comes.
      this.#after = null;
      return;
    }
    this.#addOutOfOrder(operation);
  }

  #addOutOfOrder(operation: number): void {
    const mark = this.#mark(operation);
    if (operation < this.#latest && this.#after !== null) {
      this.moved.push({ call: mark, after: this.#after, afterAlloc: this.#afterAlloc });
    }
    if (operation > this.#latest) this.#latest = operation;
    this.#after = mark;
    if (mark.isAlloc) this.#afterAlloc = mark;
    if (operation === this.#next) {
      this.#next++;
      while (this.#early.delete(this.#next)) this.#next++;
      if (this.#early.size === 0) this.#afterAlloc = null;
      return;
    }
    if (this.#early.size === 0) this.places++;
    this.#early.add(operation);
  }

  #mark(operation: number): CallMark {
    const log = this.#log;
    const i = log.at(operation);
    const kind = log.kind[i];
    const isAlloc = kind === OperationKind.alloc || kind === OperationKind.treeAlloc;
    return { isAlloc, pfn: log.pfn[i]!, time: log.time[i]! };
  }
}
