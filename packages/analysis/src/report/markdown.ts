// The report as Markdown, for a repository, a wiki or a pull request. Charts are links to SVG files.

import type { LabelledResult } from '../charts/chart.ts';
import { charts } from '../charts/index.ts';
import { comparisonMarkdown } from '../comparison.ts';
import { detailTables, traceRows } from './details.ts';
import { escapeMarkdown } from './escape.ts';
import { METHODS } from './methods.ts';
import { runSentence } from './sentences.ts';
import { distinctTraces, distinctWarnings, reportTitle } from './subjects.ts';

/** The Markdown text of a report; `chartFile` gives the path of a chart's SVG file by its name. */
export function renderReportMarkdown(
  results: readonly LabelledResult[],
  chartFile: (name: string) => string = (name) => `${name}.svg`,
): string {
  if (results.length === 0) throw new RangeError('A report needs at least one result');
  const { version } = results[0]!.result.summary.tool;
  return [
    `# ${escapeMarkdown(reportTitle(results))}\n`,
    `A replay of recorded DMA requests, by dmalab ${escapeMarkdown(version)}.\n`,
    '## Summary\n',
    sentences(results),
    comparisonMarkdown(results),
    '## Warnings\n',
    warnings(results),
    '## Charts\n',
    ...charts.map(({ name, title }) => `![${title}](${encodeURI(chartFile(name))})\n`),
    '## Details\n',
    ...results.map(details),
    '## Provenance\n',
    ...distinctTraces(results).map((trace) => table([['', ''], ...traceRows(trace)])),
    '## Methods\n',
    ...METHODS.map(({ heading, text }) => `**${heading}.** ${text}\n`),
  ].join('\n');
}

function sentences(results: readonly LabelledResult[]): string {
  const lines = results.map(
    (labelled) =>
      `* **${escapeMarkdown(labelled.label)}**: ${escapeMarkdown(runSentence(labelled))}\n`,
  );
  return lines.join('');
}

function warnings(results: readonly LabelledResult[]): string {
  const lines = distinctWarnings(results).map(
    ({ warning, runs }) =>
      `* **${escapeMarkdown(warning.text)}** ${escapeMarkdown(`${warning.meaning} (${warning.code}; ${runs})`)}\n`,
  );
  return lines.length > 0 ? lines.join('') : 'None: nothing was lost, skipped or guessed.\n';
}

function details({ label, result }: LabelledResult): string {
  const tables = detailTables(result.summary).map(
    ({ caption, rows }) => `${escapeMarkdown(caption)}:\n\n${table(rows)}`,
  );
  return [`### ${escapeMarkdown(label)}\n`, ...tables].join('\n');
}

function table(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows;
  const rule = head!.map((_, at) => (at === 0 ? '---' : '---:'));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const escaped = body.map((row) => line(row.map(escapeMarkdown)));
  return line(head!.map(escapeMarkdown)) + line(rule) + escaped.join('');
}
