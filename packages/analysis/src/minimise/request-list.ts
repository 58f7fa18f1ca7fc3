// Requests in memory, of which any choice can be replayed: 88 bytes a row.

import type { RequestSource } from '@dmalab/replay';
import {
  BATCH_ROWS,
  type Capture,
  copyRequest,
  createRequestBatch,
  Flag,
  Op,
  type RequestBatch,
  type SegmentLists,
} from '@dmalab/trace';

/** Rows that are held at most: 1.8 GB. */
export const MAX_ROWS = 20_000_000;

/** The requests of a capture up to some time, mappings from before the trace first. */
export class RequestList {
  readonly rows: RequestBatch;
  /** Rows at the beginning that were mapped before the trace. */
  readonly preloaded: number;
  readonly #lists: SegmentLists | null;

  private constructor(rows: RequestBatch, preloaded: number, lists: SegmentLists | null) {
    this.rows = rows;
    this.preloaded = preloaded;
    this.#lists = lists;
  }

  /** All rows at or before `until` ns; a RangeError where they are too many. */
  static of(source: RequestSource, until: number): RequestList {
    let rows = createRequestBatch(1024);
    rows.length = 0;
    const add = (batch: RequestBatch): void => {
      for (let i = 0; i < batch.length; i++) {
        if (batch.time[i]! > until || batch.op[i] === Op.none) continue;
        if (rows.length === rows.time.length) rows = doubled(rows);
        copyRequest(batch, i, rows, rows.length++);
      }
    };
    for (const batch of source.openStart()) add(batch);
    const preloaded = rows.length;
    for (const batch of source.requests()) add(batch);
    return new RequestList(rows, preloaded, source.lists ?? null);
  }

  /** A source of the rows with a 1 in `chosen`. */
  source(chosen: Uint8Array): RequestSource & Pick<Capture, 'lists'> {
    return {
      lists: this.#lists,
      openStart: () => this.#batches(chosen, 0, this.preloaded),
      requests: () => this.#batches(chosen, this.preloaded, this.rows.length),
    };
  }

  /** By row, the number of its unit: a mapping with all that is done to it, or a control row. Numbers ascend with the first row. */
  units(): { readonly of: Uint32Array; readonly count: number } {
    const { id, length } = this.rows;
    const of = new Uint32Array(length);
    const known = new Map<number, number>();
    let count = 0;
    for (let row = 0; row < length; row++) {
      const unit = id[row] === 0 ? undefined : known.get(id[row]!);
      of[row] = unit ?? count;
      if (unit !== undefined) continue;
      if (id[row] !== 0) known.set(id[row]!, count);
      count++;
    }
    return { of, count };
  }

  /** A capture of the chosen rows that can be written as a table: facts and names are those of `capture`. */
  capture(capture: Capture, chosen: Uint8Array): Capture {
    const source = this.source(chosen);
    const { facts, tasks } = capture;
    const { requests, lastTime } = this.#counts(chosen);
    const report = { ...capture.report, requests, duration: lastTime, pairing: {}, calls: [] };
    return { facts, tasks, report, ...source, close() {} };
  }

  #counts(chosen: Uint8Array): {
    requests: Capture['report']['requests'];
    lastTime: number;
  } {
    const { op, flags, time, length } = this.rows;
    const counts = { map: 0, unmap: 0, alloc: 0, free: 0, sync: 0, failed: 0 };
    let openEnd = 0;
    let openStart = 0;
    let lastTime = 0;
    for (let row = 0; row < length; row++) {
      if (chosen[row] === 0) continue;
      lastTime = Math.max(lastTime, time[row]!);
      if (row < this.preloaded) {
        openStart++;
        openEnd++;
        continue;
      }
      if (op[row] === Op.map || op[row] === Op.alloc) openEnd++;
      if (op[row] === Op.unmap || op[row] === Op.free) openEnd--;
      if (op[row] === Op.map) counts.map++;
      if (op[row] === Op.unmap) counts.unmap++;
      if (op[row] === Op.alloc) counts.alloc++;
      if (op[row] === Op.free) counts.free++;
      if (op[row] === Op.sync) counts.sync++;
      if ((flags[row]! & Flag.failed) !== 0) counts.failed++;
    }
    return { requests: { ...counts, openStart, openEnd: Math.max(0, openEnd) }, lastTime };
  }

  *#batches(
    chosen: Uint8Array,
    from: number,
    to: number,
  ): Generator<RequestBatch, void, undefined> {
    const out = createRequestBatch(Math.min(BATCH_ROWS, 8 * Math.ceil((to - from) / 8)));
    out.length = 0;
    for (let row = from; row < to; row++) {
      if (chosen[row] === 0) continue;
      copyRequest(this.rows, row, out, out.length++);
      if (out.length < out.time.length) continue;
      yield out;
      out.length = 0;
    }
    if (out.length > 0) yield out;
  }
}

function doubled(rows: RequestBatch): RequestBatch {
  if (rows.length >= MAX_ROWS) {
    throw new RangeError(
      `more than ${MAX_ROWS} requests come before the event; cut the trace first, or ask for an event that comes earlier`,
    );
  }
  const larger = createRequestBatch(2 * rows.length);
  for (let i = 0; i < rows.length; i++) copyRequest(rows, i, larger, i);
  larger.length = rows.length;
  return larger;
}
