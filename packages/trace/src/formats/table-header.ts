// Which column of a table holds which field of an event.
//
// Names are compared without case and punctuation. What the caller or an explicit mapping says wins over
// the accepted names; two columns for one field are an error unless a mapping chooses.

import { TraceError } from '../trace-error.ts';

/** The fields of a row, in the order of {@link Cells}. */
export const TABLE_FIELDS = [
  'op',
  't',
  'cpu',
  'tid',
  'comm',
  'ctx',
  'dev',
  'dom',
  'iova',
  'phys',
  'size',
  'pages',
  'dir',
  'attrs',
  'err',
  'flags',
  'event',
  'token',
  'aux',
  'aux2',
  'segments',
] as const;
export type FieldName = (typeof TABLE_FIELDS)[number];

/** Number of a field. */
export const Cell: Readonly<Record<FieldName, number>> = Object.fromEntries(
  TABLE_FIELDS.map((name, i) => [name, i]),
) as Record<FieldName, number>;

/** The cells of one row by field; an empty text is unknown. */
export type Cells = string[];

/** Names without case and punctuation. `event` names the field only beside a column `op`. */
const ACCEPTED: Readonly<Record<string, FieldName>> = {
  ...named('op', 'op event type name action'),
  ...named('t', 't ts time timestamp timens timeus timems times nsecs'),
  ...named('cpu', 'cpu cpuid core'),
  ...named('tid', 'tid pid thread'),
  ...named('comm', 'comm task command'),
  ...named('ctx', 'ctx context'),
  ...named('dev', 'dev device bdf devname'),
  ...named('dom', 'dom domain domainid did group iovad'),
  ...named('iova', 'iova dmaaddr dma devaddr addr address'),
  ...named('phys', 'phys paddr physaddr pa'),
  ...named('size', 'size len length bytes'),
  ...named('pages', 'pages'),
  ...named('dir', 'dir'),
  ...named('attrs', 'attrs'),
  ...named('err', 'err'),
  ...named('flags', 'flags'),
  ...named('event', 'eventname'),
  ...named('token', 'token'),
  ...named('aux', 'aux'),
  ...named('aux2', 'aux2'),
  ...named('segments', 'segments'),
};

/** Powers of ten that turn a unit into ns. */
export const UNITS: Readonly<Record<string, number>> = { s: 9, ms: 6, us: 3, ns: 0 };

/** A header that was understood. */
export interface Header {
  /** By field: its column, -1 where there is none. */
  readonly columns: Int32Array;
  /** Unit that the name of the time column states, or ''. */
  readonly unit: string;
}

/** The field that a column name stands for, or -1. */
export function fieldOf(name: string, mapping: Readonly<Record<string, string>> = {}): number {
  for (const [field, column] of Object.entries(mapping)) {
    if (plain(column) === plain(name)) return numberOf(field);
  }
  const field = ACCEPTED[plain(name)];
  return field === undefined || field in mapping ? -1 : Cell[field];
}

/** Understands a header; throws a TraceError where it cannot be one. */
export function readHeader(
  names: readonly string[],
  mapping: Readonly<Record<string, string>>,
  source: string,
  line: number,
): Header {
  const columns = new Int32Array(TABLE_FIELDS.length).fill(-1);
  names.forEach((name, column) => {
    const field = fieldOf(name, mapping);
    if (field < 0) return;
    if (columns[field]! >= 0) {
      const both = `"${names[columns[field]!]}" and "${name}"`;
      const advice = `name one: --columns ${TABLE_FIELDS[field]}=NAME`;
      throw new TraceError(
        source,
        line,
        `CSV_AMBIGUOUS: expected one column for ${TABLE_FIELDS[field]}, found ${both}; ${advice}`,
      );
    }
    columns[field] = column;
  });
  requireColumns(names, columns, mapping, source, line);
  return { columns, unit: unitOf(names[columns[Cell.t]!] ?? '') };
}

/** The unit that a name of a time column states, or ''. */
export function unitOf(name: string): string {
  if (/^nsecs?$/i.test(name.trim())) return 'ns';
  return /[_. (](ns|us|ms|s)\)?$/i.exec(name.trim())?.[1]?.toLowerCase() ?? '';
}

/** Whether a list of names could be a header: it has an op and what an op is about. */
export function isHeader(
  names: readonly string[],
  mapping: Readonly<Record<string, string>>,
): boolean {
  const fields = new Set(names.map((name) => fieldOf(name, mapping)));
  return (
    fields.has(Cell.op) && [Cell.iova, Cell.size, Cell.pages].some((field) => fields.has(field))
  );
}

function requireColumns(
  names: readonly string[],
  columns: Int32Array,
  mapping: Readonly<Record<string, string>>,
  source: string,
  line: number,
): void {
  if (isHeader(names, mapping) && Object.keys(mapping).every((f) => columns[numberOf(f)]! >= 0))
    return;
  const found = names
    .slice(0, 20)
    .map((name) => JSON.stringify(name.slice(0, 40)))
    .join(', ');
  throw new TraceError(
    source,
    line,
    `CSV_HEADER: expected columns op and iova or size (or --columns op=NAME,iova=NAME), found ${found}`,
  );
}

function numberOf(field: string): number {
  const known = ACCEPTED[plain(field)];
  if (known !== undefined) return Cell[known];
  throw new RangeError(`Unknown field "${field}", expected one of: ${TABLE_FIELDS.join(', ')}`);
}

function named(field: FieldName, names: string): Record<string, FieldName> {
  return Object.fromEntries(names.split(' ').map((name) => [name, field]));
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}
