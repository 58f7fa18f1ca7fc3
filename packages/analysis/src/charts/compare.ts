// Comparison: key figures of all runs as multiples of the first run's, on a logarithmic axis.
//
// A figure that is 0 in a run stands at the left end, one that is 0 in the first run only at the right end.

import type { TopLevelSpec } from 'vega-lite';
import { FIGURES } from '../comparison.ts';
import {
  type Chart,
  emptyChart,
  forPlot,
  type LabelledResult,
  PLOT_WIDTH,
  SCHEMA,
  shortName,
} from './chart.ts';
import { textWidth } from './text-width.ts';

/** Of the comparison table: where less is better. */
const KEY_FIGURES: readonly string[] = [
  'failed maps',
  'peak address space',
  'tree steps, mean',
  'invalidations per 1000 unmaps',
  'entries per flush, mean',
  'stale window, p99',
  'exposure',
  'bounce slots, most in use',
  'idle bounce memory',
  'host entries, peak',
  'host refreshes per 1000 maps',
  'modelled cost per map, mean',
  'modelled map, p99',
  'modelled unmap, p99',
];

export const compare: Chart = {
  name: 'compare',
  title: 'The runs side by side',
  summary: 'Key figures of each run as multiples of the first run.',
  make,
};

interface Row {
  readonly figure: string;
  readonly run: string;
  readonly ratio: number;
  readonly text: string;
}

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const [base, ...others] = results;
  if (base === undefined || others.length === 0) {
    return emptyChart(
      compare.title,
      'There is one run only: replay with several machines (-m, --flush) and give all results.',
    );
  }
  const rows = KEY_FIGURES.flatMap((name) => figureRows(name, base, others));
  if (rows.length === 0) return emptyChart(compare.title, 'The runs have no figure that differs.');
  const finite = rows.map(({ ratio }) => ratio).filter((r) => r > 0 && Number.isFinite(r));
  const reach = Math.max(2, ...finite.map((r) => Math.max(r, 1 / r))) ** 1.1;
  const hasZero = rows.some(({ ratio }) => ratio === 0);
  const hasEndless = rows.some(({ ratio }) => ratio === Number.POSITIVE_INFINITY);
  const ends = [...(hasZero ? [1 / reach] : []), ...(hasEndless ? [reach] : [])].map(forPlot);
  const first = shortName(base.label);
  const names = others.map(({ label }) => label);
  return {
    $schema: SCHEMA,
    title: {
      text: compare.title,
      subtitle: [
        `multiples of ${first} (left: less); figures that are equal in all runs are left out`,
        ...(hasZero || hasEndless
          ? [
              [hasZero ? '0: none in the run' : '', hasEndless ? `∞: none in ${first}` : '']
                .filter((words) => words !== '')
                .join('; '),
            ]
          : []),
      ],
    },
    width: PLOT_WIDTH,
    height: { step: 30, for: 'position' },
    data: { values: rows.map((row) => ({ ...row, ratio: placed(row.ratio, reach) })) },
    encoding: {
      y: {
        field: 'figure',
        type: 'nominal',
        title: null,
        sort: [...KEY_FIGURES],
        axis: { grid: true, labelLimit: 230 },
      },
      x: {
        field: 'ratio',
        type: 'quantitative',
        title: `multiple of ${first}`,
        scale: {
          type: 'log',
          domain: [forPlot(1 / reach ** 1.05), forPlot(reach ** 1.05)],
          nice: false,
        },
        axis: {
          values: [...multiples(reach, ends.length > 0), ...ends],
          labelExpr: endLabels(reach, hasZero, hasEndless),
          grid: true,
        },
      },
    },
    layer: [
      {
        data: { values: [{ ratio: 1 }] },
        mark: { type: 'rule', style: 'guide', tooltip: null },
        encoding: { y: { value: 0 }, y2: { value: 'height' } },
      },
      {
        mark: { type: 'point', size: 70 },
        encoding: {
          yOffset: { field: 'run', type: 'nominal', scale: { domain: names } },
          color: {
            field: 'run',
            type: 'nominal',
            scale: { domain: names, range: 'category' },
            legend: { symbolType: 'circle', columns: legendColumns(names) },
          },
          shape: {
            field: 'run',
            type: 'nominal',
            scale: { domain: names, range: 'symbol' },
            legend: {},
          },
          tooltip: [
            { field: 'figure', type: 'nominal' },
            { field: 'run', type: 'nominal' },
            { field: 'text', type: 'nominal', title: 'value' },
            { field: 'ratio', type: 'quantitative', title: 'multiple' },
          ],
        },
      },
    ],
  };
}

/** Names of many runs do not fit in one line. */
function legendColumns(names: readonly string[]): number {
  const widest = Math.max(...names.map((name) => textWidth(name, 11.5, false)));
  return Math.max(1, Math.min(names.length, Math.floor(PLOT_WIDTH / (widest + 44))));
}

function figureRows(name: string, base: LabelledResult, others: readonly LabelledResult[]): Row[] {
  const figure = FIGURES.find((known) => known.name === name);
  const first = figure?.value(base.result.summary) ?? null;
  if (figure === undefined || first === null) return [];
  const rows = others.flatMap(({ label, result }): Row[] => {
    const value = figure.value(result.summary);
    if (value === null) return [];
    const ratio = value === first ? 1 : value / first;
    const text = `${figure.format(value)} (${base.label}: ${figure.format(first)})`;
    return [{ figure: name, run: label, ratio, text }];
  });
  return rows.some(({ ratio }) => ratio !== 1) ? rows : [];
}

/** Powers of ten, or of two where the axis is shorter than that; with room for labels of the ends where these have some. */
function multiples(reach: number, hasEnds: boolean): number[] {
  const base = reach < 10 ? 2 : 10;
  const last = Math.floor((Math.log(reach) * (hasEnds ? 0.94 : 1)) / Math.log(base));
  return Array.from({ length: 2 * last + 1 }, (_, i) => base ** (i - last));
}

/** 0 at the left end and ∞ at the right one, where a figure stands there. */
function endLabels(reach: number, hasZero: boolean, hasEndless: boolean): string {
  const zero = hasZero ? `datum.value < ${forPlot(1 / reach ** 0.99)} ? '0' : ` : '';
  const endless = hasEndless ? `datum.value > ${forPlot(reach ** 0.99)} ? '∞' : ` : '';
  return `${zero}${endless}format(datum.value, '~g')`;
}

function placed(ratio: number, reach: number): number {
  return forPlot(Math.min(reach, Math.max(1 / reach, ratio)));
}
