// The mappings that are live in a replay, found by request id.
//
// Open addressing with linear probing over typed arrays. Ids come in sequence: a multiplicative hash
// scatters them, as neighbours would make one cluster of all that is live. Removal moves later entries
// of a cluster back, there are no tombstones. Memory grows with the number of live mappings, not with
// the number of requests.

/** What became of a mapping in the replay. */
export const LiveState = { mapped: 1, failed: 2, waiting: 3 } as const;
export type LiveState = (typeof LiveState)[keyof typeof LiveState];

const FIRST_CAPACITY = 1024;
/** 2^32 over the golden ratio. */
const SCATTER = 0x9e37_79b1;

/** Id to columns. A slot is valid until the next `add` or `remove`; `add` may replace the columns. Id 0 marks a free slot. */
export class LiveTable {
  size = 0;
  /** Called with the slot of each mapping that goes with its domain. */
  onRemove: ((slot: number) => void) | null = null;
  id: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  state: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  device: Uint16Array = new Uint16Array(FIRST_CAPACITY);
  /** Index of the domain in the replay. */
  domain: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  pfn: Float64Array = new Float64Array(FIRST_CAPACITY);
  pages: Float64Array = new Float64Array(FIRST_CAPACITY);
  bytes: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** Virtual ns of the map, -1 where it was before the trace. */
  time: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** Number of its bounce buffers, 0 = none; of a waiting one its place among those that wait. */
  bounce: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  #mask = FIRST_CAPACITY - 1;
  #shift = 32 - Math.log2(FIRST_CAPACITY);

  /** Slot of `id`, -1 when it is not live. */
  find(id: number): number {
    const { id: ids } = this;
    const mask = this.#mask;
    for (let slot = this.#home(id); ids[slot] !== 0; slot = (slot + 1) & mask) {
      if (ids[slot] === id) return slot;
    }
    return -1;
  }

  /** A slot for the new id; the caller fills its columns. */
  add(id: number): number {
    if (3 * this.size >= 2 * this.#mask) this.#grow();
    this.size++;
    const slot = this.#freeSlot(id);
    this.id[slot] = id;
    return slot;
  }

  remove(slot: number): void {
    const { id: ids } = this;
    const mask = this.#mask;
    this.size--;
    let hole = slot;
    for (let next = (hole + 1) & mask; ids[next] !== 0; next = (next + 1) & mask) {
      const distance = (next - this.#home(ids[next]!)) & mask;
      if (distance < ((next - hole) & mask)) continue;
      this.#move(next, hole);
      hole = next;
    }
    ids[hole] = 0;
  }

  /** Forgets everything of one domain. */
  removeDomain(domain: number): void {
    for (let slot = 0; slot <= this.#mask; slot++) {
      // What moves into the slot is looked at again.
      while (this.id[slot] !== 0 && this.domain[slot] === domain) {
        this.onRemove?.(slot);
        this.remove(slot);
      }
    }
  }

  #home(id: number): number {
    return Math.imul(id, SCATTER) >>> this.#shift;
  }

  #freeSlot(id: number): number {
    let slot = this.#home(id);
    while (this.id[slot] !== 0) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #move(from: number, to: number): void {
    this.id[to] = this.id[from]!;
    this.state[to] = this.state[from]!;
    this.device[to] = this.device[from]!;
    this.domain[to] = this.domain[from]!;
    this.pfn[to] = this.pfn[from]!;
    this.pages[to] = this.pages[from]!;
    this.bytes[to] = this.bytes[from]!;
    this.time[to] = this.time[from]!;
    this.bounce[to] = this.bounce[from]!;
  }

  #grow(): void {
    const { id, state, device, domain, pfn, pages, bytes, time, bounce } = this;
    const capacity = 2 * id.length;
    this.#mask = capacity - 1;
    this.#shift--;
    this.id = new Uint32Array(capacity);
    this.state = new Uint8Array(capacity);
    this.device = new Uint16Array(capacity);
    this.domain = new Uint32Array(capacity);
    this.pfn = new Float64Array(capacity);
    this.pages = new Float64Array(capacity);
    this.bytes = new Float64Array(capacity);
    this.time = new Float64Array(capacity);
    this.bounce = new Uint32Array(capacity);
    for (let old = 0; old < id.length; old++) {
      if (id[old] === 0) continue;
      const slot = this.#freeSlot(id[old]!);
      this.id[slot] = id[old]!;
      this.state[slot] = state[old]!;
      this.device[slot] = device[old]!;
      this.domain[slot] = domain[old]!;
      this.pfn[slot] = pfn[old]!;
      this.pages[slot] = pages[old]!;
      this.bytes[slot] = bytes[old]!;
      this.time[slot] = time[old]!;
      this.bounce[slot] = bounce[old]!;
    }
  }
}
