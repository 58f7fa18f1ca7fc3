// A slow, obvious flush queue: lists of entries, one deadline.
//
// Written from docs/models/flush-queue.md alone, to be compared with the real one.

interface Entry {
  readonly pfn: number;
  readonly pages: number;
  readonly id: number;
  readonly queuedAt: number;
  /** Flushes that had started when it was queued. */
  readonly started: number;
}

/** The lists of one domain; each step appends what happens to `log`. */
export class SlowQueue {
  readonly lists: Entry[][];
  /** Time in ns at which the timer fires, null while it is off. */
  deadline: number | null = null;
  #timerCpu = 0;
  #flushes = 0;
  readonly #size: number;
  readonly #timeout: number;
  readonly #log: string[];

  constructor(lists: number, size: number, timeoutMs: number, log: string[]) {
    this.lists = Array.from({ length: lists }, () => []);
    this.#size = size;
    this.#timeout = timeoutMs * 1e6;
    this.#log = log;
  }

  queue(now: number, pfn: number, pages: number, cpu: number, id: number): void {
    const at = cpu % this.lists.length;
    this.#release(now, at, cpu);
    if (this.lists[at]!.length === this.#size - 1) {
      this.#flush(now, 'full');
      this.#release(now, at, cpu);
    }
    this.lists[at]!.push({ pfn, pages, id, queuedAt: now, started: this.#flushes });
    if (this.deadline === null) {
      this.deadline = now + this.#timeout;
      this.#timerCpu = cpu;
    }
  }

  /** Lets the timer fire. */
  timeout(): void {
    const now = this.deadline ?? 0;
    this.deadline = null;
    this.#flush(now, 'timeout');
    for (let at = 0; at < this.lists.length; at++) this.#release(now, at, this.#timerCpu);
  }

  /** Flushes at once because the host asks for it. */
  flush(now: number, cpu: number): void {
    this.#flush(now, 'host');
    for (let at = 0; at < this.lists.length; at++) this.#release(now, at, cpu);
  }

  #flush(now: number, cause: string): void {
    this.#flushes++;
    this.#log.push(`${now} flush ${cause}`);
  }

  #release(now: number, at: number, cpu: number): void {
    const released = this.lists[at]!.filter(({ started }) => started < this.#flushes);
    this.lists[at] = this.lists[at]!.filter(({ started }) => started === this.#flushes);
    for (const { pfn, pages, id, queuedAt } of released) {
      this.#log.push(`${now} free ${pfn}+${pages} on ${cpu} id ${id} after ${now - queuedAt}`);
    }
  }
}
