// What occupies the slots of a bounce pool: one record per allocation, at its first slot.
//
// Stands for alloc_size, pad_slots and orig_addr of struct io_tlb_slot (kernel/dma/swiotlb.c, Linux 6.12),
// which the kernel writes into every slot of an allocation; here they are derived where they are asked for.
//
// A word is size * 2048 + offset at the first slot, and -padding at the first slot after the padding.

const SLOT_SHIFT = 11;
const SLOT_MASK = 2047;
const PER_SLOT = 1 / 2048;
const TWO_31 = 2 ** 31;

/** Allocations by their first slot. */
export class SlotTable {
  readonly #words: Int32Array;
  readonly #originals: Float64Array;

  constructor(slots: number) {
    this.#words = new Int32Array(slots);
    this.#originals = new Float64Array(slots);
  }

  /** `size` in bytes up to 256 KiB, `offset` below 2048, `pad` in slots; `orig` -1: none. */
  put(slot: number, size: number, offset: number, pad: number, orig: number): void {
    this.#words[slot] = (size << SLOT_SHIFT) | offset;
    if (pad > 0) this.#words[slot + pad] = -pad;
    this.#originals[slot] = orig;
  }

  /** First slot of the allocation whose buffer begins in `slot`, -1 if none does. */
  startOf(slot: number): number {
    const word = this.#words[slot]!;
    if (word > 0) return slot;
    return word < 0 ? slot + word : -1;
  }

  /** Forgets the allocation at `start`, whose buffer begins in `slot`. */
  remove(start: number, slot: number): void {
    this.#words[start] = 0;
    this.#words[slot] = 0;
  }

  /** Bytes of the allocation that begins at `slot`, 0 if none does. */
  sizeAt(slot: number): number {
    const word = this.#words[slot]!;
    return word > 0 ? word >>> SLOT_SHIFT : 0;
  }

  offsetAt(slot: number): number {
    return this.#words[slot]! & SLOT_MASK;
  }

  originalAt(slot: number): number {
    return this.#originals[slot]!;
  }

  /** Padding slots in front of `slot`, the first one of a buffer. */
  padAt(slot: number): number {
    const word = this.#words[slot]!;
    return word < 0 ? -word : 0;
  }

  /** Words and originals of slots `from` to `end`. */
  save(from: number, end: number): { words: Int32Array; originals: Float64Array } {
    return { words: this.#words.slice(from, end), originals: this.#originals.slice(from, end) };
  }

  restore(from: number, saved: { words: Int32Array; originals: Float64Array }): void {
    this.#words.set(saved.words, from);
    this.#originals.set(saved.originals, from);
  }
}

/** Slots that `bytes` fill. */
export function slotsOf(bytes: number): number {
  return bytes < TWO_31 ? (bytes + SLOT_MASK) >>> SLOT_SHIFT : Math.ceil(bytes * PER_SLOT);
}

/** Whole slots in `bytes`, up to 2^31 slots. */
export function wholeSlots(bytes: number): number {
  return (bytes * PER_SLOT) | 0;
}

/** The area of `slot`, of areas of `areaSlots`; `shift` is their log2, or -1. */
export function areaAt(slot: number, areaSlots: number, shift: number): number {
  return shift >= 0 ? slot >> shift : Math.floor(slot / areaSlots);
}

/** Bits of `address`, a double up to 2^53, that a 32-bit mask selects. */
export function maskedBits(address: number, mask: number): number {
  return (address & mask) >>> 0;
}

/** The least multiple of `mask` + 1 (a power of two up to 2^31) that is not less than `bytes`. */
export function roundedUp(bytes: number, mask: number): number {
  const over = (bytes & mask) >>> 0;
  return over === 0 ? bytes : bytes + (mask + 1 - over);
}
