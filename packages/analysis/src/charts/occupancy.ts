// Occupancy of the I/O address space over time: live, queued and cached, stacked, one panel per run.
//
// Every point is the highest moment of its interval, so that the peak of the picture is the true one.

import type { TopLevelSpec } from 'vega-lite';
import { byteUnit, formatBytes, formatDuration, timeUnit, type Unit } from '../quantity.ts';
import type { SpaceSplit } from '../summary.ts';
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

const STATES = ['live', 'queued', 'cached'];
const STATE_LABEL =
  "{live: 'live (mapped)', queued: 'queued (until a flush)', cached: 'cached (for reuse)'}[datum.label]";

export const occupancy: Chart = {
  name: 'occupancy',
  title: 'Occupancy of the I/O address space',
  summary: 'Live, queued and cached address space over time, and its peak.',
  isOverTime: true,
  make,
};

/** Panels share one scale unless the smallest peak would be lower than this share of it. */
const LOWEST_SHARED = 0.2;

interface Frame {
  readonly size: Unit;
  readonly time: Unit;
  /** Upper end of the scales, in bytes and ns. */
  readonly most: number;
  readonly longest: number;
}

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const peaks = results.map(({ result }) => Math.max(1, taken(result.summary.occupancy.peak)));
  const most = Math.max(1, ...peaks);
  if (most === 1) {
    return emptyChart(
      occupancy.title,
      'No address was used: no device is translated, or nothing was mapped.',
    );
  }
  const longest = Math.max(1, ...results.map(({ result }) => result.summary.time.end));
  const isShared = Math.min(...peaks) >= LOWEST_SHARED * most;
  const panels = results.map((result, i) => {
    const top = isShared ? most : peaks[i]!;
    const frame = { size: byteUnit(top), time: timeUnit(longest), most: top, longest };
    return panel(result, frame, i === results.length - 1);
  });
  return {
    $schema: SCHEMA,
    title: { text: occupancy.title, subtitle: subtitle(results, isShared) },
    vconcat: panels,
    resolve: { scale: { color: 'shared' } },
  };
}

function subtitle(results: readonly LabelledResult[], isShared: boolean): string {
  const scales = isShared ? '' : '. Each panel has its own scale';
  const isLowerBound = results.some(({ result }) => result.summary.occupancy.lowerBound);
  const bound = isLowerBound ? '. A lower bound: mappings from before the trace are missing' : '';
  return `by state, at the highest moment of each interval${scales}${bound}`;
}

function panel({ label, result }: LabelledResult, frame: Frame, isLast: boolean): Panel {
  const { size, time, most, longest } = frame;
  return {
    title: panelTitle(label),
    width: PLOT_WIDTH,
    height: 120,
    encoding: {
      x: {
        field: 't',
        type: 'quantitative',
        title: isLast ? `time (${time.name})` : null,
        scale: { domain: [0, forPlot(longest / time.size)], nice: false },
        axis: { tickCount: 8 },
      },
      y: {
        field: 'size',
        type: 'quantitative',
        title: size.name,
        scale: { domain: [0, forPlot((most / size.size) * 1.2)], nice: false },
        axis: { tickCount: 4, minExtent: 34 },
      },
    },
    layer: [areas(result, frame), ...peakMark(result, frame)],
  };
}

function areas(result: LabelledResult['result'], { size, time }: Frame): Panel['layer'][number] {
  return {
    data: { values: points(result, size.size, time.size) },
    transform: [
      { fold: STATES, as: ['state', 'size'] },
      { calculate: `indexof(['${STATES.join("', '")}'], datum.state)`, as: 'order' },
    ],
    mark: { type: 'area', interpolate: 'step-after', opacity: 0.9 },
    encoding: {
      y: { field: 'size', type: 'quantitative', stack: 'zero' },
      color: {
        field: 'state',
        type: 'nominal',
        scale: { domain: STATES, range: 'category' },
        legend: { labelExpr: STATE_LABEL },
      },
      order: { field: 'order', type: 'quantitative' },
      tooltip: [
        { field: 't', type: 'quantitative', title: `time (${time.name})` },
        ...STATES.map(
          (field) => ({ field, type: 'quantitative', title: `${field} (${size.name})` }) as const,
        ),
      ],
    },
  };
}

function points(result: LabelledResult['result'], size: number, time: number): object[] {
  const { series, summary } = result;
  const { end } = summary.time;
  const { live, queued, cached } = series.highest;
  const rows = live.map((bytes, i) => ({
    t: forPlot((i * series.bucketNs) / time),
    live: forPlot(bytes / size),
    queued: forPlot(queued[i]! / size),
    cached: forPlot(cached[i]! / size),
  }));
  rows.push({ ...rows.at(-1)!, t: forPlot(end / time) });
  return rows.filter((row, i) => {
    const [before, after] = [rows[i - 1], rows[i + 1]];
    return !(before && after && isSame(before, row));
  });
}

/** A step that changes nothing needs no point. */
function isSame(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  return STATES.every((state) => a[state] === b[state]);
}

function peakMark({ summary }: LabelledResult['result'], frame: Frame): Panel['layer'] {
  const { peak, peakAt } = summary.occupancy;
  const bytes = taken(peak);
  if (bytes === 0) return [];
  const row = {
    t: forPlot(peakAt / frame.time.size),
    size: forPlot(bytes / frame.size.size),
    text: `peak ${formatBytes(bytes)} at ${formatDuration(peakAt)}`,
  };
  const isRight = peakAt > frame.longest / 2;
  const align = isRight ? 'right' : 'left';
  return [
    { data: { values: [row] }, mark: { type: 'point', tooltip: null } },
    {
      data: { values: [row] },
      mark: { type: 'text', style: 'halo', align, dx: isRight ? -7 : 7, dy: -9 },
      encoding: { text: { field: 'text' } },
    },
    {
      data: { values: [row] },
      mark: { type: 'text', align, dx: isRight ? -7 : 7, dy: -9 },
      encoding: { text: { field: 'text' } },
    },
  ];
}

function taken({ live, queued, cached }: SpaceSplit): number {
  return live + queued + cached;
}
