// The report as Markdown, for a repository, a wiki or a pull request. Charts are links to SVG files.

import { type LabelledResult, reasonOfEmpty } from '../charts/chart.ts';
import { charts } from '../charts/index.ts';
import { comparisonMarkdown } from '../comparison.ts';
import { detailTables, traceRows } from './details.ts';
import { escapeMarkdown } from './escape.ts';
import { METHODS } from './methods.ts';
import { nextSteps } from './next-steps.ts';
import { runSentence } from './sentences.ts';
import {
  distinctTraces,
  distinctWarnings,
  groupByTrace,
  reportTitle,
  type TraceGroup,
} from './subjects.ts';

/** The Markdown text of a report; `chartFile` gives the path of the SVG file of a chart of a trace. */
export function renderReportMarkdown(
  results: readonly LabelledResult[],
  chartFile: (chart: string, trace: string) => string = (chart) => `${chart}.svg`,
): string {
  if (results.length === 0) throw new RangeError('A report needs at least one result');
  const { version } = results[0]!.result.summary.tool;
  const groups = groupByTrace(results);
  return [
    `# ${escapeMarkdown(reportTitle(results))}\n`,
    `A replay of recorded DMA requests, by dmalab ${escapeMarkdown(version)}.\n`,
    '## Summary\n',
    ...groups.flatMap((group) => [
      ...heading(groups, group),
      sentences(group.results),
      steps(group.results),
      comparisonMarkdown(group.results),
    ]),
    '## Warnings\n',
    warnings(results),
    '## Charts\n',
    ...groups.flatMap((group) => [
      ...heading(groups, group),
      ...charts.map(({ name, title, make }) => {
        const reason = reasonOfEmpty(make(group.results));
        return reason === null
          ? `![${title}](${encodeURI(chartFile(name, group.name))})\n`
          : `${title}: not drawn. ${escapeMarkdown(reason)}\n`;
      }),
    ]),
    '## Details\n',
    ...groups.flatMap((group) => [...heading(groups, group), ...group.results.map(details)]),
    '## Provenance\n',
    ...distinctTraces(results).map((trace) => table([['', ''], ...traceRows(trace)])),
    '## Methods\n',
    ...METHODS.map(({ heading, text }) => `**${heading}.** ${text}\n`),
  ].join('\n');
}

/** Names the trace above its part where there are several. */
function heading(groups: readonly TraceGroup[], { name }: TraceGroup): string[] {
  return groups.length > 1 ? [`### ${escapeMarkdown(name)}\n`] : [];
}

function sentences(results: readonly LabelledResult[]): string {
  const lines = results.map(
    (labelled) =>
      `* **${escapeMarkdown(labelled.label)}**: ${escapeMarkdown(runSentence(labelled))}\n`,
  );
  return lines.join('');
}

function steps(results: readonly LabelledResult[]): string {
  const lines = nextSteps(results).map(
    ({ text, command }) =>
      `* ${escapeMarkdown(text)}${command === null ? '' : ` \`${command}\``}\n`,
  );
  return `What to do:\n\n${lines.join('')}`;
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
  return [`#### ${escapeMarkdown(label)}\n`, ...tables].join('\n');
}

function table(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows;
  const rule = head!.map((_, at) => (at === 0 ? '---' : '---:'));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const escaped = body.map((row) => line(row.map(escapeMarkdown)));
  return line(head!.map(escapeMarkdown)) + line(rule) + escaped.join('');
}
