// Addresses in the events of swiotlb, which are physical: below 2^53, so exact as one number.

import type { EventBatch } from '@dmalab/trace';

const TWO_32 = 2 ** 32;

/** The address of an event: a bounce address, or the start of a pool. */
export function addressOf(batch: EventBatch, row: number): number {
  return batch.addressHigh[row]! * TWO_32 + batch.addressLow[row]!;
}

/** The other address of an event: the original buffer, or the end of a pool. */
export function physOf(batch: EventBatch, row: number): number {
  return batch.physHigh[row]! * TWO_32 + batch.physLow[row]!;
}
