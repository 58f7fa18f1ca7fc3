// Exposure over time: unmapped memory that a device can still reach, one panel per run.
//
// Every point is the highest moment of its interval.

import type { TopLevelSpec } from 'vega-lite';
import { byteUnit, formatBytes } from '../quantity.ts';
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
  notedPanel,
  notedPoint,
  scaleTops,
  scaleWords,
  stepRows,
  type TimeFrame,
  timeChannel,
  timeFrame,
} from './time-panel.ts';

export const exposure: Chart = {
  name: 'exposure',
  title: 'Unmapped memory within reach of devices',
  summary: 'Unmapped bytes that devices can still reach, over time, with their peak.',
  isOverTime: true,
  make,
};

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const frame = timeFrame(results);
  const peaks = results.map(({ result }) => result.summary.exposure.peakStaleBytes);
  if (peaks.every((peak) => peak === 0)) {
    return emptyChart(
      exposure.title,
      'None stays within reach: every unmap invalidates at once, or nothing was unmapped.',
    );
  }
  const last = peaks.findLastIndex((peak) => peak > 0);
  const { tops, isShared } = scaleTops(peaks);
  return {
    $schema: SCHEMA,
    title: {
      text: exposure.title,
      subtitle: `bytes unmapped and not yet flushed, at the highest moment of each interval${scaleWords(isShared)}`,
    },
    vconcat: results.map((result, i) => panel(result, frame, tops[i]!, i === last)),
  };
}

function panel(
  { label, result }: LabelledResult,
  frame: TimeFrame,
  top: number,
  isLast: boolean,
): Panel {
  const { byteSeconds, peakStaleBytes } = result.summary.exposure;
  const total = `${label}: ${formatBytes(byteSeconds)} x s in all`;
  const unit = byteUnit(top);
  if (peakStaleBytes === 0) {
    return {
      title: panelTitle(label),
      width: PLOT_WIDTH,
      height: 36,
      encoding: { x: timeChannel(frame, false) },
      layer: notedPanel('none: every unmap invalidates at once, or nothing was unmapped'),
    };
  }
  const { max } = result.series.staleBytes;
  const peakBucket = max.indexOf(peakStaleBytes);
  const at = (Math.max(0, peakBucket) * result.series.bucketNs) / frame.unit.size;
  return {
    title: panelTitle(total),
    width: PLOT_WIDTH,
    height: 110,
    encoding: {
      x: timeChannel(frame, isLast),
      y: {
        field: 'stale',
        type: 'quantitative',
        title: unit.name,
        scale: { domain: [0, forPlot((top / unit.size) * 1.25)], nice: false },
        axis: { tickCount: 4, minExtent: 34 },
      },
    },
    layer: [
      {
        data: { values: stepRows(result, frame, { stale: max.map((b) => b / unit.size) }) },
        mark: { type: 'area', interpolate: 'step-after', opacity: 0.9 },
        encoding: {
          color: {
            datum: 'stale',
            scale: { domain: ['live', 'stale'], range: 'category' },
            legend: null,
          },
          tooltip: [
            { field: 't', type: 'quantitative', title: `time (${frame.unit.name})` },
            { field: 'stale', type: 'quantitative', title: `within reach (${unit.name})` },
          ],
        },
      },
      ...notedPoint(
        at,
        peakStaleBytes / unit.size,
        `peak ${formatBytes(peakStaleBytes)}`,
        at * frame.unit.size > frame.longest / 2,
      ),
    ],
  };
}
