// The atomic pools of coherent memory, already shared with the host, into which a map that must not sleep
// dips when the guest's memory is encrypted.
//
// Models kernel/dma/pool.c (Linux 6.12) as far as transient bounce pools use it; see docs/models/swiotlb.md.
// Left out: coherent allocations of drivers, which share these pools.
//
// One byte of `#used` per page; memory that came in never leaves.

import { BounceEvent, type BouncePort, NO_PAGES, PageZone } from '../policy.ts';
import { LARGEST_ORDER } from './page-source.ts';

const PAGE_SIZE = 4096;
const SLOTS_PER_PAGE = 2;
/** The order in which zones are tried. */
const ZONES = [PageZone.normal, PageZone.dma32, PageZone.dma] as const;

/** A piece of contiguous memory of one pool. */
interface Chunk {
  readonly start: number;
  readonly used: Uint8Array;
}

/** One pool for each zone. */
export class AtomicPools {
  /** Bytes that came in since the start, all converted. */
  convertedBytes = 0;
  readonly #port: BouncePort;
  readonly #initialPages: number;
  readonly #expandDelayNs: number;
  /** By zone. */
  readonly #chunks: readonly [Chunk[], Chunk[], Chunk[]] = [[], [], []];
  readonly #pages = [0, 0, 0];
  readonly #free = [0, 0, 0];
  readonly #expanding = [false, false, false];

  /** `bytes` of each pool at the start; they are not counted as converted. */
  constructor(port: BouncePort, bytes: number, expandDelayNs: number) {
    this.#port = port;
    this.#initialPages = Math.ceil(bytes / PAGE_SIZE);
    this.#expandDelayNs = expandDelayNs;
    for (const zone of ZONES) this.#grow(zone, this.#initialPages);
  }

  /** Address of `bytes` in whole pages, aligned to their power of two within their chunk, that end at or below `limit`; or NO_PAGES. */
  alloc(bytes: number, limit: number): number {
    const pages = Math.ceil(bytes / PAGE_SIZE);
    for (const zone of ZONES) {
      const address = this.#take(zone, pages);
      if (address === NO_PAGES) continue;
      if (address + bytes - 1 > limit) {
        this.free(address, bytes);
        continue;
      }
      if (this.#free[zone]! < this.#initialPages) this.#expandLater(zone);
      return address;
    }
    return NO_PAGES;
  }

  free(address: number, bytes: number): void {
    const pages = Math.ceil(bytes / PAGE_SIZE);
    for (const zone of ZONES) {
      for (const { start, used } of this.#chunks[zone]) {
        const first = (address - start) / PAGE_SIZE;
        if (first < 0 || first >= used.length) continue;
        used.fill(0, first, first + pages);
        this.#free[zone]! += pages;
        return;
      }
    }
  }

  /** Free pages of all pools. */
  freePages(): number {
    return this.#free.reduce((sum, pages) => sum + pages, 0);
  }

  // First fit, chunk by chunk.
  #take(zone: PageZone, pages: number): number {
    const align = 2 ** Math.ceil(Math.log2(pages));
    for (const { start, used } of this.#chunks[zone]) {
      for (let first = 0; first + pages <= used.length; first += align) {
        const taken = used.subarray(first, first + pages).indexOf(1);
        if (taken >= 0) continue;
        used.fill(1, first, first + pages);
        this.#free[zone]! -= pages;
        return start + first * PAGE_SIZE;
      }
    }
    return NO_PAGES;
  }

  #expandLater(zone: PageZone): void {
    if (this.#expanding[zone]) return;
    this.#expanding[zone] = true;
    this.#port.later(this.#expandDelayNs, (which) => this.#expand(which as PageZone), zone);
  }

  // Doubles the pool, unless enough came back meanwhile.
  #expand(zone: PageZone): void {
    this.#expanding[zone] = false;
    if (this.#free[zone]! >= this.#initialPages) return;
    const grown = this.#grow(zone, this.#pages[zone]!);
    if (grown === null) return;
    const pages = grown.used.length;
    this.convertedBytes += pages * PAGE_SIZE;
    this.#port.event(BounceEvent.atomicExpand, zone, grown.start, pages * SLOTS_PER_PAGE, 0);
  }

  // Adds a chunk of `pages`, or the largest smaller one that can be had.
  #grow(zone: PageZone, pages: number): Chunk | null {
    let order = Math.min(Math.ceil(Math.log2(pages)), LARGEST_ORDER);
    for (; order >= 0; order--) {
      const start = this.#port.pages.alloc(order, zone, true);
      if (start === NO_PAGES) continue;
      const chunk = { start, used: new Uint8Array(2 ** order) };
      this.#chunks[zone].push(chunk);
      this.#pages[zone]! += chunk.used.length;
      this.#free[zone]! += chunk.used.length;
      return chunk;
    }
    return null;
  }
}
