// Empirical distributions of durations as curves: which share is at most so long.
//
// Time is on a logarithmic axis on which zero has a place of its own.

import { formatDuration } from '../quantity.ts';
import { forPlot, type Panel, PLOT_WIDTH, shortName } from './chart.ts';
import { NAME_DISTANCE, type NamePlace, placeCurveNames } from './curve-names.ts';
import type { LogTimeAxis } from './log-time-axis.ts';
import { type Curve, colourDomain } from './runs.ts';

/** What the axes and tooltips of curves say. */
export interface EcdfWords {
  readonly x: string;
  readonly y: string;
  /** Of a share in a tooltip, e.g. "% of unmaps". */
  readonly share: string;
}

/** A curve; dashed ones were measured. */
export interface EcdfCurve extends Curve {
  readonly isDashed?: boolean;
}

/** One plot of all curves, each with its name beside it. */
export function ecdfPlot(
  curves: readonly EcdfCurve[],
  axis: LogTimeAxis,
  words: EcdfWords,
  height = 250,
): Panel {
  const drawn = curves.map((curve) => points(curve, axis));
  const named = curves.map(({ label }, i) => ({ label: shortName(label), points: drawn[i]! }));
  const places = placeCurveNames(named, axis, height);
  const domain = colourDomain(curves);
  return {
    width: PLOT_WIDTH,
    height,
    data: { values: drawn.flat() },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: words.x,
        scale: { type: 'log', domain: [axis.zero, axis.last], nice: false },
        axis: { values: [...axis.values], labelExpr: axis.labelExpr, grid: true },
      },
      y: {
        field: 'p',
        type: 'quantitative',
        title: words.y,
        scale: { domain: [0, 100] },
        axis: { tickCount: 5 },
      },
    },
    layer: [
      ...lines(curves, words, domain),
      ...curves.flatMap(({ label }, i) => nameTag(label, places[i]!, domain)),
    ],
  };
}

function lines(curves: readonly EcdfCurve[], words: EcdfWords, domain: string[]): Panel['layer'] {
  const names = curves.map(({ label }) => label);
  const dashes = curves.map(({ isDashed }) => (isDashed === true ? [5, 4] : [1, 0]));
  const dash = {
    field: 'run',
    type: 'nominal',
    scale: { domain: names, range: dashes },
    legend: null,
  } as const;
  const color = {
    field: 'run',
    type: 'nominal',
    scale: { domain, range: 'category' },
    legend: null,
  } as const;
  const dashed = curves.some(({ isDashed }) => isDashed) ? { strokeDash: dash } : {};
  return [
    {
      mark: { type: 'line', strokeWidth: 2.5, strokeJoin: 'round' },
      encoding: { color, ...dashed },
    },
    {
      mark: { type: 'point', opacity: 0, size: 90, aria: false },
      encoding: {
        tooltip: [
          { field: 'run', type: 'nominal' },
          { field: 'time', type: 'nominal', title: 'within' },
          { field: 'p', type: 'quantitative', title: words.share },
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
  const count = bins.reduce((sum, [, , n]) => sum + n, 0);
  const longest = figures.max ?? 0;
  let seen = 0;
  let end = -1;
  for (const [lo, hi, n] of bins) {
    if (lo > end) curve.push(point(label, lo, (100 * seen) / count, axis));
    seen += n;
    end = hi;
    curve.push(point(label, Math.min(hi, longest), (100 * seen) / count, axis));
  }
  if (longest < axis.last) curve.push(point(label, axis.last, 100, axis));
  return curve;
}

function point(run: string, ns: number, percent: number, axis: LogTimeAxis): Point {
  const time = formatDuration(ns);
  return { run, x: ns === 0 ? axis.zero : forPlot(ns), p: forPlot(percent), time };
}

/** The name of a run beside its curve, in the colour of the curve as texts have it. */
function nameTag(run: string, { x, p, align }: NamePlace, domain: string[]): Panel['layer'] {
  const place = { align, dx: align === 'left' ? NAME_DISTANCE : -NAME_DISTANCE };
  const data = { values: [{ run, name: shortName(run), x: forPlot(x), p: forPlot(p) }] };
  const text = { field: 'name', type: 'nominal' } as const;
  const fill = {
    ...text,
    field: 'run',
    scale: { domain, range: 'ordinal' },
    legend: null,
  } as const;
  return [
    { data, mark: { type: 'text', style: 'halo', ...place }, encoding: { text } },
    { data, mark: { type: 'text', fontWeight: 'bold', ...place }, encoding: { text, fill } },
  ];
}
