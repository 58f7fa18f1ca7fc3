// Runs side by side: one row per figure, one column per run; as data, as plain text and as Markdown.

import type { ColumnTable } from 'arquero';
import type { LabelledResult } from './charts/chart.ts';
import type { FreeSpaceFigures } from './figures/addresses.ts';
import { mailTables } from './mail-table.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatModelled,
  formatShare,
  threeDigits,
} from './quantity.ts';
import { escapeMarkdown, printable } from './report/escape.ts';
import type { Summary } from './summary.ts';

/** In the place of a figure that a run has not. */
const NONE = '-';

/** A figure of a summary, and how it is written. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  value(summary: Summary): number | null;
  format(value: number): string;
}

/** The rows of a comparison. */
export const FIGURES: readonly Figure[] = [
  figure('maps', 'requests', (s) => s.requests.mapped + s.requests.directMaps, formatCount),
  figure('failed maps', 'requests', (s) => s.failures.total, formatCount),
  figure('first failure at', 'ns', (s) => s.failures.firstAt, formatDuration),
  addressFigure('peak live mappings', 'mappings', (s) => s.occupancy.peakLiveMappings, formatCount),
  addressFigure('peak address space', 'bytes', (s) => taken(s), formatBytes),
  addressFigure('peak queued ranges', 'ranges', (s) => s.occupancy.peakQueuedEntries, formatCount),
  addressFigure('peak queued', 'bytes', (s) => s.occupancy.peakQueuedBytes, formatBytes),
  figure('addresses below 4 GiB', 'share', (s) => s.addresses.below4GShare, formatShare),
  figure('32-bit searches in vain', 'maps', (s) => s.addresses.dacFallbacks || null, formatCount),
  figure(
    'fragmentation below 4 GiB, worst look',
    'share',
    (s) => busiestSpace(s)?.mostFragmented.below4G.fragmentation ?? null,
    formatShare,
  ),
  figure(
    'largest gap below 4 GiB at that look',
    'bytes',
    (s) => busiestSpace(s)?.mostFragmented.below4G.largestGapBytes ?? null,
    formatBytes,
  ),
  figure('rcache hit rate', 'share', (s) => s.rcache.hitRate, formatShare),
  figure('tree steps, mean', 'nodes', (s) => s.tree.steps.mean, threeDigits),
  figure('tree steps, p99', 'nodes', (s) => s.tree.steps.p99, formatCount),
  addressFigure('IOTLB flushes', 'flushes', (s) => s.flushes.total, formatCount),
  figure('mode switches', 'switches', (s) => s.typeSwitches.length || null, formatCount),
  figure('mode switches to another queue', 'switches', otherQueues, formatCount),
  figure(
    'strict unmaps before mode switch',
    'unmaps',
    (s) => s.typeSwitches[0]?.strictUnmapsBefore ?? null,
    formatCount,
  ),
  figure(
    'strict unmaps after mode switch',
    'unmaps',
    (s) => s.typeSwitches[0]?.strictUnmapsAfter ?? null,
    formatCount,
  ),
  addressFigure('range invalidations', 'unmaps', (s) => s.flushes.rangeInvalidations, formatCount),
  figure(
    'invalidations per 1000 unmaps',
    'invalidations',
    (s) => s.flushes.invalidationsPerThousandUnmaps,
    threeDigits,
  ),
  figure('entries per flush, mean', 'entries', (s) => s.flushes.batch.mean, threeDigits),
  figure('stale window, p50', 'ns', (s) => s.exposure.staleWindow.p50, formatDuration),
  figure('stale window, p99', 'ns', (s) => s.exposure.staleWindow.p99, formatDuration),
  figure('stale window, max', 'ns', (s) => s.exposure.staleWindow.max, formatDuration),
  addressFigure('exposure', 'byte seconds', (s) => s.exposure.byteSeconds, byteSeconds),
  figure('bounced buffers', 'buffers', (s) => s.bounce?.buffers ?? null, formatCount),
  figure('bounce slots, most in use', 'bytes', (s) => s.bounce?.hiwaterBytes ?? null, formatBytes),
  figure(
    'bounce slots, most of all pools',
    'slots',
    (s) => s.bounce?.totalSlots ?? null,
    formatCount,
  ),
  figure(
    'longest free run, fullest look',
    'slots',
    (s) => s.bounce?.freeRuns?.fullest.longestRun ?? null,
    formatCount,
  ),
  figure('maps without a bounce slot', 'maps', (s) => s.bounce?.failed ?? null, formatCount),
  figure(
    'bytes copied per byte mapped',
    'bytes',
    (s) => s.bounce?.copiedPerByte ?? null,
    threeDigits,
  ),
  figure('pools added', 'pools', (s) => grown(s, s.bounce?.poolsAdded), formatCount),
  figure('transient pools', 'pools', (s) => grown(s, s.bounce?.transients), formatCount),
  figure(
    'idle bounce memory',
    'byte seconds',
    (s) => s.bounce?.idleByteSeconds ?? null,
    byteSeconds,
  ),
  figure('host entries, peak', 'entries', (s) => s.host?.peakEntries ?? null, formatCount),
  figure(
    'host entries, peak unmapped',
    'entries',
    (s) => s.host?.peakStaleEntries ?? null,
    formatCount,
  ),
  figure('out of host resources', 'maps', (s) => s.host?.outOfResource ?? null, formatCount),
  figure('cured by a flush of its own', 'maps', (s) => s.host?.selfReclaim ?? null, formatCount),
  figure('refused by the host', 'maps', (s) => s.host?.failed ?? null, formatCount),
  figure('blocked by other guests', 'maps', (s) => s.host?.crossGuestBlocked || null, formatCount),
  figure(
    'host refreshes, global',
    'refreshes',
    (s) => s.host?.refreshes.global ?? null,
    formatCount,
  ),
  figure(
    'host refreshes per 1000 maps',
    'refreshes',
    (s) => s.host?.refreshesPerThousandMaps ?? null,
    threeDigits,
  ),
  figure('modelled cost per map, mean', 'ns', costPerMap, formatModelled),
  figure('modelled map, p50', 'ns', (s) => s.modelledLatency.map.p50, formatModelled),
  figure('modelled map, p99', 'ns', (s) => s.modelledLatency.map.p99, formatModelled),
  figure('modelled unmap, p50', 'ns', (s) => s.modelledLatency.unmap.p50, formatModelled),
  figure('modelled unmap, p99', 'ns', (s) => s.modelledLatency.unmap.p99, formatModelled),
  figure('modelled waiting', 'ns', (s) => waiting(s), formatModelled),
];

