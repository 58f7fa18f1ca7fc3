export { renderBatchHtml } from './batch/batch-html.ts';
export {
  type BatchCell,
  type BatchSection,
  batchSections,
  batchSentence,
  linkedFolders,
} from './batch/batch-report.ts';
export {
  type BatchFacts,
  type BatchRow,
  figureColumns,
  rowOfFailure,
  rowOfResult,
} from './batch/batch-row.ts';
export {
  type BatchColumn,
  type BatchMachine,
  type BatchTable,
  batchColumns,
  batchCsv,
  batchJson,
  batchTable,
  readBatchJson,
} from './batch/batch-table.ts';
export { renderBatchText } from './batch/batch-text.ts';
export { ratioChart } from './batch/ratio-chart.ts';
export { spreadChart } from './batch/spread-chart.ts';
export {
  type CalibratedCost,
  type Calibration,
  calibrate,
  calibratedCosts,
} from './calibrate/calibrate.ts';
export { calibrationText, calibrationYaml } from './calibrate/calibration-text.ts';
export { type Chart, type LabelledResult, reasonOfEmpty } from './charts/chart.ts';
export { chartNamed, charts } from './charts/index.ts';
export { sweepChart } from './charts/pareto.ts';
export { loadRenderer, renderPng, renderSvg, withTheme } from './charts/render.ts';
export { sizingChart } from './charts/sizing.ts';
export type { ThemeName } from './charts/theme.ts';
export { type CheckOptions, type CheckResult, checkCapture } from './check/check.ts';
export { checkText } from './check/check-text.ts';
export type {
  Confidence,
  Finding,
  FindingCode,
  FindingKind,
  FindingLine,
} from './check/finding.ts';
export { findingKinds } from './check/finding.ts';
export type { FindingCount } from './check/finding-log.ts';
export {
  type ComparedFigure,
  type ComparedTrace,
  type CompareResult,
  compareRuns,
  ENOUGH_TRACES,
  type FigureChange,
} from './compare/compare.ts';
export { compareMarkdown, compareText } from './compare/compare-text.ts';
export {
  type Divergence,
  type FirstDivergence,
  type NamedMachine,
  type OutcomeState,
  type WalkedRuns,
  walkRuns,
} from './compare/divergence.ts';
export {
  comparisonMarkdown,
  comparisonTable,
  comparisonText,
} from './comparison.ts';
export type { BenchProfile } from './conform/bench.ts';
export { benchProfiles, benchStreams } from './conform/bench.ts';
export { takeTurns } from './conform/bench-turns.ts';
export type { Mismatch } from './conform/checker.ts';
export type { ConformReport, ConformResult, SkippedRun } from './conform/conform.ts';
export { conform } from './conform/conform.ts';
export {
  type CostedRun,
  type CostRanking,
  costSensitivity,
  costSensitivityText,
  type RankingFlip,
} from './cost-sensitivity.ts';
export { type Cause, type CauseKind, causeKind, causeKinds } from './explain/causes.ts';
export { explainLog } from './explain/explain-log.ts';
export { explainText } from './explain/explain-text.ts';
export { type ExplainOptions, explainCapture } from './explain/explain-trace.ts';
export type { Evidence, ExplainResult, Explanation, Proof, Remedy } from './explain/explanation.ts';
export type * from './figures/addresses.ts';
export type * from './figures/caches.ts';
export type * from './figures/distribution.ts';
export type * from './figures/flushes.ts';
export type * from './figures/groups.ts';
export type * from './figures/latency.ts';
export type * from './figures/limits.ts';
export type * from './figures/requests.ts';
export { type GuestContext, type GuestsSummary, guestsText, summariseGuests } from './guests.ts';
export { mailLines } from './mail-lines.ts';
export { type ConditionField, parseCondition } from './minimise/condition.ts';
export { type Minimised, type MinimiseOptions, minimise } from './minimise/minimise.ts';
export {
  CONDITION_FIELDS,
  conditionSearch,
  divergenceSearch,
  type EventSearch,
  type FoundEvent,
} from './minimise/replay-events.ts';
export { type PerfettoCounters, perfettoCounters } from './perfetto/perfetto-counters.ts';
export { checkPolicyRules, type PolicyReport } from './policy-suite/check-policy.ts';
export type { PolicyFailure } from './policy-suite/suite.ts';
export {
  formatBytes,
  formatCount,
  formatDuration,
  formatModelled,
  formatShare,
} from './quantity.ts';
export { type ReportOptions, renderReportFragment, renderReportHtml } from './report/html.ts';
export { renderReportMarkdown } from './report/markdown.ts';
export { distinctWarnings, groupByTrace, type TraceGroup } from './report/subjects.ts';
export { labelResults } from './run-labels.ts';
export type {
  Bins,
  DistributionSlices,
  Distributions,
  FineSeries,
  ResultTexts,
  RunResult,
  SlicedCounts,
} from './run-result.ts';
export { RESULT_FILES, readResult, writeResult } from './run-result.ts';
export { GOAL_HELP, type Goal, type GoalFigure, NO_FAILURES, parseGoal } from './sizing/goal.ts';
export { type SizedParameter, sizedParameter, sizedParameters } from './sizing/parameter.ts';
export { type SizeOptions, sizeParameter } from './sizing/size.ts';
export type * from './sizing/size-result.ts';
export { sizeText } from './sizing/size-text.ts';
export type { NamedCapture } from './sizing/trials.ts';
export type { CacheClassSeries } from './stats/cache-course.ts';
export type { MachineSeries } from './stats/machine-levels.ts';
export { measuredLatencies } from './stats/measured.ts';
export type { RunContext } from './stats/outcome-stats.ts';
export { OutcomeStats, summarise } from './stats/outcome-stats.ts';
export type { LevelSeries, Series } from './stats/series.ts';
export type { SpaceGrid } from './stats/space-map.ts';
export type { SpaceMap } from './stats/space-maps.ts';
export type * from './summary.ts';
export {
  type Axis,
  type AxisValue,
  MOST_CELLS,
  parseAxis,
  type SweepCell,
  sweepCells,
} from './sweep/axis.ts';
export { Sweep, type SweepResult, type SweepRow } from './sweep/sweep.ts';
export { sweepCsv, sweepText } from './sweep/sweep-text.ts';
export {
  OUTCOME_COLUMNS,
  outcomeChunks,
  outcomeMetadata,
} from './tables/outcome-table.ts';
export { seriesTable } from './tables/series-table.ts';
export type * from './verify/bounce/bounce-result.ts';
export { bounceHolds } from './verify/bounce/bounce-result.ts';
export { type VerifyOptions, verify } from './verify/verify.ts';
export type * from './verify/verify-result.ts';
export { verifyText } from './verify/verify-text.ts';
export {
  type TimedRun,
  type WaitingTimes,
  waitingRanking,
  waitingTimes,
} from './waiting-sensitivity.ts';
