// A look at the address space of one domain: what its allocator tells of nodes, free ranges and caches.

import { cachedRanges } from './cached-ranges.ts';
import { type FreeSpace, freeSpace } from './free-space.ts';
import type { IovaAllocator } from './policy.ts';
import type { DomainSample } from './state-sampler.ts';

/** Stands for the nodes of an allocator that does not count any. */
const UNKNOWN_NODES = 65_536;

/** What of an address space counts. */
export interface SpaceBounds {
  /** Lowest pfn that is given out. */
  readonly startPfn: number;
  /** First pfn at or above 4 GiB. */
  readonly dma32Pfn: number;
  /** Ranges begin at multiples of their size. */
  readonly isAligned: boolean;
}

/** Ranges that {@link spaceSample} visits, about. */
export function spaceSize(allocator: IovaAllocator): number {
  return (allocator.nodes?.() ?? UNKNOWN_NODES) + allocator.cachedPages();
}

/** The address space at `now` (ns). `highestLimit`: the highest pfn that any request accepted, -1 before the first. */
export function spaceSample(
  allocator: IovaAllocator,
  bounds: SpaceBounds,
  highestLimit: number,
  now: number,
): Pick<DomainSample, 'nodes' | 'free' | 'cached' | 'low32Pages'> {
  const { cachedRanges: eachCached } = allocator;
  return {
    nodes: allocator.nodes?.() ?? null,
    free: highestLimit < 0 ? null : freeOf(allocator, bounds, highestLimit),
    cached:
      eachCached === undefined
        ? null
        : cachedRanges((visit) => eachCached.call(allocator, visit), now, bounds.dma32Pfn),
    low32Pages: allocator.low32Pages(),
  };
}

function freeOf(
  allocator: IovaAllocator,
  { startPfn, dma32Pfn, isAligned }: SpaceBounds,
  highestLimit: number,
): FreeSpace | null {
  const { freeRanges } = allocator;
  if (freeRanges === undefined) return null;
  const ranges = (visit: (pfnLo: number, pfnHi: number) => void): void =>
    freeRanges.call(allocator, visit);
  return freeSpace(ranges, startPfn, highestLimit, dma32Pfn, isAligned);
}
