// The address space of each domain over time; the busiest one's is kept.

import { type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import type { DomainSpace } from './space.ts';
import { type SpaceGrid, SpaceSketch } from './space-map.ts';

const FOUR_GIB = 2 ** 32;
/** Domains with a higher index than this have no map: memory stays bounded. */
const MOST_DOMAINS = 256;

/** Addresses against time, of the domain with most maps. */
export interface SpaceMap {
  /** Index of the domain. */
  readonly domain: number;
  /** Maps that it served. */
  readonly maps: number;
  /** Width of a column, ns. */
  readonly columnNs: number;
  /** Below 4 GiB, and from there on; null where nothing was held there. */
  readonly low: SpaceGrid | null;
  readonly high: SpaceGrid | null;
}

/** Of one domain; each sketch is made with the first range in it. */
interface Sketches {
  maps: number;
  low: SpaceSketch | null;
  high: SpaceSketch | null;
}

/** See the head of the file. */
export class SpaceMaps {
  readonly #granules: readonly number[];
  readonly #domains: (Sketches | undefined)[] = [];

  constructor(spaces: readonly DomainSpace[]) {
    this.#granules = spaces.slice(0, MOST_DOMAINS).map(({ granule }) => granule);
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, domain, value } = batch;
    for (let i = 0; i < length; i++) {
      switch (kind[i]) {
        case OutcomeKind.openStart:
          if (value[i] === 0) this.#change(batch, i, 1);
          break;
        case OutcomeKind.map:
          this.#change(batch, i, 1);
          break;
        case OutcomeKind.release:
          this.#change(batch, i, -1);
          break;
        case OutcomeKind.domainDestroy:
          this.#domains[domain[i]!]?.low?.clear(batch.time[i]!);
          this.#domains[domain[i]!]?.high?.clear(batch.time[i]!);
      }
    }
  }

  /** The map of the busiest domain up to `end`; null where no address was used. */
  busiest(end: number): SpaceMap | null {
    let found: SpaceMap | null = null;
    this.#domains.forEach((sketches, domain) => {
      if (sketches === undefined || (found !== null && sketches.maps <= found.maps)) return;
      const { maps, low, high } = sketches;
      const columnNs = (low ?? high)?.columnNs(end) ?? 0;
      found = {
        domain,
        maps,
        columnNs,
        low: low?.grid(end) ?? null,
        high: high?.grid(end) ?? null,
      };
    });
    return found;
  }

  #change(batch: OutcomeBatch, i: number, sign: 1 | -1): void {
    const domain = batch.domain[i]!;
    const granule = this.#granules[domain];
    const pfn = batch.pfn[i]!;
    const bytes = batch.pages[i]! * (granule ?? 0);
    if (granule === undefined || pfn < 0 || bytes === 0) return;
    this.#domains[domain] ??= { maps: 0, low: null, high: null };
    const sketches = this.#domains[domain];
    if (sign > 0) sketches.maps++;
    const address = pfn * granule;
    const side = address < FOUR_GIB ? 'low' : 'high';
    sketches[side] ??= new SpaceSketch(granule);
    sketches[side].change(address, bytes, sign, batch.time[i]!);
  }
}
