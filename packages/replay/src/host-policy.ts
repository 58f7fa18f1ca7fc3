// What the host resources of a guest must answer: mapping entries and pinned pages behind a page table
// that a hypervisor shadows.
//
// A refresh (RPCIT on s390) tells the hypervisor that entries of the guest's table changed; it answers
// "out of resource" when nothing is left. See docs/models/host.md.

import type { PolicyKit, PolicyRecord } from './policy.ts';

/** How a hypervisor answers a refresh. */
export const HostAnswer = { ok: 0, outOfEntries: 1, outOfPages: 2 } as const;
export type HostAnswer = (typeof HostAnswer)[keyof typeof HostAnswer];

/** What a refresh was for: a map, an unmap, the whole aperture, or the undoing of a failed map. */
export const RefreshScope = { map: 0, unmap: 1, global: 2, undo: 3 } as const;
export type RefreshScope = (typeof RefreshScope)[keyof typeof RefreshScope];

/**
 * What a guest does when a map is answered with "out of resource": fail it; flush the queue (v2 of the
 * series, 2022, not merged); refresh the whole aperture once (merged, 6.7); or, up to 6.6 on s390,
 * refresh the whole aperture and free every lazily unmapped range.
 */
export type OutOfResource = 'fail' | 'flushQueue' | 'globalFlushRetry' | 's390Legacy';

/** Pages that a host lets guests pin: of one guest, or shared by several. */
export interface PinBudget {
  /** Pages, Infinity without a limit. */
  readonly limit: number;
  /** Pages pinned by all guests. */
  readonly used: number;
  /** Takes up to `pages`, and says how many it got. */
  take(pages: number): number;
  /** Takes `pages` even where the budget is spent: they were pinned before the replay. */
  adopt(pages: number): void;
  give(pages: number): void;
  /** Called once by each guest that draws on the budget. */
  join(guest: HostResources): void;
  /**
   * Notes that `guest` lacks `pages` and cannot go on; true if other guests hold at least as many that
   * they have unmapped already.
   */
  blocked(guest: HostResources, pages: number): boolean;
}

/** What the engine offers to the host resources of one machine. */
export interface HostPort {
  readonly kit: PolicyKit;
  /** The budget of pinned pages: `pages` of its own (0 = no limit), or the one that guests share. */
  pinBudget(pages: number): PinBudget;
}

/**
 * The host's view of one guest, in 4 KiB pages. Its entries are the pages that are live and those lazily
 * unmapped that no refresh has covered.
 */
export interface HostResources {
  readonly outOfResource: OutOfResource;
  /** Entries held by the host. */
  readonly entries: number;
  /** Entries of pages that the guest has unmapped. */
  readonly staleEntries: number;
  /** Pages that there is room for now; absent: no limit is told. */
  room?(): number;
  /**
   * Refreshes the `pages` of `domain` that the guest has just mapped. What finds no room is missing
   * until {@link refreshAll} or {@link undo}, one of which must follow an answer that is not ok.
   */
  refreshMapped(domain: number, pages: number): HostAnswer;
  /** The guest unmapped `pages`: the host holds them until a refresh. */
  unmapped(domain: number, pages: number): void;
  /** Refreshes `pages` that the guest has unmapped. */
  refreshUnmapped(domain: number, pages: number): void;
  /** Refreshes the whole aperture: frees what was unmapped, then takes up what is missing. */
  refreshAll(domain: number): HostAnswer;
  /** Takes the pages of a failed map back; true if other guests hold back what it lacked. */
  undo(domain: number, pages: number): boolean;
  /** Pages that were mapped before the replay: held whatever the limits are. */
  adopt(domain: number, pages: number): void;
  /** The domain is gone with all its pages. */
  removeDomain(domain: number): void;
}

/** What a file in host/ exports; `create` gives null where the host holds nothing. */
export type HostPolicy = PolicyRecord<'host', HostResources | null, HostPort>;
