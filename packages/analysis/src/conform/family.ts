// What conformance needs to know of a family of golden scenarios.

import type { Checker } from './checker.ts';
import type { CsvTable } from './csv-table.ts';
import type { Scenario, ScenarioRun } from './scenario.ts';

/** One file in this directory exports one of these; `families.ts` lists them. */
export interface Family {
  /** As in the scenario files. */
  readonly name: string;
  /** Columns of values in its event files; a and b where it has no others. */
  readonly eventValues?: readonly string[];
  /** Why a run cannot be checked, or null. */
  unsupported(run: ScenarioRun): string | null;
  /** Runs the operations through the model and has every cell, event and total checked. */
  check(scenario: Scenario, run: ScenarioRun, ops: CsvTable, checker: Checker): void;
}
