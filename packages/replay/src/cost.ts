// The cost model: what the work of a replay would have taken, in ns. Nothing here is measured.
//
// Defaults are assumptions, each with what it rests on; docs/models/cost.md says more. Left out: refill
// of the IOTLB after a flush, memory placement, large pages.

import type { CostModel } from './machine.ts';

/** A piece of work with a cost, as help texts and tables show it. */
export interface CostDescription {
  readonly name: keyof CostModel;
  /** Assumed ns for each, on a bare-metal x86 machine. */
  readonly default: number;
  readonly unit: 'ns';
  /** What is counted. */
  readonly work: string;
  /** What the default rests on. */
  readonly source: string;
}

/** All costs, in the order of tables. */
export const COSTS: readonly CostDescription[] = [
  cost(
    'rcache',
    50,
    'a hit in a magazine, or a put',
    'assumed; an IOVA allocation alone took 0.1 us in a nested guest (mail of a benchmark patch, May 2025)',
  ),
  cost('depotExchange', 200, 'a magazine to or from the depot', 'assumed: one shared lock'),
  cost(
    'cacheFlush',
    300,
    'a CPU and size class looked at when all caches are emptied',
    'assumed: a lock each',
  ),
  cost('treeSearch', 300, 'one search', 'assumed: the lock and the way down'),
  cost('treeStep', 10, 'a node visited', 'assumed: about one cache miss'),
  cost('treeUpdate', 300, 'a range into the tree, or out of it', 'assumed: as a search'),
  cost(
    'invalidateRange',
    700,
    'synchronous invalidation of a range',
    'about 2,100 cycles at 3.1 GHz on bare metal (rIOMMU, ASPLOS 2015, quoted from memory)',
  ),
  cost(
    'invalidateAll',
    1000,
    'a flush of the whole IOTLB',
    'assumed for bare metal, without the misses that follow; an emulated IOMMU takes 10 us and more',
  ),
  cost('pageTableEntry', 50, 'a granule mapped or unmapped', 'assumed: a write'),
  cost(
    'bounceSearch',
    100,
    'slots taken for a buffer or a segment',
    'assumed: the lock of an area',
  ),
  cost('bounceProbe', 5, 'a slot looked at', 'assumed'),
  cost('bounceArea', 50, 'a further area searched', 'assumed: another lock'),
  cost(
    'transientPool',
    2000,
    'a transient pool made for one buffer',
    'assumed: pages and their bookkeeping',
  ),
  cost('copyByte', 0.1, 'a byte copied to or from bounce memory', 'assumed: 10 GB/s'),
  cost(
    'convertCall',
    20_000,
    'a change of the encryption of memory',
    'assumed; that it takes far longer than a copy is known, how long is not',
  ),
  cost('convertPage', 500, 'a page of 4 KiB whose encryption was changed', 'assumed'),
  cost(
    'hostRange',
    10_000,
    'a refresh of a range by the host of a paged guest',
    'assumed; an emulated VT-d took 9.6 us for a sync (mail of a benchmark patch, 2025)',
  ),
  cost(
    'hostGlobal',
    20_000,
    'a refresh of the whole aperture',
    'assumed, without the walk over empty tables; no absolute figure was found',
  ),
  cost(
    'hostEntry',
    500,
    'an entry that the host gains or gives up',
    'assumed: a page pinned or let go',
  ),
];

/** Assumed costs of a bare-metal x86 machine, in ns. */
export const DEFAULT_COST: CostModel = Object.fromEntries(
  COSTS.map(({ name, default: ns }) => [name, ns]),
) as unknown as CostModel;

function cost(name: keyof CostModel, ns: number, work: string, source: string): CostDescription {
  return { name, default: ns, unit: 'ns', work, source };
}
