// The cost model: what the work of a replay would have taken, in ns. Nothing here is measured.
//
// Defaults are assumptions, listed with their reasons in docs/models/cost.md. Left out: contention,
// refill of the IOTLB after a flush, memory placement.

import type { CostModel } from './machine.ts';
import { AllocPath, type AllocWork } from './policy.ts';

/** Assumed costs of a bare-metal x86 machine. */
export const DEFAULT_COST: CostModel = {
  rcache: 50,
  depotExchange: 200,
  treeSearch: 300,
  treeStep: 10,
  treeUpdate: 300,
  invalidateRange: 700,
  invalidateAll: 1000,
  pageTableEntry: 50,
};

/** Cost of an allocation, without its page-table entries. */
export function allocCost(cost: CostModel, work: AllocWork): number {
  const searches = work.tries * cost.treeSearch + work.steps * cost.treeStep;
  if (work.path === AllocPath.rcache) return searches + cost.rcache;
  return work.path === AllocPath.failed ? searches : searches + cost.treeUpdate;
}
