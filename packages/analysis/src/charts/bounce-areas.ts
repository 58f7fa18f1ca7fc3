// Bounce memory over time: slots in use and in all pools, failed maps, and the areas of the default pool.

import type { TopLevelSpec } from 'vega-lite';
import { formatBytes, formatCount } from '../quantity.ts';
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
  scaleTops,
  scaleWords,
  stepRows,
  type TimeFrame,
  timeChannel,
  timeFrame,
} from './time-panel.ts';

const SLOT_KIB = 2;
const MIB = 1024;

export const bounceAreas: Chart = {
  name: 'bounce-areas',
  title: 'Bounce memory in use, by area',
  summary: 'Slots of bounce memory over time: in use, in all pools, by area, and failed maps.',
  isOverTime: true,
  make,
};

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const bouncing = results.filter(({ result }) => result.series.bounceUsedSlots !== null);
  if (bouncing.length === 0) {
    return emptyChart(
      bounceAreas.title,
      'No run has bounce memory: replay with --bounce static, or record the swiotlb events of a guest that bounces.',
    );
  }
  const frame = timeFrame(results);
  const { tops, isShared } = scaleTops(
    bouncing.map(({ result }) => result.summary.bounce?.totalSlots ?? 0),
  );
  const isDivided = bouncing.some(({ result }) => (result.series.bounceAreas?.length ?? 0) > 1);
  return {
    $schema: SCHEMA,
    title: {
      text: bounceAreas.title,
      subtitle: [
        `above: MiB in use (area) and in all pools (line), triangles: maps that failed${scaleWords(isShared)}`,
        ...(isDivided ? ['below: slots in use by area of the default pool'] : []),
      ],
    },
    vconcat: bouncing.flatMap((result, i) =>
      panels(result, frame, tops[i]!, i === bouncing.length - 1),
    ),
    resolve: { scale: { color: 'independent' } },
  };
}

/** `most`: slots at the upper end of the scale. */
function panels(
  labelled: LabelledResult,
  frame: TimeFrame,
  most: number,
  isLast: boolean,
): Panel[] {
  const areas = labelled.result.series.bounceAreas ?? [];
  if (areas.length < 2) return [usage(labelled, frame, most, isLast)];
  return [usage(labelled, frame, most, false), areaMap(labelled, areas, frame, isLast)];
}

function usage(
  { label, result }: LabelledResult,
  frame: TimeFrame,
  most: number,
  isLast: boolean,
): Panel {
  const { bounceUsedSlots, bounceTotalSlots } = result.series;
  const { hiwaterBytes = 0, failed = 0 } = result.summary.bounce ?? {};
  const inMib = (slots: number): number => (slots * SLOT_KIB) / MIB;
  const used = bounceUsedSlots!.max.map(inMib);
  const total = withoutStart(bounceTotalSlots!.max).map(inMib);
  const tooltip = [
    { field: 't', type: 'quantitative', title: `time (${frame.unit.name})` },
    { field: 'used', type: 'quantitative', title: 'in use (MiB)' },
    { field: 'total', type: 'quantitative', title: 'in all pools (MiB)' },
  ] as const;
  const data = { values: stepRows(result, frame, { used, total }) };
  const y = (field: string): object => ({ field, type: 'quantitative' });
  return {
    title: panelTitle(
      `${label}: peak ${formatBytes(hiwaterBytes)}, ${formatCount(failed)} maps without a slot`,
    ),
    width: PLOT_WIDTH,
    height: 110,
    encoding: {
      x: timeChannel(frame, isLast),
      y: {
        type: 'quantitative',
        title: 'MiB',
        scale: { domain: [0, forPlot(inMib(most) * 1.15)], nice: false },
        axis: { tickCount: 4, minExtent: 34 },
      },
    },
    layer: [
      {
        data,
        mark: { type: 'area', interpolate: 'step-after', opacity: 0.9 },
        encoding: { y: y('used'), color: colour('used'), tooltip: [...tooltip] },
      },
      {
        data,
        mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2 },
        encoding: { y: y('total'), color: colour('total'), tooltip: [...tooltip] },
      },
      failures(result, frame),
    ] as Panel['layer'],
  };
}

