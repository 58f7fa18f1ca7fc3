// Finding live mappings by device and address.

import { pageOf } from './address.ts';
import { NONE, State } from './live-set.ts';
import type { Pairing } from './state.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const NO_ENTRY = NONE;
const States = State;

/** The page that a mapping at this address is found by: that of its first granule. */
export function keyOf(p: Pairing, low: number, high: number): number {
  const page = pageOf(low, high);
  return p.unit === 1 ? page : page - (page % p.unit);
}

/** The mapping of `device` at exactly this address: the newest, as for direct mappings the last in is the first out. */
export function findMapping(p: Pairing, device: number, low: number, high: number): number {
  const { live } = p;
  let entry = live.first(keyOf(p, low, high));
  while (
    entry !== NO_ENTRY &&
    (live.addressLow[entry] !== low ||
      live.addressHigh[entry] !== high ||
      live.device[entry] !== device ||
      (live.state[entry]! & States.claimed) === 0)
  ) {
    entry = live.next(entry);
  }
  return entry;
}

/** A mapping that only iommu events told of, whose first granule holds this address. */
export function findUnclaimed(p: Pairing, low: number, high: number): number {
  return firstUnclaimed(p, keyOf(p, low, high));
}

/** A mapping at `page` that only iommu events told of. */
export function firstUnclaimed(p: Pairing, page: number): number {
  const { live } = p;
  if (!p.tableEvents) return NO_ENTRY;
  let entry = live.first(page);
  while (entry !== NO_ENTRY && (live.state[entry]! & States.claimed) !== 0)
    entry = live.next(entry);
  return entry;
}

/** Takes device, exact size and address of a mapping from the call that unmaps it. */
export function adoptExact(
  p: Pairing,
  entry: number,
  device: number,
  size: number,
  low: number,
  high: number,
): void {
  const { live } = p;
  const page = pageOf(low, high);
  if (page < live.page[entry]! || page >= live.page[entry]! + live.pages[entry]!) return;
  live.device[entry] = device;
  live.size[entry] = size;
  live.addressLow[entry] = low;
  live.addressHigh[entry] = high;
  live.state[entry] = live.state[entry]! | States.exact;
}
