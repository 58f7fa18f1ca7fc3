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
  const farthest = Math.max(...rows.map(({ invalidations }) => invalidations)) * 1.3 + 1;
  const highest = Math.max(...rows.map(({ stale }) => stale)) * 1.5 + 1;
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
        scale: { type: 'symlog', domain: [0, farthest], nice: false },
        axis: { values: decades(farthest), format: ',d', grid: true },
      },
      y: {
        field: 'stale',
        type: 'quantitative',
        title: plane.staleTitle,
        scale: { type: 'symlog', domain: [0, highest], nice: false },
        axis: { values: decades(highest), format: ',d' },
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
      ...namesOf(rows, farthest, highest),
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
  farthest: number,
  highest: number,
): object[] {
  const ordered = rows.toSorted((a, b) => b.front.localeCompare(a.front));
  const places = placeNames(
    ordered.map(({ run, invalidations, stale }) => ({
      name: run,
      x: (PLOT_WIDTH * Math.log1p(invalidations)) / Math.log1p(farthest),
      y: HEIGHT * (1 - Math.log1p(stale) / Math.log1p(highest)),
    })),
    PLOT_WIDTH,
  );
  return ordered.flatMap((row, i) => {
    const place = places[i];
    if (!place) return [];
    const data = { values: [row] };
    const mark = { type: 'text', tooltip: null, ...place };
    const encoding = { text: { field: 'run' } };
    return [
      { data, mark: { ...mark, style: 'halo' }, encoding },
      { data, mark, encoding },
    ];
  });
}

/** 0, 1, 10, ... */
function decades(most: number): number[] {
  const last = Math.floor(Math.log10(Math.max(1, most)));
  return [0, ...Array.from({ length: last + 1 }, (_, i) => 10 ** i)];
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
