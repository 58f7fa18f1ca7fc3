// Which areas a map searched, where the capture does not show it.
//
// swiotlb_find_slots of kernels without dynamic pools (6.1, 6.12) begins with the area of its CPU and goes on to the
// next one until a search succeeds: a map that failed visited all, a map that got slots those up to theirs. A thread
// that was moved inside of the call began with the area of either CPU: only areas that it visited in
// both cases count.

import { SLOT_BYTES, type SlotPool } from '@dmalab/replay';
import { type AreaStep, FAILED, type MapCall, type RecordedPool, UNKNOWN } from './bounce-calls.ts';

/** Adds the steps of `call` in the default pool. Without a known result there is none. */
export function deriveSteps(call: MapCall, pool: RecordedPool): void {
  const { result } = call;
  if (result === UNKNOWN) return;
  const { model } = pool;
  const hit = result === FAILED ? -1 : areaAt(model, result);
  let misses = missesBefore(call.cpu, hit, model.areas);
  if (call.endCpu !== call.cpu) {
    const other = missesBefore(call.endCpu, hit, model.areas);
    misses = misses.filter((area) => other.includes(area));
  }
  for (const area of misses) call.steps.push(stepOf(call, pool, area, FAILED));
  if (result !== FAILED) call.steps.push(stepOf(call, pool, hit, UNKNOWN));
}

/** Area of an address, which may be outside of the pool: then that of the nearest slot. */
function areaAt({ start, areaSlots, areas }: SlotPool, address: number): number {
  const area = Math.floor((address - start) / SLOT_BYTES / areaSlots);
  return Math.min(areas - 1, Math.max(0, area));
}

/** Areas that are searched in vain, in order, from that of `cpu` to before `hit`; all where `hit` is -1. */
function missesBefore(cpu: number, hit: number, areas: number): number[] {
  const misses: number[] = [];
  for (let i = 0; i < areas; i++) {
    const area = (cpu + i) % areas;
    if (area === hit) break;
    misses.push(area);
  }
  return misses;
}

function stepOf(call: MapCall, pool: RecordedPool, area: number, slot: number): AreaStep {
  const { begin, searchedBy: end } = call;
  return { call, pool, area, begin, end, slot, expected: -1, taken: -1 };
}
