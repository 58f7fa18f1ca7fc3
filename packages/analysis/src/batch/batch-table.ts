// The table of a batch: one row for each trace and machine, as JSON (which is read back), CSV and columns.
//
// Rows are in the order of their traces' paths (UTF-16 code units), then of the machines.

import { type BatchFacts, type BatchRow, figureColumns } from './batch-row.ts';

const SCHEMA = 'dmalab.batch/1';

/** A machine of a batch. */
export interface BatchMachine {
  readonly name: string;
  /** Hash of what makes it, as `inputs.machine` of a summary. */
  readonly sha256: string;
}

/** Everything that the reports of a batch are made of. */
export interface BatchTable {
  readonly version: string;
  readonly machines: readonly BatchMachine[];
  readonly rows: readonly BatchRow[];
}

const FACTS: readonly (readonly [
  column: string,
  key: keyof BatchFacts,
  type: 'text' | 'number',
])[] = [
  ['sha256', 'sha256', 'text'],
  ['format', 'format', 'text'],
  ['kernel', 'kernel', 'text'],
  ['events', 'events', 'number'],
  ['lost', 'lost', 'number'],
  ['unparsed', 'unparsed', 'number'],
  ['duration_ns', 'duration', 'number'],
  ['warnings', 'warnings', 'text'],
];

/** The table with its rows in order. */
export function batchTable(
  version: string,
  machines: readonly BatchMachine[],
  rows: readonly BatchRow[],
): BatchTable {
  const place = (row: BatchRow): number => machines.findIndex(({ name }) => name === row.machine);
  const sorted = [...rows].sort((a, b) => {
    if (a.trace !== b.trace) return a.trace < b.trace ? -1 : 1;
    return place(a) - place(b);
  });
  return { version, machines, rows: sorted };
}

/** The text of the table as JSON, one line for each row. */
export function batchJson({ version, machines, rows }: BatchTable): string {
  const head = JSON.stringify({ schema: SCHEMA, tool: { name: 'dmalab', version }, machines });
  const lines = rows.map((row) => JSON.stringify(flatRow(row)));
  return `${head.slice(0, -1)},"rows":[\n${lines.join(',\n')}\n]}\n`;
}

/** Reads that text back; throws a RangeError where it is something else. */
export function readBatchJson(text: string): BatchTable {
  let read: Record<string, unknown>;
  try {
    read = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new RangeError('not JSON');
  }
  const { schema, tool, machines, rows } = read;
  if (schema !== SCHEMA || !Array.isArray(machines) || !Array.isArray(rows)) {
    throw new RangeError(
      `schema ${JSON.stringify(schema)}, expected "${SCHEMA}" with machines and rows`,
    );
  }
  return {
    version: (tool as { version: string }).version,
    machines: machines as BatchMachine[],
    rows: (rows as Record<string, never>[]).map(rowOfFlat),
  };
}

/** A column of the table. */
export interface BatchColumn {
  readonly name: string;
  readonly type: 'text' | 'number';
  /** null where there is nothing. */
  readonly values: readonly (string | number | null)[];
}

/** The columns of the table. */
export function batchColumns({ rows }: BatchTable): BatchColumn[] {
  const flat = rows.map(flatRow);
  const numbers = new Set([
    ...figureColumns,
    ...FACTS.flatMap(([name, , type]) => (type === 'number' ? [name] : [])),
  ]);
  return COLUMNS.map((name) => ({
    name,
    type: numbers.has(name) ? 'number' : 'text',
    values: flat.map((row) => row[name] ?? null),
  }));
}

/** As CSV by RFC 4180; an empty cell stands for nothing. */
export function batchCsv(table: BatchTable): string {
  const columns = batchColumns(table);
  const lines = table.rows.map((_, i) =>
    columns.map(({ values }) => csvCell(values[i] ?? null)).join(','),
  );
  return [columns.map(({ name }) => csvCell(name)).join(','), ...lines]
    .map((line) => `${line}\r\n`)
    .join('');
}

const COLUMNS: readonly string[] = [
  'trace',
  'machine',
  'folder',
  'error',
  ...FACTS.map(([name]) => name),
  ...figureColumns,
];

function csvCell(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function flatRow({ trace, machine, folder, error, facts, figures }: BatchRow): FlatRow {
  const flat: FlatRow = { trace, machine, folder, error };
  for (const [name, key] of FACTS) flat[name] = facts?.[key] ?? null;
  figureColumns.forEach((name, i) => {
    flat[name] = figures?.[i] ?? null;
  });
  return flat;
}

type FlatRow = Record<string, string | number | null>;

function rowOfFlat(flat: Record<string, never>): BatchRow {
  const { trace, machine, folder, error } = flat as unknown as BatchRow;
  if (typeof trace !== 'string') throw new RangeError('a row without a trace');
  if (error !== null) return { trace, machine, folder, error, facts: null, figures: null };
  return {
    trace,
    machine,
    folder,
    error,
    facts: Object.fromEntries(
      FACTS.map(([name, key]) => [key, flat[name] ?? null]),
    ) as unknown as BatchFacts,
    figures: figureColumns.map((name) => flat[name] ?? null),
  };
}
