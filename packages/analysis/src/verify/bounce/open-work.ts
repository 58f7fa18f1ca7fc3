// What each thread is in the middle of: maps and runs of the growth work, innermost last.
//
// Calls of one CPU, thread and context nest. A thread that was moved to another CPU inside of a call is found
// by its id.

import type { EventBatch } from '@dmalab/trace';
import { contextKey } from '../context-key.ts';
import type { AreaStep, GrowthRun, MapCall, PoolRequest } from './bounce-calls.ts';

/** Contexts in a context key. */
const CONTEXTS = 128;

/** A call that has not returned. */
export interface OpenWork {
  readonly tid: number;
  /** A map, or a run of the growth work. */
  readonly call: MapCall | null;
  readonly run: GrowthRun | null;
  /** The search, and the request for a pool, that it is in. */
  step: AreaStep | null;
  request: PoolRequest | null;
}

/** See the head of the file. */
export class OpenWorks {
  /** Stacks by context key. */
  readonly #open = new Map<number, OpenWork[]>();

  /** A call begins at `row`. */
  begin(batch: EventBatch, row: number, call: MapCall | null, run: GrowthRun | null): void {
    const key = contextKey(batch, row);
    const work: OpenWork = { tid: batch.tid[row]!, call, run, step: null, request: null };
    const stack = this.#open.get(key);
    if (stack === undefined) this.#open.set(key, [work]);
    else stack.push(work);
  }

  /** The innermost call that `row` is in. */
  at(batch: EventBatch, row: number): OpenWork | undefined {
    return this.#stack(batch, row)?.stack.at(-1);
  }

  /** The innermost call, which returns at `row`; undefined if it does not fit the return. */
  end(batch: EventBatch, row: number, fits: (work: OpenWork) => boolean): OpenWork | undefined {
    const found = this.#stack(batch, row);
    if (found === null || !fits(found.stack.at(-1)!)) return undefined;
    const work = found.stack.pop();
    if (found.stack.length === 0) this.#open.delete(found.key);
    return work;
  }

  #stack(batch: EventBatch, row: number): { key: number; stack: OpenWork[] } | null {
    if (this.#open.size === 0) return null;
    const key = contextKey(batch, row);
    const stack = this.#open.get(key);
    if (stack !== undefined) return { key, stack };
    // The idle threads, all 0, are never moved.
    const tid = batch.tid[row]!;
    if (tid <= 0) return null;
    for (const [other, found] of this.#open) {
      if (found[0]!.tid === tid && other % CONTEXTS === key % CONTEXTS) {
        return { key: other, stack: found };
      }
    }
    return null;
  }
}
