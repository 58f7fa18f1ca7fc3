// Conformance: every golden scenario below some directories through the models, every cell compared.
//
// The layout of scenarios is that of test/golden/README.md.

import { Checker, type Mismatch } from './checker.ts';
import type { CsvTable } from './csv-table.ts';
import { families } from './families.ts';
import { filesBelow, readGolden, readTable } from './golden-file.ts';
import { parseScenario, type Scenario, type ScenarioRun } from './scenario.ts';

/** What one scenario gave with one kernel. */
export interface ConformResult {
  readonly name: string;
  readonly kernel: string;
  readonly dynamic: boolean | null;
  readonly family: string;
  readonly ops: number;
  /** Cells, event rows and totals that differ; a scenario that cannot be read counts as 1. */
  readonly mismatches: number;
  readonly first: Mismatch | null;
}

/** A run that was not checked. */
export interface SkippedRun {
  readonly name: string;
  readonly kernel: string;
  readonly reason: string;
}

/** All results of a check, in the order of the files. */
export interface ConformReport {
  /** Runs that were checked. */
  readonly streams: number;
  readonly ops: number;
  readonly mismatches: number;
  readonly skipped: readonly SkippedRun[];
  readonly results: readonly ConformResult[];
}

/** Checks all scenarios in `paths` (directories or scenario files); `progress` hears of each result. */
export function conform(
  paths: readonly string[],
  progress: (result: ConformResult) => void = () => {},
): ConformReport {
  const results: ConformResult[] = [];
  const skipped: SkippedRun[] = [];
  const add = (result: ConformResult): void => {
    results.push(result);
    progress(result);
  };
  for (const file of paths.flatMap((path) => filesBelow(path, '.json'))) {
    try {
      const scenario = parseScenario(file, new TextDecoder().decode(readGolden(file)));
      if (scenario !== null) checkScenario(scenario, add, skipped);
    } catch (error) {
      add(unreadable(file, { name: file, family: '', kernel: '', dynamic: null }, error));
    }
  }
  return {
    streams: results.length,
    ops: results.reduce((sum, result) => sum + result.ops, 0),
    mismatches: results.reduce((sum, result) => sum + result.mismatches, 0),
    skipped,
    results,
  };
}

function checkScenario(
  scenario: Scenario,
  add: (result: ConformResult) => void,
  skipped: SkippedRun[],
): void {
  const { file, name } = scenario;
  const family = families.find((candidate) => candidate.name === scenario.family);
  let ops: CsvTable | null = null;
  for (const run of scenario.runs) {
    const reason = family ? family.unsupported(run) : `family ${scenario.family} is not modelled`;
    if (!family || reason !== null) {
      skipped.push({ name, kernel: run.kernel, reason: reason ?? '' });
      continue;
    }
    const { kernel, dynamic } = run;
    const identity = { name, kernel, dynamic, family: family.name };
    try {
      ops ??= readTable(file, scenario.ops, scenario.opsSha256);
      const checker = checkerOf(scenario, run, family.eventValues);
      if (checker.rows(ops.rows)) family.check(scenario, run, ops, checker);
      const { mismatches, first } = checker;
      add({ ...identity, ops: ops.rows, mismatches, first });
    } catch (error) {
      add(unreadable(file, identity, error));
    }
  }
}

function checkerOf(
  scenario: Scenario,
  run: ScenarioRun,
  eventValues: readonly string[] | undefined,
): Checker {
  const out = readTable(scenario.file, run.out, run.outSha256);
  const { events } = run;
  return new Checker(
    out,
    events === null ? null : readTable(scenario.file, events, run.eventsSha256),
    eventValues,
  );
}

function unreadable(
  file: string,
  identity: Pick<ConformResult, 'name' | 'kernel' | 'dynamic' | 'family'>,
  error: unknown,
): ConformResult {
  if (!(error instanceof Error)) throw error;
  const first = { file, row: null, column: '', expected: 'a scenario', got: error.message };
  return { ...identity, ops: 0, mismatches: 1, first };
}
