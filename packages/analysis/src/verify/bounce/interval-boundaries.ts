// Begins and ends of the calls on one area, in the order of the trace.

import { type AreaStep, FAILED, type Release } from './bounce-calls.ts';

/** Where a call begins or ends: a search or a release, the other one is null. */
export interface Boundary {
  /** Event number. */
  readonly at: number;
  readonly isEnd: boolean;
  readonly step: AreaStep | null;
  readonly release: Release | null;
}

/** The boundaries of calls, in order: what ends at an event is over before what begins with it. */
export function boundariesOf(steps: readonly AreaStep[], releases: readonly Release[]): Boundary[] {
  const all: Boundary[] = [];
  for (const step of steps) {
    all.push({ at: step.begin, isEnd: false, step, release: null });
    all.push({ at: step.end, isEnd: true, step, release: null });
  }
  for (const release of releases) {
    all.push({ at: release.begin, isEnd: false, step: null, release });
    all.push({ at: release.end, isEnd: true, step: null, release });
  }
  return all.sort((a, b) => a.at - b.at || Number(b.isEnd) - Number(a.isEnd));
}

/**
 * By boundary, and one more: 1 where all orders of the calls before it lead to the same state of the area.
 *
 * Where no interval is open, the same is taken whatever the order was, and orders differ only in where the area searches
 * next. They do not differ at all if the last search can only have been the last.
 */
export function finalMoments(boundaries: readonly Boundary[]): Uint8Array {
  const isFinal = new Uint8Array(boundaries.length + 1);
  let open = 0;
  let openSearches = 0;
  let isAlone = true;
  boundaries.forEach(({ isEnd, step }, i) => {
    if (step?.slot !== FAILED) {
      if (step !== null && !isEnd) isAlone = openSearches === 0;
      if (step !== null) openSearches += isEnd ? -1 : 1;
      open += isEnd ? -1 : 1;
    }
    isFinal[i + 1] = open === 0 && isAlone ? 1 : 0;
  });
  return isFinal;
}
