// The IOVA space map: which addresses were held (live or queued) when, by colour; of the busiest domain.
//
// Addresses below 4 GiB and above stand in panels of their own, each as high as what was used there.

import type { TopLevelSpec } from 'vega-lite';
import { formatBytes } from '../quantity.ts';
import type { SpaceGrid } from '../stats/space-map.ts';
import {
  type Chart,
  emptyChart,
  forPlot,
  type LabelledResult,
  type Panel,
  PLOT_WIDTH,
  panelTitle,
  SCHEMA,
} from './chart.ts';
import { type TimeFrame, timeChannel, timeFrame } from './time-panel.ts';

const HEIGHT = 130;
/** Rows between two addresses at the axis. */
const TICKS = 4;

export const spaceMap: Chart = {
  name: 'space-map',
  title: 'Map of the I/O address space',
  summary: 'Addresses against time: how much of each range of addresses was held.',
  isOverTime: true,
  make,
};

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const used = results.filter(({ result }) => result.series.spaceMap !== null);
  if (used.length === 0) {
    return emptyChart(
      spaceMap.title,
      'No address was allocated: no device of the run is translated (--translate-all would).',
    );
  }
  const frame = timeFrame(results);
  const all = used.flatMap(({ result: { series } }) => [
    series.spaceMap?.low,
    series.spaceMap?.high,
  ]);
  const most = Math.max(4096, ...all.flatMap((grid) => grid?.held.flat() ?? []));
  const panels = used.flatMap((labelled) => runPanels(labelled, frame, most));
  return {
    $schema: SCHEMA,
    title: {
      text: spaceMap.title,
      subtitle: 'bytes held (mapped, or waiting for a flush) on average, by address and time',
    },
    vconcat: panels.map((make, i) => make(i === panels.length - 1)),
    resolve: { scale: { color: 'shared' } },
  };
}

function runPanels(
  { label, result }: LabelledResult,
  frame: TimeFrame,
  most: number,
): ((isLast: boolean) => Panel)[] {
  const { low, high, domain } = result.series.spaceMap!;
  const token = result.summary.domains.find(({ index }) => index === domain)?.token ?? '';
  const grids = [
    { grid: high, where: 'from 4 GiB on' },
    { grid: low, where: 'below 4 GiB' },
  ];
  return grids.flatMap(({ grid, where }) => {
    if (grid === null) return [];
    const rows = `${formatBytes(grid.rowBytes)} per row`;
    const title = `${label}: ${where}, ${rows}, domain ${token}`;
    return [(isLast: boolean) => panel(title, result, grid, { frame, most, isLast })];
  });
}

interface Place {
  readonly frame: TimeFrame;
  readonly most: number;
  readonly isLast: boolean;
}

function panel(
  title: string,
  result: LabelledResult['result'],
  grid: SpaceGrid,
  { frame, most, isLast }: Place,
): Panel {
  const rows = grid.held.length;
  const step = Math.max(1, Math.ceil(rows / TICKS));
  const ticks = Array.from({ length: Math.floor(rows / step) + 1 }, (_, i) => i * step);
  const names = ticks.map((row) => `'${hex((grid.firstRow + row) * grid.rowBytes)}'`);
  return {
    title: panelTitle(title),
    width: PLOT_WIDTH,
    height: Math.max(30, Math.min(HEIGHT, rows * 12)),
    encoding: {
      x: timeChannel(frame, isLast),
      y: {
        field: 'row',
        type: 'quantitative',
        title: 'address',
        scale: { domain: [0, rows], nice: false },
        axis: {
          values: ticks,
          labelExpr: `[${names.join(', ')}][indexof([${ticks.join(', ')}], datum.value)]`,
          grid: false,
          labelLimit: 0,
        },
      },
    },
    layer: [
      {
        data: { values: grid.held.flatMap((held, row) => cells(held, row, result, frame)) },
        mark: { type: 'rect' },
        encoding: {
          x2: { field: 't2' },
          y2: { field: 'row2' },
          color: {
            field: 'held',
            type: 'quantitative',
            scale: { type: 'log', domain: [1024, most], range: 'heatmap', clamp: true },
            legend: {
              title: 'bytes held',
              direction: 'horizontal',
              gradientLength: 180,
              values: decades(most),
              labelExpr: byteLabel,
            },
          },
          tooltip: [
            { field: 'address', type: 'nominal', title: 'from' },
            { field: 't', type: 'quantitative', title: `time (${frame.unit.name})` },
            { field: 'text', type: 'nominal', title: 'held' },
          ],
        },
      },
    ],
  };

  function cells(
    held: readonly number[],
    row: number,
    { series, summary }: LabelledResult['result'],
    { unit }: TimeFrame,
  ): object[] {
    const found: {
      t: number;
      t2: number;
      row: number;
      row2: number;
      held: number;
      text: string;
      address: string;
    }[] = [];
    const { columnNs } = series.spaceMap!;
    const address = hex((grid.firstRow + row) * grid.rowBytes);
    held.forEach((bytes, column) => {
      if (bytes === 0) return;
      const value = halfOctave(bytes);
      const t = forPlot((column * columnNs) / unit.size);
      const t2 = forPlot(Math.min(summary.time.end, (column + 1) * columnNs) / unit.size);
      const last = found.at(-1);
      if (last !== undefined && last.held === value && last.t2 === t) last.t2 = t2;
      else
        found.push({ t, t2, row, row2: row + 1, held: value, text: formatBytes(value), address });
    });
    return found;
  }
}

/** Colours cannot be told apart more finely, and neighbours of one colour are one cell. */
function halfOctave(bytes: number): number {
  return forPlot(2 ** (Math.round(2 * Math.log2(bytes)) / 2));
}

function decades(most: number): number[] {
  const values: number[] = [];
  for (let bytes = 1024; bytes <= most; bytes *= 16) values.push(bytes);
  return values;
}

const byteLabel =
  "datum.value < 1048576 ? format(datum.value / 1024, '~r') + ' KiB' : datum.value < 1073741824 ? format(datum.value / 1048576, '~r') + ' MiB' : format(datum.value / 1073741824, '~r') + ' GiB'";

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
