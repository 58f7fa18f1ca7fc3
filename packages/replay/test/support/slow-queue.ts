// Slow, obvious flush queues with a bound: lists of entries, everything summed anew at every step.
//
// Written from docs/models/flush-queue.md alone, to be compared with the real ones.

/** A range that waits. */
interface Entry {
  readonly pfn: number;
  readonly pages: number;
  readonly at: number;
  /** A flush has covered it. */
  covered: boolean;
}

/** What a bounded queue is given; times in ns. */
export interface SlowOptions {
  readonly lists: number;
  readonly size: number;
  /** Infinity: none. */
  readonly timeout: number;
  /** Flush once this many pages are not covered. */
  readonly pages: number;
  /** Flush once the sum of pages * ns since their unmaps reaches this. */
  readonly exposure: number;
  /** After a full flush the other lists are released as well. */
  readonly releasesAll: boolean;
}

/** The lists of one domain; each step appends what happens to `log`. */
export class SlowBoundedQueue {
  readonly lists: Entry[][];
  readonly log: string[] = [];
  #timer: { readonly time: number; readonly cpu: number } | null = null;
  #lastCpu = 0;
  readonly #options: SlowOptions;

  constructor(options: SlowOptions) {
    this.#options = options;
    this.lists = Array.from({ length: options.lists }, () => []);
  }

  queue(now: number, pfn: number, pages: number, cpu: number): void {
    const { size, timeout, releasesAll } = this.#options;
    const at = cpu % this.lists.length;
    this.#release(now, at, cpu);
    if (this.lists[at]!.length === size - 1) {
      this.#flush(now, 'full');
      for (let i = 0; i < this.lists.length; i++) {
        if (releasesAll || i === at) this.#release(now, i, cpu);
      }
    }
    this.lists[at]!.push({ pfn, pages, at: now, covered: false });
    this.#lastCpu = cpu;
    if (this.#timer === null && timeout < Infinity) this.#timer = { time: now + timeout, cpu };
    if (this.#waiting().reduce((sum, entry) => sum + entry.pages, 0) >= this.#options.pages) {
      this.#flushAll(now, 'bound', cpu);
    }
  }

  /** Lets time pass up to `now`, timers included. */
  advance(now: number): void {
    for (;;) {
      const bound = this.#boundTime();
      const timer = this.#timer?.time ?? Infinity;
      if (Math.min(bound, timer) > now) return;
      if (timer <= bound) {
        const { cpu } = this.#timer!;
        this.#timer = null;
        this.#flushAll(timer, 'timeout', cpu);
      } else this.#flushAll(bound, 'bound', this.#lastCpu);
    }
  }

  exposure(now: number): number {
    return this.#waiting().reduce((sum, { pages, at }) => sum + pages * (now - at), 0);
  }

  /** The first whole ns at which the exposure reaches its bound, found by halving. */
  #boundTime(): number {
    const { exposure } = this.#options;
    const waiting = this.#waiting();
    if (exposure === Infinity || waiting.length === 0) return Infinity;
    let before = Math.max(...waiting.map(({ at }) => at));
    let after = before + exposure + 1;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.exposure(middle) >= exposure) after = middle;
      else before = middle;
    }
    return after;
  }

  #waiting(): Entry[] {
    return this.lists.flat().filter(({ covered }) => !covered);
  }

  #flushAll(now: number, cause: string, cpu: number): void {
    this.#flush(now, cause);
    for (let at = 0; at < this.lists.length; at++) this.#release(now, at, cpu);
  }

  #flush(now: number, cause: string): void {
    this.log.push(`${now} flush ${cause}`);
    for (const entry of this.lists.flat()) entry.covered = true;
  }

  #release(now: number, at: number, cpu: number): void {
    for (const { pfn, pages } of this.lists[at]!.filter(({ covered }) => covered)) {
      this.log.push(`${now} free ${pfn}+${pages} on ${cpu}`);
    }
    this.lists[at] = this.lists[at]!.filter(({ covered }) => !covered);
  }
}
