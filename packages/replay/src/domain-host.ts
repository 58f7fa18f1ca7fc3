// What one domain asks of the host: a refresh for each map, strict unmap and flush, and what follows when
// the host is out of resources.
//
// Models iotlb_sync_map, iotlb_sync and flush_iotlb_all of drivers/iommu/s390-iommu.c (Linux 6.12), and
// the other answers that docs/models/host.md names. Left out: several functions in one domain.

import { HostAnswer, type HostResources, RefreshScope } from './host-policy.ts';
import { OutcomeKind } from './outcome.ts';
import type { Gauges, OutcomeLog } from './outcome-log.ts';
import { FailCause, FlushCause, type FlushQueue, type IovaAllocator } from './policy.ts';

const PAGE = 4096;

/** The domain as its host sees it. */
export interface HostedDomain extends Gauges {
  readonly granule: number;
  /** The queue of the domain as it is now. */
  queue(): FlushQueue;
  allocator(): IovaAllocator;
  /** Flushes the IOTLB of the domain, the host's part of it too. */
  invalidateAll(cause: FlushCause): void;
}

/** The host side of one domain; lengths are in pages of its granule. */
export class DomainHost {
  readonly #host: HostResources;
  readonly #domain: HostedDomain;
  readonly #log: OutcomeLog;
  readonly #perPage: number;
  #answer: HostAnswer = HostAnswer.ok;

  constructor(host: HostResources, domain: HostedDomain, log: OutcomeLog) {
    this.#host = host;
    this.#domain = domain;
    this.#log = log;
    this.#perPage = Math.max(1, domain.granule / PAGE);
  }

  /** Brings a range that was just mapped to the host; the cause if that cannot be done. */
  establish(pfn: number, pages: number, cpu: number, id: number): FailCause {
    const host = this.#host;
    const entries = pages * this.#perPage;
    const before = host.entries;
    const first = host.refreshMapped(this.#domain.index, entries);
    this.#row(RefreshScope.map, first, pfn, pages, id, before);
    if (first === HostAnswer.ok) return FailCause.none;
    const cause = first === HostAnswer.outOfEntries ? FailCause.hostEntries : FailCause.hostPages;
    const stale = host.staleEntries;
    const lacked = this.#respond(first, cpu);
    if (lacked === HostAnswer.ok) {
      const freed = stale - host.staleEntries;
      const row = this.#log.row(OutcomeKind.hostReclaim, this.#domain, id, pfn, pages, 0, freed, 0);
      this.#log.batch.cause[row] = cause;
      return FailCause.none;
    }
    const held = host.entries;
    const blocked = host.undo(this.#domain.index, entries);
    const row = this.#row(RefreshScope.undo, HostAnswer.ok, pfn, pages, id, held);
    this.#log.batch.cause[row] = blocked ? 1 : 0;
    return lacked === HostAnswer.outOfEntries ? FailCause.hostEntries : FailCause.hostPages;
  }

  /** Pages of the domain's granule that the host has room for. */
  room(): number {
    return Math.floor((this.#host.room?.() ?? Number.POSITIVE_INFINITY) / this.#perPage);
  }

  adopt(pages: number): void {
    this.#host.adopt(this.#domain.index, pages * this.#perPage);
  }

  /** The guest's entries of a range are gone; the host's are not. */
  unmapped(pages: number): void {
    this.#host.unmapped(this.#domain.index, pages * this.#perPage);
  }

  /** A range that was unmapped is refreshed. */
  invalidated(pfn: number, pages: number): void {
    const before = this.#host.entries;
    this.#host.refreshUnmapped(this.#domain.index, pages * this.#perPage);
    this.#row(RefreshScope.unmap, HostAnswer.ok, pfn, pages, 0, before);
  }

  /** The whole aperture is refreshed. */
  flushed(): void {
    const before = this.#host.entries;
    this.#answer = this.#host.refreshAll(this.#domain.index);
    this.#row(RefreshScope.global, this.#answer, -1, 0, 0, before);
  }

  remove(): void {
    this.#host.removeDomain(this.#domain.index);
  }

  // A strict queue has nothing to flush: then nothing reaches the host.
  #respond(first: HostAnswer, cpu: number): HostAnswer {
    const { outOfResource } = this.#host;
    this.#answer = first;
    if (outOfResource === 'fail') return first;
    const allocator = this.#domain.allocator();
    if (outOfResource === 's390Legacy' && allocator.flushed) {
      this.#domain.invalidateAll(FlushCause.host);
      if (this.#answer === HostAnswer.ok) allocator.flushed();
    } else if (outOfResource === 'globalFlushRetry') this.flushed();
    else this.#domain.queue().flush(FlushCause.host, cpu);
    return this.#answer;
  }

  #row(
    scope: RefreshScope,
    answer: HostAnswer,
    pfn: number,
    pages: number,
    id: number,
    before: number,
  ): number {
    const gained = this.#host.entries - before;
    const bytes = pages * this.#domain.granule;
    const kind = OutcomeKind.hostRefresh;
    const row = this.#log.row(kind, this.#domain, id, pfn, pages, bytes, gained, 0);
    this.#log.batch.path[row] = scope;
    this.#log.batch.stage[row] = answer;
    this.#log.charge(row);
    return row;
  }
}
