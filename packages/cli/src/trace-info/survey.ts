// What `info` takes from the requests themselves, in one walk over them.

import type { Capture } from '@dmalab/trace';
import { ClassCounter, type ClassCounts } from './attribution.ts';
import { GapLog, type Gaps } from './gaps.ts';

/** Counts over all requests of a capture. */
export interface Survey {
  readonly classes: ClassCounts;
  readonly gaps: Gaps;
}

/** Walks the requests of a capture once. */
export function surveyOf(capture: Capture): Survey {
  const classes = new ClassCounter();
  const gaps = new GapLog(capture.report);
  for (const batch of capture.requests()) {
    classes.accumulate(batch);
    gaps.accumulate(batch);
  }
  return { classes: classes.result(), gaps: gaps.result() };
}
