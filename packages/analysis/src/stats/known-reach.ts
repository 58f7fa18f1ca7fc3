// Whether a replay knows what its devices can reach.

import type { Machine } from '@dmalab/replay';

/**
 * False where unmaps wait for a flush of the allocator (policy deferred): stale windows and exposure are unknown then,
 * though they count as 0.
 */
export function isReachKnown({ flush }: Pick<Machine, 'flush'>): boolean {
  return flush?.name !== 'deferred';
}
