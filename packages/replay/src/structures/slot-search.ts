// The search for slots in one area of a bounce pool, with the answer and the probes of the kernel's walk.
//
// Models swiotlb_search_pool_area of kernel/dma/swiotlb.c in 6.12, and what stood for it in 6.6 and
// 6.1; see docs/models/swiotlb.md. Left out: the lock.
//
// The kernel walks slot by slot: past a slot of the wrong alignment by one, past a right one that is
// too full by the stride. With masks of ones from bit 0 up, or beginning where another ends (all real
// ones), the right slots are one in `period`, so that the walk is a formula and the slot map finds the
// first free run among them. Other masks are walked.

import { NO_RUN, type SlotMap } from './slot-map.ts';

const SLOT_SHIFT = 11;
const SLOT_MASK = 2047;
const PAGE_SIZE = 4096;
const PAGE_MASK = 4095;

/** No slots in this area. */
export const NOT_FOUND = -1;
/** The walk of 6.1 never comes back to its start: the CPU would spin for ever. */
export const ENDLESS = -2;

/** Rules by kernel: 6.1 walks until it is back at its start, later ones count what they have passed. */
export const SearchRule = { v6_1: 0, v6_6: 1, v6_12: 2 } as const;
export type SearchRule = (typeof SearchRule)[keyof typeof SearchRule];

/** What the search must know of a pool. */
export interface SearchedPool {
  readonly map: SlotMap;
  /** Slots of one area. */
  readonly areaSlots: number;
  /** Where the search starts, by area, relative to its first slot. */
  readonly index: Uint32Array;
  /** The device view of slot 0, in slots. */
  readonly base: number;
  /** Those of `SlotMap.first`. */
  readonly phase: number;
  readonly period: number;
}

/** Searches areas by one rule. Fields are those of the last search. */
export class SlotSearch {
  readonly rule: SearchRule;
  /** Slots that the kernel's walk looked at; after {@link ENDLESS} one more than the area has. */
  probes = 0;
  #stride = 1;
  /** In slots: bits of the device view of a slot that are tested, and what they must be. */
  #test = 0;
  #want = 0;

  constructor(rule: SearchRule) {
    this.rule = rule;
  }

  /**
   * First slot of a run of `n` in one area of a pool, {@link NOT_FOUND} or {@link ENDLESS}. `size` includes
   * the offset in front, `orig` is 0 where there is no original.
   */
  find(
    pool: SearchedPool,
    area: number,
    n: number,
    orig: number,
    size: number,
    alignMask: number,
    minAlignMask: number,
  ): number {
    const { map, areaSlots, base, phase, period } = pool;
    const from = area * areaSlots;
    const index = pool.index[area]!;
    // The common case, by every rule: any slot will do, and the next one is free.
    if (size < PAGE_SIZE && (alignMask | minAlignMask) >>> SLOT_SHIFT === 0 && phase < 0) {
      if (map.fits(from + index, n)) {
        this.probes = 1;
        return from + index;
      }
    }
    this.#prepare(orig, size, alignMask, minAlignMask);
    const end = from + areaSlots;
    const test = this.#test;
    const stride = this.#stride;
    const every = test + 1;
    const step = (stride + test) & ~test;
    const first = (this.#want - base) & test;
    const regular = (test & every) === 0 && step > 0 && (step & (step - 1)) === 0;
    if (this.rule === SearchRule.v6_1) {
      if (!regular || step !== stride)
        return this.#walkAround(map, from, end, index, n, base, phase, period);
      return this.#around(map, from, end, index, n, first, phase, period);
    }
    if (!regular) return this.#walkCounted(map, from, end, index, n, base, phase, period);
    const begin = from + index;
    const upper = begin + ((first - begin) & test);
    if (phase < 0 && upper < end && map.fits(upper, n)) {
      this.probes = upper - begin + 1;
      return upper;
    }
    return this.#counted(map, from, end, index, n, step, first, phase, period);
  }

  #prepare(orig: number, size: number, alignMask: number, minAlignMask: number): void {
    if (this.rule === SearchRule.v6_12) {
      let align = alignMask;
      if (alignMask === 0 && minAlignMask === 0 && size >= PAGE_SIZE) align = PAGE_MASK;
      align |= SLOT_MASK;
      const above = minAlignMask & ~align;
      const alignSlots = align >>> SLOT_SHIFT;
      const aboveSlots = above >>> SLOT_SHIFT;
      this.#stride = (alignSlots > aboveSlots ? alignSlots : aboveSlots) + 1;
      this.#test = orig === 0 ? alignSlots : alignSlots | aboveSlots;
      this.#want = orig === 0 ? 0 : (orig & above) >>> SLOT_SHIFT;
      return;
    }
    let mask: number;
    if (this.rule === SearchRule.v6_1) mask = minAlignMask & ~alignMask;
    else mask = minAlignMask | alignMask | (size >= PAGE_SIZE ? PAGE_MASK : 0);
    const slots = mask >>> SLOT_SHIFT;
    let stride = slots + 1;
    if (this.rule === SearchRule.v6_1) {
      if (size >= PAGE_SIZE) stride *= 2;
      const alignStride = (alignMask >>> SLOT_SHIFT) + 1;
      if (alignStride > stride) stride = alignStride;
    }
    this.#stride = stride;
    this.#test = orig === 0 ? 0 : slots;
    this.#want = orig === 0 ? 0 : (orig & mask) >>> SLOT_SHIFT;
  }

