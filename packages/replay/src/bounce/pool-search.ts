// The order in which areas of pools are searched.
//
// Models swiotlb_find_slots and swiotlb_search_area of kernel/dma/swiotlb.c (Linux 6.12), and
// swiotlb_pool_find_slots of 6.6; see docs/models/swiotlb.md.

import type { BounceDevice, BounceWork } from '../policy.ts';
import { NOT_FOUND, type SlotSearch } from '../structures/slot-search.ts';
import type { SlotPool } from './slot-pool.ts';

/** Searches pools; adds probes and areas tried to the work of the call. */
export class PoolSearch {
  /** The pool in which the last search ended. */
  hit: SlotPool;
  readonly #search: SlotSearch;
  readonly #areasOutermost: boolean;
  readonly #defaultPool: SlotPool;
  readonly #work: BounceWork;

  /** `areasOutermost`: one area of each pool, then the next area; else pool by pool. */
  constructor(
    search: SlotSearch,
    areasOutermost: boolean,
    defaultPool: SlotPool,
    work: BounceWork,
  ) {
    this.hit = defaultPool;
    this.#search = search;
    this.#areasOutermost = areasOutermost;
    this.#defaultPool = defaultPool;
    this.#work = work;
  }

  /** Slot in `hit`, NOT_FOUND or ENDLESS. */
  inList(
    list: readonly SlotPool[],
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
    cpu: number,
  ): number {
    if (list.length === 1)
      return this.inPool(this.#defaultPool, orig, size, alignMask, device, cpu);
    if (this.#areasOutermost) return this.#byAreas(list, orig, size, alignMask, device, cpu);
    for (let i = 0; i < list.length; i++) {
      const slot = this.inPool(list[i]!, orig, size, alignMask, device, cpu);
      if (slot !== NOT_FOUND) return slot;
    }
    return NOT_FOUND;
  }

  /** As `inList`, from the area of the CPU on. */
  inPool(
    pool: SlotPool,
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
    cpu: number,
  ): number {
    const { areas } = pool;
    this.hit = pool;
    let area = cpu < areas ? cpu : cpu % areas;
    for (let i = 0; i < areas; i++) {
      const slot = this.#inArea(pool, area, orig, size, alignMask, device);
      if (slot !== NOT_FOUND) return slot;
      if (++area === areas) area = 0;
    }
    return NOT_FOUND;
  }

  #byAreas(
    list: readonly SlotPool[],
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
    cpu: number,
  ): number {
    const { areas } = this.#defaultPool;
    for (let i = 0; i < areas; i++) {
      for (let p = 0; p < list.length; p++) {
        const pool = list[p]!;
        if (i >= pool.areas) continue;
        const area = (cpu + i) % pool.areas;
        const slot = this.#inArea(pool, area, orig, size, alignMask, device);
        if (slot === NOT_FOUND) continue;
        this.hit = pool;
        return slot;
      }
    }
    return NOT_FOUND;
  }

  #inArea(
    pool: SlotPool,
    area: number,
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
  ): number {
    const search = this.#search;
    const slot = pool.search(search, area, orig, size, alignMask, device);
    this.#work.areasTried++;
    this.#work.probes += search.probes;
    return slot;
  }
}
