// One pool of bounce slots with its areas: what is taken, by what, and where each area searches next.
//
// Models io_tlb_pool of kernel/dma/swiotlb.c (Linux 6.12); see docs/models/swiotlb.md. Left out: locks,
// and the copies. An allocation is described at its first slot; the kernel repeats it in every slot.
//
// Used slots of an area are those taken in the slot map from its first slot on.

import type { BounceDevice } from '../policy.ts';
import { FNV_BASIS, fnvWord } from '../structures/fnv.ts';
import { SET_SLOTS, SlotMap } from '../structures/slot-map.ts';
import type { SlotSearch } from '../structures/slot-search.ts';

/** Bytes of a slot (`IO_TLB_SIZE`). */
export const SLOT_BYTES = 2048;

const TWO_30 = 2 ** 30;
const TWO_53 = 2 ** 53;

/** State of one area, for {@link SlotPool.restore}. */
export interface AreaCopy {
  readonly area: number;
  readonly index: number;
  readonly used: number;
  readonly free: Int32Array;
  readonly size: Int32Array;
  readonly offset: Uint16Array;
  readonly pad: Uint8Array;
  readonly original: Float64Array;
}

/** A pool of `slots` from the physical address `start`, in `areas` parts of equal size. */
export class SlotPool {
  /** 0 is the default pool, others count from 1 as they join. */
  number = 0;
  readonly start: number;
  readonly slots: number;
  readonly areas: number;
  /** Slots of one area. */
  readonly areaSlots: number;
  /** Index of the device that owns a transient pool, -1 of others. */
  owner = -1;
  /** Slots from which each area searches next, relative to its first. */
  readonly index: Uint32Array;
  readonly used: Uint32Array;
  readonly map: SlotMap;
  /** Of the last {@link take}. */
  readonly #size: Int32Array;
  readonly #offset: Uint16Array;
  readonly #pad: Uint8Array;
  readonly #original: Float64Array;
  #segBoundary = -1;
  #base = 0;
  #phase = -1;
  #period = 1;

  constructor(start: number, slots: number, areas: number) {
    if (!(start >= 0 && start % SLOT_BYTES === 0 && start <= TWO_53)) {
      throw new RangeError(`A pool starts at a multiple of ${SLOT_BYTES} up to 2^53, got ${start}`);
    }
    this.start = start;
    this.slots = slots;
    this.areas = areas;
    this.areaSlots = Math.floor(slots / areas);
    this.index = new Uint32Array(areas);
    this.used = new Uint32Array(areas);
    this.map = new SlotMap(slots);
    this.#size = new Int32Array(slots);
    this.#offset = new Uint16Array(slots);
    this.#pad = new Uint8Array(slots);
    this.#original = new Float64Array(slots);
  }

