// Memory for new pools: contiguous pages below a limit, or the atomic pools of an encrypted guest.
//
// Models swiotlb_alloc_pool, swiotlb_alloc_tlb and alloc_dma_pages of kernel/dma/swiotlb.c (Linux 6.12);
// see docs/models/swiotlb.md. Left out: failures of descriptors and of the conversion itself.

import { NO_PAGES, type PageSource, PageZone } from '../policy.ts';
import type { AtomicPools } from './atomic-pools.ts';
import { limitedAreas, MAX_GROWN_SLOTS } from './sizing.ts';
import { SLOT_BYTES } from './slot-pool.ts';

const PAGE_SIZE = 4096;
const SET_SLOTS = 128;
const ZONE_DMA_LIMIT = 0xff_ffff;
const DMA32_LIMIT = 0xffff_ffff;
const TWO_64 = 2 ** 64;

/** Allocates the memory of pools. Fields are those of the last allocation. */
export class PoolMemory {
  slots = 0;
  areas = 0;
  /** log2 of its pages, -1: it came from the atomic pools. */
  order = 0;
  readonly #pages: PageSource;
  /** null where guest memory is not encrypted. */
  readonly #atomic: AtomicPools | null;

  constructor(pages: PageSource, atomic: AtomicPools | null) {
    this.#pages = pages;
    this.#atomic = atomic;
  }

  /** Start of a pool of `slots`, halved down to `least` as long as there is no memory, or NO_PAGES. */
  alloc(slots: number, least: number, areas: number, limit: number, maySleep: boolean): number {
    this.slots = slots;
    this.areas = areas;
    if (slots > MAX_GROWN_SLOTS) {
      this.slots = MAX_GROWN_SLOTS;
      this.areas = limitedAreas(areas, MAX_GROWN_SLOTS);
    }
    for (;;) {
      const start = this.#block(this.slots * SLOT_BYTES, limit, maySleep);
      if (start !== NO_PAGES || this.slots <= least) return start;
      this.slots = Math.ceil(Math.floor(this.slots / 2) / SET_SLOTS) * SET_SLOTS;
      this.areas = limitedAreas(this.areas, this.slots);
    }
  }

  /** Gives memory back: `order` as it was after `alloc`. */
  free(start: number, slots: number, order: number): void {
    if (order >= 0) this.#pages.free(start, order);
    else this.#atomic?.free(start, slots * SLOT_BYTES);
  }

  #block(bytes: number, limit: number, maySleep: boolean): number {
    if (!maySleep && this.#atomic !== null) {
      this.order = -1;
      return this.#atomic.alloc(bytes, limit);
    }
    this.order = Math.max(0, Math.ceil(Math.log2(bytes / PAGE_SIZE)));
    let zone: PageZone = PageZone.normal;
    if (limit <= ZONE_DMA_LIMIT) zone = PageZone.dma;
    else if (limit <= DMA32_LIMIT) zone = PageZone.dma32;
    for (;;) {
      const start = this.#pages.alloc(this.order, zone, maySleep);
      if (start === NO_PAGES || start + bytes - 1 <= limit) return start;
      this.#pages.free(start, this.order);
      if (zone === PageZone.normal && limit < TWO_64) zone = PageZone.dma32;
      else if (zone !== PageZone.dma) zone = PageZone.dma;
      else return NO_PAGES;
    }
  }
}
