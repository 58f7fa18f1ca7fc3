// Stale window: which share of the unmapped ranges a device has lost after how long (ECDF).
//
// Time is on a logarithmic axis on which zero has a place of its own: strict unmaps sit there.

import type { TopLevelSpec } from 'vega-lite';
import { formatDuration } from '../quantity.ts';
import {
  type Chart,
  emptyChart,
  forPlot,
  type LabelledResult,
  PLOT_WIDTH,
  SCHEMA,
} from './chart.ts';
import { type LogTimeAxis, logTimeAxis } from './log-time-axis.ts';
import { type Curve, distinctCurves } from './runs.ts';

export const staleWindow: Chart = {
  name: 'stale-window',
  title: 'How long unmapped memory stays within reach',
  summary: 'Share of unmaps whose stale window is at most so long (ECDF).',
  make,
};

type Layers = Extract<TopLevelSpec, { layer: unknown }>['layer'];

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const curves = distinctCurves(results, ({ summary, distributions }) => ({
    bins: distributions.staleWindow,
    figures: summary.exposure.staleWindow,
  }));
  if (curves.length === 0) return emptyChart(staleWindow.title, 'Nothing was unmapped.');
  const axis = logTimeAxis(curves.map(({ bins }) => bins));
  const names = curves.map(({ label }) => label);
  return {
    $schema: SCHEMA,
    title: {
      text: staleWindow.title,
      subtitle:
        'share of unmaps that a flush has covered after the time given; 0: the unmap itself invalidates',
    },
    width: PLOT_WIDTH,
    height: 250,
    data: { values: curves.flatMap((curve) => points(curve, axis)) },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: 'time from unmap to flush',
        scale: { type: 'log', domain: [axis.zero, axis.last], nice: false },
        axis: { values: [...axis.values], labelExpr: axis.labelExpr, grid: true },
      },
      y: {
        field: 'p',
        type: 'quantitative',
        title: 'share of unmaps (%)',
        scale: { domain: [0, 100] },
        axis: { tickCount: 5 },
      },
      color: {
        field: 'run',
        type: 'nominal',
        scale: { domain: names, range: 'category' },
        legend: null,
      },
    },
    layer: [...lines(), ...curves.flatMap((curve, i) => nameTag(curve, axis, i, curves.length))],
  };
}

function lines(): Layers {
  return [
    { mark: { type: 'line', strokeWidth: 2.5, strokeJoin: 'round' } },
    {
      mark: { type: 'point', opacity: 0, size: 90, aria: false },
      encoding: {
        tooltip: [
          { field: 'run', type: 'nominal' },
          { field: 'time', type: 'nominal', title: 'within' },
          { field: 'p', type: 'quantitative', title: '% of unmaps' },
        ],
      },
    },
  ];
}

interface Point {
  readonly run: string;
  readonly x: number;
  readonly p: number;
  readonly time: string;
}

/** The curve through the ends of the bins, flat between them; zeros rise at the place of zero. */
function points({ label, bins, figures }: Curve, axis: LogTimeAxis): Point[] {
  const curve: Point[] = [];
  let seen = 0;
  let end = -1;
  for (const [lo, hi, count] of bins) {
    if (lo > end) curve.push(point(label, lo, (100 * seen) / figures.count, axis));
    seen += count;
    end = hi;
    curve.push(point(label, Math.min(hi, figures.max!), (100 * seen) / figures.count, axis));
  }
  if (figures.max! < axis.last) curve.push(point(label, axis.last, 100, axis));
  return curve;
}

function point(run: string, ns: number, percent: number, axis: LogTimeAxis): Point {
  const time = formatDuration(ns);
  return { run, x: ns === 0 ? axis.zero : forPlot(ns), p: forPlot(percent), time };
}

/** The name of a run beside its curve, each at another height so that names stay apart. */
function nameTag(curve: Curve, axis: LogTimeAxis, index: number, of: number): Layers {
  const height = 80 - (60 * (index + 0.5)) / of;
  const curvePoints = points(curve, axis);
  const { x } = curvePoints.find(({ p }) => p >= height)!;
  const isRight = Math.log(x / axis.zero) > 0.75 * Math.log(axis.last / axis.zero);
  const place = { align: isRight ? 'right' : 'left', dx: isRight ? -8 : 8 } as const;
  const data = { values: [{ run: curve.label, x, p: height }] };
  const text = { field: 'run', type: 'nominal' } as const;
  return [
    { data, mark: { type: 'text', style: 'halo', ...place }, encoding: { text } },
    { data, mark: { type: 'text', fontWeight: 'bold', ...place }, encoding: { text } },
  ];
}
