// Keeps the looks at the state of a replay that its outcomes carry: the course thinned out, the extremes as they were.

import type { OutcomeBatch, StateSample } from '@dmalab/replay';

/** Looks of the course that are kept at most. */
const MOST_LOOKS = 256;

/** See the head of the file. */
export class StateStats {
  /** Looks that there were. */
  looks = 0;
  /** What is left of the course, in the order of time; every one that was thinned out lay between two of them. */
  course: StateSample[] = [];
  readonly #extremes: readonly Extreme[];

  /** `extremes` are told of every look. */
  constructor(extremes: readonly Extreme[]) {
    this.#extremes = extremes;
  }

  accumulate({ samples }: OutcomeBatch): void {
    for (const sample of samples) {
      this.looks++;
      for (const extreme of this.#extremes) extreme.look(sample);
      this.course.push(sample);
      if (this.course.length > MOST_LOOKS) this.course = this.course.filter((_, i) => i % 2 === 0);
    }
  }
}

/** What wants to see every look. */
export interface Extreme {
  look(sample: StateSample): void;
}
