// How the free address space of each domain is cut up.
//
// The looks are those of the replay (state-sampler.ts): between two of them it may have been worse.

import {
  type DomainSample,
  FailStage,
  type FreeRegion,
  type StateSample,
  USABLE_SIZES,
} from '@dmalab/replay';
import type {
  AlignmentWaste,
  FreeRegionFigures,
  FreeSpaceFigures,
  FreeSpaceState,
} from '../figures/addresses.ts';
import { share } from './share.ts';
import type { DomainSpace } from './space.ts';
import type { Extreme } from './states.ts';

interface Seen {
  looks: number;
  worst: number;
  mostFragmented: FreeSpaceState;
  firstFailure: FreeSpaceState | null;
  end: FreeSpaceState;
}

/** Finds the look at which the space below 4 GiB of each domain was most fragmented. */
export class Fragmentation implements Extreme {
  readonly #granules: readonly number[];
  readonly #domains: (Seen | undefined)[] = [];
  /** Most ranges that the allocators of all domains kept in order; null where none says. */
  peakNodes: number | null = null;
  endNodes: number | null = null;

  constructor(spaces: readonly DomainSpace[]) {
    this.#granules = spaces.map(({ granule }) => granule);
  }

  look(sample: StateSample): void {
    let nodes: number | null = null;
    for (const domain of sample.domains) {
      if (domain.nodes !== null) nodes = (nodes ?? 0) + domain.nodes;
      this.#domain(sample, domain);
    }
    this.endNodes = nodes;
    if (nodes !== null) this.peakNodes = Math.max(this.peakNodes ?? 0, nodes);
  }

  /** Figures of a domain; null where its allocator does not tell its free ranges, or nothing was mapped. */
  figures(domain: number): FreeSpaceFigures | null {
    const seen = this.#domains[domain];
    if (seen === undefined) return null;
    const { looks, mostFragmented, firstFailure, end } = seen;
    return { looks, mostFragmented, firstFailure, end };
  }

  #domain({ time, stage }: StateSample, sample: DomainSample): void {
    const state = freeSpaceState(time, sample, this.#granules[sample.domain] ?? 4096);
    if (state === null) return;
    const worst = state.below4G.fragmentation ?? 0;
    const seen = this.#domains[sample.domain] ?? {
      looks: 0,
      worst,
      mostFragmented: state,
      firstFailure: null,
      end: state,
    };
    this.#domains[sample.domain] = seen;
    seen.looks++;
    seen.end = state;
    if (stage === FailStage.iova) seen.firstFailure ??= state;
    if (worst <= seen.worst) return;
    seen.worst = worst;
    seen.mostFragmented = state;
  }
}

/** The free space of a domain as figures; null where it is not known. */
export function freeSpaceState(
  at: number,
  { nodes, free }: DomainSample,
  granule: number,
): FreeSpaceState | null {
  if (free === null) return null;
  const figures = (region: FreeRegion): FreeRegionFigures => regionFigures(region, granule);
  return { at, nodes, below4G: figures(free.below4G), above4G: figures(free.above4G) };
}

function regionFigures(region: FreeRegion, granule: number): FreeRegionFigures {
  const { pages, gaps, largest } = region;
  const intact = share(largest, pages);
  return {
    freeBytes: pages * granule,
    gaps,
    largestGapBytes: largest * granule,
    fragmentation: intact === null ? null : 1 - intact,
    alignmentWaste: alignmentWaste(region),
  };
}

function alignmentWaste({ pages, usable }: FreeRegion): AlignmentWaste[] {
  return Array.from({ length: USABLE_SIZES - 1 }, (_, i) => ({
    pages: 2 ** (i + 1),
    share: share(pages - usable[i + 1]!, pages),
  }));
}
