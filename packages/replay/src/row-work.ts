// What the work of an outcome row consists of: how often each cost was charged for it, and at which lock
// it waited. The sum of counts x costs over all rows is the sum of their `costNs`.

import { COSTS } from './cost.ts';
import { Lock } from './latency.ts';
import type { CostModel } from './machine.ts';
import { addMachineWork, machineWork } from './machine-work.ts';
import { type OutcomeBatch, OutcomeKind } from './outcome.ts';
import { AllocPath } from './policy.ts';
import { CLASSES } from './structures/rcache.ts';

/** How often each cost was charged, by its name. */
export type WorkCounts = Readonly<Record<keyof CostModel, number>>;

const index = Object.fromEntries(COSTS.map(({ name }, i) => [name, i])) as WorkCounts;
/** Rows of bounce memory and the host have the kinds from here on. */
const FIRST_MACHINE_KIND: number = OutcomeKind.bounceMap;
const FROM_CACHE: number = AllocPath.rcache;

/** Adds up the work of batches. */
export class WorkSum {
  readonly #cpus: number;
  readonly #counts = new Float64Array(COSTS.length);
  readonly #machine = machineWork();

  /** `cpus`: those of the machine. */
  constructor(cpus: number) {
    this.#cpus = cpus;
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, pages, path, steps, searches, updates, exchanges } = batch;
    const counts = this.#counts;
    for (let i = 0; i < length; i++) {
      if (kind[i]! >= FIRST_MACHINE_KIND) {
        addMachineWork(batch, i, this.#machine);
        continue;
      }
      counts[index.treeSearch]! += searches[i]!;
      counts[index.treeUpdate]! += updates[i]!;
      counts[index.depotExchange]! += exchanges[i]!;
      switch (kind[i]) {
        case OutcomeKind.map:
          counts[index.pageTableEntry]! += pages[i]!;
          counts[index.treeStep]! += steps[i]!;
          if (path[i] === FROM_CACHE) counts[index.rcache]!++;
          break;
        case OutcomeKind.mapFail:
        case OutcomeKind.retry:
          counts[index.treeStep]! += steps[i]!;
          // The host refused a range that came from a cache.
          if (path[i] === FROM_CACHE) counts[index.rcache]!++;
          break;
        case OutcomeKind.unmap:
          counts[index.pageTableEntry]! += pages[i]!;
          break;
        case OutcomeKind.release:
          if (path[i] === FROM_CACHE) counts[index.rcache]!++;
          break;
        case OutcomeKind.sync:
          counts[index.invalidateRange]!++;
          break;
        case OutcomeKind.flush:
          counts[index.invalidateAll]!++;
          break;
        case OutcomeKind.rcacheFlush:
          counts[index.cacheFlush]! += CLASSES * this.#cpus;
          break;
      }
    }
  }

  /** The counts so far. */
  counts(): WorkCounts {
    const counts = Object.fromEntries(COSTS.map(({ name }, i) => [name, this.#counts[i]!]));
    return { ...counts, ...this.#machine } as unknown as WorkCounts;
  }
}

/** ns of this work by a cost model, without waiting. */
export function costOfWork(work: WorkCounts, cost: CostModel): number {
  return COSTS.reduce((sum, { name }) => sum + work[name] * cost[name], 0);
}

/** The lock at which a row with `waitNs` waited. */
export function lockOfRow(kind: number, path: number): Lock {
  switch (kind) {
    case OutcomeKind.map:
    case OutcomeKind.mapFail:
    case OutcomeKind.retry:
    case OutcomeKind.release:
      return path === FROM_CACHE ? Lock.depot : Lock.tree;
    case OutcomeKind.rcacheFlush:
    case OutcomeKind.depotTrim:
      return Lock.tree;
    case OutcomeKind.unmap:
      return Lock.queue;
    case OutcomeKind.sync:
    case OutcomeKind.flush:
      return Lock.invalidation;
    case OutcomeKind.bounceMap:
      return Lock.area;
    default:
      return Lock.none;
  }
}
