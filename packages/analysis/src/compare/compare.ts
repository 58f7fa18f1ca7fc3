// Runs compared: where they part, how every figure changes, and whether a change holds over several traces.
//
// The first run is the base. A change of a figure over traces is paired: one difference for each trace, with the
// interval of their mean. See docs/compare.md.

import type { LabelledResult } from '../charts/chart.ts';
import { FIGURES } from '../comparison.ts';
import { type CostRanking, costSensitivity } from '../cost-sensitivity.ts';
import type { Summary } from '../summary.ts';
import { type WaitingTimes, waitingRanking } from '../waiting-sensitivity.ts';
import { bootstrapMean, type Interval } from './bootstrap.ts';
import type { Divergence } from './divergence.ts';

/** Fewer traces give an interval, but no verdict. */
export const ENOUGH_TRACES = 5;

/** The runs of one trace, the base first; all traces have the same runs. */
export interface ComparedTrace {
  readonly name: string;
  readonly results: readonly LabelledResult[];
  /** Requests that were walked; null where results were read from folders. */
  readonly requests: number | null;
  /** One for each run after the first; null where the runs were not walked request by request. */
  readonly divergences: readonly Divergence[] | null;
  /** Modelled times with waiting, with each cost halved and doubled; absent: not asked for. */
  readonly waiting?: WaitingTimes;
}

/** A figure of a run against that of the base, over all traces. */
export interface FigureChange {
  readonly run: string;
  /** Mean of run - base over the traces that have both, with its 95 % interval; null where none has both. The interval needs two traces. */
  readonly difference: (Pick<Interval, 'mean'> & Partial<Interval>) | null;
  /** Mean of the run / mean of the base; null where that is 0 or missing. */
  readonly ratio: number | null;
  /** Traces that have the figure in both. */
  readonly traces: number;
  /**
   * equal: the same on every trace. differs: one trace. tooFew: fewer than five traces. Else whether the
   * interval is above 0 (higher), below (lower), or holds it (noSignificantDifference).
   */
  readonly verdict:
    | 'equal'
    | 'differs'
    | 'tooFew'
    | 'higher'
    | 'lower'
    | 'noSignificantDifference'
    | 'missing';
}

/** A figure by trace and run. */
export interface ComparedFigure {
  readonly figure: string;
  readonly unit: string;
  /** By trace, then by run; null where a run has none. */
  readonly values: readonly (readonly (number | null)[])[];
  /** One for each run after the first. */
  readonly changes: readonly FigureChange[];
}

/** The JSON of `dmalab compare`. */
export interface CompareResult {
  readonly schema: 'dmalab.compare/1';
  /** The base first. */
  readonly runs: readonly string[];
  readonly traces: readonly {
    readonly name: string;
    readonly requests: number | null;
    readonly divergences: readonly Divergence[] | null;
  }[];
  /** What makes the comparison doubtful, as sentences. */
  readonly warnings: readonly string[];
  /** True where a request ends differently, or any figure differs. */
  readonly differs: boolean;
  /** Figures that some run has. */
  readonly figures: readonly ComparedFigure[];
  /** By modelled cost without waiting, over all traces. */
  readonly ranking: CostRanking;
  /** By modelled time with waiting; null where not all traces were replayed for it. */
  readonly waitingRanking: CostRanking | null;
}

/** Compares the runs of the traces. */
export function compareRuns(traces: readonly ComparedTrace[]): CompareResult {
  const runs = traces[0]!.results.map(({ label }) => label);
  const figures = FIGURES.flatMap(({ name, unit, value }) => {
    const values = traces.map(({ results }) => results.map(({ result }) => value(result.summary)));
    if (values.every((row) => row.every((number) => number === null))) return [];
    const changes = runs.slice(1).map((run, i) => changeOf(run, values, i + 1));
    return [{ figure: name, unit, values, changes }];
  });
  const isParted = traces.some(({ divergences }) => divergences?.some(({ first }) => first));
  const isChanged = figures.some(({ changes }) =>
    changes.some(({ verdict }) => verdict !== 'equal'),
  );
  return {
    schema: 'dmalab.compare/1',
    runs,
    traces: traces.map(({ name, requests, divergences }) => ({ name, requests, divergences })),
    warnings: traces.flatMap(otherRecording),
    differs: isParted || isChanged,
    figures,
    ranking: rankingOf(traces, runs),
    waitingRanking: waitingOf(traces),
  };
}

/** Results under one name that are of several recordings; a converted file has the same requests, and is none. */
function otherRecording({ name, results }: ComparedTrace): string[] {
  const [base, ...others] = results;
  const isOther = ({ result }: LabelledResult): boolean =>
    result.summary.trace.sha256 !== base!.result.summary.trace.sha256 &&
    recordingOf(result.summary) !== recordingOf(base!.result.summary);
  const other = others.filter(isOther).map(({ label }) => label);
  if (other.length === 0) return [];
  return [
    `${name}: ${base!.label} is of another recording than ${other.join(', ')}: what differs may come from the recordings`,
  ];
}

/** What a file keeps of a recording, whatever its format. */
function recordingOf({ requests: { recorded }, trace: { duration } }: Summary): string {
  return JSON.stringify([recorded, duration]);
}

function changeOf(
  run: string,
  values: readonly (readonly (number | null)[])[],
  at: number,
): FigureChange {
  const pairs = values.flatMap((row): [number, number][] => {
    const [base, other] = [row[0] ?? null, row[at] ?? null];
    return base === null || other === null ? [] : [[base, other]];
  });
  const isPartly = values.some((row) => (row[0] === null) !== (row[at] === null));
  if (pairs.length === 0) {
    const verdict = isPartly ? 'missing' : 'equal';
    return { run, difference: null, ratio: null, traces: 0, verdict };
  }
  const differences = pairs.map(([base, other]) => other - base);
  const sum = (side: 0 | 1): number => pairs.reduce((total, pair) => total + pair[side], 0);
  const isSingle = differences.length === 1;
  const difference = isSingle ? { mean: differences[0]! } : bootstrapMean(differences);
  return {
    run,
    difference,
    ratio: sum(0) === 0 ? null : sum(1) / sum(0),
    traces: pairs.length,
    verdict:
      isPartly && differences.every((d) => d === 0)
        ? 'missing'
        : verdictOf(differences, difference),
  };
}

function verdictOf(
  differences: readonly number[],
  { low = 0, high = 0 }: Partial<Interval>,
): FigureChange['verdict'] {
  if (differences.every((difference) => difference === 0)) return 'equal';
  if (differences.length === 1) return 'differs';
  if (differences.length < ENOUGH_TRACES) return 'tooFew';
  if (low > 0) return 'higher';
  return high < 0 ? 'lower' : 'noSignificantDifference';
}

function waitingOf(traces: readonly ComparedTrace[]): CostRanking | null {
  const times = traces.flatMap(({ waiting }) => waiting ?? []);
  return times.length === traces.length ? waitingRanking(times) : null;
}

function rankingOf(traces: readonly ComparedTrace[], runs: readonly string[]): CostRanking {
  return costSensitivity(
    runs.map((label, at) => {
      const summaries = traces.map(({ results }) => results[at]!.result.summary);
      const work = { ...summaries[0]!.modelledWork };
      for (const { modelledWork } of summaries.slice(1)) {
        for (const name of Object.keys(work) as (keyof typeof work)[]) {
          Object.assign(work, { [name]: work[name] + modelledWork[name] });
        }
      }
      return { label, work, cost: summaries[0]!.machine.cost };
    }),
  );
}
