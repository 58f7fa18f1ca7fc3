// Remedies that replays proved: what was tried, what it left, and what can be said of it.

import { formatCount } from '../quantity.ts';
import type { Attempt } from './changes.ts';
import type { Explanation, Proof, Remedy } from './explanation.ts';

/** An attempt with what its replays left. */
export interface Tried extends Pick<Attempt, 'of' | 'index'> {
  readonly proof: readonly Proof[];
}

/** `base` with what `tried` showed: its remedies and what is in vain, by replays where they were made. */
export function withProofs(base: Explanation, tried: readonly Tried[]): Explanation {
  const proven: Remedy[] = [];
  const partly: Remedy[] = [];
  const vain: string[] = [];
  const dropped = { helps: new Set<number>(), doesNotHelp: new Set<number>() };
  for (const { of, index, proof } of tried) {
    const best = bestOf(proof);
    if (best === undefined) continue;
    if (best.afterAll === 0) {
      proven.push(remedy(best, 'as a replay shows'));
      dropped[of].add(index);
    } else if (best.afterAll < best.beforeAll) {
      partly.push(remedy(best, `in part: ${left(best)}, as a replay shows`));
      dropped[of].add(index);
    } else if (of === 'doesNotHelp') {
      vain.push(`${base.doesNotHelp[index]}, as a replay shows`);
      dropped.doesNotHelp.add(index);
    } else {
      vain.push(`${best.change}: ${left(best)}, as a replay shows`);
      dropped.helps.add(index);
    }
  }
  const keep = <T>(lines: readonly T[], gone: ReadonlySet<number>): T[] =>
    lines.filter((_, i) => !gone.has(i));
  return {
    ...base,
    proof: tried.flatMap(({ proof }) => proof),
    helps: [...proven, ...partly, ...keep(base.helps, dropped.helps)],
    doesNotHelp: [...vain, ...keep(base.doesNotHelp, dropped.doesNotHelp)],
  };
}

function remedy({ change, parameter }: Proof, how: string): Remedy {
  return { text: `${change}, ${how}`, parameter };
}

function bestOf(proof: readonly Proof[]): Proof | undefined {
  return proof.reduce<Proof | undefined>(
    (best, one) => (best === undefined || one.afterAll < best.afterAll ? one : best),
    undefined,
  );
}

/** "12 of 40 failures are left", or how many more there are. */
export function left({ beforeAll, afterAll }: Proof): string {
  if (afterAll === 0) return 'no failure is left';
  if (afterAll === beforeAll) return `all ${formatCount(beforeAll)} failures are left`;
  if (afterAll > beforeAll) {
    return `${formatCount(afterAll)} failures instead of ${formatCount(beforeAll)}`;
  }
  return `${formatCount(afterAll)} of ${formatCount(beforeAll)} failures are left`;
}
