// The host of docs/models/host.md page by page: slow and obvious, against which the counting one is checked.

import { HostAnswer, type OutOfResource } from '@dmalab/replay';

/** A host that walks the pages of each refresh in ascending order. */
export class PageWalkHost {
  readonly outOfResource: OutOfResource = 'globalFlushRetry';
  readonly #entryLimit: number;
  readonly #pinLimit: number;
  /** Pages by domain: what the guest's table says, and what the host holds. */
  readonly valid: Map<number, Set<number>> = new Map();
  readonly held: Map<number, Set<number>> = new Map();

  constructor(entryLimit: number, pinLimit: number) {
    this.#entryLimit = entryLimit;
    this.#pinLimit = pinLimit;
  }

  get entries(): number {
    return [...this.held.values()].reduce((sum, pages) => sum + pages.size, 0);
  }

  stale(): number {
    let stale = 0;
    for (const [domain, pages] of this.held) {
      for (const page of pages) if (!this.#pages(this.valid, domain).has(page)) stale++;
    }
    return stale;
  }

  set(domain: number, first: number, pages: number, isValid: boolean): void {
    const valid = this.#pages(this.valid, domain);
    for (let page = first; page < first + pages; page++) {
      if (isValid) valid.add(page);
      else valid.delete(page);
    }
  }

  /** A refresh of `pages` pages from `first` on. */
  refresh(domain: number, first: number, pages: number): HostAnswer {
    let skipped = this.#walk(domain, first, pages);
    if (skipped > 0 && this.#hasRoom()) skipped = this.#walk(domain, first, pages);
    if (this.entries >= this.#entryLimit) return HostAnswer.outOfEntries;
    return skipped > 0 ? HostAnswer.outOfPages : HostAnswer.ok;
  }

  #walk(domain: number, first: number, pages: number): number {
    const valid = this.#pages(this.valid, domain);
    const held = this.#pages(this.held, domain);
    let skipped = 0;
    for (let page = first; page < first + pages; page++) {
      if (!valid.has(page)) held.delete(page);
      else if (held.has(page)) continue;
      else if (this.#hasRoom()) held.add(page);
      else skipped++;
    }
    return skipped;
  }

  #hasRoom(): boolean {
    return this.entries < this.#entryLimit && this.entries < this.#pinLimit;
  }

  #pages(of: Map<number, Set<number>>, domain: number): Set<number> {
    const pages = of.get(domain) ?? new Set<number>();
    of.set(domain, pages);
    return pages;
  }
}
