// The bounce memory that a capture shows: the default pool, those that the growth work adds, those of one request.
//
// A pool is known by the pointer in its events. It enters the list at some moment between its event and the next
// line of the same context.

import { SlotPool } from '@dmalab/replay';
import type { EventBatch } from '@dmalab/trace';
import { contextKey } from '../context-key.ts';
import type { RecordedPool } from './bounce-calls.ts';
import { addressOf } from './event-address.ts';

/** See the head of the file. */
export class RecordedPools {
  /** Every pool so far; the first is the default pool. */
  readonly all: RecordedPool[] = [];
  /** Pools by pointer, those that live now. */
  readonly #live = new Map<number, RecordedPool>();
  /** Pools whose entry into the list has no end yet, by context. */
  readonly #entering: { readonly pool: RecordedPool; readonly key: number }[] = [];

  constructor(defaultPool: SlotPool) {
    this.all.push({ model: defaultPool, transient: false, begin: 0, end: 0 });
  }

  /** Sees every line before the pools of the same line: ends the entries that are over with it. */
  line(batch: EventBatch, row: number, number: number): void {
    if (this.#entering.length === 0) return;
    const key = contextKey(batch, row);
    const at = this.#entering.findIndex((entering) => entering.key === key);
    if (at >= 0) this.#entering.splice(at, 1)[0]!.pool.end = number;
  }

  /** The pool that is searched at `row`; null where the capture does not introduce it. */
  searched(batch: EventBatch, row: number): RecordedPool | null {
    const token = batch.token[row]!;
    return this.#live.get(token) ?? this.#default(token, addressOf(batch, row));
  }

  /** A pool of one request was made at `row`. */
  addTransient(batch: EventBatch, row: number, number: number): void {
    this.#add(batch, row, number, true);
  }

  /** The growth work adds a pool to the list at `row`. */
  addGrown(batch: EventBatch, row: number, number: number): void {
    const pool = this.#add(batch, row, number, false);
    this.#entering.push({ pool, key: contextKey(batch, row) });
  }

  /** The pool of `row` is deleted. */
  delete(batch: EventBatch, row: number): void {
    this.#live.delete(batch.token[row]!);
  }

  // The default pool has no event of its own: it is known from its first search on, by its address.
  #default(token: number, start: number): RecordedPool | null {
    const pool = this.all[0]!;
    if ([...this.#live.values()].includes(pool) || pool.model.start !== start) return null;
    this.#live.set(token, pool);
    return pool;
  }

  #add(batch: EventBatch, row: number, number: number, transient: boolean): RecordedPool {
    const areas = Math.max(1, batch.aux2[row]!);
    const model = new SlotPool(addressOf(batch, row), batch.size[row]!, areas);
    const pool: RecordedPool = { model, transient, begin: number, end: Number.POSITIVE_INFINITY };
    this.all.push(pool);
    this.#live.set(batch.token[row]!, pool);
    return pool;
  }
}
