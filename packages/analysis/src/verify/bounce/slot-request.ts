// What swiotlb_tbl_map_single asks of the search (kernel/dma/swiotlb.c): bytes with the offset in front, whole
// allocation units, and padding slots before the buffer (6.10 and later). Masks are powers of two less 1.

import { SearchRule, SLOT_BYTES, type SwiotlbRules } from '@dmalab/replay';
import type { SlotRequest } from './bounce-calls.ts';

/** The request of a map of `bytes` from `orig` by a device that keeps the bits of `minAlignMask`. */
export function slotRequest(
  { rule, callerRounds }: SwiotlbRules,
  orig: number,
  bytes: number,
  alignMask: number,
  minAlignMask: number,
): SlotRequest {
  const unit = alignMask + 1;
  const kept = orig % (minAlignMask + 1);
  const offset = kept % (rule === SearchRule.v6_12 ? Math.max(unit, SLOT_BYTES) : SLOT_BYTES);
  const pad = Math.floor(offset / SLOT_BYTES);
  const size = callerRounds
    ? Math.ceil(bytes / unit) * unit + offset
    : Math.ceil((bytes + offset) / unit) * unit;
  return { size, offset: offset - pad * SLOT_BYTES, pad };
}

/** Slots of so many bytes. */
export function slotsOf(bytes: number): number {
  return Math.ceil(bytes / SLOT_BYTES);
}
