// The mappings that a hypervisor holds for a guest: one entry and one pinned page for each 4 KiB page.
//
// Models the host side of docs/models/host.md: QEMU's zPCI on vfio_iommu_type1 (dma_entry_limit, pinned
// pages). Counts stand for the walk over the pages: a lazily unmapped page is freed by whatever refresh
// covers it, and a second pass takes up what the first one had no room for, so that the order in which
// pages are walked does not show. Left out: merged entries, what else the guest pins.
//
// Entries = live + stale of all domains. Only the pages of the map under way can be missing.

import {
  HostAnswer,
  type HostResources,
  type OutOfResource,
  type PinBudget,
} from '../host-policy.ts';

/** Limits of a {@link ShadowTable}. */
export interface ShadowLimits {
  /** Most entries at once, 0 = no limit. */
  readonly entries: number;
  readonly outOfResource: OutOfResource;
}

/** The shadow table of one guest. */
export class ShadowTable implements HostResources {
  readonly outOfResource: OutOfResource;
  entries = 0;
  staleEntries = 0;
  readonly #limit: number;
  readonly #budget: PinBudget;
  /** Pages by domain. */
  readonly #live: number[] = [];
  readonly #stale: number[] = [];
  #missing = 0;

  constructor(limits: ShadowLimits, budget: PinBudget) {
    this.outOfResource = limits.outOfResource;
    this.#limit = limits.entries === 0 ? Number.POSITIVE_INFINITY : limits.entries;
    this.#budget = budget;
    budget.join(this);
  }

  room(): number {
    const { limit, used } = this.#budget;
    return Math.max(0, Math.min(this.#limit - this.entries, limit - used));
  }

  refreshMapped(domain: number, pages: number): HostAnswer {
    this.#missing = pages;
    this.#takeUp(domain);
    return this.#answer();
  }

  unmapped(domain: number, pages: number): void {
    this.#live[domain] = (this.#live[domain] ?? 0) - pages;
    this.#addStale(domain, pages);
  }

  refreshUnmapped(domain: number, pages: number): void {
    this.#addStale(domain, -pages);
    this.#give(pages);
  }

  refreshAll(domain: number): HostAnswer {
    const stale = this.#stale[domain] ?? 0;
    this.#addStale(domain, -stale);
    this.#give(stale);
    this.#takeUp(domain);
    return this.#answer();
  }

  undo(domain: number, pages: number): boolean {
    const established = pages - this.#missing;
    const blocked = this.#budget.blocked(this, this.#missing);
    this.#missing = 0;
    this.#live[domain] = (this.#live[domain] ?? 0) - established;
    this.#give(established);
    return blocked;
  }

  adopt(domain: number, pages: number): void {
    this.#live[domain] = (this.#live[domain] ?? 0) + pages;
    this.entries += pages;
    this.#budget.adopt(pages);
  }

  removeDomain(domain: number): void {
    const stale = this.#stale[domain] ?? 0;
    this.#give((this.#live[domain] ?? 0) + stale);
    this.#live[domain] = 0;
    this.#addStale(domain, -stale);
  }

  #takeUp(domain: number): void {
    if (this.#missing === 0) return;
    const room = Math.max(0, Math.min(this.#missing, this.#limit - this.entries));
    const taken = this.#budget.take(room);
    this.entries += taken;
    this.#live[domain] = (this.#live[domain] ?? 0) + taken;
    this.#missing -= taken;
  }

  // Out of entries once none is left: the request that takes the last one is refused although it was
  // carried out. Out of pages only where a page could not be pinned.
  #answer(): HostAnswer {
    if (this.entries >= this.#limit) return HostAnswer.outOfEntries;
    return this.#missing > 0 ? HostAnswer.outOfPages : HostAnswer.ok;
  }

  #addStale(domain: number, pages: number): void {
    this.#stale[domain] = (this.#stale[domain] ?? 0) + pages;
    this.staleEntries += pages;
  }

  #give(pages: number): void {
    this.entries -= pages;
    this.#budget.give(pages);
  }
}
