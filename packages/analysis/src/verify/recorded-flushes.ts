// The flushes of a capture, and how many ranges each released.
//
// A flush is an fq_flush_iotlb probe. It is a timeout if the line before it of the same CPU, thread and
// context is fq_flush_timeout, else a queue was full. It released the ranges that its context frees
// before it turns to anything else. The timer of a timeout was armed by the first unmap after the last
// timeout (fq_ring_free_locked, 6.1: fq_ring_free, outside of a flush). Memory grows with the flushes of the trace, not with its events.

import { FlushCause } from '@dmalab/replay';
import { type EventBatch, EventKind } from '@dmalab/trace';
import { contextKey } from './context-key.ts';

/** A flush, recorded or replayed. */
export interface Flush {
  /** ns. */
  readonly time: number;
  readonly cause: FlushCause;
  readonly cpu: number;
  /** Of a recorded timeout: ns at which its timer was armed, -1 where no event shows it. */
  readonly armedAt: number;
  /** Ranges released at once. */
  released: number;
  /** Line in the source, 0 for a replayed one. */
  readonly line: number;
}

export class RecordedFlushes {
  /** Flushes by the token of their cookie. */
  readonly byCookie: Map<number, Flush[]> = new Map();
  /** By context: when the timer was armed that has just fired there, -1 where unknown. */
  readonly #timeouts = new Map<number, number>();
  /** Timer pointer -> cookie, as learnt from the flush that follows a timeout. */
  readonly #cookies = new Map<number, number>();
  /** By context: timer pointer of the timeout that no flush has followed yet. */
  readonly #timers = new Map<number, number>();
  readonly #open = new Map<number, Flush>();
  /** By cookie: when the timer that is pending was armed. */
  readonly #armedAt = new Map<number, number>();

  add(batch: EventBatch): void {
    for (let row = 0; row < batch.length; row++) this.#event(batch, row, batch.kind[row]!);
  }

  #event(batch: EventBatch, row: number, kind: number): void {
    if (kind === EventKind.fqRingFree) this.#ringFree(batch, row);
    if (kind === EventKind.fqFlush) {
      this.#flush(batch, row);
    } else if (kind === EventKind.fqTimeout) {
      this.#timeout(contextKey(batch, row), batch.token[row]!);
    } else if (this.#open.size > 0) {
      this.#follow(contextKey(batch, row), kind);
    }
  }

  // From here on the next unmap arms the timer again, even before the flush.
  #timeout(key: number, timer: number): void {
    const cookie = this.#cookies.get(timer) ?? -1;
    this.#timeouts.set(key, this.#armedAt.get(cookie) ?? -1);
    this.#armedAt.delete(cookie);
    this.#timers.set(key, timer);
  }

  #learn(key: number, cookie: number): void {
    const timer = this.#timers.get(key);
    if (timer !== undefined && !this.#cookies.has(timer)) {
      this.#cookies.set(timer, cookie);
      this.#armedAt.delete(cookie);
    }
    this.#timers.delete(key);
    this.#timeouts.delete(key);
  }

  /** Every unmap looks at its queue before it adds to it: the first after a timeout arms the timer. */
  #ringFree(batch: EventBatch, row: number): void {
    const cookie = batch.token[row]!;
    if (this.#armedAt.has(cookie) || this.#open.has(contextKey(batch, row))) return;
    this.#armedAt.set(cookie, batch.time[row]!);
  }

  #flush(batch: EventBatch, row: number): void {
    const key = contextKey(batch, row);
    const cookie = batch.token[row]!;
    const armedAt = this.#timeouts.get(key);
    const cause = armedAt === undefined ? FlushCause.full : FlushCause.timeout;
    const flush = {
      time: batch.time[row]!,
      cause,
      cpu: batch.cpu[row]!,
      armedAt: armedAt ?? -1,
      released: 0,
      line: batch.line[row]!,
    };
    if (armedAt !== undefined) this.#learn(key, cookie);
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
