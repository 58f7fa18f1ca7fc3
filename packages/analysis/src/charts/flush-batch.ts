// Flush batches: how many flushes released how many entries, by cause, one panel per run.
//
// Classes double in size, so that a full per-CPU queue (255 entries) ends one. A class is named by
// its lowest number.

import type { TopLevelSpec } from 'vega-lite';
import { formatCount } from '../quantity.ts';
import type { Bins } from '../run-result.ts';
import {
  type DistributionChart,
  type DistributionResult,
  emptyChart,
  type LabelledDistributions,
  type Panel,
  PLOT_WIDTH,
  panelTitle,
  SCHEMA,
} from './chart.ts';

const CAUSES = ['timeout', 'full', 'host', 'teardown', 'bound'] as const;
const CAUSE_NAMES = {
  timeout: 'timer',
  full: 'queue full',
  host: 'host out of resources',
  teardown: 'teardown',
  bound: 'bound of the queue',
} as const;
const CAUSE_LABEL = `${JSON.stringify(CAUSE_NAMES)}[datum.label]`;

export const flushBatch: DistributionChart = {
  name: 'flush-batch',
  title: 'How much one flush of the IOTLB releases',
  summary: 'Flushes by the number of queue entries they released, and by cause.',
  make,
};

function make(
  results: readonly LabelledDistributions[],
  whole: readonly LabelledDistributions[] = results,
): TopLevelSpec {
  const present = CAUSES.filter((cause) =>
    results.some(({ result }) => result.distributions.flushBatch[cause].length > 0),
  );
  if (results.every(({ result: { summary } }) => hasNothing(summary.flushes))) {
    return emptyChart(flushBatch.title, 'No flush and no invalidation: nothing was unmapped.');
  }
  const classes = Math.max(2, ...whole.map(({ result }) => highestClass(result) + 1));
  return {
    $schema: SCHEMA,
    title: {
      text: flushBatch.title,
      subtitle: 'flushes by entries released, each bar up to the next number; 0: in vain',
    },
    vconcat: results.map((result, i) => panel(result, classes, present, i === results.length - 1)),
    resolve: { scale: { color: 'shared' } },
  };
}

function panel(
  { label, result }: LabelledDistributions,
  classes: number,
  present: readonly (typeof CAUSES)[number][],
  isLast: boolean,
): Panel {
  const { total, rangeInvalidations } = result.summary.flushes;
  const flushes = total === 1 ? '1 flush' : `${formatCount(total)} flushes`;
  return {
    title: panelTitle(
      `${label}: ${flushes}${present.length === 1 && total > 0 ? `, cause: ${CAUSE_NAMES[present[0]!]}` : ''}`,
    ),
    width: PLOT_WIDTH,
    height: total > 0 ? 110 : 36,
    encoding: {
      x: {
        field: 'entries',
        type: 'ordinal',
        title: isLast ? 'queue entries released by one flush' : null,
        scale: { domain: Array.from({ length: classes }, (_, k) => className(k)) },
        axis: { labelAngle: 0, labelOverlap: 'greedy', labels: isLast || total > 0 },
      },
    },
    layer: total > 0 ? bars(result, present) : [note(rangeInvalidations, classes)],
  };
}

function bars(result: DistributionResult, present: readonly string[]): Panel['layer'] {
  const rows = CAUSES.flatMap((cause) => causeRows(cause, result.distributions.flushBatch[cause]));
  return [
    {
      data: { values: rows },
      mark: { type: 'bar' },
      encoding: {
        y: {
          field: 'flushes',
          type: 'quantitative',
          title: 'flushes',
          axis: { tickCount: 3, tickMinStep: 1, minExtent: 34 },
        },
        color: {
          field: 'cause',
          type: 'nominal',
          scale: { domain: [...CAUSES], range: 'category' },
          legend: present.length === 1 ? null : { values: [...present], labelExpr: CAUSE_LABEL },
        },
        tooltip: [
          { field: 'range', type: 'nominal', title: 'entries' },
          { field: 'cause', type: 'nominal' },
          { field: 'flushes', type: 'quantitative' },
        ],
      },
    },
    {
      data: { values: rows },
      mark: { type: 'text', baseline: 'bottom', dy: -3 },
      encoding: {
        y: { aggregate: 'sum', field: 'flushes', type: 'quantitative' },
        text: { aggregate: 'sum', field: 'flushes', type: 'quantitative', format: ',' },
      },
    },
  ];
}

function invalidations(count: number): string {
  if (count === 1) return '1 unmap invalidated its own range';
  return `${formatCount(count)} unmaps invalidated their own range`;
}

function note(rangeInvalidations: number, classes: number): Panel['layer'][number] {
  const text =
    rangeInvalidations > 0
      ? `no queue: ${invalidations(rangeInvalidations)}`
      : 'no flush and no invalidation';
  const entries = className(Math.floor(classes / 2));
  return {
    data: { values: [{ text, entries }] },
    mark: { type: 'text', style: 'note' },
    // In the upper half: a narrow page needs a second line.
    encoding: { y: { value: 13 }, text: { field: 'text' } },
  };
}

function causeRows(cause: string, bins: Bins): object[] {
  const counts = new Map<number, number>();
  for (const [lo, , count] of bins) counts.set(classOf(lo), (counts.get(classOf(lo)) ?? 0) + count);
  return [...counts].map(([k, flushes]) => ({
    cause,
    entries: className(k),
    range: classRange(k),
    flushes,
  }));
}

function highestClass({ distributions }: DistributionResult): number {
  const bins = CAUSES.flatMap((cause) => [...distributions.flushBatch[cause]]);
  return Math.max(0, ...bins.map(([lo]) => classOf(lo)));
}

function hasNothing({
  total,
  rangeInvalidations,
}: DistributionResult['summary']['flushes']): boolean {
  return total + rangeInvalidations === 0;
}

/** 0, 1, 2 to 3, 4 to 7, ... */
function classOf(entries: number): number {
  return entries === 0 ? 0 : 1 + Math.floor(Math.log2(entries));
}

function className(k: number): string {
  return k === 0 ? '0' : formatCount(2 ** (k - 1));
}

function classRange(k: number): string {
  return k < 2 ? String(k) : `${formatCount(2 ** (k - 1))} to ${formatCount(2 ** k - 1)}`;
}
