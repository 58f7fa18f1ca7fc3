// An allocation whose recorded address the model does not give.

import { NO_PFN } from '@dmalab/replay';
import type { DomainModel, ModelState } from './domain-model.ts';
import type { OperationLog } from './operation-log.ts';

/** The call, what was recorded of it, and what the model did. */
export interface Difference {
  /** Line that shows the recorded address, and line at which the call begins. */
  readonly line: number;
  readonly entryLine: number;
  /** ns since the first event. */
  readonly time: number;
  readonly cpu: number;
  readonly pages: number;
  readonly limitPfn: number;
  /** First pfns, null for a failed allocation. */
  readonly recordedPfn: number | null;
  readonly modelPfn: number | null;
  /** Tree searches of the call: seen in the trace, and of the model. */
  readonly recordedSearches: number;
  readonly modelSearches: number;
  /** The model before the call. */
  readonly state: ModelState;
}

/** Describes `operation`, which `model` has just done; `state` is from before. */
export function differenceAt(
  log: OperationLog,
  operation: number,
  model: DomainModel,
  state: ModelState,
): Difference {
  const i = log.at(operation);
  const recorded = log.pfn[i]!;
  return {
    line: log.resultLine[i]!,
    entryLine: log.line[i]!,
    time: log.time[i]!,
    cpu: log.cpu[i]!,
    pages: log.pages[i]!,
    limitPfn: log.limit[i]!,
    recordedPfn: recorded === 0 ? null : recorded,
    modelPfn: model.pfn === NO_PFN ? null : model.pfn,
    recordedSearches: log.inner[i]!,
    modelSearches: model.tries,
    state,
  };
}
