// Requests that wait for their time: a binary heap over rows of columns, nothing is allocated per request.
//
// In the order (time due, arrival). Rows stay where they are, the heap moves their numbers.

import { copyRequest, createRequestBatch, type RequestBatch } from '@dmalab/trace';

const FIRST_CAPACITY = 256;

/** See the head of the file. */
export class PendingRequests {
  /** The rows that wait, among free ones; replaced when it grows. */
  rows: RequestBatch = createRequestBatch(FIRST_CAPACITY);
  /** ns at which the first is due, Infinity when none waits. */
  due: number = Number.POSITIVE_INFINITY;
  /** How many wait. */
  length = 0;
  #dueOf: Float64Array = new Float64Array(FIRST_CAPACITY);
  #arrival: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** Row numbers: the heap, behind it the free ones. */
  #heap = Uint32Array.from({ length: FIRST_CAPACITY }, (_, row) => row);
  #arrived = 0;

  /** Index in `rows` of the first; valid while one waits. */
  get first(): number {
    return this.#heap[0]!;
  }

  /** Takes row `i` of `batch`, due at `due` ns. */
  add(batch: RequestBatch, i: number, due: number): void {
    if (this.length === this.#heap.length) this.#grow();
    const at = this.length++;
    const row = this.#heap[at]!;
    copyRequest(batch, i, this.rows, row);
    this.#dueOf[row] = due;
    this.#arrival[row] = this.#arrived++;
    this.#siftUp(at);
    this.#update();
  }

  removeFirst(): void {
    const last = --this.length;
    this.#swap(0, last);
    this.#siftDown(0);
    this.#update();
  }

  /** Makes everything of one domain due at `now`, in the order in which it would have come. */
  hasten(domain: number, now: number): void {
    const { length } = this;
    const waiting = Array.from(this.#heap.subarray(0, length)).sort((a, b) => this.#order(a, b));
    waiting.forEach((row, i) => {
      if (this.rows.domain[row] === domain) this.#dueOf[row] = Math.min(this.#dueOf[row]!, now);
      this.#arrival[row] = this.#arrived + i;
    });
    this.#arrived += length;
    for (let i = Math.floor(length / 2) - 1; i >= 0; i--) this.#siftDown(i);
    this.#update();
  }

  #update(): void {
    this.due = this.length === 0 ? Number.POSITIVE_INFINITY : this.#dueOf[this.#heap[0]!]!;
  }

  #siftUp(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >>> 1;
      if (this.#order(this.#heap[parent]!, this.#heap[i]!) <= 0) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #siftDown(from: number): void {
    const { length } = this;
    for (let i = from, child = 2 * i + 1; child < length; child = 2 * i + 1) {
      if (child + 1 < length && this.#order(this.#heap[child + 1]!, this.#heap[child]!) < 0)
        child++;
      if (this.#order(this.#heap[i]!, this.#heap[child]!) <= 0) return;
      this.#swap(i, child);
      i = child;
    }
  }

  #order(a: number, b: number): number {
    return this.#dueOf[a]! - this.#dueOf[b]! || this.#arrival[a]! - this.#arrival[b]!;
  }

  #swap(i: number, j: number): void {
    const row = this.#heap[i]!;
    this.#heap[i] = this.#heap[j]!;
    this.#heap[j] = row;
  }

  #grow(): void {
    const { rows } = this;
    const capacity = 2 * this.#heap.length;
    this.rows = createRequestBatch(capacity);
    for (let i = 0; i < this.length; i++) copyRequest(rows, i, this.rows, i);
    this.#dueOf = enlarged(this.#dueOf, new Float64Array(capacity));
    this.#arrival = enlarged(this.#arrival, new Float64Array(capacity));
    const heap = Uint32Array.from({ length: capacity }, (_, row) => row);
    heap.set(this.#heap);
    this.#heap = heap;
  }
}

function enlarged(old: Float64Array, made: Float64Array): Float64Array {
  made.set(old);
  return made;
}
