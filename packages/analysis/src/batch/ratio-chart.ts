// The machines of a batch against the first one: geometric mean ratio of each figure as a dot, its bootstrap interval as a line.

import type { TopLevelSpec } from 'vega-lite';
import { emptyChart, forPlot, PLOT_WIDTH, SCHEMA } from '../charts/chart.ts';
import { threeDigits } from '../quantity.ts';
import { machineDifferences } from './batch-figures.ts';
import type { BatchTable } from './batch-table.ts';

const TITLE = 'Machines compared';
/** Beyond this factor a mean stands at the edge, and says its value in its tooltip. */
const FARTHEST = 1e6;

/** The chart. */
export function ratioChart(table: BatchTable): TopLevelSpec {
  const [base, ...others] = table.machines.map(({ name }) => name);
  if (base === undefined || others.length === 0) {
    return emptyChart(TITLE, 'There is one machine only: batch with several (-m, --flush).');
  }
  const rows = machineDifferences(table).flatMap(({ figure, machine, ratio, count }) => {
    if (ratio === null) return [];
    const { mean, low, high } = ratio;
    const text = `${threeDigits(mean)} (${threeDigits(low)} to ${threeDigits(high)})`;
    return [{ figure: figure.name, machine, mean, low, high, text, traces: count }];
  });
  if (rows.length === 0) return emptyChart(TITLE, 'No figure differs between the machines.');
  const figures = [...new Set(rows.map(({ figure }) => figure))];
  const away = rows.flatMap(({ low, high }) => [high, 1 / low]).filter((r) => r > 0);
  const reach = Math.min(FARTHEST, Math.max(2, ...away) ** 1.1);
  const placed = (ratio: number): number => forPlot(Math.min(reach, Math.max(1 / reach, ratio)));
  const values = rows.map((row) => ({
    ...row,
    mean: placed(row.mean),
    low: placed(row.low),
    high: placed(row.high),
  }));
  const yOffset = { field: 'machine', type: 'nominal', scale: { domain: others } };
  const color = {
    field: 'machine',
    type: 'nominal',
    scale: { domain: others, range: 'category' },
    legend: { symbolType: 'circle' },
  };
  return {
    $schema: SCHEMA,
    title: {
      text: TITLE,
      subtitle: `multiples of ${base}, geometric mean over traces, with 95 % bootstrap intervals; a line that meets 1 is no clear difference`,
    },
    width: PLOT_WIDTH,
    height: { step: Math.max(24, 12 * others.length), for: 'position' },
    data: { values },
    encoding: {
      y: {
        field: 'figure',
        type: 'nominal',
        title: null,
        sort: figures,
        axis: { grid: true, labelLimit: 230 },
      },
    },
    layer: [
      {
        data: { values: [{}] },
        mark: { type: 'rule', style: 'guide', tooltip: null },
        encoding: { x: { datum: 1 }, y: { value: 0 }, y2: { value: 'height' } },
      },
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { x: axisOf('low', reach, base), x2: { field: 'high' }, yOffset, color },
      },
      {
        mark: { type: 'point', size: 60 },
        encoding: {
          x: axisOf('mean', reach, base),
          yOffset,
          color,
          tooltip: [
            { field: 'figure', type: 'nominal' },
            { field: 'machine', type: 'nominal' },
            { field: 'text', type: 'nominal', title: `multiple of ${base}` },
            { field: 'traces', type: 'quantitative' },
          ],
        },
      },
    ],
  } as TopLevelSpec;
}

function axisOf(field: string, reach: number, base: string): object {
  const step = reach < 10 ? 2 : 10;
  const last = Math.floor(Math.log(reach) / Math.log(step));
  return {
    field,
    type: 'quantitative',
    title: `multiple of ${base}`,
    scale: {
      type: 'log',
      domain: [forPlot(1 / reach ** 1.05), forPlot(reach ** 1.05)],
      nice: false,
    },
    axis: {
      values: Array.from({ length: 2 * last + 1 }, (_, i) => step ** (i - last)),
      format: '~g',
      grid: true,
    },
  };
}
