// Pages that a policy borrows: what it gives back must be what it was given.

import { NO_PAGES, type PageSource, type PageZone, ZonedPages } from '@dmalab/replay';

/** A {@link PageSource} that tells of pages that come back but were not lent. */
export class LentPages implements PageSource {
  readonly #pages = new ZonedPages();
  /** Orders by address. */
  readonly #lent = new Map<number, number>();
  readonly #wrong: (message: string) => void;

  constructor(wrong: (message: string) => void) {
    this.#wrong = wrong;
  }

  alloc(order: number, zone: PageZone, maySleep: boolean): number {
    const address = this.#pages.alloc(order, zone, maySleep);
    if (address !== NO_PAGES) this.#lent.set(address, order);
    return address;
  }

  free(address: number, order: number): void {
    const lent = this.#lent.get(address);
    if (lent !== order) {
      const was = lent === undefined ? 'none was lent there' : `it was lent with order ${lent}`;
      this.#wrong(`pages of order ${order} are given back at ${address}: ${was}`);
      return;
    }
    this.#lent.delete(address);
    this.#pages.free(address, order);
  }
}
