// The flushes of a capture, and how many ranges each released.
//
// A flush is an fq_flush_iotlb probe. It is a timeout if the line before it of the same CPU, thread and
// context is fq_flush_timeout, else a queue was full. It released the ranges that its context frees
// before it turns to anything else. Memory grows with the flushes of the trace, not with its events.

import { FlushCause } from '@dmalab/replay';
import { type EventBatch, EventKind } from '@dmalab/trace';
import { contextKey } from './context-key.ts';

/** A flush, recorded or replayed. */
export interface Flush {
  /** ns. */
  readonly time: number;
  readonly cause: FlushCause;
  /** Ranges released at once. */
  released: number;
  /** Line in the source, 0 for a replayed one. */
  readonly line: number;
}

export class RecordedFlushes {
  /** Flushes by the token of their cookie. */
  readonly byCookie: Map<number, Flush[]> = new Map();
  readonly #timeouts = new Set<number>();
  readonly #open = new Map<number, Flush>();

  add(batch: EventBatch): void {
    for (let row = 0; row < batch.length; row++) this.#event(batch, row, batch.kind[row]!);
  }

  #event(batch: EventBatch, row: number, kind: number): void {
    if (kind === EventKind.fqFlush) {
      this.#flush(batch, row);
    } else if (kind === EventKind.fqTimeout) {
      this.#timeouts.add(contextKey(batch, row));
    } else if (this.#open.size > 0) {
      this.#follow(contextKey(batch, row), kind);
    }
  }

  #flush(batch: EventBatch, row: number): void {
    const key = contextKey(batch, row);
    const cause = this.#timeouts.delete(key) ? FlushCause.timeout : FlushCause.full;
    const flush = { time: batch.time[row]!, cause, released: 0, line: batch.line[row]! };
    const cookie = batch.token[row]!;
    const flushes = this.byCookie.get(cookie);
    if (flushes === undefined) this.byCookie.set(cookie, [flush]);
    else flushes.push(flush);
    this.#open.set(key, flush);
  }

  #follow(key: number, kind: number): void {
    const flush = this.#open.get(key);
    if (flush === undefined) return;
    if (kind === EventKind.iovaFree) flush.released++;
    else if (!isOfFlush(kind)) this.#open.delete(key);
  }
}

function isOfFlush(kind: number): boolean {
  return (
    kind === EventKind.other ||
    kind === EventKind.fqRingFree ||
    kind === EventKind.tlbAll ||
    kind === EventKind.tlbRange ||
    kind === EventKind.treeFree ||
    kind === EventKind.treeRemove ||
    kind === EventKind.magazineFree
  );
}
