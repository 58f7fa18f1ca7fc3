// Parquet and Arrow files that are well-formed and odd: columns missing, twice or of another type, nulls, lists,
// dictionaries, several row groups, and metadata that is nearly what dmalab writes.

import {
  bool,
  columnFromArray,
  dictionary,
  float32,
  float64,
  int8,
  int32,
  list,
  tableFromColumns,
  tableToIPC,
  timestamp,
  uint16,
  uint64,
  utf8,
} from '@uwdata/flechette';
import { parquetMetadata } from 'hyparquet';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { EVENT_COLUMNS } from '../../src/tables/event-table.ts';
import { requestColumns } from '../../src/tables/request-table.ts';
import { METADATA_KEY } from '../../src/tables/table.ts';

/** What is drawn from. */
export interface Dice {
  below(below: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

const EVENTS = EVENT_COLUMNS.map(({ name }) => name);
const REQUESTS = requestColumns({
  facts: { devices: [], domains: [] },
  tasks: [],
  lists: null,
} as never).map(({ name }) => name);
const OTHERS = [
  '',
  'x',
  '__proto__',
  'length',
  'pages',
  't',
  'time_us',
  'kind',
  'pid',
  'a.b',
  'OP',
];
const OPS = [
  'map',
  'unmap',
  'alloc',
  'free',
  'sync',
  'pt_map',
  'pt_unmap',
  'iova_alloc',
  'M',
  'U',
  '',
];
const TEXTS = [
  '',
  '0000:00:05.0',
  'dev0',
  '0x1000',
  '0xffffffffffffffff',
  '-',
  'NaN',
  '1e400',
  '☃',
  '\0',
];
const NUMBERS = [
  0,
  1,
  -1,
  512,
  4096,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  1e300,
  0.5,
];
const ODD = [Number.NaN, Number.POSITIVE_INFINITY, -0, -(2 ** 63)];
const BIG = [0n, 1n, 4096n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n];
const JSONS = [null, true, -1, 1e9, 2 ** 53, '', 'x', [], {}, [[]], { value: 0 }, [null]] as const;
const MOST_ROWS = 6;
const MAX_DEPTH = 12;

type Json = unknown;

/** The metadata of a Parquet file of dmalab. */
export function metadataOf(parquet: Uint8Array): string {
  const bytes = Uint8Array.from(parquet);
  const pairs = parquetMetadata(bytes.buffer).key_value_metadata ?? [];
  return pairs.find(({ key }) => key === METADATA_KEY)?.value ?? '';
}

/** A Parquet file; `metadata` are some that dmalab wrote. */
export function oddParquet(dice: Dice, metadata: readonly string[]): Buffer {
  const rows = dice.below(MOST_ROWS + 1);
  const columnData = namesOf(dice).map((name) => parquetColumn(dice, name, rows));
  const bytes = parquetWriteBuffer({
    columnData,
    codec: dice.pick(['UNCOMPRESSED', 'UNCOMPRESSED', 'SNAPPY'] as const),
    rowGroupSize: dice.pick([1, 2, 100]),
    pageSize: dice.pick([1, 16, 1_000_000]),
    kvMetadata: pairsOf(dice, metadata),
    statistics: dice.chance(0.5),
  });
  return Buffer.from(bytes);
}

/** An Arrow file or stream. */
export function oddArrow(dice: Dice, metadata: readonly string[]): Buffer {
  const rows = dice.below(MOST_ROWS + 1);
  const maxBatchRows = dice.pick([1, 2, 1000]);
  const columns = namesOf(dice).map((name) => {
    const { values, type } = arrowColumn(dice, name, rows);
    return [name, columnFromArray(values as number[], type, { maxBatchRows })] as const;
  });
  const table = tableFromColumns(columns.map(([name, column]) => [name, column]));
  table.schema.metadata = new Map(pairsOf(dice, metadata).map(({ key, value }) => [key, value]));
  const format = dice.pick(['stream', 'file'] as const);
  return Buffer.from(tableToIPC(table, { format }) ?? []);
}

/** Names of events or requests, some left out, some strange, some twice. */
function namesOf(dice: Dice): string[] {
  const kept = dice.pick([1, 0.95, 0.7]);
  const names = dice.pick([EVENTS, REQUESTS]).filter(() => dice.chance(kept));
  if (dice.chance(0.2)) names.push(dice.pick(OTHERS));
  if (dice.chance(0.1) && names.length > 0) names.push(dice.pick(names));
  return names.length > 0 ? names : ['op'];
}

function pairsOf(dice: Dice, metadata: readonly string[]): { key: string; value: string }[] {
  const key = dice.chance(0.9) ? METADATA_KEY : dice.pick(['', 'pandas', 'DMALAB']);
  const way = dice.below(10);
  if (way === 0) return [];
  if (way === 1) return [{ key, value: dice.pick(['', '{', 'null', '[]', '{"schema":1}']) }];
  if (way < 4) return [{ key, value: '{"schema":"dmalab.events/1","source":"x","format":"y"}' }];
  const whole = dice.pick(metadata);
  const changed = dice.chance(0.5)
    ? whole
    : JSON.stringify(changedJson(JSON.parse(whole), dice, 0));
  const pairs = [{ key, value: changed }];
  return dice.chance(0.1) ? [...pairs, ...pairs] : pairs;
}

/** The same with one value somewhere inside another one, missing or of another kind. */
function changedJson(value: Json, dice: Dice, depth: number): Json {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH || dice.chance(0.1)) {
    return dice.pick(JSONS);
  }
  const copy: Record<string, Json> | Json[] = Array.isArray(value) ? [...value] : { ...value };
  const keys = Object.keys(copy);
  if (keys.length === 0) return dice.pick(JSONS);
  const key = dice.pick(keys);
  const inside = copy as Record<string, Json>;
  if (dice.chance(0.1)) delete inside[key];
  else inside[key] = changedJson(inside[key], dice, depth + 1);
  return copy;
}

/** Values as the column should have them, or not. */
function valuesOf(dice: Dice, name: string, rows: number): unknown[] {
  const kind = dice.chance(0.85) ? usualKind(name) : dice.below(6);
  return Array.from({ length: rows }, () => {
    if (kind === 0) return dice.pick(name === 'op' ? OPS : TEXTS);
    if (kind === 1) return dice.pick(NUMBERS);
    if (kind === 2) return dice.pick(BIG);
    if (kind === 3) return dice.chance(0.5);
    if (kind === 4) return dice.pick(ODD);
    return dice.below(4);
  });
}

function usualKind(name: string): number {
  if (/^(?:op|event_name|comm|ctx|dev|token|segments)$/.test(name)) return 0;
  if (/^(?:iova|phys|address)$/.test(name)) return 2;
  return /^(?:time|time_ns|size|aux|aux2|dma_limit|hold)$/.test(name) ? 1 : 5;
}

function parquetColumn(dice: Dice, name: string, rows: number): ColumnSource {
  const values = valuesOf(dice, name, rows);
  const [first] = values;
  const isNullable = dice.chance(0.15);
  const data = values.map((value) => (isNullable && dice.chance(0.3) ? null : value));
  if (dice.chance(0.03))
    return { name, data: data.map((value) => ({ value: String(value) })), type: 'JSON' };
  if (dice.chance(0.03))
    return { name, data: data.map(() => new Date(dice.below(1e9))), type: 'TIMESTAMP' };
  const type = parquetType(first, values);
  return { name, data, type, nullable: isNullable, columnIndex: dice.chance(0.2) };
}

function parquetType(
  first: unknown,
  values: readonly unknown[],
): 'STRING' | 'INT32' | 'INT64' | 'DOUBLE' | 'BOOLEAN' {
  if (typeof first === 'string') return 'STRING';
  if (typeof first === 'boolean') return 'BOOLEAN';
  if (typeof first === 'bigint') return 'INT64';
  const isSmall = values.every(
    (value) => Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31,
  );
  return isSmall ? 'INT32' : 'DOUBLE';
}

function arrowColumn(
  dice: Dice,
  name: string,
  rows: number,
): { values: unknown[]; type: ReturnType<typeof utf8> } {
  const values = valuesOf(dice, name, rows);
  const [first] = values;
  const hasNulls = dice.chance(0.15);
  const some = values.map((value) => (hasNulls && dice.chance(0.3) ? null : value));
  const typed = (type: unknown): { values: unknown[]; type: ReturnType<typeof utf8> } => ({
    values: some,
    type: type as ReturnType<typeof utf8>,
  });
  if (typeof first === 'string') return typed(dice.chance(0.3) ? dictionary(utf8()) : utf8());
  if (typeof first === 'bigint') return typed(uint64());
  if (typeof first === 'boolean') return typed(bool());
  if (dice.chance(0.05)) return { ...typed(list(int32())), values: values.map(() => [1, 2]) };
  if (dice.chance(0.05)) return typed(timestamp());
  return typed(dice.pick([float64(), float64(), float32(), int32(), int8(), uint16()]));
}
