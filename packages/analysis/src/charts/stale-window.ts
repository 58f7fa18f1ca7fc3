// Stale window: which share of the unmapped ranges a device has lost after how long (ECDF).
//
// Strict unmaps sit at zero, which has a place of its own on the axis.

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

export const staleWindow: DistributionChart = {
  name: 'stale-window',
  title: 'How long unmapped memory stays within reach',
  summary: 'Share of unmaps whose stale window is at most so long (ECDF).',
  make,
};

function make(
  results: readonly LabelledDistributions[],
  whole: readonly LabelledDistributions[] = results,
): TopLevelSpec {
  const curves = distinctCurves(results, whole, drawn);
  if (curves.length === 0) return emptyChart(staleWindow.title, 'Nothing was unmapped.');
  return {
    $schema: SCHEMA,
    title: {
      text: staleWindow.title,
      subtitle:
        'share of unmaps that a flush has covered after the time given; 0: the unmap itself invalidates',
    },
    ...ecdfPlot(curves, logTimeAxis(whole.map(({ result }) => drawn(result).bins)), {
      x: 'time from unmap to flush',
      y: 'share of unmaps (%)',
      share: '% of unmaps',
    }),
  };
}

function drawn({ summary, distributions }: DistributionResult): Distribution {
  return {
    bins: distributions.staleWindow,
    figures: summary.exposure.staleWindow,
  };
}
