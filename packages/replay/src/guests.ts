// Several guests on one host: each trace on its machine, all in one virtual time, against one budget of pinned
// pages.
//
// Whatever is due first is done first, a timer before a request of the same time, and among guests the one
// named first. See docs/models/host.md. Left out: what guests take from each other besides pages.

import type { RequestBatch } from '@dmalab/trace';
import type { PinBudget } from './host-policy.ts';
import { loadedSource } from './load/load.ts';
import type { Machine } from './machine.ts';
import type { OutcomeBatch } from './outcome.ts';
import { BUILT_IN, type PolicyRegistry } from './policies.ts';
import { Replay } from './replay.ts';
import type { RequestSource } from './request-source.ts';

/** One guest of a host. */
export interface Guest {
  readonly machine: Machine;
  readonly source: RequestSource;
  /** ns of virtual time at which its trace begins. */
  readonly offset: number;
}

/** Rows of one guest, by its place in the list of guests. */
export interface GuestOutcomes {
  readonly guest: number;
  readonly batch: OutcomeBatch;
}

/**
 * Replays guests together. Those whose machine has a host with pinned pages draw on `budget`, in place of
 * one of their own; null: each has its own. Each batch is valid until the next one is asked for.
 */
export function* replayGuests(
  guests: readonly Guest[],
  budget: PinBudget | null,
  registry: PolicyRegistry = BUILT_IN,
): Generator<GuestOutcomes, void, undefined> {
  const runs = guests.map((guest) => new GuestRun(guest, budget, registry));
  for (const [guest, run] of runs.entries()) {
    run.open();
    yield* run.take(guest);
  }
  for (let guest = earliest(runs); guest >= 0; guest = earliest(runs)) {
    const run = runs[guest]!;
    run.step();
    if (run.hasFull) yield* run.take(guest);
  }
  for (const [guest, run] of runs.entries()) {
    for (const batch of run.takeAll()) yield { guest, batch };
  }
}

function earliest(runs: readonly GuestRun[]): number {
  let found = -1;
  let due = Number.POSITIVE_INFINITY;
  for (let guest = 0; guest < runs.length; guest++) {
    const next = runs[guest]!.due();
    if (next >= due) continue;
    due = next;
    found = guest;
  }
  return found;
}

/** A guest and where it is in its requests. */
class GuestRun {
  readonly #replay: Replay;
  readonly #source: RequestSource;
  readonly #offset: number;
  readonly #batches: Iterator<RequestBatch>;
  #batch: RequestBatch | null = null;
  #row = 0;

  constructor(guest: Guest, budget: PinBudget | null, registry: PolicyRegistry) {
    const { machine, source, offset } = guest;
    this.#replay = new Replay(machine, null, registry, source.lists ?? null, offset, budget);
    this.#offset = offset;
    this.#source = loadedSource(source, machine.load, machine.cpus);
    this.#batches = this.#source.requests()[Symbol.iterator]();
  }

  /** Puts in place what was mapped before the trace. */
  open(): void {
    for (const batch of this.#source.openStart()) {
      for (let i = 0; i < batch.length; i++) this.#replay.openStart(batch, i);
    }
    this.#nextBatch();
  }

  /** Virtual ns of its next request or timer; Infinity when it is through. */
  due(): number {
    const { nextTimer } = this.#replay;
    if (this.#batch !== null) return Math.min(nextTimer, this.#requestTime());
    return this.#replay.isWaiting ? nextTimer : Number.POSITIVE_INFINITY;
  }

  /** Does what is due. */
  step(): void {
    if (this.#batch === null || this.#replay.nextTimer <= this.#requestTime()) {
      this.#replay.fireTimer();
      return;
    }
    this.#replay.request(this.#batch, this.#row++);
    if (this.#row === this.#batch.length) this.#nextBatch();
  }

  get hasFull(): boolean {
    return this.#replay.log.hasFull;
  }

  *take(guest: number): Generator<GuestOutcomes, void, undefined> {
    for (const batch of this.#replay.log.takeFull()) yield { guest, batch };
  }

  takeAll(): Generator<OutcomeBatch, void, undefined> {
    this.#replay.end();
    this.#replay.finish();
    return this.#replay.log.takeAll();
  }

  #requestTime(): number {
    return this.#batch!.time[this.#row]! + this.#offset;
  }

  #nextBatch(): void {
    this.#row = 0;
    do {
      const { value, done } = this.#batches.next();
      this.#batch = done === true ? null : value;
    } while (this.#batch?.length === 0);
  }
}
