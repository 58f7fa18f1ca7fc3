// Latency: modelled time of maps and unmaps beside the measured durations of kernel functions, as
// curves (ECDF) and as quantiles.
//
// Modelled curves are drawn through and have the names of their runs; measured ones are dashed, with the names
// of functions. A measured function stands with maps or unmaps by what its name says.

import type { TopLevelSpec } from 'vega-lite';
import { formatDuration } from '../quantity.ts';
import type { Bins } from '../run-result.ts';
import {
  type DistributionChart,
  type DrawnFigures,
  emptyChart,
  forPlot,
  type LabelledDistributions,
  type Panel,
  PLOT_WIDTH,
  panelTitle,
  SCHEMA,
} from './chart.ts';
import { type EcdfCurve, ecdfPlot } from './ecdf.ts';
import { type LogTimeAxis, logTimeAxis } from './log-time-axis.ts';
import { distinctCurves } from './runs.ts';

/** More measured functions than these would hide each other: those with most calls are shown. */
const MOST_MEASURED = 3;
const OF_UNMAPS = /unmap|free|flush|release|queue/;
const QUANTILES = [
  ['p50', 'median', 170],
  ['p90', 'p90', 110],
  ['p99', 'p99', 70],
  ['p999', 'p99.9', 38],
  ['max', 'max', 14],
] as const;

export const latency: DistributionChart = {
  name: 'latency',
  title: 'How long maps and unmaps take',
  summary: 'Modelled and measured durations of maps and unmaps: curves (ECDF) and quantiles.',
  make,
};

function make(
  results: readonly LabelledDistributions[],
  whole: readonly LabelledDistributions[] = results,
): TopLevelSpec {
  const maps = withMeasured(modelled(results, whole, 'map'), measured(whole, false));
  const unmaps = withMeasured(modelled(results, whole, 'unmap'), measured(whole, true));
  const curves = [...maps, ...unmaps];
  if (curves.length === 0) {
    return emptyChart(
      latency.title,
      'No request of the run took modelled time, and none was measured.',
    );
  }
  const axis = logTimeAxis(allBins(whole));
  const isMeasured = curves.some(({ isDashed }) => isDashed);
  return {
    $schema: SCHEMA,
    title: {
      text: latency.title,
      subtitle: isMeasured
        ? 'modelled: assumed costs of the machine, with waiting; measured: while recording, with the cost of tracing'
        : 'modelled: assumed costs of the machine, with waiting. Nothing was measured: record with function_graph or probes',
    },
    vconcat: [
      ...plot('maps', maps, axis, results !== whole),
      ...plot('unmaps', unmaps, axis, results !== whole),
      quantilePanel([...rowsOf('map', maps), ...rowsOf('unmap', unmaps)], axis),
    ],
    resolve: { scale: { color: 'independent', fill: 'independent' } },
  };
}

/** Those of everything that may be drawn of `results`. */
function allBins(results: readonly LabelledDistributions[]): Bins[] {
  const curves = [
    ...modelled(results, results, 'map'),
    ...modelled(results, results, 'unmap'),
    ...measured(results, false),
    ...measured(results, true),
  ];
  return curves.map(({ bins }) => bins);
}

function modelled(
  results: readonly LabelledDistributions[],
  whole: readonly LabelledDistributions[],
  kind: 'map' | 'unmap',
): EcdfCurve[] {
  return distinctCurves(results, whole, ({ summary, distributions }) => ({
    bins: kind === 'map' ? distributions.modelledMapLatency : distributions.modelledUnmapLatency,
    figures: summary.modelledLatency[kind],
  }));
}

/** Measured curves have the colours that the modelled ones of the whole runs leave. */
function withMeasured(
  modelledCurves: readonly EcdfCurve[],
  measuredCurves: readonly EcdfCurve[],
): EcdfCurve[] {
  const free = 1 + Math.max(-1, ...modelledCurves.map(({ colour }) => colour));
  return [...modelledCurves, ...measuredCurves.map((curve, i) => ({ ...curve, colour: free + i }))];
}

/** Of each trace once: all runs of it have the same. */
function measured(results: readonly LabelledDistributions[], ofUnmaps: boolean): EcdfCurve[] {
  const first = results.find(({ result }) => result.summary.measuredLatency.length > 0);
  if (first === undefined) return [];
  const { summary, distributions } = first.result;
  return distributions.measured
    .flatMap(({ function: name, bins }): EcdfCurve[] => {
      const figures = summary.measuredLatency.find((known) => known.function === name)?.duration;
      if (figures === undefined || figures.count === 0 || OF_UNMAPS.test(name) !== ofUnmaps)
        return [];
      return [{ label: name, bins, figures, colour: 0, isDashed: true }];
    })
    .toSorted((a, b) => b.figures.count - a.figures.count)
    .slice(0, MOST_MEASURED);
}

function plot(
  name: string,
  curves: readonly EcdfCurve[],
  axis: LogTimeAxis,
  isPart: boolean,
): Panel[] {
  if (curves.length === 0) return [];
  const kinds = [
    ...(curves.every(({ isDashed }) => isDashed) ? [] : ['modelled']),
    ...(curves.some(({ isDashed }) => isDashed) ? ['dashed: measured'] : []),
  ];
  // What was measured is not known by time.
  const part = isPart && kinds.length === 2 ? ' (whole run)' : '';
  const words = { x: '', y: `share of ${name} (%)`, share: `% of ${name}` };
  return [
    {
      ...ecdfPlot(curves, axis, words, 190),
      title: panelTitle(`${name}, ${kinds.join('; ')}${part}`),
    },
  ];
}

/** The same curves with names that tell them apart in one list. */
function rowsOf(kind: 'map' | 'unmap', curves: readonly EcdfCurve[]): EcdfCurve[] {
  return curves.map((curve) => ({
    ...curve,
    label: curve.isDashed ? `${curve.label} (measured)` : `${kind}: ${curve.label}`,
  }));
}

function quantilePanel(curves: readonly EcdfCurve[], axis: LogTimeAxis): Panel {
  const rows = curves.flatMap(({ label, figures }) => quantileRows(label, figures, axis));
  const color = {
    field: 'quantile',
    type: 'nominal',
    scale: { domain: QUANTILES.map(([, name]) => name), range: 'category' },
    legend: { orient: 'top', symbolType: 'circle', offset: 6 },
  } as const;
  return {
    title: panelTitle('quantiles'),
    width: PLOT_WIDTH,
    height: { step: 24 },
    data: { values: rows },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: 'duration',
        scale: { type: 'log', domain: [axis.zero, axis.last], nice: false },
        axis: { values: [...axis.values], labelExpr: axis.labelExpr, grid: true },
      },
      y: {
        field: 'curve',
        type: 'nominal',
        title: null,
        scale: { domain: curves.map(({ label }) => label) },
        axis: { labelLimit: 230, grid: true },
      },
    },
    layer: [
      {
        mark: { type: 'point' },
        encoding: {
          color,
          size: { field: 'size', type: 'quantitative', scale: null, legend: null },
          tooltip: [
            { field: 'curve', type: 'nominal', title: 'of' },
            { field: 'quantile', type: 'nominal' },
            { field: 'text', type: 'nominal', title: 'duration' },
          ],
        },
      },
    ],
  };
}

function quantileRows(curve: string, figures: DrawnFigures, axis: LogTimeAxis): object[] {
  return QUANTILES.flatMap(([field, quantile, size]) => {
    const ns = figures[field];
    if (ns === null) return [];
    const x = ns === 0 ? axis.zero : forPlot(ns);
    return [{ curve, quantile, size, x, text: formatDuration(ns) }];
  });
}
