// A sweep as a table: plain text for people, CSV for spreadsheets.

import {
  formatBytes,
  formatCount,
  formatDuration,
  formatModelled,
  threeDigits,
} from '../quantity.ts';
import { printable } from '../report/escape.ts';
import type { SweepResult, SweepRow } from './sweep.ts';

interface Column {
  readonly head: string;
  readonly name: keyof SweepRow;
  format(value: number): string;
}

const COLUMNS: readonly Column[] = [
  { head: 'failed', name: 'failed', format: formatCount },
  { head: 'invalidations', name: 'invalidations', format: formatCount },
  { head: '/1000', name: 'invalidationsPerThousandUnmaps', format: threeDigits },
  { head: 'exposure', name: 'exposureByteSeconds', format: (value) => `${formatBytes(value)} s` },
  { head: 'stale p99', name: 'staleP99', format: formatDuration },
  { head: 'peak mappings', name: 'peakMappings', format: formatCount },
  { head: 'peak slots', name: 'peakSlots', format: formatCount },
  { head: 'pool slots', name: 'poolSlots', format: formatCount },
  { head: 'map p99', name: 'modelledMapP99', format: formatModelled },
];

/** A row for each cell; `*` marks the Pareto front. */
export function sweepText({ traces, axes, rows }: SweepResult): string {
  const columns = COLUMNS.filter(({ name }) => rows.some((row) => row[name] !== null));
  const head = ['', ...axes.map(({ path }) => path), ...columns.map((column) => column.head)];
  const body = rows.map((row) => [
    row.pareto ? '*' : '',
    ...axes.map(({ path }) => String(row.values[path])),
    ...columns.map(({ name, format }) => {
      const value = row[name];
      return typeof value === 'number' ? format(value) : '-';
    }),
  ]);
  const table = [head, ...body].map((row) => row.map(printable));
  const widths = head.map((_, at) => Math.max(...table.map((row) => row[at]!.length)));
  const lines = table.map((row) => row.map((text, at) => text.padStart(widths[at]!)).join('  '));
  const front = rows.filter(({ pareto }) => pareto).length;
  return `${printable(traces.join(', '))}: ${rows.length} ${rows.length === 1 ? 'cell' : 'cells'}
${lines.map((line) => `${line.trimEnd()}\n`).join('')}
* ${front} on the Pareto front: no other cell is at least as good in invalidations, exposure, peak
  mappings, slots of pools and failed maps, and better in one of them. "map p99" is modelled, not measured.
`;
}

/** The rows with all columns; names as in the JSON. */
export function sweepCsv({ axes, rows }: SweepResult): string {
  const paths = axes.map(({ path }) => path);
  const names = Object.keys(rows[0] ?? {}).filter((name) => name !== 'cell' && name !== 'values');
  const head = ['cell', ...paths, ...names];
  const lines = rows.map((row) => [
    row.cell,
    ...paths.map((path) => row.values[path]),
    ...names.map((name) => row[name as keyof SweepRow] ?? ''),
  ]);
  return [head, ...lines].map((line) => `${line.map(quoted).join(',')}\n`).join('');
}

function quoted(value: unknown): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
