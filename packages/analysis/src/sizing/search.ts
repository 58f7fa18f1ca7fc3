// Finds the first value of a grid that passes, with few tries.
//
// The grid begins at the value that one would like best; later ones are more likely to pass. Galloping finds
// one that passes and one that fails, bisection closes in (towards `guess` where the tries suggest one).
// Passing need not be monotone: bounce memory is searched next fit, so a larger pool can fail where a smaller
// one does not. So neighbours of the answer are tried too, and an answer below one that fails is given up.

import { between, type Grid } from './grid.ts';

/** Tries of one value. */
export interface Trial {
  readonly passes: boolean;
  /** True where no value beyond can pass either. */
  readonly isHopeless: boolean;
  /** A value near which the answer is expected; null without an idea. */
  readonly guess: number | null;
}

/** Where a search ended. */
export interface Found {
  /** Index of the answer; null: no value passes, or none was found within the budget. */
  readonly answer: number | null;
  /** The nearest index below that was seen to fail; null where the answer is the first of the grid. */
  readonly below: number | null;
  /** False: a value beyond one that passed was seen to fail. */
  readonly isMonotone: boolean;
}

/** Values beyond the answer that have to pass as well. */
const CONFIRMED = 2;
/** A grid of more values than this is not tried value by value. */
const FINE = 64;
/** Where a guess was too small, its multiples are tried. */
const BEYOND_GUESS = [1.0625, 1.25, 2];

/** Searches `grid` from index `start`; `attempt` is asked once for an index, `budget` times at most. */
export function searchGrid(
  grid: Grid,
  start: number,
  budget: number,
  attempt: (index: number) => Trial,
): Found {
  return new GridSearch(grid, budget, attempt).run(start);
}

class GridSearch {
  readonly #grid: Grid;
  readonly #attempt: (index: number) => Trial;
  readonly #tried = new Map<number, boolean>();
  #left: number;
  #guess: number | null = null;
  #isMonotone = true;
  #isHopeless = false;

  constructor(grid: Grid, budget: number, attempt: (index: number) => Trial) {
    this.#grid = grid;
    this.#left = budget;
    this.#attempt = attempt;
  }

  run(start: number): Found {
    if (!this.#gallopUp(start)) return this.#found(null);
    this.#gallopDown();
    for (;;) {
      this.#bisect();
      const answer = this.#firstPassing()!;
      const failed = this.#unconfirmed(answer);
      if (failed === null) return this.#found(answer);
      this.#isMonotone = false;
      if (!this.#gallopUp(failed)) return this.#found(null);
    }
  }

  /** Tries values from `start` on, ever farther, until one passes. */
  #gallopUp(start: number): boolean {
    const last = this.#grid.length - 1;
    for (let factor = 4, index = start; ; factor *= factor) {
      const passes = this.#passes(index);
      if (passes !== false) return passes === true;
      if (index === last || this.#isHopeless) return false;
      index = Math.min(last, Math.max(index + 1, this.#away(index, factor)));
    }
  }

  /** Tries ever earlier values until one fails, the guess first. */
  #gallopDown(): void {
    for (let factor = 4; this.#lastFailing() < 0; factor *= factor) {
      const hi = this.#firstPassing()!;
      if (hi === 0) return;
      const earlier = Math.min(hi - 1, this.#away(hi, 1 / factor));
      if (this.#passes(this.#guessedIndex(-1, hi) ?? earlier) === null) return;
    }
  }

  /** The index of a value that is `factor` times as far in the grid. */
  #away(index: number, factor: number): number {
    const grid = this.#grid;
    const isAscending = grid.at(0) <= grid.at(grid.length - 1);
    return grid.indexFrom(isAscending ? grid.at(index) * factor : grid.at(index) / factor);
  }

  #bisect(): void {
    for (;;) {
      const hi = this.#firstPassing()!;
      const lo = this.#lastFailing();
      if (hi - lo <= 1 || lo < 0) return;
      const next = this.#guessedIndex(lo, hi) ?? between(this.#grid, lo, hi);
      // What confirms the answer needs its share of the budget.
      if (this.#left <= this.#missing(hi) || this.#passes(next) === null) return;
    }
  }

  /** The index of the guess, before it, or beyond it, where it lies strictly between and was not tried. */
  #guessedIndex(lo: number, hi: number): number | null {
    const guess = this.#guess;
    if (guess === null) return null;
    const at = this.#grid.indexFrom(guess);
    const beyond = BEYOND_GUESS.map((factor) => this.#grid.indexFrom(guess * factor));
    for (const index of [at, at - 1, ...beyond]) {
      if (index > lo && index < hi && !this.#tried.has(index)) return index;
    }
    return null;
  }

  /** A value beyond the answer that fails; null where enough of them pass. */
  #unconfirmed(answer: number): number | null {
    for (const index of this.#neighbours(answer)) {
      if (this.#passes(index) === false) return index;
    }
    return null;
  }

  #missing(answer: number): number {
    return this.#neighbours(answer).filter((index) => !this.#tried.has(index)).length;
  }

  /** The values beyond the answer that confirm it; of a fine grid those that bisection left there do. */
  #neighbours(answer: number): number[] {
    const last = this.#grid.length - 1;
    const next = Array.from({ length: CONFIRMED }, (_, i) => answer + 1 + i);
    if (this.#grid.length > FINE) {
      const known = [...this.#tried.keys()].filter((index) => index > answer).length;
      return next.slice(0, Math.max(0, CONFIRMED - known));
    }
    return next.filter((index) => index <= last);
  }

  /** The lowest index that passes with none beyond it that fails. */
  #firstPassing(): number | null {
    const floor = this.#lastFailing();
    const passing = [...this.#tried].filter(([index, passes]) => passes && index > floor);
    return passing.length === 0 ? null : Math.min(...passing.map(([index]) => index));
  }

  #lastFailing(): number {
    const failing = [...this.#tried].filter(([, passes]) => !passes).map(([index]) => index);
    return Math.max(-1, ...failing);
  }

  /** null: the budget is used up. */
  #passes(index: number): boolean | null {
    const known = this.#tried.get(index);
    if (known !== undefined) return known;
    if (this.#left === 0) return null;
    this.#left--;
    const { passes, guess, isHopeless } = this.#attempt(index);
    this.#isHopeless = isHopeless;
    this.#guess = guess ?? this.#guess;
    this.#tried.set(index, passes);
    return passes;
  }

  #found(answer: number | null): Found {
    const below = this.#lastFailing();
    return { answer, below: below < 0 ? null : below, isMonotone: this.#isMonotone };
  }
}
