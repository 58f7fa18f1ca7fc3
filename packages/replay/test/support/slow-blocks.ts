// Slow and obvious allocators of pages: one state per page, or a list of free blocks per order.

import { roundUp } from './slow-tree.ts';

/** Pages as states: 0 free, 1 taken, 2 waiting for a flush, 3 reserved. The last page is never used. */
export class SlowPages {
  readonly pages: number[];
  flushes = 0;
  /** Freed since the last flush, with what was reserved in the meantime. */
  lazyPages = 0;
  #next = 0;
  readonly #base: number;
  readonly #lazy: boolean;
  readonly #boundary: number;

  constructor(base: number, pages: number, lazy: boolean, boundary: number) {
    this.pages = Array.from({ length: pages }, () => 0);
    this.#base = base;
    this.#lazy = lazy;
    this.#boundary = boundary;
  }

  alloc(pages: number, limit: number, lastTry: boolean): number {
    let at = this.#search(this.#next, pages, limit);
    if (at === -1 && (lastTry || !this.#lazy)) {
      if (this.#lazy) {
        this.flushes++;
        this.releaseLazy();
      }
      at = this.#search(0, pages, limit);
    }
    if (at === -1) return -1;
    for (let i = at; i < at + pages; i++) this.pages[i] = 1;
    this.#next = at + pages;
    return this.#base + at;
  }

  free(pfn: number, pages: number): void {
    if (this.#lazy) this.lazyPages += pages;
    for (let i = pfn - this.#base; i < pfn - this.#base + pages; i++) {
      if (this.pages[i] === 1) this.pages[i] = this.#lazy ? 2 : 0;
    }
  }

  /** After a flush: what was lazily freed is free. */
  releaseLazy(): void {
    this.lazyPages = 0;
    for (const [i, state] of this.pages.entries()) if (state === 2) this.pages[i] = 0;
  }

  reserve(lo: number, hi: number): void {
    for (let i = lo - this.#base; i <= hi - this.#base; i++) {
      if (i >= 0 && i < this.pages.length - 1) this.pages[i] = 3;
    }
  }

  #search(start: number, pages: number, limit: number): number {
    for (let at = start; at + pages <= this.pages.length - 1; at++) {
      const pfn = this.#base + at;
      if (pfn + pages - 1 > limit) return -1;
      const first = Math.floor(pfn / this.#boundary);
      if (first !== Math.floor((pfn + pages - 1) / this.#boundary)) continue;
      let i = at;
      while (i < at + pages && this.pages[i] === 0) i++;
      if (i === at + pages) return at;
    }
    return -1;
  }
}

/** Free blocks by order over [startPfn, endPfn). */
export class SlowBuddy {
  readonly blocks: Set<number>[] = Array.from({ length: 53 }, () => new Set<number>());

  constructor(startPfn: number, endPfn: number) {
    this.#release(startPfn, endPfn);
  }

  alloc(pages: number, limit: number): number {
    const size = roundUp(pages);
    for (let order = Math.log2(size); order < 53; order++) {
      const low = [...this.blocks[order]!].filter((block) => block + size - 1 <= limit);
      if (low.length === 0) continue;
      const block = Math.max(...low);
      this.blocks[order]!.delete(block);
      let pfn = block;
      while (pfn + 2 * size - 1 <= limit && pfn + 2 * size <= block + 2 ** order) {
        // A block of half the aperture is not walked page by page.
        const room = Math.min(limit + 1, block + 2 ** order) - pfn;
        pfn += Math.max(size, (Math.floor(room / size) - 1) * size);
      }
      this.#release(block, pfn);
      this.#release(pfn + size, block + 2 ** order);
      return pfn;
    }
    return -1;
  }

  free(pfn: number, pages: number): void {
    this.#release(pfn, pfn + roundUp(pages));
  }

  #release(lo: number, end: number): void {
    let pfn = lo;
    while (pfn < end) {
      let order = 52;
      while (pfn % 2 ** order !== 0 || pfn + 2 ** order > end) order--;
      this.#merge(pfn, order);
      pfn += 2 ** order;
    }
  }

  #merge(block: number, order: number): void {
    const size = 2 ** order;
    const other = block % (2 * size) === 0 ? block + size : block - size;
    if (order < 52 && this.blocks[order]!.delete(other))
      this.#merge(Math.min(block, other), order + 1);
    else this.blocks[order]!.add(block);
  }
}
