// Lifetime: how long mappings live, as shares of all mappings in bins of a fifth of a decade.
//
// Runs of one trace mostly have one distribution (the driver decides when to unmap): it is drawn once.

import type { TopLevelSpec } from 'vega-lite';
import { formatCount, formatDuration } from '../quantity.ts';
import {
  type DistributionChart,
  emptyChart,
  forPlot,
  type LabelledDistributions,
  type Panel,
  PLOT_WIDTH,
  panelTitle,
  SCHEMA,
} from './chart.ts';
import { type LogTimeAxis, logTimeAxis } from './log-time-axis.ts';
import { type Curve, colourDomain, distinctCurves } from './runs.ts';
import { textWidth } from './text-width.ts';

const BINS_PER_DECADE = 5;

export const lifetime: DistributionChart = {
  name: 'lifetime',
  title: 'How long mappings live',
  summary: 'Share of mappings by the time from map to unmap, with quantiles.',
  make,
};

function make(
  results: readonly LabelledDistributions[],
  whole: readonly LabelledDistributions[] = results,
): TopLevelSpec {
  const curves = distinctCurves(results, whole, ({ summary, distributions }) => ({
    bins: distributions.lifetime,
    figures: summary.lifetime,
  }));
  if (curves.length === 0) {
    return emptyChart(
      lifetime.title,
      'No mapping of a translated device has both its map and its unmap in the trace.',
    );
  }
  const axis = logTimeAxis(whole.map(({ result }) => result.distributions.lifetime));
  const highest = Math.max(...curves.flatMap((curve) => bars(curve, axis).map(({ p }) => p)));
  return {
    $schema: SCHEMA,
    title: {
      text: lifetime.title,
      subtitle: 'share of mappings by the time from map to unmap; five bins per factor of ten',
    },
    vconcat: curves.map((curve, i) =>
      panel(curve, axis, highest, colourDomain(curves), i === curves.length - 1),
    ),
  };
}

function panel(
  curve: Curve,
  axis: LogTimeAxis,
  highest: number,
  colours: readonly string[],
  isLast: boolean,
): Panel {
  const { count } = curve.figures;
  const mappings = count === 1 ? '1 mapping' : `${formatCount(count)} mappings`;
  return {
    title: panelTitle(`${curve.label}: ${mappings}`),
    width: PLOT_WIDTH,
    height: 150,
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: isLast ? 'time from map to unmap' : null,
        scale: { type: 'log', domain: [axis.zero, axis.last], nice: false },
        axis: { values: [...axis.values], labelExpr: axis.labelExpr },
      },
      y: {
        field: 'p',
        type: 'quantitative',
        title: 'share of mappings (%)',
        scale: { domain: [0, forPlot(highest * 1.5)], nice: false },
        axis: { tickCount: 4, minExtent: 24, labelExpr: "datum.value > 100 ? '' : datum.label" },
      },
    },
    layer: [
      {
        data: { values: bars(curve, axis) },
        mark: { type: 'bar', binSpacing: 1 },
        encoding: {
          x2: { field: 'x2' },
          y2: { datum: 0 },
          color: {
            datum: curve.label,
            scale: { domain: [...colours], range: 'category' },
            legend: null,
          },
          tooltip: [
            { field: 'time', type: 'nominal', title: 'lifetime' },
            { field: 'p', type: 'quantitative', title: '% of mappings' },
          ],
        },
      },
      ...quantileRules(curve, axis, highest),
    ],
  };
}

interface Bar {
  readonly x: number;
  readonly x2: number;
  readonly p: number;
  readonly time: string;
}

/** Zeros are a bar of their own at the left end. */
function bars({ bins, figures }: Curve, axis: LogTimeAxis): Bar[] {
  const counts = new Map<number, number>();
  for (const [lo, , count] of bins) {
    const bin = lo === 0 ? -1 : Math.floor(Math.log10(lo / axis.first) * BINS_PER_DECADE + 1e-9);
    counts.set(bin, (counts.get(bin) ?? 0) + count);
  }
  return [...counts].map(([bin, count]) => {
    const from = bin < 0 ? axis.zero : edge(axis, bin);
    const to = bin < 0 ? axis.zero * 10 ** (1 / BINS_PER_DECADE) : edge(axis, bin + 1);
    const time = bin < 0 ? '0' : `${formatDuration(from)} to ${formatDuration(to)}`;
    return { x: forPlot(from), x2: forPlot(to), p: forPlot((100 * count) / figures.count), time };
  });
}

function edge(axis: LogTimeAxis, bin: number): number {
  return axis.first * 10 ** (bin / BINS_PER_DECADE);
}

/** Rules at the quantiles with their names above, on three lines so that close ones stay apart. */
function quantileRules({ figures }: Curve, axis: LogTimeAxis, highest: number): Panel['layer'] {
  const quantiles = [
    ['median', figures.p50!],
    ['p99', figures.p99!],
    ['max', figures.max!],
  ] as const;
  return quantiles.flatMap(([name, ns], i): Panel['layer'] => {
    const x = ns === 0 ? axis.zero : forPlot(ns);
    const label = `${name} ${formatDuration(ns)}`;
    // Rules further right are higher: a name to the left of its own crosses none.
    const left = (PLOT_WIDTH * Math.log(x / axis.zero)) / Math.log(axis.last / axis.zero);
    const isLeft = left > textWidth(label, 11.5, false) + 5;
    const place = { align: isLeft ? 'right' : 'left', dx: isLeft ? -5 : 5 } as const;
    const p = forPlot(highest * (1.12 + 0.14 * i));
    const data = { values: [{ x, p, text: label }] };
    const text = { field: 'text' } as const;
    return [
      {
        data,
        mark: { type: 'rule', style: 'guide' },
        encoding: { y: { datum: 0 }, y2: { field: 'p' } },
      },
      { data, mark: { type: 'text', style: 'halo', ...place }, encoding: { text } },
      { data, mark: { type: 'text', ...place }, encoding: { text } },
    ];
  });
}
