// Distributions over the traces of a batch: for each figure of which more is worse a panel, in it a row of dots for each
// machine with median and quartiles. Outliers lead to their reports.
//
// Of more than MOST_DOTS traces as many nearest-rank quantiles are drawn, which have the same distribution, and all outliers.

import type { TopLevelSpec } from 'vega-lite';
import {
  emptyChart,
  forPlot,
  type Panel,
  PLOT_WIDTH,
  panelTitle,
  SCHEMA,
} from '../charts/chart.ts';
import type { Figure } from '../comparison.ts';
import { quantile } from '../stats/quantile.ts';
import { type BadFigure, badFigures, findOutliers, type Outlier, rowsOf } from './batch-figures.ts';
import type { BatchTable } from './batch-table.ts';

const TITLE = 'Distributions over traces';
const MOST_DOTS = 200;
/** Of so many dots in a panel each can be larger. */
const FEW = 100;
/** Above this ratio of the largest value to the median the axis is logarithmic, but for its beginning. */
const WIDE = 30;
const ROW = 26;
/** d3 gives all labels of an axis one prefix otherwise, and 1 is 0k then. */
const LABEL = "format(datum.value, datum.value < 1000 ? '~g' : '~s')";

const BYTES = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['B', 1],
] as const;

/** Steps of units, each with its size in the unit of the figure. */
const UNITS: Readonly<Record<string, readonly (readonly [name: string, size: number])[]>> = {
  ns: [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
    ['ns', 1],
  ],
  bytes: BYTES,
  'byte seconds': BYTES.map(([name, size]) => [`${name} s`, size] as const),
};

/** The chart. `linkTo` gives the address of the report of the result in a folder, null where it has none. */
export function spreadChart(
  table: BatchTable,
  linkTo: (folder: string) => string | null = () => null,
): TopLevelSpec {
  const outliers = findOutliers(table, Number.POSITIVE_INFINITY);
  const panels = badFigures(table).flatMap((bad) => {
    const mine = outliers.filter(({ figure }) => figure === bad.figure);
    return panelsOf(table, bad, mine, linkTo);
  });
  if (panels.length === 0) {
    return emptyChart(TITLE, 'No trace has any of the figures of which more is worse.');
  }
  return {
    $schema: SCHEMA,
    title: {
      text: TITLE,
      subtitle:
        'each dot is a trace; bar: quartiles, stroke: median; rings: outliers, the farthest of which lead to their reports',
    },
    vconcat: panels,
  } as TopLevelSpec;
}

interface Dot {
  readonly machine: string;
  readonly value: number;
  readonly trace: string;
  readonly text: string;
}

function panelsOf(
  table: BatchTable,
  { figure, at }: BadFigure,
  outliers: readonly Outlier[],
  linkTo: (folder: string) => string | null,
): Panel[] {
  const machines = table.machines.map(({ name }) => name);
  const all = machines.map((machine) =>
    rowsOf(table, machine)
      .flatMap(({ trace, figures }) => {
        const value = figures?.[at] ?? null;
        return value === null ? [] : [{ machine, trace, value }];
      })
      .sort((a, b) => a.value - b.value || (a.trace < b.trace ? -1 : 1)),
  );
  const values = Float64Array.from(all.flat(), ({ value }) => value).sort();
  const most = values.at(-1) ?? 0;
  if (most <= 0) return [];
  const [unit, size] = unitOf(figure, most);
  const placed = (value: number): number => forPlot(value / size);
  const dots = all.flatMap((each): Dot[] =>
    sampled(each).map(({ machine, trace, value }) => {
      return { machine, trace, value: placed(value), text: figure.format(value) };
    }),
  );
  const boxes = all.flatMap((each) => {
    if (each.length === 0) return [];
    const sorted = Float64Array.from(each, ({ value }) => value);
    const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => placed(quantile(sorted, share)));
    return [{ machine: each[0]!.machine, low, middle, high }];
  });
  const rings = outliers.map(({ row, value }) => ({
    machine: row.machine,
    trace: row.trace,
    value: placed(value),
    text: figure.format(value),
    href: row.folder === null ? null : linkTo(row.folder),
  }));
  const isWide = most > WIDE * Math.max(1, quantile(values, 0.5));
  return [
    {
      title: panelTitle(`${figure.name}${unit === '' ? '' : ` (${unit})`}`),
      width: PLOT_WIDTH,
      height: ROW * machines.length,
      encoding: {
        y: {
          field: 'machine',
          type: 'nominal',
          title: null,
          scale: { domain: machines },
          axis: { labelLimit: 230 },
        },
        x: {
          type: 'quantitative',
          title: null,
          scale: {
            type: isWide ? 'symlog' : 'linear',
            domain: [0, placed(most * 1.04)],
            nice: false,
          },
          axis: {
            grid: true,
            labelExpr: LABEL,
            ...(isWide ? { values: decades(placed(most)) } : { tickCount: 8 }),
          },
        },
        color: {
          field: 'machine',
          type: 'nominal',
          scale: { domain: machines, range: 'category' },
          legend: null,
        },
      },
      layer: [
        {
          data: { values: boxes },
          mark: { type: 'bar', height: 12, opacity: 0.22 },
          encoding: { x: { field: 'low' }, x2: { field: 'high' } },
        },
        {
          data: { values: dots },
          mark: { type: 'point', size: dots.length > FEW ? 22 : 44, opacity: 0.7 },
          encoding: { x: { field: 'value' }, tooltip: tooltip(figure) },
        },
        {
          data: { values: boxes },
          mark: { type: 'tick', thickness: 2.5, size: 18 },
          encoding: { x: { field: 'middle' } },
        },
        {
          data: { values: rings },
          mark: { type: 'point', size: 110, filled: false, strokeWidth: 1.8, cursor: 'pointer' },
          encoding: {
            x: { field: 'value' },
            href: { field: 'href' },
            tooltip: tooltip(figure),
          },
        },
      ],
    } as unknown as Panel,
  ];
}

function tooltip({ name }: Figure): object[] {
  return [
    { field: 'trace', type: 'nominal' },
    { field: 'machine', type: 'nominal' },
    { field: 'text', type: 'nominal', title: name },
  ];
}

/** All values, or as many quantiles of them; both ends are among them. */
function sampled<T>(sorted: readonly T[]): readonly T[] {
  if (sorted.length <= MOST_DOTS) return sorted;
  return Array.from(
    { length: MOST_DOTS },
    (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (MOST_DOTS - 1))]!,
  );
}

function unitOf({ unit }: Figure, most: number): readonly [string, number] {
  const steps = UNITS[unit];
  return steps?.find(([, size]) => most >= 2 * size) ?? steps?.at(-1) ?? ['', 1];
}

/** 0, and powers of ten up to `most`. */
function decades(most: number): number[] {
  const last = Math.floor(Math.log10(Math.max(1, most)));
  return [0, ...Array.from({ length: last + 1 }, (_, i) => 10 ** i)];
}
