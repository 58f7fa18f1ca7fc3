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

  /** A refresh of `pages` pages from `first` on; `whole`: of every page that guest or host know. */
  refresh(domain: number, first: number, pages: number, whole: boolean = false): HostAnswer {
    const walk = (): number => (whole ? this.#walkAll(domain) : this.#walk(domain, first, pages));
    let skipped = walk();
    if (skipped > 0 && this.#hasRoom()) skipped = walk();
    if (this.entries >= this.#entryLimit) return HostAnswer.outOfEntries;
    return skipped > 0 ? HostAnswer.outOfPages : HostAnswer.ok;
  }

  // A whole aperture is too long to be walked page by page.
  #walkAll(domain: number): number {
    const known = [...this.#pages(this.valid, domain), ...this.#pages(this.held, domain)];
    const pages = [...new Set(known)].sort((a, b) => a - b);
    return pages.reduce((skipped, page) => skipped + this.#walk(domain, page, 1), 0);
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