/** Free space of the domain with most maps. */
function busiestSpace({ domains }: Summary): FreeSpaceFigures | null {
  let busiest = domains[0];
  for (const domain of domains) {
    if (domain.mapped + domain.failed > busiest!.mapped + busiest!.failed) busiest = domain;
  }
  return busiest?.freeSpace ?? null;
}

/** With bounce memory and the host; null where maps cost nothing. */
function costPerMap({ modelledCost, requests, failures }: Summary): number | null {
  const maps = requests.mapped + requests.directMaps + failures.total;
  return modelledCost.map === 0 ? null : modelledCost.map / maps;
}

/** Switches after which the queue is not the one asked for. */
function otherQueues({ typeSwitches }: Summary): number | null {
  const other = typeSwitches.filter((s) => s.result === 'done' && s.requested !== s.got);
  return typeSwitches.length === 0 ? null : other.length;
}

/** As data, in long form: columns figure, unit, run, value (null where there is none) and text. */
export async function comparisonTable(results: readonly LabelledResult[]): Promise<ColumnTable> {
  const { table } = await import('arquero');
  const rows = FIGURES.flatMap(({ name, unit, value, format }) =>
    results.map(({ label, result }) => {
      const number = value(result.summary);
      const text = number === null ? NONE : format(number);
      return { figure: name, unit, run: label, value: number, text };
    }),
  );
  return table({
    figure: rows.map((row) => row.figure),
    unit: rows.map((row) => row.unit),
    run: rows.map((row) => row.run),
    value: rows.map((row) => row.value),
    text: rows.map((row) => row.text),
  });
}

/** A head and rows of texts: the figure's name, then one cell per run. Figures that no run has are left out. */
export function comparisonRows(results: readonly LabelledResult[]): string[][] {
  const rows = FIGURES.map(({ name, value, format }) => {
    const cells = results.map(({ result }) => {
      const number = value(result.summary);
      return number === null ? NONE : format(number);
    });
    return [name, ...cells];
  });
  const filled = rows.filter(([, ...cells]) => cells.some((text) => text !== NONE));
  return [['', ...results.map(({ label }) => label)], ...filled];
}

/** Plain text of at most 72 columns; runs that do not fit beside the others follow below. */
export function comparisonText(results: readonly LabelledResult[]): string {
  const rows = comparisonRows(results).map((row) => row.map(printable));
  return mailTables(rows)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

/** A Markdown table. */
export function comparisonMarkdown(results: readonly LabelledResult[]): string {
  const [head, ...rows] = comparisonRows(results);
  const rule = head!.map((_, at) => (at === 0 ? '---' : '---:'));
  return [head!, rule, ...rows]
    .map((row) => `| ${row.map(escapeMarkdown).join(' | ')} |\n`)
    .join('');
}

function figure(
  name: string,
  unit: string,
  value: (summary: Summary) => number | null,
  format: (value: number) => string,
): Figure {
  return { name, unit, value, format };
}

/** A figure of I/O addresses: null where the run used none. */
function addressFigure(
  name: string,
  unit: string,
  value: (summary: Summary) => number | null,
  format: (value: number) => string,
): Figure {
  return figure(name, unit, (s) => (s.domains.length > 0 ? value(s) : null), format);
}

function waiting({ modelledLatency }: Summary): number {
  return modelledLatency.waiting.reduce((sum, { total }) => sum + total, 0);
}

/** A figure of pools that grow. */
function grown({ machine }: Summary, value: number | undefined): number | null {
  return machine.bounce.name === 'dynamic' ? (value ?? null) : null;
}

function taken({ occupancy: { peak } }: Summary): number {
  return peak.live + peak.queued + peak.cached;
}

function byteSeconds(value: number): string {
  return `${formatBytes(value)} s`;
}
