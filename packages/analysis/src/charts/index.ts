// The charts, by name.

import type { Chart } from './chart.ts';
import { flushBatch } from './flush-batch.ts';
import { lifetime } from './lifetime.ts';
import { occupancy } from './occupancy.ts';
import { staleWindow } from './stale-window.ts';

/** All charts, in the order of a report. */
export const charts: readonly Chart[] = [occupancy, staleWindow, flushBatch, lifetime];

/** The chart called `name`; throws a RangeError with the names there are. */
export function chartNamed(name: string): Chart {
  const chart = charts.find((chart) => chart.name === name);
  if (chart) return chart;
  const known = charts.map((chart) => chart.name).join(', ');
  throw new RangeError(`Unknown chart "${name}", expected one of: ${known}`);
}
