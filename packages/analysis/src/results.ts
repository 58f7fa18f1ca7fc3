// Results of replays and rows of a batch, without charts, reports and searches: `@dmalab/analysis/results`.
//
// A process that replays needs no more, and loads this in a third of the time.

export { batchSentence } from './batch/batch-report.ts';
export { type BatchRow, rowOfFailure, rowOfResult } from './batch/batch-row.ts';
export {
  type BatchMachine,
  type BatchTable,
  batchJson,
  batchTable,
  readBatchJson,
} from './batch/batch-table.ts';
export type { LabelledResult } from './charts/chart.ts';
export {
  RESULT_FILES,
  type ResultTexts,
  type RunResult,
  readResult,
  writeResult,
} from './run-result.ts';
export { summarise } from './stats/outcome-stats.ts';
export type { InputHashes, Summary } from './summary.ts';
