// The slots of mappings that bounce: a list of buffers for each, in columns.
//
// Chain and buffer numbers start at 1, 0 is none. Freed buffers are used again: memory grows with what is
// live.

const FIRST_CAPACITY = 1024;

/** In the place of a direction: memory that both sides use, and that is not copied. */
export const COHERENT = 254;

/** Buffers in bounce memory, linked into one chain per mapping. */
export class BounceChains {
  /** Bounce address, 0 on free buffers. */
  address: Float64Array = new Float64Array(FIRST_CAPACITY);
  bytes: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** Slots taken, padding included. */
  slots: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** Direction of the mapping; COHERENT for memory that is not copied. */
  direction: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  next: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  #free = 0;
  #top = 1;

  /** Adds a buffer in front of `chain` and gives its number: that of the chain from now on. */
  push(chain: number, address: number, bytes: number, slots: number, direction: number): number {
    const buffer = this.#take();
    this.address[buffer] = address;
    this.bytes[buffer] = bytes;
    this.slots[buffer] = slots;
    this.direction[buffer] = direction;
    this.next[buffer] = chain;
    return buffer;
  }

  /** Frees the first buffer of a chain and gives the rest of it. */
  pop(chain: number): number {
    const rest = this.next[chain]!;
    this.next[chain] = this.#free;
    this.#free = chain;
    return rest;
  }

  #take(): number {
    const free = this.#free;
    if (free !== 0) {
      this.#free = this.next[free]!;
      return free;
    }
    if (this.#top === this.address.length) this.#grow();
    return this.#top++;
  }

  #grow(): void {
    const { address, bytes, slots, direction, next } = this;
    const capacity = 2 * address.length;
    this.address = new Float64Array(capacity);
    this.bytes = new Float64Array(capacity);
    this.slots = new Uint32Array(capacity);
    this.direction = new Uint8Array(capacity);
    this.next = new Uint32Array(capacity);
    this.address.set(address);
    this.bytes.set(bytes);
    this.slots.set(slots);
    this.direction.set(direction);
    this.next.set(next);
  }
}
