// One pool of bounce slots with its areas: what is taken, by what, and where each area searches next.
//
// Models io_tlb_pool of kernel/dma/swiotlb.c (Linux 6.12); see docs/models/swiotlb.md. Left out: locks,
// and the copies. An allocation is described at its first slot; the kernel repeats it in every slot.
//
// Used slots of an area are those taken in the slot map from its first slot on.

import type { BounceDevice } from '../policy.ts';
import { FNV_BASIS, fnvWord } from '../structures/fnv.ts';
import { SET_SLOTS, SlotMap } from '../structures/slot-map.ts';
import { NOT_FOUND, type SlotSearch } from '../structures/slot-search.ts';
import { areaAt, SlotTable, slotsOf, wholeSlots } from '../structures/slot-table.ts';

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
  readonly table: { readonly words: Int32Array; readonly originals: Float64Array };
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
  /** First slot of the last {@link release}, padding included. */
  released = 0;
  /** How the device of the last search sees the pool: slot 0 in slots, and its segment boundary. */
  base = 0;
  phase = -1;
  period = 1;
  readonly #table: SlotTable;
  /** log2 of the slots of an area, -1 if they are no power of two. */
  readonly #areaShift: number;
  /** The address after the last slot. */
  readonly #end: number;
  #segBoundary = -1;
  /** A map of the same size in which nothing is taken, once it was needed. */
  #empty: SlotMap | null = null;

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
    this.#end = start + slots * SLOT_BYTES;
    this.#table = new SlotTable(slots);
    const shift = Math.log2(this.areaSlots);
    this.#areaShift = Number.isInteger(shift) ? shift : -1;
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
    const n = slotsOf(size);
    if (n > this.areaSlots - this.used[area]!) {
      search.probes = 0;
      return NOT_FOUND;
    }
    if (device.segBoundary !== this.#segBoundary) this.#view(device.segBoundary);
    return search.find(this, area, n, orig, size, alignMask, device.minAlignMask);
  }

  /**
   * Takes what {@link search} found; the number of slots. `offset` is where the buffer begins in its
   * first slot, after `pad` slots of padding; `orig` -1: there is no original.
   */
  take(slot: number, size: number, offset: number, pad: number, orig: number): number {
    const n = slotsOf(size);
    const area = this.areaOf(slot);
    this.map.take(slot, n);
    this.#table.put(slot, size, offset, pad, orig);
    const next = slot - area * this.areaSlots + n;
    this.index[area] = next < this.areaSlots ? next : 0;
    this.used[area]! += n;
    return n;
  }

  /** First slot (padding included) of the allocation with the buffer at `address`, -1 if there is none. */
  slotOf(address: number): number {
    return this.contains(address) ? this.#table.startOf(wholeSlots(address - this.start)) : -1;
  }

  /** Slots of the allocation that begins at `slot`. */
  slotsAt(slot: number): number {
    return slotsOf(this.#table.sizeAt(slot));
  }

  /** Padding slots of the allocation with the buffer at `address`. */
  padOf(address: number): number {
    return this.#table.padAt(wholeSlots(address - this.start));
  }

  /** Releases the allocation with its buffer at `address`; its slots, 0 if there is none. */
  release(address: number): number {
    const at = wholeSlots(address - this.start);
    const slot = this.#table.startOf(at);
    if (!(slot >= 0)) return 0;
    this.released = slot;
    const n = slotsOf(this.#table.sizeAt(slot));
    this.#table.remove(slot, at);
    this.map.give(slot, n);
    this.used[this.areaOf(slot)]! -= n;
    return n;
  }

  areaOf(slot: number): number {
    return areaAt(slot, this.areaSlots, this.#areaShift);
  }

  contains(address: number): boolean {
    return address >= this.start && address < this.#end;
  }

  usedSlots(): number {
    let used = 0;
    for (let area = 0; area < this.areas; area++) used += this.used[area]!;
    return used;
  }

  /** Whether this pool could serve the request if it were empty. */
  possible(
    search: SlotSearch,
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
  ): boolean {
    const n = slotsOf(size);
    if (n > SET_SLOTS) return false;
    this.#view(device.segBoundary);
    const { areas, areaSlots, base, phase, period } = this;
    const map = this.#empty ?? new SlotMap(this.slots);
    this.#empty = map;
    const empty = { map, areaSlots, index: new Uint32Array(areas), base, phase, period };
    for (let area = 0; area < areas && n <= areaSlots; area++) {
      if (search.find(empty, area, n, orig, size, alignMask, device.minAlignMask) >= 0) return true;
    }
    return false;
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
      table: this.#table.save(from, end),
    };
  }

  restore(copy: AreaCopy): void {
    const from = copy.area * this.areaSlots;
    this.index[copy.area] = copy.index;
    this.used[copy.area] = copy.used;
    this.map.restore(from, from + this.areaSlots, copy.free);
    this.#table.restore(from, copy.table);
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
    const table = this.#table;
    const size = table.sizeAt(slot);
    const offset = table.offsetAt(slot);
    const orig = table.originalAt(slot);
    let pad = 0;
    for (let i = 1; i < n && pad === 0; i++) pad = table.padAt(slot + i);
    let words = digest;
    for (let i = 0; i < n; i++) {
      words = fnvWord(fnvWord(words, 0), size - offset - i * SLOT_BYTES);
      const mapped = orig >= 0 && i >= pad;
      words = mapped ? fnvWord(words, orig + (i - pad) * SLOT_BYTES) : fnvWord(words, -1);
      words = fnvWord(words, table.padAt(slot + i));
    }
    return words;
  }

  // How a device with this segment boundary sees the pool.
  #view(segBoundary: number): void {
    this.#segBoundary = segBoundary;
    const whole = segBoundary >= TWO_53;
    const base = whole ? this.start : this.start % (segBoundary + 1);
    this.base = Math.floor(base / SLOT_BYTES);
    this.phase = -1;
    if (whole) return;
    let period = Math.floor(segBoundary / SLOT_BYTES) + 1;
    let phase = Math.ceil(base / SLOT_BYTES) % period;
    if (phase + this.slots <= period) return;
    // A pool crosses at most one boundary as far apart as this.
    if (period > TWO_30) {
      phase += TWO_30 - period;
      period = TWO_30;
    }
    this.phase = phase;
    this.period = period;
  }
}
