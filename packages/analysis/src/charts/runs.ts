// Runs that share one plot: those with the same distribution are drawn once, under all their names.

import type { Bins } from '../run-result.ts';
import type { DistributionResult, DrawnFigures, LabelledDistributions } from './chart.ts';

/** A distribution, and its figures. */
export interface Distribution {
  readonly bins: Bins;
  readonly figures: DrawnFigures;
}

/** A distribution and the runs that have it. */
export interface Curve extends Distribution {
  readonly label: string;
  /** Which colour of the palette it has. */
  readonly colour: number;
}

/**
 * The distinct distributions of `results` that are not empty, in the order of the runs. Where `results` are parts of
 * the runs `whole`, a run keeps the colour that it has there.
 */
export function distinctCurves(
  results: readonly LabelledDistributions[],
  whole: readonly LabelledDistributions[],
  pick: (result: DistributionResult) => Distribution,
): Curve[] {
  const wholeCurves = results === whole ? [] : distinct(whole, pick);
  const colours = new Set<number>();
  return distinct(results, pick).map(({ labels, curve }, i) => {
    const own = wholeCurves.findIndex((known) => known.labels.includes(labels[0]!));
    let colour = own < 0 ? i : own;
    while (colours.has(colour)) colour = Math.max(colour + 1, wholeCurves.length);
    colours.add(colour);
    const isAll = labels.length === results.length && labels.length > 1;
    return { ...curve, colour, label: isAll ? 'all runs' : labels.join(' = ') };
  });
}

/** The domain of a scale from the names of curves to colours; names that no curve has keep the place of theirs. */
export function colourDomain(curves: readonly Pick<Curve, 'label' | 'colour'>[]): string[] {
  const most = Math.max(...curves.map(({ colour }) => colour));
  return Array.from(
    { length: most + 1 },
    (_, colour) => curves.find((curve) => curve.colour === colour)?.label ?? `no curve ${colour}`,
  );
}

function distinct(
  results: readonly LabelledDistributions[],
  pick: (result: DistributionResult) => Distribution,
): { labels: string[]; curve: Distribution }[] {
  const curves = new Map<string, { labels: string[]; curve: Distribution }>();
  for (const { label, result } of results) {
    const curve = pick(result);
    if (curve.figures.count === 0) continue;
    const key = JSON.stringify(curve.bins);
    const known = curves.get(key);
    if (known) known.labels.push(label);
    else curves.set(key, { labels: [label], curve });
  }
  return [...curves.values()];
}
