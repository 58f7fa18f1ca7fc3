// Tables of a report with the latency that was measured while recording, beside the modelled one.

import type { DistributionFigures } from '../figures/distribution.ts';
import type { MeasuredFigures, MeasuredPart } from '../figures/latency.ts';
import { formatCount, formatDuration, formatModelled } from '../quantity.ts';
import type { Summary } from '../summary.ts';
import type { DetailTable } from './details.ts';

/** Rows of the table that may have one for each CPU, thread and size of each function. */
const MOST_ROWS = 32;
const SOURCES: Readonly<Record<MeasuredFigures['source'], string>> = {
  function_graph: 'measured (function_graph)',
  probes: 'measured (probes)',
};

/** Modelled and measured durations side by side; empty where nothing was measured. */
export function latencies({ modelledLatency, measuredLatency }: Summary): DetailTable {
  const measured = measuredLatency.map(({ function: name, source, duration }) => [
    name,
    SOURCES[source],
    ...quantiles(duration, formatDuration),
  ]);
  const rows = [
    ['a map', 'modelled', ...quantiles(modelledLatency.map, formatModelled)],
    ['an unmap', 'modelled', ...quantiles(modelledLatency.unmap, formatModelled)],
    ...measured,
  ];
  const head = ['time of', 'how it is known', 'calls', 'p50', 'p90', 'p99', 'max'];
  return {
    caption: 'Latency: modelled on this machine, and measured on the recorded one',
    rows: measured.length > 0 ? [head, ...rows] : [],
  };
}

/** Measured durations by CPU, thread and size. */
export function measuredParts({ measuredLatency }: Summary): DetailTable {
  const all = measuredLatency.flatMap(({ function: name, cpus, tasks, sizes }) => [
    ...partRows(name, 'CPU', cpus),
    ...partRows(name, 'thread', tasks),
    ...partRows(name, 'size from', sizes),
  ]);
  const head = ['measured', 'of', 'calls', 'p50', 'p90', 'p99', 'max'];
  const some = all.toSorted((a, b) => b.calls - a.calls).slice(0, MOST_ROWS);
  const shown = new Set(some);
  return {
    caption:
      all.length > MOST_ROWS
        ? `Measured latency by CPU, thread and size: the ${MOST_ROWS} with most calls of ${formatCount(all.length)}`
        : 'Measured latency by CPU, thread and size (pages of an IOVA, bytes of a bounce buffer)',
    rows: [head, ...all.filter((row) => shown.has(row)).map(({ cells }) => cells)],
  };
}

function partRows(
  name: string,
  what: string,
  parts: readonly MeasuredPart[],
): { calls: number; cells: string[] }[] {
  return parts.map(({ of, duration }) => ({
    calls: duration.count,
    cells: [
      name,
      `${what} ${what === 'size from' ? formatCount(of) : of}`,
      ...quantiles(duration, formatDuration),
    ],
  }));
}

function quantiles(
  { count, p50, p90, p99, max }: DistributionFigures,
  format: (ns: number) => string,
): string[] {
  const cells = [p50, p90, p99, max].map((ns) => (ns === null ? '-' : format(ns)));
  return [formatCount(count), ...cells];
}
