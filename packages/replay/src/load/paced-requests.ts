// Requests at a higher rate: gaps divided, lifetimes kept (docs/models/load.md).
//
// A map at t comes at t / rate. Its unmap and its syncs keep their distance to it. At a rate of 1 and above
// they are late against the requests around them and wait in a heap; they are always read before they are
// due. Below 1 they are early, and it is all others that wait: a row that is read at t is due at t or later.
// Times never go back. Memory: the live mappings and what waits; below 1 that is up to 1 - rate of all rows.

import {
  BATCH_ROWS,
  copyRequest,
  createRequestBatch,
  Flag,
  Op,
  type RequestBatch,
} from '@dmalab/trace';
import { LiveTable } from '../structures/live-table.ts';
import { PendingRequests } from './pending-requests.ts';

/** Makes the paced requests of one source, once. */
export class PacedRequests {
  readonly #rate: number;
  /** Recorded times of the maps that are live in the recording. */
  readonly #live = new LiveTable();
  readonly #pending = new PendingRequests();
  readonly #out = createRequestBatch(BATCH_ROWS);
  #last = 0;

  constructor(rate: number) {
    if (!(rate > 0)) throw new RangeError(`rate: got ${rate}, expected a number above 0`);
    this.#rate = rate;
    this.#out.length = 0;
  }

  /** The batches, each valid until the next. */
  *batches(recorded: Iterable<RequestBatch>): Generator<RequestBatch, void, undefined> {
    const pending = this.#pending;
    for (const batch of recorded) {
      const { length, time, op, domain } = batch;
      for (let i = 0; i < length; i++) {
        const now = time[i]! / this.#rate;
        if (op[i] === Op.domainDestroy && this.#rate >= 1) this.#destroy(domain[i]!, now);
        const passed = Math.min(now, time[i]!);
        while (pending.due <= passed) if (this.#release()) yield* this.#take();
        if (this.#request(batch, i, now)) yield* this.#take();
      }
    }
    while (pending.length > 0) if (this.#release()) yield* this.#take();
    if (this.#out.length > 0) yield* this.#take();
  }

  /** Emits a request or lets it wait; true when the batch is full. */
  #request(batch: RequestBatch, i: number, now: number): boolean {
    const id = batch.id[i]!;
    switch (batch.op[i]) {
      case Op.map:
      case Op.alloc:
        // A call that failed while recording has no unmap.
        if ((batch.flags[i]! & Flag.failed) === 0)
          this.#remember(id, batch.domain[i]!, batch.time[i]!);
        break;
      case Op.unmap:
      case Op.free:
      case Op.sync: {
        this.#pending.add(batch, i, this.#due(id, batch.time[i]!, batch.op[i] !== Op.sync));
        return false;
      }
    }
    if (this.#rate >= 1) return this.#emit(batch, i, now);
    this.#pending.add(batch, i, now);
    return false;
  }

  #remember(id: number, domain: number, time: number): void {
    const slot = this.#live.add(id);
    this.#live.domain[slot] = domain;
    this.#live.time[slot] = time;
  }

  /** A mapping from before the trace lives as long from its start on as recorded. */
  #due(id: number, time: number, ends: boolean): number {
    const slot = this.#live.find(id);
    if (slot < 0) return time;
    const mapped = this.#live.time[slot]!;
    if (ends) this.#live.remove(slot);
    return mapped / this.#rate + (time - mapped);
  }

  /** A domain goes with all that waits in it: its unmaps come just before. */
  #destroy(domain: number, now: number): void {
    this.#live.removeDomain(domain);
    this.#pending.hasten(domain, now);
  }

  #release(): boolean {
    const { due, rows } = this.#pending;
    const full = this.#emit(rows, this.#pending.first, due);
    this.#pending.removeFirst();
    return full;
  }

  #emit(from: RequestBatch, i: number, time: number): boolean {
    const out = this.#out;
    const row = out.length++;
    copyRequest(from, i, out, row);
    if (time > this.#last) this.#last = time;
    out.time[row] = this.#last;
    return out.length === BATCH_ROWS;
  }

  *#take(): Generator<RequestBatch, void, undefined> {
    yield this.#out;
    this.#out.length = 0;
  }
}
