// The long mappings, found by any page inside them.
//
// A range of 2^k to 2^(k+1) - 1 pages is in the chain of its class k and of its first page divided by 2^k:
// what holds a page began in one of three such steps before it. So a search looks at three chains of
// each class that has any ranges. Entry numbers are those of the live set.

/** No entry. */
export const NONE = -1;
/** Longest mapping in pages that is not entered: those are found by looking back page by page. */
export const SHORT = 64;

const CLASSES = 53;
const HEADS = 4096;

export class LongRanges {
  /** By entry: its class, 0 where it is not entered, and its slot. */
  #classOf = new Uint8Array(64);
  #slotOf = new Uint16Array(64);
  #next = new Int32Array(64);
  readonly #heads = new Int32Array(HEADS).fill(NONE);
  readonly #counts = new Uint32Array(CLASSES);

  /** Enters, moves or (where it is short now) takes out a range. */
  enter(entry: number, page: number, pages: number): void {
    this.leave(entry);
    if (pages <= SHORT) return;
    if (entry >= this.#next.length) this.#grow(entry);
    const size = Math.min(CLASSES - 1, Math.floor(Math.log2(pages)));
    const slot = slotOf(size, Math.floor(page / 2 ** size));
    this.#classOf[entry] = size;
    this.#slotOf[entry] = slot;
    this.#next[entry] = this.#heads[slot]!;
    this.#heads[slot] = entry;
    this.#counts[size] = this.#counts[size]! + 1;
  }

  /** Takes a range out, if it is in. */
  leave(entry: number): void {
    const size = this.#classOf[entry] ?? 0;
    if (size === 0) return;
    const slot = this.#slotOf[entry]!;
    let at = this.#heads[slot]!;
    if (at === entry) this.#heads[slot] = this.#next[entry]!;
    else {
      while (this.#next[at] !== entry) at = this.#next[at]!;
      this.#next[at] = this.#next[entry]!;
    }
    this.#classOf[entry] = 0;
    this.#counts[size] = this.#counts[size]! - 1;
  }

  /** A range near `page` for which `isIt`, or NONE. */
  find(page: number, isIt: (entry: number) => boolean): number {
    for (let size = 1; size < CLASSES; size++) {
      if (this.#counts[size] === 0) continue;
      const step = Math.floor(page / 2 ** size);
      for (let back = 0; back < 3; back++) {
        let entry = this.#heads[slotOf(size, step - back)]!;
        while (entry !== NONE && !isIt(entry)) entry = this.#next[entry]!;
        if (entry !== NONE) return entry;
      }
    }
    return NONE;
  }

  #grow(entry: number): void {
    const length = 2 * entry;
    const classes = new Uint8Array(length);
    const slots = new Uint16Array(length);
    const next = new Int32Array(length);
    classes.set(this.#classOf);
    slots.set(this.#slotOf);
    next.set(this.#next);
    this.#classOf = classes;
    this.#slotOf = slots;
    this.#next = next;
  }
}

function slotOf(size: number, step: number): number {
  const high = Math.imul((step / 0x100000000) | 0, 0x85ebca6b);
  const mixed = Math.imul((step >>> 0) ^ high ^ (size << 26), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & (HEADS - 1);
}
