// The requests of a capture in the order that the allocator level found.
//
// The stream is in the order of the calls' first lines. Where the search had to let an allocation take
// effect later, its request moves behind that of the call it follows. A free is a request (an unmap)
// only in strict domains, where both are close in time; elsewhere the last allocation before it counts.
// Calls whose requests lie in different batches stay where they are.

import { Op, type RequestBatch } from '@dmalab/trace';
import type { CallMark, Moved } from './order-summary.ts';

/** An unmap further from its free than this is a lazy one. */
const STRICT_NS = 5e6;

/** What is needed of a request to find it: the recorded pfn by its domain's granule. */
export type PfnOf = (batch: RequestBatch, row: number) => number;

export class OrderedRequests {
  /** Requests that were moved. */
  moved = 0;
  readonly #moved: readonly Moved[];
  readonly #pfnOf: PfnOf;
  readonly #pfns = new Set<number>();

  constructor(moved: readonly Moved[], pfnOf: PfnOf) {
    this.#moved = [...moved].sort((a, b) => a.call.time - b.call.time);
    this.#pfnOf = pfnOf;
    for (const { call, after, afterAlloc } of moved) {
      this.#pfns.add(call.pfn).add(after.pfn);
      if (afterAlloc !== null) this.#pfns.add(afterAlloc.pfn);
    }
  }

  *of(batches: Iterable<RequestBatch>): Generator<RequestBatch, void, undefined> {
    let next = 0;
    for (const batch of batches) {
      const last = lastTime(batch);
      const here: Moved[] = [];
      while (next < this.#moved.length && this.#moved[next]!.call.time <= last) {
        here.push(this.#moved[next++]!);
      }
      yield here.length === 0 ? batch : this.#reorder(batch, here);
    }
  }

  #reorder(batch: RequestBatch, here: readonly Moved[]): RequestBatch {
    const rows = this.#rowsByPfn(batch);
    const order = Array.from({ length: batch.length }, (_, row) => row);
    for (const { call, after, afterAlloc } of here) {
      const row = findRow(batch, rows, call);
      const behind = findRow(batch, rows, after) ?? findRow(batch, rows, afterAlloc);
      if (row === null || behind === null) continue;
      const from = order.indexOf(row);
      const to = order.indexOf(behind);
      if (from >= to) continue;
      order.splice(from, 1);
      order.splice(to, 0, row);
      this.moved++;
    }
    return permuted(batch, order);
  }

  #rowsByPfn(batch: RequestBatch): Map<number, number[]> {
    const rows = new Map<number, number[]>();
    for (let row = 0; row < batch.length; row++) {
      if (!isMap(batch, row) && !isUnmap(batch, row)) continue;
      const pfn = this.#pfnOf(batch, row);
      if (!this.#pfns.has(pfn)) continue;
      const list = rows.get(pfn);
      if (list === undefined) rows.set(pfn, [row]);
      else list.push(row);
    }
    return rows;
  }
}

/** The request of a call: the last with its address that began before the call was entered. */
function findRow(
  batch: RequestBatch,
  rows: ReadonlyMap<number, readonly number[]>,
  call: CallMark | null,
): number | null {
  if (call === null) return null;
  let found: number | null = null;
  for (const row of rows.get(call.pfn) ?? []) {
    const age = call.time - batch.time[row]!;
    if (age < 0) break;
    const fits = call.isAlloc ? isMap(batch, row) : isUnmap(batch, row) && age < STRICT_NS;
    if (fits) found = row;
  }
  return found;
}

function isMap(batch: RequestBatch, row: number): boolean {
  return batch.op[row] === Op.map || batch.op[row] === Op.alloc;
}

function isUnmap(batch: RequestBatch, row: number): boolean {
  return batch.op[row] === Op.unmap || batch.op[row] === Op.free;
}

function lastTime(batch: RequestBatch): number {
  let last = 0;
  for (let row = 0; row < batch.length; row++) last = Math.max(last, batch.time[row]!);
  return last;
}

/** A copy of the rows in another order. */
function permuted(batch: RequestBatch, order: readonly number[]): RequestBatch {
  const copy: Record<string, unknown> = { length: batch.length };
  for (const [name, column] of Object.entries(batch)) {
    if (typeof column === 'number') continue;
    const to = column.slice(0, batch.length);
    order.forEach((row, i) => {
      to[i] = column[row]!;
    });
    copy[name] = to;
  }
  return copy as unknown as RequestBatch;
}
