// The calls that reached the allocator of one domain, as intervals in the trace, in columns.
//
// A call takes effect at one moment between its first line and its end. Lines are numbered by a
// count of events, so that any two can be told apart whatever the format. Operations are numbered in
// the order of their first lines; the columns hold those from `base` to `head`, the rest is forgotten.
//
// Read a column at `at(operation)`.

import type { EventBatch } from '@dmalab/trace';

/** What a recorded call asks of the allocator. */
export const OperationKind = {
  /** reserve_iova: pfn and last are the range. A point. */
  reserve: 0,
  /** alloc_iova_fast: pages, limit, lastTry; pfn is what it returned, 0 = failed. */
  alloc: 1,
  /** alloc_iova by itself: pages, limit, lastTry = size_aligned; pfn as above. */
  treeAlloc: 2,
  /** free_iova_fast: pfn, pages. */
  free: 3,
  /** free_iova or __free_iova by itself: pfn. */
  treeFree: 4,
  /** iova_depot_work_func: pfn is the token of its work item. */
  depotWork: 5,
  /** free_cpu_cached_iovas by itself: pfn is the CPU that went. */
  cpuFlush: 6,
  /** Inferred from the first line of a CPU that had gone: pfn is the CPU. A point. */
  cpuUp: 7,
} as const;
export type OperationKind = (typeof OperationKind)[keyof typeof OperationKind];

/** Result of a call that has not returned yet. */
export const UNKNOWN_PFN = -2;

const INITIAL_ROWS = 1024;

export class OperationLog {
  /** Operations below `base` are forgotten; `head` is the number of the next. */
  base = 0;
  head = 0;
  kind: Uint8Array = new Uint8Array(INITIAL_ROWS);
  /** Event number of the first line, and of the line at which the call is certainly over. */
  begin: Float64Array = new Float64Array(INITIAL_ROWS);
  end: Float64Array = new Float64Array(INITIAL_ROWS);
  /** ns. */
  time: Float64Array = new Float64Array(INITIAL_ROWS);
  /** Line in the source of the entry, and of the result (0 = none). */
  line: Uint32Array = new Uint32Array(INITIAL_ROWS);
  resultLine: Uint32Array = new Uint32Array(INITIAL_ROWS);
  cpu: Uint16Array = new Uint16Array(INITIAL_ROWS);
  pages: Float64Array = new Float64Array(INITIAL_ROWS);
  limit: Float64Array = new Float64Array(INITIAL_ROWS);
  pfn: Float64Array = new Float64Array(INITIAL_ROWS);
  last: Float64Array = new Float64Array(INITIAL_ROWS);
  lastTry: Uint8Array = new Uint8Array(INITIAL_ROWS);
  /** Tree searches seen inside an alloc; for depotWork and cpuFlush, magazines seen going to the tree. */
  inner: Uint16Array = new Uint16Array(INITIAL_ROWS);
  /** 1 once an order has room for the operation: kept by the search. */
  done: Uint8Array = new Uint8Array(INITIAL_ROWS);
  #rows = INITIAL_ROWS;

  at(operation: number): number {
    return operation % this.#rows;
  }

  /** Adds a call whose first line is `row` of `batch`; returns its number. The rest of its columns is 0. */
  push(kind: OperationKind, begin: number, batch: EventBatch, row: number): number {
    if (this.head - this.base === this.#rows) this.#grow();
    const i = this.at(this.head);
    this.kind[i] = kind;
    this.begin[i] = begin;
    this.end[i] = Number.POSITIVE_INFINITY;
    this.time[i] = batch.time[row]!;
    this.line[i] = batch.line[row]!;
    this.resultLine[i] = 0;
    this.cpu[i] = batch.cpu[row]!;
    this.pages[i] = batch.size[row]!;
    this.limit[i] = 0;
    this.pfn[i] = 0;
    this.last[i] = 0;
    this.lastTry[i] = 0;
    this.inner[i] = 0;
    this.done[i] = 0;
    return this.head++;
  }

  /** The call is over at event `end`; nothing happens if it was forgotten. */
  close(operation: number, end: number): void {
    if (operation >= this.base) this.end[this.at(operation)] = end;
  }

  /** The call returned `pfn` at event `end`. */
  result(operation: number, end: number, pfn: number, line: number): void {
    if (operation < this.base) return;
    const i = this.at(operation);
    this.end[i] = end;
    this.pfn[i] = pfn;
    this.resultLine[i] = line;
  }

  /** Counts one more tree search or magazine inside the call. */
  countInner(operation: number): void {
    if (operation >= this.base) this.inner[this.at(operation)]!++;
  }

  /** Forgets the operations below `operation`. */
  forget(operation: number): void {
    if (operation > this.base) this.base = operation;
  }

  #grow(): void {
    const old = this.#rows;
    this.#rows = old * 2;
    this.kind = this.#moved(this.kind, new Uint8Array(this.#rows), old);
    this.begin = this.#moved(this.begin, new Float64Array(this.#rows), old);
    this.end = this.#moved(this.end, new Float64Array(this.#rows), old);
    this.time = this.#moved(this.time, new Float64Array(this.#rows), old);
    this.line = this.#moved(this.line, new Uint32Array(this.#rows), old);
    this.resultLine = this.#moved(this.resultLine, new Uint32Array(this.#rows), old);
    this.cpu = this.#moved(this.cpu, new Uint16Array(this.#rows), old);
    this.pages = this.#moved(this.pages, new Float64Array(this.#rows), old);
    this.limit = this.#moved(this.limit, new Float64Array(this.#rows), old);
    this.pfn = this.#moved(this.pfn, new Float64Array(this.#rows), old);
    this.last = this.#moved(this.last, new Float64Array(this.#rows), old);
    this.lastTry = this.#moved(this.lastTry, new Uint8Array(this.#rows), old);
    this.inner = this.#moved(this.inner, new Uint16Array(this.#rows), old);
    this.done = this.#moved(this.done, new Uint8Array(this.#rows), old);
  }

  #moved<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
    from: T,
    into: T,
    rows: number,
  ): T {
    for (let n = this.base; n < this.head; n++) into[n % this.#rows] = from[n % rows]!;
    return into;
  }
}
