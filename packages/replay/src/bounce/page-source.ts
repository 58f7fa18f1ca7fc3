// A simple model of the page allocator: zones that are given out upwards, and what was freed again.
//
// Not the buddy allocator: blocks never merge or split. A block freed last is used again first, by a
// request of the same order. How large a block can still be had is a parameter, because no trace tells
// how fragmented memory was; it is the model of the golden vectors (test/golden/README.md).

import { NO_PAGES, type PageSource, PageZone } from '../policy.ts';

const PAGE_SIZE = 4096;
/** Largest order of the page allocator (`MAX_PAGE_ORDER`). */
export const LARGEST_ORDER = 10;
const ZONE_START = [0x10_0000, 0x4000_0000, 0x1_0000_0000];
const ZONE_END = [0x100_0000, 0x1_0000_0000, 0x40_0000_0000];

/** Memory in three zones; requests for more than the current largest orders fail. */
export class ZonedPages implements PageSource {
  /** Largest order that a request that may not sleep gets, -1 none. */
  atomicOrder: number;
  /** Largest order of requests that may. */
  sleepingOrder: number;
  readonly #next: Float64Array = Float64Array.from(ZONE_START);
  /** By zone and order: addresses of freed blocks, the last one on top. */
  readonly #freed: number[][] = Array.from({ length: 3 * (LARGEST_ORDER + 1) }, () => []);

  constructor(atomicOrder: number = LARGEST_ORDER, sleepingOrder: number = LARGEST_ORDER) {
    this.atomicOrder = atomicOrder;
    this.sleepingOrder = sleepingOrder;
  }

  alloc(order: number, zone: PageZone, maySleep: boolean): number {
    if (order > LARGEST_ORDER || order > (maySleep ? this.sleepingOrder : this.atomicOrder))
      return NO_PAGES;
    const again = this.#freed[zone * (LARGEST_ORDER + 1) + order]!.pop();
    if (again !== undefined) return again;
    const bytes = PAGE_SIZE * 2 ** order;
    const address = Math.ceil(this.#next[zone]! / bytes) * bytes;
    if (address + bytes > ZONE_END[zone]!) return NO_PAGES;
    this.#next[zone] = address + bytes;
    return address;
  }

  free(address: number, order: number): void {
    let zone: PageZone = PageZone.normal;
    if (address < ZONE_END[PageZone.dma]!) zone = PageZone.dma;
    else if (address < ZONE_END[PageZone.dma32]!) zone = PageZone.dma32;
    this.#freed[zone * (LARGEST_ORDER + 1) + order]!.push(address);
  }
}
