// Entries that the host holds against its limit, over time: live ones and those unmapped but not flushed.

import type { TopLevelSpec } from 'vega-lite';
import { formatCount } from '../quantity.ts';
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
  type States,
  scaleTops,
  scaleWords,
  stackedStates,
  stepRows,
  type TimeFrame,
  timeChannel,
  timeFrame,
} from './time-panel.ts';

const STATES: States = {
  labels: { live: 'live in the guest', unmapped: 'unmapped by the guest, not yet flushed' },
  field: 'entries',
  format: ',',
};

export const hostEntries: Chart = {
  name: 'host-entries',
  title: 'Mapping entries that the host holds',
  summary: 'Entries of the host over time against its limit, and maps that it refused.',
  isOverTime: true,
  make,
};

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const limited = results.filter(({ result }) => result.series.hostEntries !== null);
  if (limited.length === 0) {
    return emptyChart(
      hostEntries.title,
      'No run has a host that limits mappings: replay with --host vfio, or a machine file with host:.',
    );
  }
  const frame = timeFrame(results);
  const { tops, isShared } = scaleTops(
    limited.map(({ result: { summary } }) =>
      Math.max(summary.host?.peakEntries ?? 0, summary.host?.entryLimit ?? 0),
    ),
  );
  return {
    $schema: SCHEMA,
    title: {
      text: hostEntries.title,
      subtitle: `entries of 4 KiB at the highest moment of each interval; the rule is the limit${scaleWords(isShared)}`,
    },
    vconcat: limited.map((result, i) => panel(result, frame, tops[i]!, i === limited.length - 1)),
    resolve: { scale: { color: 'shared' } },
  };
}

function panel(
  { label, result }: LabelledResult,
  frame: TimeFrame,
  most: number,
  isLast: boolean,
): Panel {
  const {
    peakEntries = 0,
    failed = 0,
    selfReclaim = 0,
    entryLimit = null,
  } = result.summary.host ?? {};
  const text = `${label}: peak ${formatCount(peakEntries)}, ${formatCount(failed)} refused, ${formatCount(selfReclaim)} cured`;
  return {
    title: panelTitle(text),
    width: PLOT_WIDTH,
    height: 110,
    encoding: {
      x: timeChannel(frame, isLast),
      y: {
        field: 'entries',
        type: 'quantitative',
        title: 'entries',
        scale: { domain: [0, forPlot(most * 1.2)], nice: false },
        axis: {
          tickCount: 4,
          labelExpr: "format(datum.value, datum.value < 1000 ? '~g' : '~s')",
          minExtent: 34,
        },
      },
    },
    layer: [areas(result, frame), ...limitRule(entryLimit)],
  };
}

function areas(result: LabelledResult['result'], frame: TimeFrame): Panel['layer'][number] {
  const { hostEntries: all, hostStaleEntries: stale } = result.series;
  const unmapped = all?.max.map((n, i) => Math.min(n, stale?.max[i] ?? 0)) ?? [];
  const live = all?.max.map((n, i) => n - unmapped[i]!) ?? [];
  return stackedStates(stepRows(result, frame, { live, unmapped }), STATES, frame);
}

function limitRule(limit: number | null): Panel['layer'] {
  if (limit === null) return [];
  const data = { values: [{ limit, text: `limit ${formatCount(limit)}` }] };
  const y = { field: 'limit', type: 'quantitative' } as const;
  const x = { value: 0 } as const;
  return [
    { data, mark: { type: 'rule', style: 'guide' }, encoding: { x, x2: { value: 'width' }, y } },
    {
      data,
      mark: { type: 'text', align: 'left', baseline: 'bottom', dx: 4, dy: -2 },
      encoding: { x, y, text: { field: 'text' } },
    },
  ];
}
