export type { Mismatch } from './conform/checker.ts';
export type { ConformReport, ConformResult, SkippedRun } from './conform/conform.ts';
export { conform } from './conform/conform.ts';
export type { Bins, Distributions, ResultTexts, RunResult } from './run-result.ts';
export { RESULT_FILES, readResult, writeResult } from './run-result.ts';
export type { RunContext } from './stats/outcome-stats.ts';
export { OutcomeStats, summarise } from './stats/outcome-stats.ts';
export type { LevelSeries, Series } from './stats/series.ts';
export type * from './summary.ts';
