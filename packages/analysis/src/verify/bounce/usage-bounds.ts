// How many slots are in use, as far as the recorded calls tell: bounds at every event.
//
// A counter changes at one moment inside of an interval: it is raised by its begin at the earliest and by its end at the latest.
// The lowest course raises late and lowers early, the highest the other way round. Both are
// steps; a question is about a span of events.

/** A change of a counter. */
interface Change {
  readonly at: number;
  readonly by: number;
}

/** The lowest and the highest course of one counter. */
export class UsageBounds {
  readonly #initial: number;
  readonly #low: Change[] = [];
  readonly #high: Change[] = [];
  #lowest: Course | null = null;
  #highest: Course | null = null;

  constructor(initial: number) {
    this.#initial = initial;
  }

  /** The counter changes by `by` between the events `begin` and `end`. */
  change(begin: number, end: number, by: number): void {
    this.#low.push({ at: by > 0 ? end : begin, by });
    this.#high.push({ at: by > 0 ? begin : end, by });
  }

  /** Least and greatest value at any moment of a span of events, both ends included. */
  within(begin: number, end: number): { lowest: number; highest: number } {
    const { lowest, highest } = this.#courses();
    return { lowest: lowest.least(begin, end), highest: highest.greatest(begin, end) };
  }

  /** Least and greatest value that the peak up to an event can have. */
  peak(end: number): { lowest: number; highest: number } {
    const { lowest, highest } = this.#courses();
    return { lowest: lowest.greatest(0, end), highest: highest.greatest(0, end) };
  }

  /** Whether nothing can have changed in a span of events. */
  atRest(begin: number, end: number): boolean {
    const { lowest, highest } = this.within(begin, end);
    return lowest === highest;
  }

  #courses(): { lowest: Course; highest: Course } {
    this.#lowest ??= new Course(this.#initial, this.#low);
    this.#highest ??= new Course(this.#initial, this.#high);
    return { lowest: this.#lowest, highest: this.#highest };
  }
}

/** A step function of the event number. */
class Course {
  readonly #at: number[] = [Number.NEGATIVE_INFINITY];
  readonly #value: number[];
  /** Greatest value up to each step. */
  readonly #peak: number[];

  constructor(initial: number, changes: readonly Change[]) {
    this.#value = [initial];
    this.#peak = [initial];
    // Of changes at the same event the one that lowers comes first: what ends there is over before the next begins.
    const sorted = changes.toSorted((a, b) => a.at - b.at || a.by - b.by);
    for (const { at, by } of sorted) {
      if (at === Number.POSITIVE_INFINITY) break;
      const value = this.#value.at(-1)! + by;
      this.#at.push(at);
      this.#value.push(value);
      this.#peak.push(Math.max(this.#peak.at(-1)!, value));
    }
  }

  least(begin: number, end: number): number {
    return this.#over(begin, end, Math.min);
  }

  greatest(begin: number, end: number): number {
    return begin <= 0 ? this.#peak[this.#stepAt(end)]! : this.#over(begin, end, Math.max);
  }

  #over(begin: number, end: number, pick: (a: number, b: number) => number): number {
    const first = this.#stepAt(begin);
    let value = this.#value[first]!;
    for (let i = first + 1; i < this.#at.length && this.#at[i]! <= end; i++) {
      value = pick(value, this.#value[i]!);
    }
    return value;
  }

  /** The last step at or before an event. */
  #stepAt(event: number): number {
    let low = 0;
    let high = this.#at.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#at[middle]! <= event) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
