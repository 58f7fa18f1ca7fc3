// Delta debugging (Zeller and Hildebrandt, 2002), complements only: leaves out ever smaller pieces of a
// list for as long as the rest still shows an event.

/** What is left of a list. */
export interface Reduced {
  /** In their order. */
  readonly kept: readonly number[];
  /** True where no single one of them can be left out; false where the budget ended first. */
  readonly minimal: boolean;
}

/**
 * The shortest list found for which `shows` is true, from `all`, which shows it. `spend` is called
 * before each test: false ends the search.
 */
export function reduce(
  all: readonly number[],
  shows: (kept: readonly number[]) => boolean,
  spend: (kept: number) => boolean,
): Reduced {
  let kept = all;
  let size = Math.max(1, Math.ceil(kept.length / 2));
  for (;;) {
    let removed = false;
    for (let from = 0; from < kept.length; ) {
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (!spend(kept.length)) return { kept, minimal: false };
      if (shows(rest)) {
        kept = rest;
        removed = true;
      } else from += size;
    }
    if (size === 1 && !removed) return { kept, minimal: true };
    size = Math.max(1, Math.ceil(size / 2));
  }
}
