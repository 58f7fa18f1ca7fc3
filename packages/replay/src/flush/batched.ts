// Lazy unmapping before the generic flush queue: a list for each CPU, flushed with all others when one is full.
//
// Models the batched invalidation of drivers/iommu/intel-iommu.c (Linux 4.7 to 4.13), which the preset
// 4.9 has; see docs/models/flush-queue.md. Left out: one list for the domains of all devices (here each
// domain has its own), and the invalidation range by range under an emulated VT-d.
//
// Entries carry no counter of flushes: a list is flushed and emptied as a whole. The timer of a list is
// moved when the first range after a flush is queued; what fires in its old place does nothing.

import { FlushCause, type FlushPolicy, type FlushQueue, type Port } from '../policy.ts';
import { createRing, nextEntry, type Ring, ringLength } from '../structures/ring.ts';

/** Lists of 250 ranges that are flushed after 10 ms at the latest. */
export const batched: FlushPolicy = {
  kind: 'flush',
  name: 'batched',
  summary:
    'lazy as VT-d up to 4.13: a list and a timer per CPU, all lists flushed when one is full (default of kernel 4.9)',
  parameters: [
    {
      name: 'entries',
      type: 'integer',
      default: 250,
      range: [1, 4_194_303],
      unit: 'entries',
      summary: 'ranges of a list; the next one flushes the lists of all CPUs',
    },
    {
      name: 'timeoutMs',
      type: 'integer',
      default: 10,
      range: [1, 3_600_000],
      unit: 'ms',
      summary: 'time from the first range of a list to its flush',
    },
  ],
  create: (parameters, port) =>
    new BatchedQueue(Number(parameters.entries), Number(parameters.timeoutMs), port),
};

class BatchedQueue implements FlushQueue {
  readonly #port: Port;
  readonly #entries: number;
  readonly #timeoutMs: number;
  readonly #lists: (Ring | null)[];
  /** 1 while a list has its timer on. */
  readonly #timerOn: Uint8Array;
  /** Timers under way by list: but for the last one they are old places of it. */
  readonly #timers: Uint32Array;
  readonly #onTimeout: readonly ((cpu: number) => void)[];
  #queued = 0;

  constructor(entries: number, timeoutMs: number, port: Port) {
    this.#port = port;
    this.#entries = entries;
    this.#timeoutMs = timeoutMs;
    this.#lists = new Array(port.cpus).fill(null);
    this.#timerOn = new Uint8Array(port.cpus);
    this.#timers = new Uint32Array(port.cpus);
    this.#onTimeout = Array.from(
      { length: port.cpus },
      (_, list) => (cpu: number) => this.#timeout(list, cpu),
    );
  }

  queue(pfn: number, pages: number, cpu: number, id: number): void {
    const list = this.#list(cpu);
    if (ringLength(list) === this.#entries) this.#flushOnline(cpu);
    const { tail } = list;
    list.pfn[tail] = pfn;
    list.pages[tail] = pages;
    list.time[tail] = this.#port.now();
    list.id[tail] = id;
    list.tail = nextEntry(list, tail);
    this.#queued++;
    if (this.#timerOn[cpu] === 1) return;
    this.#timerOn[cpu] = 1;
    this.#timers[cpu]!++;
    this.#port.timer(cpu, this.#timeoutMs, this.#onTimeout[cpu]!);
  }

  flush(cause: FlushCause, cpu: number): void {
    this.#port.invalidateAll(cause);
    for (let list = 0; list < this.#lists.length; list++) this.#release(list, cpu);
  }

  /** What waits in the list of a CPU that went is flushed on `running`. */
  cpuDown(cpu: number, running: number): void {
    this.#flushList(cpu, running, FlushCause.teardown);
  }

  length(cpu: number): number {
    const list = this.#lists[cpu];
    return list ? ringLength(list) : 0;
  }

  queuedEntries(): number {
    return this.#queued;
  }

  #list(cpu: number): Ring {
    let list = this.#lists[cpu];
    if (!list) {
      list = createRing(this.#entries + 1);
      this.#lists[cpu] = list;
    }
    return list;
  }

  #flushOnline(cpu: number): void {
    for (let list = 0; list < this.#lists.length; list++) {
      if (this.#port.isOnline(list)) this.#flushList(list, cpu, FlushCause.full);
    }
  }

  #timeout(list: number, cpu: number): void {
    this.#timers[list]!--;
    if (this.#timers[list] === 0) this.#flushList(list, cpu, FlushCause.timeout);
  }

  // An empty list costs no flush.
  #flushList(list: number, cpu: number, cause: FlushCause): void {
    if (this.length(list) > 0) this.#port.invalidateAll(cause);
    this.#release(list, cpu);
  }

  #release(index: number, cpu: number): void {
    this.#timerOn[index] = 0;
    const list = this.#lists[index];
    if (!list) return;
    while (list.head !== list.tail) {
      const { head } = list;
      this.#queued--;
      list.head = nextEntry(list, head);
      this.#port.freeIova(
        list.pfn[head]!,
        list.pages[head]!,
        cpu,
        list.time[head]!,
        list.id[head]!,
      );
    }
  }
}
