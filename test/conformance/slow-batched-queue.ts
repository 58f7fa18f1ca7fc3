// Slow, obvious lists of the batched invalidation of VT-d up to 4.13: an array and one deadline per CPU.
//
// Written from docs/models/flush-queue.md alone, to be compared with the real ones.

interface Entry {
  readonly pfn: number;
  readonly pages: number;
}

/** The lists of one domain; each step appends what happens to `log`. */
export class SlowBatchedQueue {
  readonly lists: Entry[][];
  readonly log: string[] = [];
  /** By CPU: when its timer fires, null while it is not under way; and whether the list thinks that it is on. */
  readonly #deadlines: (number | null)[];
  readonly #isOn: boolean[];
  /** By CPU: the number of the call that set its timer. */
  readonly #order: number[];
  #set = 0;
  readonly #entries: number;
  readonly #timeout: number;

  constructor(cpus: number, entries: number, timeout: number) {
    this.lists = Array.from({ length: cpus }, () => []);
    this.#deadlines = this.lists.map(() => null);
    this.#isOn = this.lists.map(() => false);
    this.#order = this.lists.map(() => 0);
    this.#entries = entries;
    this.#timeout = timeout;
  }

  queue(now: number, pfn: number, pages: number, cpu: number, online: readonly number[]): void {
    if (this.lists[cpu]!.length === this.#entries) {
      for (const other of this.lists.keys())
        if (online[other] === 1) this.#empty(now, other, cpu, 'full');
    }
    this.lists[cpu]!.push({ pfn, pages });
    if (this.#isOn[cpu]) return;
    // A timer that is under way moves.
    this.#isOn[cpu] = true;
    this.#deadlines[cpu] = now + this.#timeout;
    this.#order[cpu] = ++this.#set;
  }

  /** Lets time pass up to `now`, timers included. */
  advance(now: number): void {
    for (;;) {
      const due = this.#deadlines.map((deadline) => deadline ?? Number.POSITIVE_INFINITY);
      const time = Math.min(...due);
      if (time > now) return;
      // Of two at the same time the one that was set first.
      const first = Math.min(...this.#order.filter((_, cpu) => due[cpu] === time));
      const cpu = this.#order.indexOf(first);
      this.#deadlines[cpu] = null;
      this.#empty(time, cpu, cpu, 'timeout');
    }
  }

  flush(now: number, cpu: number): void {
    this.log.push(`${now} flush host`);
    for (const list of this.lists.keys()) this.#release(now, list, cpu);
  }

  cpuDown(now: number, cpu: number, running: number): void {
    this.#empty(now, cpu, running, 'teardown');
  }

  #empty(now: number, list: number, cpu: number, cause: string): void {
    if (this.lists[list]!.length > 0) this.log.push(`${now} flush ${cause}`);
    this.#release(now, list, cpu);
  }

  #release(now: number, list: number, cpu: number): void {
    this.#isOn[list] = false;
    for (const { pfn, pages } of this.lists[list]!.splice(0)) {
      this.log.push(`${now} free ${pfn}+${pages} on ${cpu}`);
    }
  }
}
