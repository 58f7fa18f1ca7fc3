// The charts, by name.

import { bounceAreas } from './bounce-areas.ts';
import type { Chart } from './chart.ts';
import { compare } from './compare.ts';
import { exposure } from './exposure.ts';
import { flushBatch } from './flush-batch.ts';
import { flushInterval } from './flush-interval.ts';
import { hostEntries } from './host-entries.ts';
import { latency } from './latency.ts';
import { lifetime } from './lifetime.ts';
import { occupancy } from './occupancy.ts';
import { pareto } from './pareto.ts';
import { rcacheHits } from './rcache-hits.ts';
import { spaceMap } from './space-map.ts';
import { staleWindow } from './stale-window.ts';

/** All charts, in the order of a report. */
export const charts: readonly Chart[] = [
  compare,
  pareto,
  occupancy,
  spaceMap,
  rcacheHits,
  exposure,
  staleWindow,
  flushBatch,
  flushInterval,
  bounceAreas,
  hostEntries,
  latency,
  lifetime,
];

/** The chart called `name`; throws a RangeError with the names there are. */
export function chartNamed(name: string): Chart {
  const chart = charts.find((chart) => chart.name === name);
  if (chart) return chart;
  const known = charts.map((chart) => chart.name).join(', ');
  throw new RangeError(`Unknown chart "${name}", expected one of: ${known}`);
}
