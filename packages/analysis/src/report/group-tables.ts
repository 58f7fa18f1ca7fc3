// Tables of a report that have a row for each size, CPU or task.

import type { GroupFigures, GroupLatency } from '../figures/groups.ts';
import { formatBytes, formatCount, formatModelled, formatShare } from '../quantity.ts';
import type { Summary } from '../summary.ts';
import type { DetailTable } from './details.ts';

/** Head of the column of {@link latency}. */
export const MODELLED = 'modelled map, p50 and p99';
/** Rows of the tables that may have one for each CPU or task. */
const MOST_ROWS = 16;

/** Requests by size. */
export function sizes({ sizes: all }: Summary): DetailTable {
  return groups(
    'Sizes: maps of so many bytes and less, more than half',
    'up to',
    all.map(({ upToBytes, requests }) => [formatBytes(upToBytes), requests]),
  );
}

/** Requests by CPU. */
export function cpus({ cpus: all }: Summary): DetailTable {
  const busiest = all.toSorted((a, b) => maps(b.requests) - maps(a.requests)).slice(0, MOST_ROWS);
  return groups(
    all.length > MOST_ROWS ? `The busiest ${MOST_ROWS} of ${formatCount(all.length)} CPUs` : 'CPUs',
    'CPU',
    busiest.map(({ cpu, requests }) => [String(cpu), requests]),
  );
}

/** Requests by task. */
export function tasks({ tasks: all, taskCount }: Summary): DetailTable {
  const shown = all.slice(0, MOST_ROWS);
  return groups(
    taskCount > MOST_ROWS ? `The busiest ${MOST_ROWS} of ${formatCount(taskCount)} tasks` : 'Tasks',
    'thread',
    shown.map(({ tid, requests }) => [tid < 0 ? 'none' : String(tid), requests]),
  );
}

function groups(
  caption: string,
  name: string,
  all: readonly (readonly [string, GroupFigures])[],
): DetailTable {
  const rows = all
    .filter(([, group]) => maps(group) > 0)
    .map(([label, group]) => [
      label,
      formatCount(maps(group)),
      formatCount(group.failed),
      formatBytes(group.bytes),
      rate(group.cacheHitRate),
      latency(group.modelledMap),
    ]);
  return { caption, rows: [[name, 'maps', 'failed', 'mapped', 'cache hits', MODELLED], ...rows] };
}

function maps({ mapped, failed, directMaps }: GroupFigures): number {
  return mapped + failed + directMaps;
}

/** A share, or a dash. */
export function rate(value: number | null): string {
  return value === null ? '-' : formatShare(value);
}

/** Modelled p50 and p99, or a dash. */
export function latency({ p50, p99 }: GroupLatency): string {
  return p50 === null || p99 === null ? '-' : `${formatModelled(p50)}, ${formatModelled(p99)}`;
}
