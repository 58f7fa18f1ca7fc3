// The series of a result as a table: one row for each bucket of time (docs/results.md).

import type { TableChunk, TableColumn } from '@dmalab/trace';
import type { RunResult } from '../run-result.ts';
import type { LevelSeries } from '../stats/series.ts';

type SeriesOf = RunResult['series'];

const LEVELS: readonly (readonly [name: string, of: (series: SeriesOf) => LevelSeries | null])[] = [
  ['live_bytes', (s) => s.liveBytes],
  ['queued_bytes', (s) => s.queuedBytes],
  ['cached_bytes', (s) => s.cachedBytes],
  ['taken_bytes', (s) => s.takenBytes],
  ['low32_bytes', (s) => s.low32Bytes],
  ['stale_bytes', (s) => s.staleBytes],
  ['live_mappings', (s) => s.liveMappings],
  ['queued_entries', (s) => s.queuedEntries],
  ['bounce_used_slots', (s) => s.bounceUsedSlots],
  ['bounce_total_slots', (s) => s.bounceTotalSlots],
  ['host_entries', (s) => s.hostEntries],
  ['host_stale_entries', (s) => s.hostStaleEntries],
  ['host_pinned_pages', (s) => s.hostPinnedPages],
];

const COUNTS: readonly (readonly [name: string, of: (series: SeriesOf) => readonly number[]])[] = [
  ['mapped', (s) => s.mapped],
  ['failed', (s) => s.failed],
  ['unmapped', (s) => s.unmapped],
  ['flushes', (s) => s.flushes],
  ['range_invalidations', (s) => s.rangeInvalidations],
];

/** The series of a result as columns and one chunk; levels that the machine does not have are left out. */
export function seriesTable(series: SeriesOf): { columns: TableColumn[]; chunk: TableChunk } {
  const { buckets, bucketNs } = series;
  const columns: TableColumn[] = [];
  const values: Float64Array[] = [];
  const add = (name: string, column: ArrayLike<number>): void => {
    columns.push({ name, type: 'float64' });
    values.push(Float64Array.from(column));
  };
  add(
    'time_ns',
    Array.from({ length: buckets }, (_, i) => i * bucketNs),
  );
  add('bucket_ns', new Float64Array(buckets).fill(bucketNs));
  for (const [name, of] of LEVELS) {
    const level = of(series);
    if (level === null) continue;
    for (const part of ['min', 'max', 'last', 'mean'] as const) {
      add(`${name}_${part}`, level[part]);
    }
  }
  for (const [name, of] of COUNTS) add(name, of(series));
  return { columns, chunk: { length: buckets, columns: values } };
}