function colour(name: string): object {
  return {
    datum: name,
    scale: { domain: ['used', 'failed', 'total'], range: 'category' },
    legend: null,
  };
}

/** A mark above each bucket in which maps failed. */
function failures({ series }: LabelledResult['result'], { unit }: TimeFrame): object {
  const rows = series.failed.flatMap((failed, i) =>
    failed > 0 ? [{ t: forPlot(((i + 0.5) * series.bucketNs) / unit.size), failed }] : [],
  );
  return {
    data: { values: rows },
    mark: { type: 'point', shape: 'triangle-down', size: 40 },
    encoding: {
      y: { value: 5 },
      color: colour('failed'),
      tooltip: [{ field: 'failed', type: 'quantitative', title: 'failed maps', format: ',' }],
    },
  };
}

function areaMap(
  { result }: LabelledResult,
  areas: readonly (readonly number[])[],
  frame: TimeFrame,
  isLast: boolean,
): Panel {
  const most = Math.max(1, ...areas.map((used) => used.reduce((a, b) => Math.max(a, b), 0)));
  const rows = areas.flatMap((used, area) => runsOf(used, area, result, frame));
  return {
    width: PLOT_WIDTH,
    height: Math.min(150, Math.max(40, 14 * areas.length)),
    encoding: {
      x: timeChannel(frame, isLast),
      y: {
        field: 'area',
        type: 'quantitative',
        title: 'area',
        scale: { domain: [0, areas.length], nice: false, reverse: true },
        axis: {
          values: areas.flatMap((_, i) => (i % Math.ceil(areas.length / 4) === 0 ? [i + 0.5] : [])),
          labelExpr: 'floor(datum.value)',
          minExtent: 34,
          grid: false,
        },
      },
    },
    layer: [
      {
        data: { values: rows },
        mark: { type: 'rect' },
        encoding: {
          x2: { field: 't2' },
          y2: { field: 'area2' },
          color: {
            field: 'used',
            type: 'quantitative',
            scale: { domain: [0, most], range: 'heatmap' },
            legend: {
              title: 'slots in use',
              orient: 'right',
              direction: 'vertical',
              gradientLength: 40,
              offset: 8,
              labelExpr: "format(datum.value, ',')",
              values: [0, most],
            },
          },
          tooltip: [
            { field: 'area', type: 'quantitative' },
            { field: 't', type: 'quantitative', title: `from (${frame.unit.name})` },
            { field: 'used', type: 'quantitative', title: 'slots in use', format: ',' },
          ],
        },
      },
    ],
  };
}

/** No row told of the pools before the first one of bounce memory: they were there. */
function withoutStart(total: readonly number[]): readonly number[] {
  const first = total.findIndex((slots) => slots > 0);
  return total.map((slots, i) => (i < first ? total[first]! : slots));
}

/** Columns wide enough to see, each with its highest moment; equal neighbours are one. */
function runsOf(
  used: readonly number[],
  area: number,
  { series, summary }: LabelledResult['result'],
  { unit }: TimeFrame,
): object[] {
  const group = Math.ceil(used.length / 128);
  const found: { t: number; t2: number; area: number; area2: number; used: number }[] = [];
  for (let from = 0; from < used.length; from += group) {
    const value = Math.max(...used.slice(from, from + group));
    const end = Math.min(summary.time.end, (from + group) * series.bucketNs);
    const t2 = forPlot(end / unit.size);
    const last = found.at(-1);
    if (last !== undefined && last.used === value) last.t2 = t2;
    else {
      const t = forPlot((from * series.bucketNs) / unit.size);
      found.push({ t, t2, area, area2: area + 1, used: value });
    }
  }
  return found;
}
