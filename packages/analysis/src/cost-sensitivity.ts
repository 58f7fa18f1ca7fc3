// Whether a ranking of runs by modelled cost rests on one of its assumptions.
//
// Each cost in turn is halved and doubled, the same for all runs. Without waiting a run costs the sum of
// its counts of work times the costs, so nothing is replayed again. Waiting is left out: it is not linear;
// waiting-sensitivity.ts replays for it.

import { COSTS, costOfWork, type WorkCounts } from '@dmalab/replay';

/** A run by its work: label and `summary.modelledWork`, with the costs of its machine. */
export interface CostedRun {
  readonly label: string;
  readonly work: WorkCounts;
  readonly cost: WorkCounts;
}

/** A change of one cost that changes the order of two runs. */
export interface RankingFlip {
  readonly cost: keyof WorkCounts;
  /** 0.5 or 2. */
  readonly factor: number;
  /** Cheaper by the costs as they are, and dearer after the change. */
  readonly before: string;
  readonly after: string;
}

/** The ranking by modelled cost, and what would change it. */
export interface CostRanking {
  /** Labels, the cheapest first. */
  readonly ranking: readonly string[];
  /** ns by label, without waiting. */
  readonly total: Readonly<Record<string, number>>;
  /** True where no single cost, halved or doubled, changes the order. */
  readonly holds: boolean;
  readonly flips: readonly RankingFlip[];
}

/** Ranks runs by modelled cost, and tries each assumed cost halved and doubled. */
export function costSensitivity(runs: readonly CostedRun[]): CostRanking {
  const total = (run: CostedRun): number => costOfWork(run.work, run.cost);
  const ranked = [...runs].sort((a, b) => total(a) - total(b));
  const flips = COSTS.flatMap(({ name }) =>
    [0.5, 2].flatMap((factor) => firstFlip(ranked, name, factor)),
  );
  return {
    ranking: ranked.map(({ label }) => label),
    total: Object.fromEntries(ranked.map((run) => [run.label, total(run)])),
    holds: flips.length === 0,
    flips,
  };
}

/** The result as one line, e.g. for the text under a table. */
export function costSensitivityText(
  { ranking, holds, flips }: CostRanking,
  by: string = 'modelled cost',
): string {
  const order = ranking.join(' < ');
  if (holds) {
    return `ranking by ${by} (${order}) holds when each cost is halved or doubled`;
  }
  const [first] = flips;
  const how = first!.factor > 1 ? 'doubled' : 'halved';
  const costs = new Set(flips.map(({ cost }) => cost));
  const others = costs.size > 1 ? ` (${costs.size} costs change it)` : '';
  return `ranking by ${by} (${order}) changes: with ${first!.cost} ${how}, ${first!.after} is cheaper than ${first!.before}${others}`;
}

function firstFlip(
  ranked: readonly CostedRun[],
  cost: keyof WorkCounts,
  factor: number,
): RankingFlip[] {
  const changed = ranked.map((run) =>
    costOfWork(run.work, { ...run.cost, [cost]: run.cost[cost] * factor }),
  );
  for (let i = 1; i < ranked.length; i++) {
    const equal =
      costOfWork(ranked[i]!.work, ranked[i]!.cost) ===
      costOfWork(ranked[i - 1]!.work, ranked[i - 1]!.cost);
    if (changed[i]! < changed[i - 1]! && !equal) {
      return [{ cost, factor, before: ranked[i - 1]!.label, after: ranked[i]!.label }];
    }
  }
  return [];
}
