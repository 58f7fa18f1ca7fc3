// The clock of golden swiotlb runs: work that is due runs before an operation, grace periods end after it.

/** Something to call at a time. */
interface Due {
  readonly time: number;
  readonly callback: (argument: number) => void;
  readonly argument: number;
}

export class SwiotlbClock {
  /** Virtual ns. */
  now = 0;
  /** In order of their times. */
  readonly #due: Due[] = [];
  #ending: Due[] = [];

  /** Calls back after `delayNs`; 0: at the end of the operation. */
  later(delayNs: number, callback: (argument: number) => void, argument: number): void {
    const due = { time: this.now + Math.round(delayNs), callback, argument };
    if (delayNs === 0) {
      this.#ending.push(due);
      return;
    }
    const at = this.#due.findLastIndex(({ time }) => time <= due.time) + 1;
    this.#due.splice(at, 0, due);
  }

  /** Runs what is due at or before `timeNs`, each at its time, and moves there. */
  advance(timeNs: number): void {
    for (let due = this.#due[0]; due !== undefined && due.time <= timeNs; due = this.#due[0]) {
      this.#due.shift();
      this.now = due.time;
      due.callback(due.argument);
    }
    this.now = timeNs;
  }

  endOfOperation(): void {
    const ending = this.#ending;
    if (ending.length === 0) return;
    this.#ending = [];
    for (const { callback, argument } of ending) callback(argument);
  }
}
