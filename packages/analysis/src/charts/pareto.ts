// Pareto: what each run pays in invalidations against how much memory it leaves within reach.
//
// A run is on the front where no other has both figures at most as high, and one of them lower.

import type { TopLevelSpec } from 'vega-lite';
import { formatBytes, formatCount } from '../quantity.ts';
import {
  type Chart,
  emptyChart,
  forPlot,
  type LabelledResult,
  PLOT_WIDTH,
  SCHEMA,
} from './chart.ts';

/** More runs than these have their names in tooltips only, but for those on the front. */
const MOST_NAMES = 12;

export const pareto: Chart = {
  name: 'pareto',
  title: 'Invalidations against exposure',
  summary:
    'Invalidations of each run against the memory it leaves within reach, with the Pareto front.',
  make,
};

interface Point {
  readonly run: string;
  readonly invalidations: number;
  readonly stale: number;
  readonly peak: number;
}

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const points = results.flatMap(pointOf);
  if (points.length < 2) {
    return emptyChart(
      pareto.title,
      'Fewer than two runs have unmaps: replay with several machines (-m, --flush) and give all results.',
    );
  }
  const rows = points.map((point) => ({
    ...point,
    front: points.some((other) => isBetter(other, point)) ? 'beaten' : 'on the front',
    text: `${formatBytes(point.stale)}, peak ${formatCount(point.peak)} mappings`,
    invalidations: forPlot(point.invalidations),
    stale: forPlot(point.stale / 1024),
  }));
  const named = rows.filter(({ front }) => rows.length <= MOST_NAMES || front === 'on the front');
  const farthest = Math.max(...rows.map(({ invalidations }) => invalidations));
  const highest = Math.max(...rows.map(({ stale }) => stale));
  return {
    $schema: SCHEMA,
    title: {
      text: pareto.title,
      subtitle:
        'each point is a run; less is better in both directions; larger points: more mappings live at once',
    },
    width: PLOT_WIDTH,
    height: 300,
    data: { values: rows },
    encoding: {
      x: {
        field: 'invalidations',
        type: 'quantitative',
        title: 'invalidations per 1000 unmaps',
        scale: { type: 'symlog', domain: [0, farthest * 1.3 + 1], nice: false },
        axis: { values: decades(farthest * 1.3), format: ',d', grid: true },
      },
      y: {
        field: 'stale',
        type: 'quantitative',
        title: 'within reach after unmap, mean (KiB)',
        scale: { type: 'symlog', domain: [0, highest * 1.5 + 1], nice: false },
        axis: { values: decades(highest * 1.5), format: ',d' },
      },
      color: {
        field: 'front',
        type: 'nominal',
        scale: { domain: ['on the front', 'beaten'], range: 'category' },
        legend: { symbolType: 'circle' },
      },
    },
    layer: [
      {
        transform: [{ filter: "datum.front === 'on the front'" }],
        mark: { type: 'line', strokeDash: [4, 3], interpolate: 'step-after' },
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
            { field: 'run', type: 'nominal' },
            { field: 'invalidations', type: 'quantitative', title: 'per 1000 unmaps' },
            { field: 'text', type: 'nominal', title: 'within reach' },
          ],
        },
      },
      ...(['left', 'right'] as const).flatMap((align): object[] => {
        const isRight = (x: number): boolean => Math.log1p(x) > 0.7 * Math.log1p(farthest);
        const values = named.filter(({ invalidations: x }) => isRight(x) === (align === 'right'));
        const dx = align === 'right' ? -11 : 11;
        const text = { field: 'run' };
        return [
          {
            data: { values },
            mark: { type: 'text', style: 'halo', align, dx, dy: -9 },
            encoding: { text },
          },
          { data: { values }, mark: { type: 'text', align, dx, dy: -9 }, encoding: { text } },
        ];
      }),
    ],
  } as TopLevelSpec;
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
