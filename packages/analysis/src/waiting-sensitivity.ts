// Whether a ranking of runs by modelled time rests on one assumed cost, waiting included.
//
// Waiting is not linear in the costs, so each run is replayed anew with each cost that it was charged for,
// halved and doubled: a replay for each run and change. The time of a run is that of all its rows, work and
// waiting together.

import {
  COSTS,
  type Machine,
  type PolicyRegistry,
  type RequestSource,
  replay,
} from '@dmalab/replay';
import type { CostRanking, RankingFlip } from './cost-sensitivity.ts';

/** A run to be timed: its machine, and the policies that it is chosen from. */
export interface TimedRun {
  readonly label: string;
  readonly machine: Machine;
  readonly registry?: PolicyRegistry | undefined;
}

/** ns by run, as the costs are and with one of them changed; of one trace, or added up over several. */
export interface WaitingTimes {
  readonly labels: readonly string[];
  readonly base: readonly number[];
  readonly changed: readonly {
    readonly cost: RankingFlip['cost'];
    readonly factor: number;
    readonly times: readonly number[];
  }[];
}

/** Replays `source` on each machine, as it is and with each cost halved and doubled; `charged` says which costs matter. */
export function waitingTimes(
  source: RequestSource,
  runs: readonly TimedRun[],
  charged: (cost: RankingFlip['cost']) => boolean,
): WaitingTimes {
  const timesAt = (cost: RankingFlip['cost'] | null, factor: number): number[] =>
    runs.map(({ machine, registry }) => {
      const changed = cost === null ? {} : { [cost]: machine.cost[cost] * factor };
      return timeOf({ ...machine, cost: { ...machine.cost, ...changed } }, source, registry);
    });
  return {
    labels: runs.map(({ label }) => label),
    base: timesAt(null, 1),
    changed: COSTS.filter(({ name }) => charged(name)).flatMap(({ name: cost }) =>
      [0.5, 2].map((factor) => ({ cost, factor, times: timesAt(cost, factor) })),
    ),
  };
}

/** The ranking over all traces, whose runs are the same; a cost that one trace did not charge is as it was there. */
export function waitingRanking(traces: readonly WaitingTimes[]): CostRanking {
  const [{ labels }] = traces as readonly [WaitingTimes];
  const base = summed(traces.map((trace) => trace.base));
  const order = labels.map((_, run) => run).sort((a, b) => base[a]! - base[b]!);
  const keys = new Map(
    traces.flatMap(({ changed }) =>
      changed.map(({ cost, factor }) => [`${cost} ${factor}`, { cost, factor }] as const),
    ),
  );
  const flips = [...keys.values()].flatMap(({ cost, factor }): RankingFlip[] => {
    const times = summed(
      traces.map(
        ({ base, changed }) =>
          changed.find((one) => one.cost === cost && one.factor === factor)?.times ?? base,
      ),
    );
    const at = order.findIndex(
      (run, i) => i > 0 && times[run]! < times[order[i - 1]!]! && base[run] !== base[order[i - 1]!],
    );
    if (at < 0) return [];
    return [{ cost, factor, before: labels[order[at - 1]!]!, after: labels[order[at]!]! }];
  });
  return {
    ranking: order.map((run) => labels[run]!),
    total: Object.fromEntries(order.map((run) => [labels[run]!, base[run]!])),
    holds: flips.length === 0,
    flips,
  };
}

function timeOf(machine: Machine, source: RequestSource, registry?: PolicyRegistry): number {
  let time = 0;
  for (const { length, costNs, waitNs } of replay(machine, source, null, registry)) {
    for (let i = 0; i < length; i++) time += costNs[i]! + waitNs[i]!;
  }
  return time;
}

function summed(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, run) => rows.reduce((total, row) => total + row[run]!, 0));
}
