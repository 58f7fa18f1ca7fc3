// Runs of free slots in bounce memory: what a buffer of a size still finds.

import { FailStage, type PoolSample, type StateSample } from '@dmalab/replay';
import type { FreeRunFigures, FreeRunState } from '../figures/limits.ts';
import type { Extreme } from './states.ts';

/** Finds the looks at which bounce memory was fullest, and at which the first map failed. */
export class FreeRuns implements Extreme {
  #looks = 0;
  #fullest: FreeRunState | null = null;
  #firstFailure: FreeRunState | null = null;
  #end: FreeRunState | null = null;

  look({ time, stage, pool }: StateSample): void {
    if (pool === null) return;
    const state = freeRunState(time, pool);
    this.#looks++;
    this.#end = state;
    if (stage === FailStage.swiotlb) this.#firstFailure ??= state;
    if (this.#fullest === null || state.usedSlots > this.#fullest.usedSlots) this.#fullest = state;
  }

  /** null where there is no bounce memory, or its policy does not tell its free runs. */
  figures(): FreeRunFigures | null {
    if (this.#fullest === null || this.#end === null) return null;
    return {
      looks: this.#looks,
      fullest: this.#fullest,
      firstFailure: this.#firstFailure,
      end: this.#end,
    };
  }
}

function freeRunState(
  at: number,
  { freeSlots, usedSlots, longest, runs }: PoolSample,
): FreeRunState {
  return {
    at,
    usedSlots,
    freeSlots,
    longestRun: longest,
    runs: Array.from(runs, (count, k) => ({
      slots: 2 ** k,
      upTo: k === runs.length - 1 ? 2 ** k : 2 ** (k + 1) - 1,
      count,
    })),
  };
}