  /**
   * First slot for `size` bytes (offset in front included) in one area, NOT_FOUND or ENDLESS; nothing is
   * taken. `orig` is the original address, 0 where there is none; `search.probes` tells of the walk.
   */
  search(
    search: SlotSearch,
    area: number,
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
  ): number {
    const n = Math.ceil(size / SLOT_BYTES);
    search.probes = 0;
    const { areaSlots } = this;
    if (n > areaSlots - this.used[area]!) return -1;
    if (device.segBoundary !== this.#segBoundary) this.#view(device.segBoundary);
    const from = area * areaSlots;
    return search.find(
      this.map,
      from,
      from + areaSlots,
      this.index[area]!,
      n,
      orig,
      size,
      alignMask,
      device.minAlignMask,
      this.#base,
      this.#phase,
      this.#period,
    );
  }

  /**
   * Takes what {@link search} found; the number of slots. `offset` is where the buffer begins in its
   * first slot, after `pad` slots of padding; `orig` -1: there is no original.
   */
  take(slot: number, size: number, offset: number, pad: number, orig: number): number {
    const n = Math.ceil(size / SLOT_BYTES);
    const area = Math.floor(slot / this.areaSlots);
    this.map.take(slot, n);
    this.#size[slot] = size;
    this.#offset[slot] = offset;
    this.#original[slot] = orig;
    if (pad > 0) this.#pad[slot + pad] = pad;
    const next = slot - area * this.areaSlots + n;
    this.index[area] = next < this.areaSlots ? next : 0;
    this.used[area]! += n;
    return n;
  }

  /** First slot (padding included) of the allocation with the buffer at `address`, -1 if there is none. */
  slotOf(address: number): number {
    const at = Math.floor((address - this.start) / SLOT_BYTES);
    if (!(at >= 0 && at < this.slots)) return -1;
    const slot = at - this.#pad[at]!;
    return this.#size[slot]! > 0 ? slot : -1;
  }

  /** Slots of the allocation that begins at `slot`. */
  slotsAt(slot: number): number {
    return Math.ceil(this.#size[slot]! / SLOT_BYTES);
  }

  /** Padding slots of the allocation with the buffer at `address`. */
  padOf(address: number): number {
    return this.#pad[Math.floor((address - this.start) / SLOT_BYTES)]!;
  }

  /** Releases the allocation with its buffer at `address`; its slots, 0 if there is none. */
  release(address: number): number {
    const slot = this.slotOf(address);
    if (slot < 0) return 0;
    const n = this.slotsAt(slot);
    this.#pad[Math.floor((address - this.start) / SLOT_BYTES)] = 0;
    this.#size[slot] = 0;
    this.map.give(slot, n);
    this.used[this.areaOf(slot)]! -= n;
    return n;
  }

  areaOf(slot: number): number {
    return Math.floor(slot / this.areaSlots);
  }

  contains(address: number): boolean {
    return address >= this.start && address < this.start + this.slots * SLOT_BYTES;
  }

  usedSlots(): number {
    let used = 0;
    for (let area = 0; area < this.areas; area++) used += this.used[area]!;
    return used;
  }

  /** Whether an empty pool could serve the request, the boundary taken for itself. */
  possible(
    search: SlotSearch,
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
  ): boolean {
    const n = Math.ceil(size / SLOT_BYTES);
    this.#view(device.segBoundary);
    if (this.#phase >= 0 && n > this.#period) return false;
    const set = Math.min(SET_SLOTS, this.areaSlots);
    return search.possible(n, orig, size, alignMask, device.minAlignMask, this.#base, set);
  }

  /** Whether an area has a run of `n` free slots, wherever it begins. */
  hasRun(area: number, n: number): boolean {
    const from = area * this.areaSlots;
    return this.map.first(from, from + this.areaSlots, 1, n, -1, 1) >= 0;
  }

  /** The state of an area: what {@link restore} puts back. */
  save(area: number): AreaCopy {
    const from = area * this.areaSlots;
    const end = from + this.areaSlots;
    return {
      area,
      index: this.index[area]!,
      used: this.used[area]!,
      free: this.map.save(from, end),
      size: this.#size.slice(from, end),
      offset: this.#offset.slice(from, end),
      pad: this.#pad.slice(from, end),
      original: this.#original.slice(from, end),
    };
  }

  restore(copy: AreaCopy): void {
    const from = copy.area * this.areaSlots;
    this.index[copy.area] = copy.index;
    this.used[copy.area] = copy.used;
    this.map.restore(from, from + this.areaSlots, copy.free);
    this.#size.set(copy.size, from);
    this.#offset.set(copy.offset, from);
    this.#pad.set(copy.pad, from);
    this.#original.set(copy.original, from);
  }

  /** Digest of the whole state as the golden vectors define it, after `digest`. */
  digest(digest: number = FNV_BASIS): number {
    let words = fnvWord(fnvWord(fnvWord(digest, this.start), this.slots), this.areas);
    for (let area = 0; area < this.areas; area++) {
      words = fnvWord(fnvWord(words, this.used[area]!), this.index[area]!);
    }
    for (let slot = 0; slot < this.slots; ) {
      const n = this.slotsAt(slot);
      if (n > 0) words = this.#allocationDigest(words, slot, n);
      else {
        words = fnvWord(fnvWord(words, this.map.run(slot)), 0);
        words = fnvWord(fnvWord(words, -1), 0);
      }
      slot += n > 0 ? n : 1;
    }
    return words;
  }

  #allocationDigest(digest: number, slot: number, n: number): number {
    const size = this.#size[slot]!;
    const offset = this.#offset[slot]!;
    const orig = this.#original[slot]!;
    let pad = 0;
    for (let i = 1; i < n && pad === 0; i++) pad = this.#pad[slot + i]!;
    let words = digest;
    for (let i = 0; i < n; i++) {
      words = fnvWord(fnvWord(words, 0), size - offset - i * SLOT_BYTES);
      const mapped = orig >= 0 && i >= pad;
      words = mapped ? fnvWord(words, orig + (i - pad) * SLOT_BYTES) : fnvWord(words, -1);
      words = fnvWord(words, this.#pad[slot + i]!);
    }
    return words;
  }

  // How a device with this segment boundary sees the pool.
  #view(segBoundary: number): void {
    this.#segBoundary = segBoundary;
    const whole = segBoundary >= TWO_53;
    const base = whole ? this.start : this.start % (segBoundary + 1);
    this.#base = Math.floor(base / SLOT_BYTES);
    this.#phase = -1;
    if (whole) return;
    let period = Math.floor(segBoundary / SLOT_BYTES) + 1;
    let phase = Math.ceil(base / SLOT_BYTES) % period;
    if (phase + this.slots <= period) return;
    // A pool crosses at most one boundary as far apart as this.
    if (period > TWO_30) {
      phase += TWO_30 - period;
      period = TWO_30;
    }
    this.#phase = phase;
    this.#period = period;
  }
}
