// What a reader may do about what came out: record again, make room for maps that failed, choose among the runs.
//
// Only figures of the summaries count here. Nothing is advised that no run shows.

import type { LabelledResult } from '../charts/chart.ts';
import type { FailureCause } from '../figures/requests.ts';
import { formatBytes, formatCount, formatDuration, threeDigits } from '../quantity.ts';
import { isReachKnown } from '../stats/known-reach.ts';

/** A sentence of plain text, and the command that goes with it where there is one. */
export interface NextStep {
  readonly text: string;
  readonly command: string | null;
}

/** What to do about runs of one trace, the most pressing first; never empty. */
export function nextSteps(results: readonly LabelledResult[]): NextStep[] {
  const steps = [...recording(results), ...failures(results), ...choice(results)];
  if (steps.length > 0) return steps;
  return [
    results.length > 1
      ? {
          text: 'No map failed, and no run is ahead of another in invalidations or exposure.',
          command: null,
        }
      : {
          text: 'No map failed. Whether another machine does better, a comparison says.',
          command: 'dmalab compare TRACE --flush strict --flush percpu --flush single',
        },
  ];
}

function recording(results: readonly LabelledResult[]): NextStep[] {
  const codes = results.flatMap(({ result }) => result.summary.warnings.map(({ code }) => code));
  if (!codes.some((code) => code === 'LOST_EVENTS' || code === 'LOST_UNKNOWN')) return [];
  const text =
    'Events were lost: take these figures for estimates, and record again with larger buffers. This says where they were too small:';
  return [{ text, command: 'dmalab info TRACE' }];
}

const STAGES: Readonly<
  Partial<Record<FailureCause['stage'], readonly [what: string, lead: string, command: string]>>
> = {
  swiotlb: [
    'found no room in bounce memory',
    'This finds how much is enough:',
    'dmalab size TRACE --bounce static --goal no-failures',
  ],
  syncMap: [
    'were refused by the host',
    'This finds the limit that is enough:',
    'dmalab size TRACE --host vfio --goal no-failures',
  ],
};
const OTHER_STAGE = [
  'found no address that the device can use',
  'This says why:',
  'dmalab explain TRACE',
] as const;

/** A step for each stage that said no, with the runs in which none did. */
function failures(results: readonly LabelledResult[]): NextStep[] {
  const causes = results.flatMap(({ label, result: { summary } }) =>
    summary.failures.causes.map(({ stage, count }) => ({ label, stage, count })),
  );
  const served = results
    .filter(({ result }) => result.summary.failures.total === 0)
    .map(({ label }) => label);
  const byStage = Map.groupBy(causes, ({ stage }) => STAGES[stage] ?? OTHER_STAGE);
  return [...byStage].map(([[what, lead, command], mine]) => {
    const perRun = Map.groupBy(mine, ({ label }) => label);
    const worst = [...perRun]
      .map(([label, counts]) => ({
        label,
        count: counts.reduce((sum, { count }) => sum + count, 0),
      }))
      .toSorted((a, b) => b.count - a.count)[0]!;
    const others = perRun.size > 1 ? ` (the most of ${perRun.size} runs)` : '';
    const cure = served.length > 0 ? ` None failed with ${listed(served)}.` : '';
    return {
      text: `${formatCount(worst.count)} maps of ${worst.label} ${what}${others}.${cure} ${lead}`,
      command,
    };
  });
}

/** The two ends of the trade of invalidations for exposure, among runs in which all maps were served. */
function choice(results: readonly LabelledResult[]): NextStep[] {
  const known = results.flatMap(({ label, result: { summary } }) => {
    const { invalidationsPerThousandUnmaps: cost } = summary.flushes;
    const { byteSeconds: exposure, staleWindow } = summary.exposure;
    const isKnown = isReachKnown(summary.machine) && summary.failures.total === 0;
    if (cost === null || !isKnown) return [];
    return [{ label, cost, exposure, longest: staleWindow.max ?? 0 }];
  });
  if (known.length < 2) return [];
  const cheapest = known.toSorted((a, b) => a.cost - b.cost || a.exposure - b.exposure)[0]!;
  const safest = known.toSorted((a, b) => a.exposure - b.exposure || a.cost - b.cost)[0]!;
  const costOf = ({ cost }: typeof cheapest): string =>
    `${threeDigits(cost)} invalidations per 1000 unmaps`;
  const reachOf = ({ longest, exposure }: typeof cheapest): string =>
    longest === 0
      ? 'nothing within reach after its unmap'
      : `unmapped memory within reach for up to ${formatDuration(longest)} (${formatBytes(exposure)} s in all)`;
  if (cheapest.label === safest.label) {
    if (known.every(({ cost, exposure }) => cost === safest.cost && exposure === safest.exposure))
      return [];
    const text = `${safest.label} is best in both, with ${costOf(safest)} and ${reachOf(safest)}.`;
    return [{ text, command: null }];
  }
  const between = known
    .map(({ label }) => label)
    .filter((name) => name !== cheapest.label && name !== safest.label);
  const rest = between.length > 0 ? ` In between: ${listed(between)}.` : '';
  const text = `Fewest invalidations: ${cheapest.label}, with ${costOf(cheapest)} and ${reachOf(cheapest)}. Least exposure: ${safest.label}, with ${reachOf(safest)} and ${costOf(safest)}.${rest}`;
  return [{ text, command: null }];
}

/** At most three names. */
function listed(names: readonly string[]): string {
  const [more, shown] = [names.length - 3, names.slice(0, 3)];
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
