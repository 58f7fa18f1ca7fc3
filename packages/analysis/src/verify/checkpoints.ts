// Copies of the model at some positions of an order: dense near its end, thin further back.

import type { DomainModel, DomainModelCopy } from './domain-model.ts';

const MOST = 48;

export class Checkpoints {
  readonly #model: DomainModel;
  #positions: number[] = [];
  #copies: DomainModelCopy[] = [];
  readonly #spare: DomainModelCopy[] = [];

  /** The first copy is of the model as it is now, at position 0. */
  constructor(model: DomainModel) {
    this.#model = model;
    this.add(0);
  }

  /** Position of the latest copy. */
  latest(): number {
    return this.#positions.at(-1)!;
  }

  /** Copies the model as the state of `position`, which is above the latest. */
  add(position: number): void {
    if (this.#positions.length === MOST) this.#thin();
    const copy = this.#spare.pop() ?? this.#model.emptyCopy();
    this.#model.save(copy);
    this.#positions.push(position);
    this.#copies.push(copy);
  }

  /** Gives the model the latest copy; returns its position. */
  restore(): number {
    this.#model.restore(this.#copies.at(-1)!);
    return this.latest();
  }

  dropAbove(position: number): void {
    while (this.latest() > position) {
      this.#positions.pop();
      this.#spare.push(this.#copies.pop()!);
    }
  }

  /** Drops copies that `position` and what follows do not need; returns the position of the oldest left. */
  keepFrom(position: number): number {
    while (this.#positions.length > 1 && this.#positions[1]! <= position) {
      this.#positions.shift();
      this.#spare.push(this.#copies.shift()!);
    }
    return this.#positions[0]!;
  }

  /** Drops every second copy of the older half, but not the oldest. */
  #thin(): void {
    for (let i = MOST / 2 - 1; i > 0; i -= 2) {
      this.#positions.splice(i, 1);
      this.#spare.push(...this.#copies.splice(i, 1));
    }
  }
}
