// Stale window: which share of the unmapped ranges a device has lost after how long (ECDF).
//
// Strict unmaps sit at zero, which has a place of its own on the axis.

import type { TopLevelSpec } from 'vega-lite';
import { type Chart, emptyChart, type LabelledResult, SCHEMA } from './chart.ts';
import { ecdfPlot } from './ecdf.ts';
import { logTimeAxis } from './log-time-axis.ts';
import { distinctCurves } from './runs.ts';

export const staleWindow: Chart = {
  name: 'stale-window',
  title: 'How long unmapped memory stays within reach',
  summary: 'Share of unmaps whose stale window is at most so long (ECDF).',
  make,
};

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const curves = distinctCurves(results, ({ summary, distributions }) => ({
    bins: distributions.staleWindow,
    figures: summary.exposure.staleWindow,
  }));
  if (curves.length === 0) return emptyChart(staleWindow.title, 'Nothing was unmapped.');
  return {
    $schema: SCHEMA,
    title: {
      text: staleWindow.title,
      subtitle:
        'share of unmaps that a flush has covered after the time given; 0: the unmap itself invalidates',
    },
    ...ecdfPlot(curves, logTimeAxis(curves.map(({ bins }) => bins)), {
      x: 'time from unmap to flush',
      y: 'share of unmaps (%)',
      share: '% of unmaps',
    }),
  };
}
