// The key of a scatter list: a hash of its physical addresses.
//
// Recorded lists may be cut at 128 entries, so only those are hashed; the full count is compared beside it.

import type { EventBatch } from '../batch.ts';

const HASHED = 128;

/** 32-bit hash of the first physical addresses of event `i`. */
export function listHash(b: EventBatch, i: number): number {
  const { physLow, physHigh } = b.segments;
  const start = b.listStart[i]!;
  const end = start + Math.min(HASHED, b.listLength[i]!);
  let hash = 0x811c9dc5;
  for (let s = start; s < end; s++) {
    hash = Math.imul(hash ^ physLow[s]!, 0x01000193) ^ Math.imul(physHigh[s]!, 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}
