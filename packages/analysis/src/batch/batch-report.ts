// The aggregate report of a batch as sections of tables, which text and HTML show alike.

import type { Figure } from '../comparison.ts';
import { formatCount, formatShare, threeDigits } from '../quantity.ts';
import {
  figureSpreads,
  findOutliers,
  findWorst,
  type MachineDifference,
  machineDifferences,
  rowsOf,
} from './batch-figures.ts';
import type { BatchRow } from './batch-row.ts';
import type { BatchTable } from './batch-table.ts';

/** A cell; with a folder it leads to the report of the result in it. */
export interface BatchCell {
  readonly text: string;
  readonly folder?: string;
}

/** One section: a sentence or more, then tables. The first row of a table is its head. */
export interface BatchSection {
  readonly id: string;
  readonly heading: string;
  readonly text: string;
  readonly tables: readonly { readonly caption: string; readonly rows: readonly BatchCell[][] }[];
}

const MOST_FAILURES = 1000;

/** The sections of the report. */
export function batchSections(table: BatchTable): BatchSection[] {
  return [
    overview(table),
    failures(table),
    distributions(table),
    differences(table),
    worst(table),
    outliers(table),
  ].filter(({ tables, text }) => tables.length > 0 || text !== '');
}

/** Folders of the results that the report leads to. */
export function linkedFolders(table: BatchTable): string[] {
  const folders = [worst(table), outliers(table)]
    .flatMap(({ tables }) => tables)
    .flatMap(({ rows }) => rows.flat())
    .flatMap(({ folder }) => folder ?? []);
  return [...new Set(folders)].sort();
}

/** What a batch came to, in one sentence. */
export function batchSentence({ rows, machines }: BatchTable): string {
  const traces = new Set(rows.map(({ trace }) => trace)).size;
  const results = rows.filter(({ error }) => error === null).length;
  const failed = rows.length - results;
  const on = `${counted(traces, 'trace')} on ${counted(machines.length, 'machine')}`;
  return `${on}: ${counted(results, 'result')}, ${failed === 0 ? 'no failure' : counted(failed, 'failure')}.`;
}

function overview(table: BatchTable): BatchSection {
  const rows = table.machines.map(({ name }) => {
    const results = rowsOf(table, name);
    const weakened = results.filter(({ facts }) => facts?.warnings !== '').length;
    const failed = table.rows.filter((row) => row.machine === name && row.error !== null).length;
    return [name, formatCount(results.length), formatCount(failed), formatCount(weakened)];
  });
  const head = ['machine', 'results', 'failures', 'with warnings'];
  const caption = 'Machines';
  const text = batchSentence(table);
  return {
    id: 'overview',
    heading: 'Overview',
    text,
    tables: [{ caption, rows: cells([head, ...rows]) }],
  };
}

function failures({ rows }: BatchTable): BatchSection {
  const failed = rows.filter(({ error }) => error !== null);
  const lines = failed
    .slice(0, MOST_FAILURES)
    .map(({ trace, machine, error }) => [trace, machine ?? 'all', error ?? '']);
  const more =
    failed.length > MOST_FAILURES ? ` The first ${formatCount(MOST_FAILURES)} are shown.` : '';
  return {
    id: 'failures',
    heading: 'Failures',
    text: failed.length === 0 ? '' : `${counted(failed.length, 'failure')}.${more}`,
    tables:
      failed.length === 0
        ? []
        : [{ caption: 'Failures', rows: cells([['trace', 'machine', 'error'], ...lines]) }],
  };
}

function distributions(table: BatchTable): BatchSection {
  const head = ['figure', 'traces', 'min', 'p25', 'median', 'p75', 'p90', 'max'];
  const tables = table.machines.flatMap(({ name }) => {
    const rows = figureSpreads(rowsOf(table, name)).map(({ figure, count, ...spread }) => {
      const { min, p25, p50, p75, p90, max } = spread;
      const values = [min, p25, p50, p75, p90, max].map((value) => figure.format(value));
      return [figure.name, formatCount(count), ...values];
    });
    return rows.length === 0 ? [] : [{ caption: name, rows: cells([head, ...rows]) }];
  });
  const text =
    tables.length === 0 ? '' : 'Each trace counts once; quantiles are nearest-rank ones.';
  return { id: 'distributions', heading: 'Distributions over traces', text, tables };
}

