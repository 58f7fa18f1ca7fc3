// Pareto: what each run pays in invalidations against how much memory it leaves within reach.
//
// A run is on the front where no other has both figures at most as high, and one of them lower.

import type { TopLevelSpec } from 'vega-lite';
import { formatBytes, formatCount } from '../quantity.ts';
import type { SweepResult } from '../sweep/sweep.ts';
import {
  type Chart,
  emptyChart,
  forPlot,
  type LabelledResult,
  PLOT_WIDTH,
  SCHEMA,
} from './chart.ts';
import { placeNames } from './label-places.ts';

const HEIGHT = 300;

export const pareto: Chart = {
  name: 'pareto',
  title: 'Invalidations against exposure',
  summary:
    'Invalidations of each run against the memory it leaves within reach, with the Pareto front.',
  make,
};

interface Point {
  readonly run: string;
  /** Per 1000 unmaps. */
  readonly invalidations: number;
  /** Bytes, or byte seconds: see {@link Plane}. */
  readonly stale: number;
  readonly peak: number;
}

/** What the points are, and what stands at the axis of exposure. */
interface Plane {
  readonly point: string;
  readonly staleTitle: string;
  readonly staleText: (stale: number) => string;
}

function make(results: readonly LabelledResult[]): TopLevelSpec {
  return paretoChart(
    results.flatMap(pointOf),
    {
      point: 'run',
      staleTitle: 'within reach after unmap, mean (KiB)',
      staleText: formatBytes,
    },
    'Fewer than two runs have unmaps: replay with several machines (-m, --flush) and give all results.',
  );
}

/** A chart of what `dmalab sweep --json` prints, a point for each cell. The spec has no config: add one by theme (see render.ts). */
export function sweepChart({ axes, rows }: SweepResult): TopLevelSpec {
  const points = rows.flatMap((row): Point[] => {
    const { invalidationsPerThousandUnmaps: invalidations, values } = row;
    if (invalidations === null) return [];
    const run = axes.map(({ path }) => String(values[path])).join(' ');
    return [{ run, invalidations, stale: row.exposureByteSeconds, peak: row.peakMappings }];
  });
  return paretoChart(
    points,
    {
      point: `machine: ${axes.map(({ path }) => path).join(', ')}`,
      staleTitle: 'within reach after unmap (KiB s)',
      staleText: (stale) => `${formatBytes(stale)} s`,
    },
    'Fewer than two cells of the sweep have unmaps.',
  );
}

function paretoChart(all: readonly Point[], plane: Plane, missing: string): TopLevelSpec {
  const points = merged(all);
  if (all.length < 2) return emptyChart(pareto.title, missing);
  const rows = points.map((point) => ({
    ...point,
    front: points.some((other) => isBetter(other, point)) ? 'beaten' : 'on the front',
    text: `${plane.staleText(point.stale)}, peak ${formatCount(point.peak)} mappings`,
    invalidations: forPlot(point.invalidations),
    stale: forPlot(point.stale / 1024),
  }));
  const x = reach(
    rows.map(({ invalidations }) => invalidations),
    1.3,
  );
  const y = reach(
    rows.map(({ stale }) => stale),
    1.5,
  );
  const kinds = ['on the front', 'beaten'].filter((kind) => rows.some((r) => r.front === kind));
  return {
    $schema: SCHEMA,
    title: {
      text: pareto.title,
      subtitle: [
        `each point is a ${plane.point}; less is better in both directions`,
        'larger points: more mappings live at once; names that find no room are in the tooltips',
      ],
    },
    width: PLOT_WIDTH,
    height: HEIGHT,
    data: { values: rows },
    encoding: {
      x: {
        field: 'invalidations',
        type: 'quantitative',
        title: 'invalidations per 1000 unmaps',
        scale: { type: 'symlog', domain: x, nice: false },
        axis: { values: decades(x), format: ',d', grid: true },
      },
      y: {
        field: 'stale',
        type: 'quantitative',
        title: plane.staleTitle,
        scale: { type: 'symlog', domain: y, nice: false },
        axis: { values: decades(y), format: ',d' },
      },
      color: {
        field: 'front',
        type: 'nominal',
        scale: { domain: kinds, range: 'category' },
        legend: kinds.length === 1 ? null : { symbolType: 'circle' },
      },
    },
    layer: [
      {
        transform: [{ filter: "datum.front === 'on the front'" }],
        mark: { type: 'line', strokeDash: [4, 3], interpolate: 'step-after', tooltip: null },
        encoding: { order: { field: 'invalidations' } },
      },
      {
        mark: { type: 'point' },
        encoding: {
          size: {
            field: 'peak',
            type: 'quantitative',
            scale: { range: [50, 260] },
            legend: null,
          },
          tooltip: [
            { field: 'names', type: 'nominal', title: 'run' },
            { field: 'invalidations', type: 'quantitative', title: 'per 1000 unmaps' },
            { field: 'text', type: 'nominal', title: 'within reach' },
          ],
        },
      },
      ...namesOf(rows, x, y),
    ],
  } as TopLevelSpec;
}

