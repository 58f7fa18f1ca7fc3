// What the rows of a batch say together: distributions over traces, outliers, worst cases, machines against each other.

import { bootstrapMean, type Interval } from '../compare/bootstrap.ts';
import { FIGURES, type Figure } from '../comparison.ts';
import { quantile } from '../stats/quantile.ts';
import type { BatchRow } from './batch-row.ts';
import type { BatchTable } from './batch-table.ts';

/** A figure over all traces of one machine. */
export interface FigureSpread {
  readonly figure: Figure;
  /** Traces that have it. */
  readonly count: number;
  readonly min: number;
  /** Nearest-rank quantiles. */
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p90: number;
  readonly max: number;
}

/** A result far from the others of its machine. */
export interface Outlier {
  readonly row: BatchRow;
  readonly figure: Figure;
  readonly value: number;
  /** Median of the machine, and how many scaled median deviations (MAD x 1.4826) the value lies from it. */
  readonly median: number;
  readonly deviations: number;
}

/** The results with the highest value of a figure, the worst first. */
export interface WorstCases {
  readonly figure: Figure;
  readonly cases: readonly { readonly row: BatchRow; readonly value: number }[];
}

/** A figure of a machine against that of the first one, over the traces that have both. */
export interface MachineDifference {
  readonly figure: Figure;
  readonly machine: string;
  readonly base: string;
  /** Traces that have it on both. */
  readonly count: number;
  /** Geometric mean of machine / base over the traces where both are above 0; null where there is none. */
  readonly ratio: Interval | null;
  /** Mean of machine - base, in the unit of the figure. */
  readonly difference: Interval;
  /** The interval of the difference lies on one side of 0. */
  readonly isClear: boolean;
}

/** Figures of which more is worse. */
const BAD: ReadonlySet<string> = new Set([
  'failed maps',
  'peak address space',
  'invalidations per 1000 unmaps',
  'stale window, p99',
  'exposure',
  'modelled cost per map, mean',
  'maps without a bounce slot',
  'refused by the host',
]);
const WORST = 3;
const MOST_OUTLIERS = 10;
/** The usual bound for modified z-scores (Iglewicz and Hoaglin, 1993), with MAD x 1.4826 as the unit. */
const FAR = 3.5;
/** Fewer traces have no outliers. */
const FEWEST = 5;

/** For each figure that any trace has. */
export function figureSpreads(rows: readonly BatchRow[]): FigureSpread[] {
  return FIGURES.flatMap((figure, i) => {
    const values = valuesOf(rows, i);
    if (values.length === 0) return [];
    const at = (share: number): number => quantile(values, share);
    return [
      {
        figure,
        count: values.length,
        min: values[0]!,
        p25: at(0.25),
        p50: at(0.5),
        p75: at(0.75),
        p90: at(0.9),
        max: values.at(-1)!,
      },
    ];
  });
}

/** A figure of which more is worse, and its place in the rows. */
export interface BadFigure {
  readonly figure: Figure;
  readonly at: number;
}

/** Those that any result has. */
export function badFigures({ rows }: BatchTable): BadFigure[] {
  return FIGURES.flatMap((figure, at) => {
    const isThere = rows.some(({ figures }) => (figures?.[at] ?? null) !== null);
    return BAD.has(figure.name) && isThere ? [{ figure, at }] : [];
  });
}

/** The results that lie farthest from the median of their machine, the farthest first. */
export function findOutliers(table: BatchTable, most: number = MOST_OUTLIERS): Outlier[] {
  const found = table.machines.flatMap(({ name }) => {
    const rows = rowsOf(table, name);
    return FIGURES.flatMap((figure, i) =>
      BAD.has(figure.name) ? outliersOf(rows, figure, i) : [],
    );
  });
  return found
    .sort((a, b) => Math.abs(b.deviations) - Math.abs(a.deviations) || byTrace(a.row, b.row))
    .slice(0, most);
}

