// Finds the first value of a grid that passes, with few tries.
//
// The grid begins at the value that one would like best; later ones are more likely to pass. Galloping finds
// one that passes and one that fails. Then the tries close in: at the guess, where the share of failures among
// the tries that fail would reach its bound, and in the middle whenever the last try did not halve what is left.
// Passing need not be monotone: bounce memory is searched next fit, so a larger pool can fail where a smaller
// one does not. So neighbours of the answer are tried too, and an answer below one that fails is given up, unless
// there is no other.

import { between, type Grid } from './grid.ts';

/** Tries of one value. */
export interface Trial {
  readonly passes: boolean;
  /** True where no value beyond can pass either. */
  readonly isHopeless: boolean;
  /** A value near which the answer is expected; null without an idea. */
  readonly guess: number | null;
  /** Share of failures beyond the bound, where it fails by that alone: it falls along the grid. Else null. */
  readonly excess: number | null;
}

/** Where a search ended. */
export interface Found {
  /** Index of the answer; null: no value passes, or none was found within the budget. */
  readonly answer: number | null;
  /** The nearest index below that was seen to fail; null where the answer is the first of the grid. */
  readonly below: number | null;
  /** False: a value beyond one that passed was seen to fail. Beyond the answer that is so only where nothing else passes. */
  readonly isMonotone: boolean;
}

/** Values beyond the answer that have to pass as well. */
const CONFIRMED = 2;
/** A grid of more values than this is not tried value by value. */
const FINE = 64;
/** Where failures would end by two tries is taken this much farther: they become rarer ever more slowly. */
const BEYOND = 1.25;
/** The least part of a value by which the next one is larger there. */
const LEAST_STEP = 1 / 32;
/** Steps down from a guess that passes, as factors; then as from any other value. */
const BELOW_GUESS = [31 / 32, 3 / 4];

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
  readonly #excess = new Map<number, number>();
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
      this.#closeIn();
      const answer = this.#firstPassing()!;
      const failed = this.#unconfirmed(answer);
      if (failed === null) return this.#found(answer);
      this.#isMonotone = false;
      if (!this.#gallopUp(failed)) return this.#found(this.#alone());
    }
  }

  /** The lowest index that passes, whatever fails beyond it: where nothing passes from some index on. */
  #alone(): number {
    return Math.min(...[...this.#tried].filter(([, passes]) => passes).map(([index]) => index));
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
    const near = [...BELOW_GUESS];
    for (let factor = 4; this.#lastFailing() < 0; ) {
      const hi = this.#firstPassing()!;
      if (hi === 0) return;
      let next = this.#guessedIndex(-1, hi);
      if (next === null) {
        const isNear = this.#guess !== null && this.#grid.length > FINE && near.length > 0;
        next = Math.min(hi - 1, this.#away(hi, isNear ? near.shift()! : 1 / factor));
        if (!isNear) factor *= factor;
      }
      if (this.#passes(next) === null) return;
    }
  }

  /** The index of a value that is `factor` times as far in the grid. */
  #away(index: number, factor: number): number {
    const grid = this.#grid;
    const isAscending = grid.at(0) <= grid.at(grid.length - 1);
    return grid.indexFrom(isAscending ? grid.at(index) * factor : grid.at(index) / factor);
  }

  /** Closes in on the border between what fails and what passes. */
  #closeIn(): void {
    let [from, to] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (;;) {
      const hi = this.#firstPassing()!;
      const lo = this.#lastFailing();
      if (hi - lo <= 1 || lo < 0) return;
      const isHalved = 2 * (hi - lo) <= to - from;
      [from, to] = [lo, hi];
      const next =
        this.#guessedIndex(lo, hi) ??
        (isHalved ? this.#endOfFailures(lo, hi) : null) ??
        between(this.#grid, lo, hi);
      // What confirms the answer needs its share of the budget.
      if (this.#left <= this.#missing(hi) || this.#passes(next) === null) return;
    }
  }

  /** The index of the guess or just before it, where it lies strictly between and was not tried. */
  #guessedIndex(lo: number, hi: number): number | null {
    const guess = this.#guess;
    if (guess === null) return null;
    const at = this.#grid.indexFrom(guess);
    for (const index of [at, at - 1]) {
      if (index > lo && index < hi && !this.#tried.has(index)) return index;
    }
    return null;
  }

  /** Where failures would end if they went on to fall as between the last two tries that fail; all fail of nothing. */
  #endOfFailures(lo: number, hi: number): number | null {
    const grid = this.#grid;
    const excess = this.#excess.get(lo);
    if (excess === undefined || grid.length <= FINE || grid.at(0) > grid.at(1)) return null;
    const before = Math.max(-1, ...[...this.#excess.keys()].filter((index) => index < lo));
    const fallen = (this.#excess.get(before) ?? 1) - excess;
    const value = grid.at(lo);
    const distance = (excess * (value - (before < 0 ? 0 : grid.at(before)))) / fallen;
    if (!(fallen > 0)) return null;
    const end = grid.indexFrom(value + Math.max(BEYOND * distance, LEAST_STEP * value));
    return end > lo && end < hi ? end : null;
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
    const { passes, guess, excess, isHopeless } = this.#attempt(index);
    this.#isHopeless = isHopeless;
    this.#guess = guess ?? this.#guess;
    this.#tried.set(index, passes);
    if (excess !== null) this.#excess.set(index, excess);
    return passes;
  }

  #found(answer: number | null): Found {
    const failing = [...this.#tried].filter(
      ([index, passes]) => !passes && index < (answer ?? this.#grid.length),
    );
    const below = Math.max(-1, ...failing.map(([index]) => index));
    return { answer, below: below < 0 ? null : below, isMonotone: this.#isMonotone };
  }
}
