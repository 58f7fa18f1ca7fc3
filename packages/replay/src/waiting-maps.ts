// Maps that failed and are not given up: they are tried again after a while, or sleep until bounce memory is less
// crowded.
//
// While a map waits, its slot in the live table says so and holds its place among the rows that are kept. One that
// slept is served late: its mapping lives as long as recorded, so its unmap is as late.
// See docs/models/replay.md and, on sleeping, docs/models/swiotlb.md.

import { Flag, type RequestBatch } from '@dmalab/trace';
import type { Bouncing } from './bouncing.ts';
import type { FailedRequests } from './machine.ts';
import { MACHINE_OWNER } from './machine-state.ts';
import { FailStage } from './outcome.ts';
import type { Gauges, OutcomeLog } from './outcome-log.ts';
import { FailCause } from './policy.ts';
import { Sleepers } from './sleepers.ts';
import { LiveState, type LiveTable } from './structures/live-table.ts';
import type { Timers } from './timers.ts';
import { WaitingRequests } from './waiting-requests.ts';

const NS_PER_MS = 1e6;

/** What becomes of a map that waits is done by those who do the other maps and unmaps. */
export interface MapCalls {
  /** Maps row `i`, and remembers what became of it; false if it failed. */
  attempt(batch: RequestBatch, i: number, cpu: number): boolean;
  /** Unmaps what is in `slot` of the live table. */
  unmapSlot(slot: number, cpu: number, flags: number): void;
}

/** See the head of the file. */
export class WaitingMaps {
  readonly #calls: MapCalls;
  readonly #timers: Timers;
  readonly #log: OutcomeLog;
  readonly #live: LiveTable;
  /** null: nothing sleeps. */
  readonly #bouncing: Bouncing | null;
  /** ns by which requests come later than they were recorded. */
  readonly #offset: number;
  /** Tries of a map after the first, and ns between them. */
  readonly #retries: number;
  readonly #delay: number;
  readonly #waiting = new WaitingRequests();
  readonly #sleepers = new Sleepers();
  readonly #tryAgain = (cpu: number, place: number): void => this.#retry(cpu, place);
  readonly #endSleep = (cpu: number, id: number): void => this.#unmapLate(cpu, id);

  constructor(
    calls: MapCalls,
    timers: Timers,
    log: OutcomeLog,
    live: LiveTable,
    bouncing: Bouncing | null,
    { mode, tries, delayMs }: FailedRequests,
    offset: number,
  ) {
    this.#calls = calls;
    this.#timers = timers;
    this.#log = log;
    this.#live = live;
    this.#bouncing = bouncing;
    this.#retries = mode === 'retry' ? tries : 0;
    this.#delay = delayMs * NS_PER_MS;
    this.#offset = offset;
  }

  /** A map waits, or an unmap that must be late: a timer goes on with it. */
  get any(): boolean {
    return this.#waiting.count + this.#sleepers.pending > 0;
  }

  /** The next map is tried for the first time. */
  first(): void {
    this.#log.isLastTry = this.#retries === 0;
    this.#log.tries = 0;
  }

