// Flush intervals: which share of the flushes of a domain comes how long after the one before (ECDF).

import type { TopLevelSpec } from 'vega-lite';
import {
  type DistributionChart,
  type DistributionResult,
  emptyChart,
  type LabelledDistributions,
  SCHEMA,
} from './chart.ts';
import { ecdfPlot } from './ecdf.ts';
import { logTimeAxis } from './log-time-axis.ts';
import { type Distribution, distinctCurves } from './runs.ts';

export const flushInterval: DistributionChart = {
  name: 'flush-interval',
  title: 'How often the IOTLB is flushed',
  summary: 'Share of flushes by the time since the last flush of their domain (ECDF).',
  make,
};

function make(
  results: readonly LabelledDistributions[],
  whole: readonly LabelledDistributions[] = results,
): TopLevelSpec {
  const curves = distinctCurves(results, whole, drawn);
  if (curves.length === 0) {
    return emptyChart(
      flushInterval.title,
      'No domain was flushed twice: strict unmaps invalidate ranges, and need no flush.',
    );
  }
  return {
    $schema: SCHEMA,
    title: {
      text: flushInterval.title,
      subtitle: 'share of flushes that come at most so long after the last flush of their domain',
    },
    ...ecdfPlot(curves, logTimeAxis(whole.map(({ result }) => drawn(result).bins)), {
      x: 'time from one flush to the next',
      y: 'share of flushes (%)',
      share: '% of flushes',
    }),
  };
}

function drawn({ summary, distributions }: DistributionResult): Distribution {
  return {
    bins: distributions.flushInterval,
    figures: summary.flushes.interval,
  };
}
