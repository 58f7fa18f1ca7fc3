// Rules of flush queues, checked against a plain list of what waits.
//
// Nothing is released before a flush that started after its unmap (unless the policy leaves that to the
// allocator), nothing twice, everything in the
// end; lengths add up and stay below the size of a ring; the same operations give the same answers.

import {
  dryPort,
  FlushCause,
  type FlushPolicy,
  type FlushQueue,
  type Parameters,
  Timers,
} from '@dmalab/replay';
import { operationText, runTwice, type Suite, type Violation } from './suite.ts';

const CPUS = 3;
const MOST_TIMERS = 1_000_000;

/** An unmap after `gap` ns, or a flush at once. */
export type FlushOperation =
  | {
      readonly op: 'unmap';
      readonly gap: number;
      readonly id: number;
      readonly pages: number;
      readonly cpu: number;
    }
  | { readonly op: 'flush'; readonly gap: number; readonly cpu: number };

interface Waiting {
  readonly pfn: number;
  readonly pages: number;
  readonly at: number;
  covered: boolean;
}

/** The suite of a queue with these parameters. */
export function flushSuite(policy: FlushPolicy, parameters: Parameters): Suite<FlushOperation> {
  return {
    operations: (random) =>
      Array.from({ length: 30 + random.below(600) }, (_, i): FlushOperation => {
        const gap = random.pick([0, 1000, 1e6, random.below(3e7)]);
        const cpu = random.below(CPUS);
        if (random.below(100) === 0) return { op: 'flush', gap, cpu };
        return { op: 'unmap', gap, id: i + 1, pages: random.pick([1, 1, 2, 16, 300]), cpu };
      }),
    run: (operations) =>
      runTwice(operations, () => new FlushRun(policy, parameters).run(operations)),
    text: operationText,
  };
}

class FlushRun {
  readonly answers: string[] = [];
  violation: Violation | null = null;
  readonly #queue: FlushQueue;
  readonly #size: number;
  readonly #invalidates: boolean;
  readonly #timers = new Timers(1000, 'ideal');
  readonly #waiting = new Map<number, Waiting>();
  #at = 0;

  constructor(policy: FlushPolicy, parameters: Parameters) {
    this.#size = typeof parameters.size === 'number' ? parameters.size : Number.POSITIVE_INFINITY;
    this.#invalidates = policy.invalidates ?? true;
    this.#queue = policy.create(parameters, {
      ...dryPort(CPUS),
      now: () => this.#timers.now,
      timer: (cpu, delayMs, callback) => void this.#timers.arm(0, cpu, delayMs, callback),
      timerAt: (cpu, ns, callback) => this.#timers.armAt(0, cpu, ns, callback, 0),
      invalidateAll: (cause) => this.#covered(`flush ${cause}`, () => true),
      invalidate: (pfn, pages) =>
        this.#covered(
          `sync ${pfn}+${pages}`,
          (one) => one.pfn >= pfn && one.pfn + one.pages <= pfn + pages,
        ),
      freeIova: (pfn, pages, cpu, queuedAt, id) => this.#released(pfn, pages, cpu, queuedAt, id),
    });
  }

  run(operations: readonly FlushOperation[]): this {
    for (const [i, operation] of operations.entries()) {
      this.#at = i;
      this.#timers.advance(this.#timers.now + operation.gap);
      if (operation.op === 'flush') this.#queue.flush(FlushCause.host, operation.cpu);
      else this.#unmap(operation.id, operation.pages, operation.cpu);
      this.#lengths();
      if (this.violation !== null) return this;
    }
    this.#end();
    return this;
  }

  #unmap(id: number, pages: number, cpu: number): void {
    const pfn = 1000 * id;
    this.#waiting.set(id, { pfn, pages, at: this.#timers.now, covered: false });
    this.#queue.queue(pfn, pages, cpu, id);
  }

  #covered(what: string, covers: (one: Waiting) => boolean): void {
    this.answers.push(`"${this.#timers.now} ${what}"`);
    for (const one of this.#waiting.values()) {
      if (covers(one)) one.covered = true;
    }
  }

  #released(pfn: number, pages: number, cpu: number, queuedAt: number, id: number): void {
    this.answers.push(`"${this.#timers.now} free ${pfn}+${pages} on ${cpu}"`);
    const one = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (one === undefined)
      this.#wrong('released once', `id ${id} (pfn ${pfn}) is released, but it does not wait`);
    else if (this.#invalidates && !one.covered)
      this.#wrong(
        'flushed before released',
        `id ${id} is released ${this.#timers.now - one.at} ns after its unmap without a flush since`,
      );
    else if (one.pfn !== pfn || one.pages !== pages)
      this.#wrong(
        'released as queued',
        `id ${id} was queued as ${one.pfn}+${one.pages} and is released as ${pfn}+${pages}`,
      );
    else if (one.at !== queuedAt)
      this.#wrong(
        'released as queued',
        `id ${id} was queued at ${one.at} ns, its release says ${queuedAt}`,
      );
    if (!(cpu >= 0 && cpu < CPUS))
      this.#wrong('released as queued', `id ${id} is released on CPU ${cpu}, there are ${CPUS}`);
  }

  #lengths(): void {
    const told = this.#queue.queuedEntries();
    if (told !== this.#waiting.size)
      this.#wrong('lengths', `queuedEntries is ${told}, ${this.#waiting.size} wait`);
    for (let cpu = 0; cpu < CPUS; cpu++) {
      const length = this.#queue.length(cpu);
      if (length > this.#size - 1)
        this.#wrong('lengths', `length(${cpu}) is ${length} in a ring of ${this.#size}`);
    }
  }

  // Timers alone must release what waits: nothing else comes.
  #end(): void {
    for (let fired = 0; this.#waiting.size > 0 && fired < MOST_TIMERS; fired++) {
      if (!this.#timers.fireNext()) break;
    }
    const [id] = this.#waiting.keys();
    if (id !== undefined)
      this.#wrong(
        'released in the end',
        `${this.#waiting.size} ranges (first id ${id}) wait for ever: no timer is armed`,
      );
    else this.#lengths();
  }

  #wrong(rule: string, message: string): void {
    this.violation ??= { rule, message, at: this.#at };
  }
}