  /** The first try of row `i` failed: it sleeps, waits for another try, or is given up. */
  failed(batch: RequestBatch, i: number, cpu: number): void {
    const id = batch.id[i]!;
    if (this.#log.failedCause === FailCause.throttled) {
      this.#sleep(this.#waiting.add(batch, i, cpu), id);
    } else if (this.#retries > 0) this.#wait(this.#waiting.add(batch, i, cpu), id, cpu);
  }

  /** True if the unmap of `id` in `slot` must wait: its map sleeps, or slept. */
  putsOff(slot: number, id: number, cpu: number): boolean {
    if (this.#sleepers.knows === 0) return false;
    const place = this.#live.bounce[slot]!;
    const isWaiting = this.#live.state[slot] === LiveState.waiting;
    if (isWaiting && this.#waiting.cause[place] === FailCause.throttled) {
      const since = this.#waiting.rows.time[place]! + this.#offset;
      this.#sleepers.left(id, this.#timers.now - since);
      return true;
    }
    const late = this.#sleepers.lateOf(id);
    if (late <= 0) return false;
    this.#unmapIn(late, id, cpu);
    return true;
  }

  /** The driver unmaps what it has not got yet: the map at `place` will not be tried again. */
  giveUp(place: number, domain: Gauges | null, id: number, bytes: number): void {
    const { tries, stage, cause } = this.#waiting;
    this.#log.isLastTry = true;
    this.#log.tries = tries[place]!;
    const [at, why] = [stage[place] as FailStage, cause[place] as FailCause];
    this.#log.failed(domain, id, 0, bytes, at, why, 0);
  }

  /** Something was unmapped: tries what sleeps again, if bounce memory has room. */
  wake(): void {
    if (this.#sleepers.count === 0 || this.#bouncing?.hasRoom !== true) return;
    for (let left = this.#sleepers.count; left > 0; left--) {
      const place = this.#sleepers.next();
      this.#retry(this.#waiting.rows.cpu[place]!, place);
    }
  }

  /** The requests are over: whatever still sleeps has failed. */
  end(): void {
    while (this.#sleepers.count > 0) {
      const place = this.#sleepers.next();
      const { rows } = this.#waiting;
      this.#log.request(rows, place, rows.cpu[place]!);
      this.giveUp(place, null, rows.id[place]!, rows.size[place]!);
      this.#log.done();
      this.#waiting.remove(place);
    }
  }

  #retry(cpu: number, place: number): void {
    const { rows, tries } = this.#waiting;
    const id = rows.id[place]!;
    const slot = this.#live.find(id);
    if (slot < 0 || this.#live.state[slot] !== LiveState.waiting) {
      this.#waiting.remove(place);
      return;
    }
    this.#live.remove(slot);
    tries[place]!++;
    this.#log.done();
    this.#log.request(rows, place, cpu);
    this.#log.tries = tries[place]!;
    this.#log.isLastTry = tries[place]! >= this.#retries;
    if (this.#calls.attempt(rows, place, cpu)) this.#served(place, id, cpu);
    else if (this.#log.failedCause === FailCause.throttled) this.#sleep(place, id);
    else if (this.#log.isLastTry) {
      this.#waiting.remove(place);
      // Its unmap has come already: nothing will ask for it again.
      if (this.#sleepers.lateOf(id) < 0) this.#live.remove(this.#live.find(id));
    } else this.#wait(place, id, cpu);
  }

  #wait(place: number, id: number, cpu: number): void {
    this.#keep(place, id, this.#log.failedStage, this.#log.failedCause);
    this.#timers.armAt(MACHINE_OWNER, cpu, this.#timers.now + this.#delay, this.#tryAgain, place);
  }

  #sleep(place: number, id: number): void {
    this.#keep(place, id, FailStage.swiotlb, FailCause.throttled);
    this.#sleepers.add(place);
  }

  #keep(place: number, id: number, stage: FailStage, cause: FailCause): void {
    const slot = this.#live.find(id);
    this.#live.state[slot] = LiveState.waiting;
    this.#live.bounce[slot] = place;
    this.#waiting.stage[place] = stage;
    this.#waiting.cause[place] = cause;
  }

  #served(place: number, id: number, cpu: number): void {
    const late = this.#timers.now - (this.#waiting.rows.time[place]! + this.#offset);
    const isThrottled = this.#waiting.cause[place] === FailCause.throttled;
    this.#waiting.remove(place);
    if (!isThrottled) return;
    const lifetime = this.#sleepers.served(id, late);
    if (lifetime >= 0) this.#unmapIn(lifetime, id, cpu);
  }

  #unmapIn(ns: number, id: number, cpu: number): void {
    this.#sleepers.pending++;
    this.#timers.armAt(MACHINE_OWNER, cpu, this.#timers.now + ns, this.#endSleep, id);
  }

  #unmapLate(cpu: number, id: number): void {
    this.#sleepers.pending--;
    const slot = this.#live.find(id);
    if (slot < 0) return;
    this.#log.done();
    this.#log.timer(cpu, this.#live.device[slot]!, Flag.synthetic);
    this.#calls.unmapSlot(slot, cpu, 0);
  }
}
