// Runs that share one plot: those with the same distribution are drawn once, under all their names.

import type { Bins } from '../run-result.ts';
import type { DistributionFigures } from '../summary.ts';
import type { LabelledResult } from './chart.ts';

/** A distribution and the runs that have it. */
export interface Curve {
  readonly label: string;
  readonly bins: Bins;
  readonly figures: DistributionFigures;
}

/** The distinct distributions of `results` that are not empty, in the order of the runs. */
export function distinctCurves(
  results: readonly LabelledResult[],
  pick: (result: LabelledResult['result']) => Omit<Curve, 'label'>,
): Curve[] {
  const curves = new Map<string, { labels: string[]; curve: Omit<Curve, 'label'> }>();
  for (const { label, result } of results) {
    const curve = pick(result);
    if (curve.figures.count === 0) continue;
    const key = JSON.stringify(curve.bins);
    const known = curves.get(key);
    if (known) known.labels.push(label);
    else curves.set(key, { labels: [label], curve });
  }
  return [...curves.values()].map(({ labels, curve }) => ({
    ...curve,
    label: labels.length === results.length && labels.length > 1 ? 'all runs' : labels.join(' = '),
  }));
}
