// What the conformance script runs: a model beside a slow, obvious reference, on random operations.

import type { Random } from '../fuzz/random.ts';

/** One model. */
export interface ConformanceCase {
  readonly name: string;
  /** Runs one stream of some thousand operations and throws where the two differ; returns how many. */
  run(random: Random): number;
}