  // 6.6 and later: from `index` to the end of the area, then from its start, until as many slots as
  // the area has are passed.
  #counted(
    map: SlotMap,
    from: number,
    end: number,
    index: number,
    n: number,
    step: number,
    first: number,
    phase: number,
    period: number,
  ): number {
    const test = this.#test;
    const begin = from + index;
    const upper = begin + ((first - begin) & test);
    let found = map.first(upper, end, step, n, phase, period);
    if (found !== NO_RUN) {
      this.probes = this.#probesTo(begin, upper, found, step);
      return found;
    }
    const passed = this.#passed(begin, upper, end, step);
    const probes = this.#probesIn(begin, upper, end, step);
    const lower = from + ((first - from) & test);
    const stop = end - passed;
    found = map.first(lower, stop, step, n, phase, period);
    if (found !== NO_RUN) {
      this.probes = probes + this.#probesTo(from, lower, found, step);
      return found;
    }
    this.probes = probes + (stop > from ? this.#probesIn(from, lower, stop, step) : 0);
    return NOT_FOUND;
  }

  // 6.1: from `index`, rounded up to the stride, until it is back there. When the right slots are not
  // those that a walk from the start of the area by strides meets, it never is.
  #around(
    map: SlotMap,
    from: number,
    end: number,
    index: number,
    n: number,
    first: number,
    phase: number,
    period: number,
  ): number {
    const test = this.#test;
    const step = this.#stride;
    const rounded = (index + step - 1) & -step;
    const begin = from + (rounded < end - from ? rounded : 0);
    const upper = begin + ((first - begin) & test);
    let found = map.first(upper, end, step, n, phase, period);
    if (found !== NO_RUN) {
      this.probes = this.#probesTo(begin, upper, found, step);
      return found;
    }
    this.probes = this.#probesIn(begin, upper, end, step);
    if (begin === from) return NOT_FOUND;
    const lower = from + ((first - from) & test);
    const returns = lower === from || lower >= end;
    const stop = returns ? begin : end;
    found = map.first(lower, stop, step, n, phase, period);
    if (found !== NO_RUN) {
      this.probes += this.#probesTo(from, lower, found, step);
      return found;
    }
    if (!returns) {
      this.probes = end - from + 1;
      return ENDLESS;
    }
    this.probes += this.#probesIn(from, lower, stop, step);
    return NOT_FOUND;
  }

  // Probes of a walk from `begin` that ends at the right slot `found`; `upper` is its first right one.
  #probesTo(begin: number, upper: number, found: number, step: number): number {
    const perStep = 1 + step - this.#stride;
    return upper - begin + ((found - upper) / step) * perStep + 1;
  }

  // Probes of a walk from `begin` that finds nothing below `end`.
  #probesIn(begin: number, upper: number, end: number, step: number): number {
    if (upper >= end) return end - begin;
    const stride = this.#stride;
    const steps = Math.floor((end - 1 - upper) / step);
    const last = upper + steps * step;
    const after = end - last - stride;
    return upper - begin + steps * (1 + step - stride) + 1 + (after > 0 ? after : 0);
  }

  // Slots that such a walk counts as passed: a stride may reach beyond `end`.
  #passed(begin: number, upper: number, end: number, step: number): number {
    if (upper >= end) return end - begin;
    const last = upper + Math.floor((end - 1 - upper) / step) * step;
    const next = last + this.#stride;
    return (next > end ? next : end) - begin;
  }

  #right(slot: number, base: number): boolean {
    return ((base + slot) & this.#test) === this.#want;
  }

  #walkCounted(
    map: SlotMap,
    from: number,
    end: number,
    index: number,
    n: number,
    base: number,
    phase: number,
    period: number,
  ): number {
    const slots = end - from;
    let slot = from + index;
    this.probes = 0;
    for (let passed = 0; passed < slots; ) {
      this.probes++;
      let stride = 1;
      if (this.#right(slot, base)) {
        if (map.first(slot, slot + 1, 1, n, phase, period) === slot) return slot;
        stride = this.#stride;
      }
      passed += stride;
      slot = slot + stride < end ? slot + stride : from;
    }
    return NOT_FOUND;
  }

  #walkAround(
    map: SlotMap,
    from: number,
    end: number,
    index: number,
    n: number,
    base: number,
    phase: number,
    period: number,
  ): number {
    const rounded = (index + this.#stride - 1) & ~(this.#stride - 1);
    const begin = from + (rounded < end - from ? rounded : 0);
    let slot = begin;
    this.probes = 0;
    do {
      if (++this.probes > end - from) return ENDLESS;
      let stride = 1;
      if (this.#right(slot, base)) {
        if (map.first(slot, slot + 1, 1, n, phase, period) === slot) return slot;
        stride = this.#stride;
      }
      slot = slot + stride < end ? slot + stride : from;
    } while (slot !== begin);
    return NOT_FOUND;
  }
}
