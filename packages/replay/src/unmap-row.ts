// The row of the unmap that is under way in a domain.
//
// It says the state after the unmap, so it follows the flush and the releases that made room in the queue; but it
// precedes the invalidation and the release of its own range (strict).

import { OutcomeKind } from './outcome.ts';
import type { Gauges, OutcomeLog } from './outcome-log.ts';

/** What the row will say; times in ns. */
export class UnmapRow {
  /** The request, 0 where no row is to be written. */
  id = 0;
  pfn = 0;
  pages = 0;
  /** Waiting for the lock of the queue. */
  waitNs = 0;
  #bytes = 0;
  #lifetime = 0;
  #costNs = 0;

  /** An unmap begins. `lifetime`: -1 where unknown. */
  begin(
    id: number,
    pfn: number,
    pages: number,
    bytes: number,
    lifetime: number,
    costNs: number,
  ): void {
    this.id = id;
    this.pfn = pfn;
    this.pages = pages;
    this.#bytes = bytes;
    this.#lifetime = lifetime;
    this.#costNs = costNs;
  }

  /** Writes the row, with the state of `domain` as it is now. */
  write(log: OutcomeLog, domain: Gauges): void {
    const { id, pfn, pages } = this;
    const kind = OutcomeKind.unmap;
    const row = log.row(kind, domain, id, pfn, pages, this.#bytes, this.#lifetime, this.#costNs);
    log.batch.waitNs[row] = this.waitNs;
    log.answer(row);
    this.id = 0;
  }
}