function differences(table: BatchTable): BatchSection {
  const all = machineDifferences(table);
  const base = table.machines[0]?.name ?? '';
  const head = [
    'figure',
    'traces',
    'mean difference',
    '95 % interval',
    'mean ratio',
    '95 % interval',
    '',
  ];
  const tables = table.machines.slice(1).flatMap(({ name }) => {
    const rows = all.filter(({ machine }) => machine === name).map(differenceRow);
    const caption = `${name} against ${base}`;
    return rows.length === 0 ? [] : [{ caption, rows: cells([head, ...rows]) }];
  });
  const text =
    table.machines.length < 2
      ? ''
      : tables.length === 0
        ? 'No figure of any trace differs between the machines.'
        : 'Traces are compared with themselves; only those that both machines replayed count. Intervals are bootstrap ones (percentiles of 2,000 resamples of the traces, seeded): they tell how far other traces of the same kind could move the mean. "clear": the interval of the difference does not touch 0. The mean ratio is the geometric one, of the traces where both values are above 0. Figures without any difference are left out.';
  return { id: 'machines', heading: 'Machines compared', text, tables };
}

function differenceRow({ figure, count, ratio, difference, isClear }: MachineDifference): string[] {
  const interval = (low: string, high: string): string => `${low} to ${high}`;
  return [
    figure.name,
    formatCount(count),
    signed(figure, difference.mean),
    interval(signed(figure, difference.low), signed(figure, difference.high)),
    ratio === null ? '-' : threeDigits(ratio.mean),
    ratio === null ? '-' : interval(threeDigits(ratio.low), threeDigits(ratio.high)),
    isClear ? 'clear' : '',
  ];
}

function worst(table: BatchTable): BatchSection {
  const found = findWorst(table);
  const head = cells([['figure', 'value', 'trace', 'machine']]);
  const rows = found.flatMap(({ figure, cases }) =>
    cases.map(({ row, value }) => [
      { text: figure.name },
      { text: figure.format(value) },
      linked(row),
      { text: row.machine ?? '' },
    ]),
  );
  const tables = rows.length === 0 ? [] : [{ caption: 'Worst cases', rows: [...head, ...rows] }];
  return { id: 'worst', heading: 'Worst cases', text: '', tables };
}

function outliers(table: BatchTable): BatchSection {
  const found = findOutliers(table);
  const head = cells([['figure', 'value', 'median', 'deviations', 'trace', 'machine']]);
  const rows = found.map(({ row, figure, value, median, deviations }) => [
    { text: figure.name },
    { text: figure.format(value) },
    { text: figure.format(median) },
    { text: threeDigits(deviations) },
    linked(row),
    { text: row.machine ?? '' },
  ]);
  const tables = rows.length === 0 ? [] : [{ caption: 'Outliers', rows: [...head, ...rows] }];
  const text =
    rows.length === 0
      ? ''
      : 'Results more than 3.5 scaled median deviations (MAD x 1.4826) from the median of their machine, the farthest first, at most 10; from five traces on.';
  return { id: 'outliers', heading: 'Outliers', text, tables };
}

function linked({ trace, folder }: BatchRow): BatchCell {
  return folder === null ? { text: trace } : { text: trace, folder };
}

/** Differences have a sign; the formats of durations and bytes know none. */
function signed(figure: Figure, value: number): string {
  if (value === 0) return '0';
  const size =
    figure.unit === 'share' ? formatShare(Math.abs(value)) : fine(figure, Math.abs(value));
  return `${value < 0 ? '-' : '+'}${size}`;
}

/** Means of counts are no whole numbers. */
function fine(figure: Figure, value: number): string {
  return COUNTED.has(figure.unit) ? threeDigits(value) : figure.format(value);
}

const COUNTED: ReadonlySet<string> = new Set([
  'requests',
  'mappings',
  'ranges',
  'flushes',
  'switches',
  'unmaps',
  'buffers',
  'slots',
  'maps',
  'pools',
  'entries',
  'refreshes',
  'nodes',
]);

function cells(rows: readonly (readonly string[])[]): BatchCell[][] {
  return rows.map((row) => row.map((text) => ({ text })));
}

function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}
