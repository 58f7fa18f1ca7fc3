// Why pools cannot serve a request: the causes of docs/models/swiotlb.md.

import { type BounceDevice, FailCause } from '../policy.ts';
import type { SlotSearch } from '../structures/slot-search.ts';
import { slotsOf } from '../structures/slot-table.ts';
import type { SlotPool } from './slot-pool.ts';

/** The cause where no pool of `list` has slots for `size` bytes (offset in front included). */
export function refusal(
  list: readonly SlotPool[],
  search: SlotSearch,
  orig: number,
  size: number,
  alignMask: number,
  device: BounceDevice,
): FailCause {
  const mayFit = (pool: SlotPool): boolean => pool.possible(search, orig, size, alignMask, device);
  if (!list.some(mayFit)) return FailCause.tooLarge;
  const n = slotsOf(size);
  let free = 0;
  let room = false;
  let run = false;
  for (const pool of list) {
    for (let area = 0; area < pool.areas; area++) {
      const left = pool.areaSlots - pool.used[area]!;
      free += left;
      if (left < n) continue;
      room = true;
      run ||= pool.hasRun(area, n);
    }
  }
  if (run) return FailCause.alignment;
  if (room) return FailCause.fragmented;
  return free < n ? FailCause.poolFull : FailCause.areaFull;
}
