// Occupancy of the I/O address space over time: live, queued and cached, stacked, one panel per run.
//
// Every point is the highest moment of its interval, so that the peak of the picture is the true one.

import type { TopLevelSpec } from 'vega-lite';
import type { SpaceSplit } from '../figures/addresses.ts';
import { byteUnit, formatBytes, formatDuration, type Unit } from '../quantity.ts';
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
import {
  notedPoint,
  type States,
  scaleTops,
  scaleWords,
  stackedStates,
  stepRows,
  type TimeFrame,
  timeChannel,
  timeFrame,
} from './time-panel.ts';

const LABELS = {
  live: 'live (mapped)',
  queued: 'queued (until a flush)',
  cached: 'cached (for reuse)',
};

export const occupancy: Chart = {
  name: 'occupancy',
  title: 'Occupancy of the I/O address space',
  summary: 'Live, queued and cached address space over time, and its peak.',
  isOverTime: true,
  make,
};

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const peaks = results.map(({ result }) => Math.max(1, taken(result.summary.occupancy.peak)));
  if (Math.max(1, ...peaks) === 1) {
    return emptyChart(
      occupancy.title,
      'No address was used: no device is translated, or nothing was mapped.',
    );
  }
  const frame = timeFrame(results);
  const { tops, isShared } = scaleTops(peaks);
  return {
    $schema: SCHEMA,
    title: { text: occupancy.title, subtitle: subtitle(results, isShared) },
    vconcat: results.map((result, i) => panel(result, frame, tops[i]!, i === results.length - 1)),
    resolve: { scale: { color: 'shared' } },
  };
}

function subtitle(results: readonly LabelledResult[], isShared: boolean): string {
  const isLowerBound = results.some(({ result }) => result.summary.occupancy.lowerBound);
  const bound = isLowerBound ? '. A lower bound: mappings from before the trace are missing' : '';
  return `by state, at the highest moment of each interval${scaleWords(isShared)}${bound}`;
}

/** `top`: upper end of the scale, in bytes. */
function panel(
  { label, result }: LabelledResult,
  frame: TimeFrame,
  top: number,
  isLast: boolean,
): Panel {
  const unit = byteUnit(top);
  const { live, queued, cached } = result.series.highest;
  const scaled = (bytes: readonly number[]): number[] => bytes.map((value) => value / unit.size);
  const columns = { live: scaled(live), queued: scaled(queued), cached: scaled(cached) };
  const states: States = { labels: LABELS, field: 'size', unit: unit.name };
  return {
    title: panelTitle(label),
    width: PLOT_WIDTH,
    height: 120,
    encoding: {
      x: timeChannel(frame, isLast),
      y: {
        field: 'size',
        type: 'quantitative',
        title: unit.name,
        scale: { domain: [0, forPlot((top / unit.size) * 1.2)], nice: false },
        axis: { tickCount: 4, minExtent: 34 },
      },
    },
    layer: [
      stackedStates(stepRows(result, frame, columns), states, frame),
      ...peakMark(result, frame, unit),
    ],
  };
}

function peakMark(
  { summary }: LabelledResult['result'],
  { unit: time, longest }: TimeFrame,
  unit: Unit,
): Panel['layer'] {
  const { peak, peakAt } = summary.occupancy;
  const bytes = taken(peak);
  if (bytes === 0) return [];
  const text = `peak ${formatBytes(bytes)} at ${formatDuration(peakAt)}`;
  return notedPoint(peakAt / time.size, bytes / unit.size, text, peakAt > longest / 2);
}

function taken({ live, queued, cached }: SpaceSplit): number {
  return live + queued + cached;
}
