// One row of the table of a batch: a trace on a machine, or a trace or machine that failed, with its error.

import { FIGURES } from '../comparison.ts';
import type { Summary } from '../summary.ts';

/** A row. Facts and figures are null where it failed. */
export interface BatchRow {
  /** Path of the trace below the folder of the batch. */
  readonly trace: string;
  /** Name of the machine; null where the trace failed before any. */
  readonly machine: string | null;
  /** Folder of the result below the folder of the results; null where it failed. */
  readonly folder: string | null;
  /** What went wrong; null for a result. */
  readonly error: string | null;
  readonly facts: BatchFacts | null;
  /** By {@link figureColumns}, in their order; null where there was nothing to measure. */
  readonly figures: readonly (number | null)[] | null;
}

/** What a result rests on. */
export interface BatchFacts {
  readonly sha256: string;
  readonly format: string;
  readonly kernel: string | null;
  readonly events: number;
  readonly lost: number;
  readonly unparsed: number;
  /** ns. */
  readonly duration: number;
  /** Codes, the gravest first, with spaces between them. */
  readonly warnings: string;
}

const UNITS_IN_NAMES: ReadonlySet<string> = new Set(['ns', 'bytes', 'byte seconds', 'share']);

/** Names of the figures in tables: of the figure in a comparison, with the unit of what is not a count. */
export const figureColumns: readonly string[] = FIGURES.map(({ name, unit }) => {
  const words = `${name}${UNITS_IN_NAMES.has(unit) ? ` ${unit}` : ''}`;
  return words.replace(/[^A-Za-z0-9]+/g, '_');
});

/** The row of a result. */
export function rowOfResult(
  trace: string,
  machine: string,
  folder: string,
  summary: Summary,
): BatchRow {
  const { sha256, format, kernel, eventsTotal, lost, unparsed, duration } = summary.trace;
  const warnings = summary.warnings.map(({ code }) => code).join(' ');
  return {
    trace,
    machine,
    folder,
    error: null,
    facts: { sha256, format, kernel, events: eventsTotal, lost, unparsed, duration, warnings },
    figures: FIGURES.map(({ value }) => value(summary)),
  };
}

/** The row of what failed. */
export function rowOfFailure(trace: string, machine: string | null, error: string): BatchRow {
  return { trace, machine, folder: null, error, facts: null, figures: null };
}
