// Maps that sleep until bounce memory is less crowded (throttle of the bounce policies): who is next, and how
// late those are that were served.
//
// A mapping that was served late lives as long as recorded, so its unmap is as late. Nothing is kept of a
// request that never slept.

/** See the head of the file. */
export class Sleepers {
  /** Places among the waiting requests, the longest asleep first. */
  readonly #places: number[] = [];
  /** By id: ns by which its map was late; of one that sleeps still, its lifetime below 0: -1 - ns. */
  readonly #late = new Map<number, number>();

  /** Late unmaps that a timer will do. */
  pending = 0;

  /** Requests that sleep. */
  get count(): number {
    return this.#places.length;
  }

  /** Requests that sleep, or whose unmap must be late. */
  get knows(): number {
    return this.#places.length + this.#late.size;
  }

  add(place: number): void {
    this.#places.push(place);
  }

  /** The place that slept longest; it is awake now. */
  next(): number {
    return this.#places.shift() ?? -1;
  }

  /** The unmap of a request came while it sleeps: it lives for `lifetime` ns once it is served. */
  left(id: number, lifetime: number): void {
    this.#late.set(id, -1 - lifetime);
  }

  /** A request was served `late` ns too late: its lifetime in ns where its unmap has come already, else -1. */
  served(id: number, late: number): number {
    const known = this.#late.get(id);
    if (known === undefined) {
      this.#late.set(id, late);
      return -1;
    }
    this.#late.delete(id);
    return -1 - known;
  }

  /** ns by which the unmap of `id` must be late, 0 for most; asked once. */
  lateOf(id: number): number {
    const late = this.#late.get(id) ?? 0;
    this.#late.delete(id);
    return late;
  }
}
