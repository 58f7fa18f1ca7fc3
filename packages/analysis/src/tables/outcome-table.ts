// The rows of a replay as a table for other tools: one row for each outcome, names as text (docs/results.md).
//
// Chunks are the batches of the replay, so memory does not grow with them.

import { OUTCOME_ROWS, type OutcomeBatch } from '@dmalab/replay';
import type { ColumnType, ColumnValues, TableChunk, TableColumn } from '@dmalab/trace';
import type { RunContext } from '../stats/outcome-stats.ts';
import { domainSpaces } from '../stats/space.ts';
import { columnUnits } from './column-units.ts';
import { KIND_WORDS, outcomeWord, reachWord } from './outcome-words.ts';

const WORD = 2 ** 32;

type Plain = Exclude<
  keyof OutcomeBatch,
  'length' | 'samples' | 'reach' | 'kind' | 'device' | 'domain' | 'path' | 'stage' | 'cause'
>;

/** Columns that are one column of the batch as it is. */
const PLAIN: readonly (readonly [name: string, key: Plain, type: ColumnType])[] = [
  ['time_ns', 'time', 'float64'],
  ['cpu', 'cpu', 'uint16'],
  ['tid', 'tid', 'int32'],
  ['id', 'id', 'uint32'],
  ['line', 'line', 'uint32'],
  ['pfn', 'pfn', 'float64'],
  ['pages', 'pages', 'float64'],
  ['bytes', 'bytes', 'float64'],
  ['value', 'value', 'float64'],
  ['steps', 'steps', 'uint32'],
  ['searches', 'searches', 'uint8'],
  ['updates', 'updates', 'uint32'],
  ['exchanges', 'exchanges', 'uint32'],
  ['modelled_cost_ns', 'costNs', 'float64'],
  ['modelled_wait_ns', 'waitNs', 'float64'],
  ['modelled_latency_ns', 'latencyNs', 'float64'],
  ['flags', 'flags', 'uint32'],
  ['live_mappings', 'liveMappings', 'uint32'],
  ['live_pages', 'livePages', 'float64'],
  ['queued_entries', 'queuedEntries', 'uint32'],
  ['queued_pages', 'queuedPages', 'float64'],
  ['cached_pages', 'cachedPages', 'float64'],
  ['low32_pages', 'low32Pages', 'float64'],
  ['bounce_used_slots', 'bounceUsed', 'uint32'],
  ['bounce_total_slots', 'bounceTotal', 'uint32'],
  ['host_entries', 'hostEntries', 'float64'],
  ['host_stale_entries', 'hostStale', 'float64'],
  ['host_pinned_pages', 'hostPinned', 'float64'],
];

/** The columns of a table of outcomes; units are in their names, or in docs/results.md. */
export const OUTCOME_COLUMNS: readonly TableColumn[] = [
  { name: 'kind', type: 'text' },
  { name: 'device', type: 'text' },
  { name: 'domain', type: 'text' },
  { name: 'path', type: 'text' },
  { name: 'stage', type: 'text' },
  { name: 'cause', type: 'text' },
  { name: 'reach', type: 'text' },
  { name: 'iova', type: 'uint64' },
  ...PLAIN.map(([name, , type]) => ({ name, type })),
];

/** What the rows of a table of outcomes (or of series, with their schema and columns) ran on and their units, as the JSON that goes into the file. */
export function outcomeMetadata(
  context: RunContext,
  schema: string = 'dmalab.outcomes/1',
  columns: readonly TableColumn[] = OUTCOME_COLUMNS,
): string {
  const { report, facts, machine, version, name } = context;
  const { source, sha256, firstTime, duration } = report;
  const trace = { name: name ?? source, sha256, firstTime, duration, clock: facts.clock };
  const tool = { name: 'dmalab', version };
  return JSON.stringify({ schema, tool, trace, units: columnUnits(columns), machine });
}

/** Turns the batches of a replay into rows of {@link OUTCOME_COLUMNS}; each chunk is valid until the next. */
export function outcomeChunks(context: RunContext): (batch: OutcomeBatch) => TableChunk {
  const { facts, machine } = context;
  const granules = domainSpaces(machine, facts).map(({ granule }) => granule);
  const domains = domainNames(context);
  const iova = new BigUint64Array(OUTCOME_ROWS);
  return (b) => {
    const { length, kind } = b;
    const text = (of: (i: number) => string): string[] => Array.from({ length }, (_, i) => of(i));
    const word = (column: 'path' | 'stage' | 'cause'): string[] =>
      text((i) => outcomeWord(kind[i]!, column, b[column][i]!));
    addresses(b, granules, iova);
    const columns: ColumnValues[] = [
      text((i) => KIND_WORDS[kind[i]!] ?? 'other'),
      text((i) => facts.devices[b.device[i]!]?.name ?? ''),
      text((i) => domains[b.domain[i]!] ?? ''),
      word('path'),
      word('stage'),
      word('cause'),
      text((i) => reachWord(b.reach[i]!)),
      iova.subarray(0, length),
      ...PLAIN.map(([, key]) => b[key].subarray(0, length)),
    ];
    return { length, columns };
  };
}

/** Names of the domains of a run by index: as recorded, or "own:N" of a device without a recorded one. */
export function domainNames({ facts, machine }: RunContext): string[] {
  const named = machine.domains.map((_, i) => facts.domains[i]?.token ?? '');
  return [...named, ...machine.devices.map((_, device) => `own:${device}`)];
}

// pfn x granule, written as two halves so that no BigInt is made.
function addresses(batch: OutcomeBatch, granules: readonly number[], out: BigUint64Array): void {
  const { length, pfn, domain } = batch;
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < length; i++) {
    const granule = granules[domain[i]!] ?? 4096;
    const page = Math.max(0, pfn[i]!);
    const perWord = WORD / granule;
    words[2 * i] = (page % perWord) * granule;
    words[2 * i + 1] = Math.floor(page / perWord);
  }
}
