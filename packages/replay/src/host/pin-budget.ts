// Pages that a host lets its guests pin (RLIMIT_MEMLOCK of vfio, or the memory of the host); see
// docs/models/host.md. Left out: ballooning, and memory that a guest pins in other ways.

import type { HostResources, PinBudget } from '../host-policy.ts';

/** A budget of pages that guests share; who blocked whom is counted. */
export class SharedPinBudget implements PinBudget {
  readonly limit: number;
  used = 0;
  /** Most pages pinned at once. */
  peak = 0;
  readonly #guests: HostResources[] = [];
  /** Failed maps by guest, and by the guest that held unmapped pages then: `guest * guests + other`. */
  readonly #blocked: number[][] = [];

  /** `pages`: 0 = no limit. */
  constructor(pages: number) {
    this.limit = pages === 0 ? Number.POSITIVE_INFINITY : pages;
  }

  take(pages: number): number {
    const taken = Math.max(0, Math.min(pages, this.limit - this.used));
    this.adopt(taken);
    return taken;
  }

  adopt(pages: number): void {
    this.used += pages;
    if (this.used > this.peak) this.peak = this.used;
  }

  give(pages: number): void {
    this.used -= pages;
  }

  join(guest: HostResources): void {
    this.#guests.push(guest);
    this.#blocked.push([]);
  }

  blocked(guest: HostResources, pages: number): boolean {
    let held = 0;
    const counts = this.#blocked[this.#guests.indexOf(guest)];
    this.#guests.forEach((other, i) => {
      if (other === guest || other.staleEntries === 0) return;
      held += other.staleEntries;
      if (counts) counts[i] = (counts[i] ?? 0) + 1;
    });
    return pages > 0 && held >= pages;
  }

  /** Failed maps of the guest that joined as number `guest` while guest `other` held unmapped pages. */
  blockedBy(guest: number, other: number): number {
    return this.#blocked[guest]?.[other] ?? 0;
  }
}