interface MergedPoint extends Point {
  /** All runs that are here. */
  readonly names: string;
}

/** Points with the same figures are one, with the name of the first. */
function merged(points: readonly Point[]): MergedPoint[] {
  const places = Map.groupBy(
    points,
    ({ invalidations, stale, peak }) => `${invalidations} ${stale} ${peak}`,
  );
  return [...places.values()].map((same) => {
    const { run, ...figures } = same[0]!;
    const names = same.map((point) => point.run).join(', ');
    const others = same.length === 1 ? '' : ` and ${same.length - 1} more`;
    return { ...figures, run: `${run}${others}`, names };
  });
}

/** The names, those of the front first. */
function namesOf(
  rows: readonly (MergedPoint & { readonly front: string })[],
  x: Reach,
  y: Reach,
): object[] {
  const ordered = rows.toSorted((a, b) => b.front.localeCompare(a.front));
  const places = placeNames(
    ordered.map(({ run, invalidations, stale }) => ({
      name: run,
      x: PLOT_WIDTH * place(invalidations, x),
      y: HEIGHT * (1 - place(stale, y)),
    })),
    PLOT_WIDTH,
  );
  return ordered.flatMap((row, i) => {
    const side = places[i];
    if (!side) return [];
    const data = { values: [row] };
    const mark = { type: 'text', tooltip: null, ...side };
    const encoding = { text: { field: 'run' } };
    return [
      { data, mark: { ...mark, style: 'halo' }, encoding },
      { data, mark, encoding },
    ];
  });
}

/** Lower and upper end of an axis. */
type Reach = [low: number, high: number];

/** From 0 on; from a power of ten on where all values are above 10. */
function reach(values: readonly number[], room: number): Reach {
  const least = Math.min(...values);
  const low = least < 10 ? 0 : 10 ** Math.floor(Math.log10(least));
  return [low, Math.max(...values) * room + 1];
}

/** Where a value stands between the ends, 0 to 1, as the scale of the chart has it. */
function place(value: number, [low, high]: Reach): number {
  const from = Math.log1p(low);
  return (Math.log1p(value) - from) / (Math.log1p(high) - from);
}

/** 0, 1, 10, ... */
function decades([low, high]: Reach): number[] {
  const last = Math.floor(Math.log10(Math.max(1, high)));
  const ticks = [0, ...Array.from({ length: last + 1 }, (_, i) => 10 ** i)];
  return ticks.filter((tick) => tick >= low);
}

function pointOf({ label, result: { summary } }: LabelledResult): Point[] {
  const { invalidationsPerThousandUnmaps: invalidations } = summary.flushes;
  const { meanStaleBytes: stale } = summary.exposure;
  if (invalidations === null || stale === null) return [];
  return [{ run: label, invalidations, stale, peak: summary.occupancy.peakLiveMappings }];
}

function isBetter(a: Point, b: Point): boolean {
  const isNoWorse = a.invalidations <= b.invalidations && a.stale <= b.stale;
  return isNoWorse && (a.invalidations < b.invalidations || a.stale < b.stale);
}
