// Several copies of the same requests at once (docs/models/load.md).
//
// Copy 0 is the capture. Every other one comes late by its own shift, on CPUs rotated by its own number,
// with ids of its own, on the same devices and domains. One pass over the capture: rows stay in a window
// until the copy with the largest shift has passed them.

import { BATCH_ROWS, copyRequest, createRequestBatch, Op, type RequestBatch } from '@dmalab/trace';
import type { RequestSource } from '../request-source.ts';
import { LiveTable } from '../structures/live-table.ts';
import { seededRandom } from '../structures/random.ts';
import type { Load } from './load.ts';

const MAX_ID = 2 ** 32 - 1;

/** Makes the copies of one source, once. */
export class CopiedRequests {
  readonly #copies: number;
  readonly #cpus: number;
  readonly #shifts: Float64Array;
  readonly #rotations: Uint32Array;
  /** The copy that comes last of all. */
  readonly #latest: number;
  /** By copy: its next row in the window. */
  readonly #next: Uint32Array;
  /** Mappings from before the trace: there is one of each. */
  readonly #preloaded = new LiveTable();
  #window = createRequestBatch(BATCH_ROWS);
  readonly #out = createRequestBatch(BATCH_ROWS);

  constructor({ copies, seed, shift }: Load, cpus: number) {
    const random = seededRandom(seed);
    this.#copies = copies;
    this.#cpus = cpus;
    this.#shifts = Float64Array.from({ length: copies }, (_, k) =>
      k === 0 ? 0 : Math.ceil(random() * shift),
    );
    this.#rotations = Uint32Array.from({ length: copies }, (_, k) =>
      k === 0 ? 0 : Math.floor(random() * cpus),
    );
    this.#latest = this.#shifts.indexOf(Math.max(...this.#shifts));
    this.#next = new Uint32Array(copies);
    this.#window.length = 0;
    this.#out.length = 0;
  }

  /** Mappings from before the trace, with the ids that copy 0 gives them. */
  *openStart(batches: Iterable<RequestBatch>): Generator<RequestBatch, void, undefined> {
    const out = this.#out;
    for (const batch of batches) {
      for (let i = 0; i < batch.length; i++) {
        copyRequest(batch, i, out, i);
        out.id[i] = this.#id(batch.id[i]!, 0);
      }
      out.length = batch.length;
      yield out;
    }
  }

  /** The batches, each valid until the next. */
  *batches(source: RequestSource): Generator<RequestBatch, void, undefined> {
    for (const { length, id } of source.openStart()) {
      for (let i = 0; i < length; i++) this.#preloaded.add(id[i]!);
    }
    for (const batch of source.requests()) {
      this.#append(batch);
      // Copy 0 leads: the others read what it has read.
      while (this.#next[0]! < this.#window.length) if (this.#step()) yield* this.#take();
    }
    while (this.#earliest() >= 0) if (this.#step()) yield* this.#take();
    if (this.#out.length > 0) yield* this.#take();
  }

  /** Emits the next row of the copy whose turn it is; true when the batch is full. */
  #step(): boolean {
    const copy = this.#earliest();
    const i = this.#next[copy]!++;
    const { op, id, cpu, time } = this.#window;
    if (!this.#has(copy, op[i]!, id[i]!)) return false;
    const out = this.#out;
    const row = out.length++;
    copyRequest(this.#window, i, out, row);
    out.time[row] = time[i]! + this.#shifts[copy]!;
    if (op[i]! < Op.domainCreate) {
      out.id[row] = this.#id(id[i]!, copy);
      out.cpu[row] = ((cpu[i]! % this.#cpus) + this.#rotations[copy]!) % this.#cpus;
    }
    return out.length === BATCH_ROWS;
  }

  /** The copy whose next row is due first, -1 when all are through. */
  #earliest(): number {
    const { time, length } = this.#window;
    let earliest = -1;
    let due = Number.POSITIVE_INFINITY;
    for (let copy = 0; copy < this.#copies; copy++) {
      const at = this.#next[copy]!;
      if (at === length) continue;
      const turn = time[at]! + this.#shifts[copy]!;
      if (turn >= due) continue;
      due = turn;
      earliest = copy;
    }
    return earliest;
  }

  /** A domain goes with the copy that comes last; other control rows come once, with copy 0. */
  #has(copy: number, op: number, id: number): boolean {
    if (op === Op.domainDestroy) return copy === this.#latest;
    if (op >= Op.domainCreate) return copy === 0;
    return copy === 0 || this.#preloaded.find(id) < 0;
  }

  #id(id: number, copy: number): number {
    const made = id * this.#copies + copy;
    if (made <= MAX_ID) return made;
    throw new RangeError(
      `copies: got ${this.#copies}, expected fewer: the capture has ${id} or more requests, and all copies together at most ${MAX_ID}`,
    );
  }

  /** Drops what all copies have passed, and adds a batch. */
  #append(batch: RequestBatch): void {
    const done = Math.min(...this.#next);
    const old = this.#window;
    const kept = old.length - done;
    const needed = kept + batch.length;
    if (needed > old.time.length) this.#window = createRequestBatch(8 * Math.ceil(needed / 4));
    for (let i = 0; i < kept; i++) copyRequest(old, done + i, this.#window, i);
    for (let i = 0; i < batch.length; i++) copyRequest(batch, i, this.#window, kept + i);
    this.#window.length = needed;
    for (let copy = 0; copy < this.#copies; copy++) this.#next[copy]! -= done;
  }

  *#take(): Generator<RequestBatch, void, undefined> {
    yield this.#out;
    this.#out.length = 0;
  }
}