/** The worst results by each figure of which more is worse, over all machines. */
export function findWorst(table: BatchTable): WorstCases[] {
  return FIGURES.flatMap((figure, i) => {
    if (!BAD.has(figure.name)) return [];
    const cases = table.rows
      .flatMap((row) => {
        const value = row.figures?.[i] ?? 0;
        return value > 0 ? [{ row, value }] : [];
      })
      .sort((a, b) => b.value - a.value || byTrace(a.row, b.row))
      .slice(0, WORST);
    return cases.length === 0 ? [] : [{ figure, cases }];
  });
}

const compared = new WeakMap<BatchTable, readonly MachineDifference[]>();

/** Every machine but the first against the first, for the figures that differ on any trace; computed once for a table. */
export function machineDifferences(table: BatchTable): readonly MachineDifference[] {
  const known = compared.get(table) ?? differencesOf(table);
  compared.set(table, known);
  return known;
}

function differencesOf(table: BatchTable): MachineDifference[] {
  const [base, ...others] = table.machines;
  if (base === undefined) return [];
  const baseRows = new Map(rowsOf(table, base.name).map((row) => [row.trace, row]));
  return others.flatMap(({ name }) => {
    const pairs = rowsOf(table, name).flatMap((row) => {
      const other = baseRows.get(row.trace);
      return other === undefined ? [] : [[other, row] as const];
    });
    return FIGURES.flatMap((figure, i) => {
      const values = pairs.flatMap(([from, to]) => {
        const [a, b] = [from.figures?.[i] ?? null, to.figures?.[i] ?? null];
        return a === null || b === null ? [] : [[a, b] as const];
      });
      return differenceOf(figure, base.name, name, values);
    });
  });
}

/** The rows of a machine that are results. */
export function rowsOf({ rows }: BatchTable, machine: string): BatchRow[] {
  return rows.filter((row) => row.machine === machine && row.error === null);
}

function differenceOf(
  figure: Figure,
  base: string,
  machine: string,
  values: readonly (readonly [number, number])[],
): MachineDifference[] {
  if (values.every(([a, b]) => a === b)) return [];
  const difference = bootstrapMean(values.map(([a, b]) => b - a));
  const logs = values.flatMap(([a, b]) => (a > 0 && b > 0 ? [Math.log(b / a)] : []));
  const ratio = logs.length === 0 ? null : raised(bootstrapMean(logs));
  const isClear = values.length > 1 && (difference.low > 0 || difference.high < 0);
  return [{ figure, machine, base, count: values.length, ratio, difference, isClear }];
}

function raised({ mean, low, high }: Interval): Interval {
  return { mean: Math.exp(mean), low: Math.exp(low), high: Math.exp(high) };
}

function outliersOf(rows: readonly BatchRow[], figure: Figure, at: number): Outlier[] {
  const values = valuesOf(rows, at);
  if (values.length < FEWEST) return [];
  const median = quantile(values, 0.5);
  const away = Float64Array.from(values, (value) => Math.abs(value - median)).sort();
  const unit = 1.4826 * quantile(away, 0.5);
  if (unit === 0) return [];
  return rows.flatMap((row) => {
    const value = row.figures?.[at] ?? null;
    if (value === null) return [];
    const deviations = (value - median) / unit;
    return Math.abs(deviations) > FAR ? [{ row, figure, value, median, deviations }] : [];
  });
}

/** In ascending order. */
function valuesOf(rows: readonly BatchRow[], at: number): Float64Array {
  return Float64Array.from(
    rows.flatMap(({ figures }) => {
      const value = figures?.[at] ?? null;
      return value === null ? [] : [value];
    }),
  ).sort();
}

function byTrace(a: BatchRow, b: BatchRow): number {
  const [left, right] = [`${a.trace}\0${a.machine}`, `${b.trace}\0${b.machine}`];
  return left < right ? -1 : left > right ? 1 : 0;
}
