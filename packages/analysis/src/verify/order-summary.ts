// What is kept of the settled part of an order: where it departs from the order of entry.

import type { OperationLog } from './operation-log.ts';

/** An operation that takes effect late: the one entered at `line` comes after the one entered at `after`. */
export interface Moved {
  readonly line: number;
  readonly after: number;
}

export class OrderSummary {
  /** Stretches in which the order of entry had to be left. */
  places = 0;
  readonly moved: Moved[] = [];
  readonly #log: OperationLog;
  #next = 0;
  #latest = -1;
  #latestLine = 0;
  /** Operations above `#next` that came early. */
  readonly #early = new Set<number>();

  constructor(log: OperationLog) {
    this.#log = log;
  }

  /** Adds the next operation of the order. */
  add(operation: number): void {
    const line = this.#log.line[this.#log.at(operation)]!;
    if (operation < this.#latest) {
      this.moved.push({ line, after: this.#latestLine });
    } else {
      this.#latest = operation;
      this.#latestLine = line;
    }
    if (operation === this.#next) {
      this.#next++;
      while (this.#early.delete(this.#next)) this.#next++;
      return;
    }
    if (this.#early.size === 0) this.places++;
    this.#early.add(operation);
  }
}
