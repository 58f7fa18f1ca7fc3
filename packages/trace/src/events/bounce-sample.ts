// Lines of debugfs/swiotlb that a user wrote into the trace, in records whose text is not printed.
//
//   io_tlb_nslabs=512 io_tlb_used=0 io_tlb_used_hiwater=0 io_tlb_transient_nslabs=0
//
// Printed records are read by the catalogue (probes.ts), which has the same keys.

import type { EventBatch } from '../batch.ts';

const MAX_TEXT = 4096;

/** Reads the numbers of a mark, if it has any, into the columns of {@link EventKind.mark}. */
export function readBounceSample(batch: EventBatch, row: number, bytes: Uint8Array): void {
  if (bytes.length > MAX_TEXT) return;
  const text = new TextDecoder('latin1').decode(bytes);
  const slots = numberOf(text, 'io_tlb_nslabs');
  if (slots === 0) return;
  batch.size[row] = slots;
  batch.aux[row] = numberOf(text, 'io_tlb_used');
  batch.aux2[row] = numberOf(text, 'io_tlb_used_hiwater');
  batch.addressLow[row] = numberOf(text, 'io_tlb_transient_nslabs');
}

function numberOf(text: string, key: string): number {
  const digits = new RegExp(`(?:^|\\s)${key}=(\\d{1,9})(?!\\d)`).exec(text)?.[1];
  return digits === undefined ? 0 : Number(digits);
}
