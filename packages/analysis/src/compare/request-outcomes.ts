// The outcomes of a replay request by request, for replays of the same requests that are walked side by side.
//
// A request has one answer at its own time: map, mapFail, the first retry, direct, skipped or unmap. What timers
// cause later (ends of held mappings, further tries) is no answer: it may come at different times.

import { type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import type { OutcomeStats } from '../stats/outcome-stats.ts';

/** Walks the answers; `batch` and `row` are the current one. */
export class RequestOutcomes {
  batch: OutcomeBatch | null = null;
  row = 0;
  /** Bounce memory that the request took: page of its first slots (-1: none), slots of all buffers. */
  bouncePfn = -1;
  bounceSlots = 0;
  readonly #batches: Iterator<OutcomeBatch>;
  readonly #stats: OutcomeStats;
  /** Requests that are being tried again. */
  readonly #waiting = new Set<number>();

  constructor(batches: Iterable<OutcomeBatch>, stats: OutcomeStats) {
    this.#batches = batches[Symbol.iterator]();
    this.#stats = stats;
  }

  /** Goes on to the next answer; false at the end, when the statistics have all rows. */
  next(): boolean {
    this.bouncePfn = -1;
    this.bounceSlots = 0;
    let { batch } = this;
    let row = this.row + 1;
    for (;;) {
      if (batch === null || row >= batch.length) {
        const { done, value } = this.#batches.next();
        if (done === true) {
          this.batch = null;
          return false;
        }
        batch = value;
        this.#stats.accumulate(batch);
        row = 0;
        continue;
      }
      if (batch.line[row]! > 0 && this.#isAnswer(batch, row)) {
        this.batch = batch;
        this.row = row;
        return true;
      }
      row++;
    }
  }

  #isAnswer({ kind, id, value, pfn, pages }: OutcomeBatch, row: number): boolean {
    switch (kind[row]) {
      case OutcomeKind.bounceMap:
        if (this.#waiting.has(id[row]!)) return false;
        if (this.bounceSlots === 0) this.bouncePfn = pfn[row]!;
        this.bounceSlots += pages[row]!;
        return false;
      case OutcomeKind.retry:
        if (value[row]! > 0 || this.#waiting.has(id[row]!)) return false;
        this.#waiting.add(id[row]!);
        return true;
      case OutcomeKind.map:
      case OutcomeKind.mapFail:
      case OutcomeKind.direct:
        // The answer to a request that waited came at its first try.
        return !this.#waiting.delete(id[row]!);
      case OutcomeKind.unmap:
      case OutcomeKind.skipped:
        return true;
      default:
        return false;
    }
  }
}
