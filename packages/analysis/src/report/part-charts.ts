// The charts of distributions for a part of the time: what page.js calls when the time shown changes.
//
// The page has the code of this file and of all that it imports as page-charts.js, which charts.test.ts makes
// (vitest run charts.test.ts --update): no Node, no third parties, types only from elsewhere.

import type { TopLevelSpec } from 'vega-lite';
import {
  type DistributionChart,
  emptyChart,
  type LabelledDistributions,
  reasonOfEmpty,
} from '../charts/chart.ts';
import { flushBatch } from '../charts/flush-batch.ts';
import { flushInterval } from '../charts/flush-interval.ts';
import { latency } from '../charts/latency.ts';
import { lifetime } from '../charts/lifetime.ts';
import { staleWindow } from '../charts/stale-window.ts';
import { formatDuration } from '../quantity.ts';
import type { DistributionSlices } from '../run-result.ts';
import { distributionsOf, type Part, partOf, type SlicedRun, wholeOf } from './part-of-time.ts';

const CHARTS: readonly DistributionChart[] = [
  staleWindow,
  flushBatch,
  flushInterval,
  latency,
  lifetime,
];

/** Charts that can be drawn of a part of the time though their axis is not time. */
export const PART_CHARTS: readonly string[] = CHARTS.map(({ name }) => name);

/** Why a part of `runs` cannot be drawn; null where it can. */
export function reasonOfWhole(runs: readonly SlicedRun[]): string | null {
  const without = runs.filter(({ slices }) => slices === null).map(({ label }) => label);
  return without.length === 0
    ? null
    : `Of the whole run: the result of ${without.join(', ')} is of a version that kept no distributions by time; replay it again.`;
}

/** The slices of each run from `from` to `to` (ns): for all runs to the same moments, those of the widest slices. */
export function partsOf(runs: readonly SlicedRun[], from: number, to: number): Part[] {
  const sliced = withSlices(runs);
  const step = Math.max(...sliced.map(({ slices }) => slices.sliceNs));
  const first = Math.floor(from / step);
  const last = Math.max(first + 1, Math.ceil(to / step));
  return sliced.map(({ slices }) => partOf(slices, first * step, last * step));
}

/** Which slices of `runs` are those from `from` to `to` (ns): the real limits of what is drawn. */
export function partWords(runs: readonly SlicedRun[], from: number, to: number): string {
  const parts = partsOf(runs, from, to);
  const labels = new Map<string, string[]>();
  for (const [i, { run, slices }] of withSlices(runs).entries()) {
    const text = sliceWords(slices, parts[i]!);
    labels.set(text, [...(labels.get(text) ?? []), run.label]);
  }
  if (labels.size === 1) return [...labels.keys()].join();
  return [...labels].map(([text, some]) => `${some.join(', ')}: ${text}`).join('; ');
}

function sliceWords({ sliceNs, count }: DistributionSlices, { first, last }: Part): string {
  if (first === last) return `none of ${count} slices: the run ended before`;
  const [from, to] = [first * sliceNs, last * sliceNs].map(formatDuration);
  return `${last - first} of ${count} slices, ${from} to ${to}`;
}

/** The chart `name` of the slices from `from` to `to` (ns) of `runs`. */
export function partChart(
  name: string,
  runs: readonly SlicedRun[],
  from: number,
  to: number,
): TopLevelSpec {
  const chart = CHARTS.find((known) => known.name === name)!;
  const draw = (parts: readonly Part[]): LabelledDistributions[] =>
    withSlices(runs).map(({ run, slices }, i) => {
      return { label: run.label, result: distributionsOf(run, slices, parts[i]!) };
    });
  const whole = withSlices(runs).map(({ slices }) => wholeOf(slices));
  const spec = chart.make(draw(partsOf(runs, from, to)), draw(whole));
  if (reasonOfEmpty(spec) === null) return spec;
  return emptyChart(chart.title, 'Nothing of this in the slices shown.');
}

function withSlices(
  runs: readonly SlicedRun[],
): { readonly run: SlicedRun; readonly slices: DistributionSlices }[] {
  return runs.flatMap((run) => (run.slices === null ? [] : [{ run, slices: run.slices }]));
}
