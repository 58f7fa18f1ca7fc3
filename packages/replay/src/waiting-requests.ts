// Maps that failed in the replay and are to be tried again: their rows, kept until then.

import { copyRequest, createRequestBatch, type RequestBatch } from '@dmalab/trace';

const FIRST_CAPACITY = 64;

/** Rows by place; places are used again. */
export class WaitingRequests {
  /** Requests that wait. */
  count = 0;
  rows: RequestBatch = createRequestBatch(FIRST_CAPACITY);
  /** Tries so far, and why the last one failed. */
  tries: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  stage: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  cause: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  readonly #free: number[] = [];
  #top = 0;

  /** Keeps row `i` of `batch`, which is on `cpu` of the machine, and gives its place. */
  add(batch: RequestBatch, i: number, cpu: number): number {
    const place = this.#free.pop() ?? this.#top++;
    if (place === this.tries.length) this.#grow();
    copyRequest(batch, i, this.rows, place);
    this.rows.cpu[place] = cpu;
    this.tries[place] = 0;
    this.count++;
    return place;
  }

  remove(place: number): void {
    this.#free.push(place);
    this.count--;
  }

  #grow(): void {
    const { rows, tries, stage, cause } = this;
    const capacity = 2 * tries.length;
    this.rows = createRequestBatch(capacity);
    for (let i = 0; i < tries.length; i++) copyRequest(rows, i, this.rows, i);
    this.tries = new Uint32Array(capacity);
    this.stage = new Uint8Array(capacity);
    this.cause = new Uint8Array(capacity);
    this.tries.set(tries);
    this.stage.set(stage);
    this.cause.set(cause);
  }
}
