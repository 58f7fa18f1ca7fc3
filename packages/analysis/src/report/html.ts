// The report as one HTML file: summary first, then warnings, charts, details, provenance, methods.

import { createHash } from 'node:crypto';
import type { TopLevelSpec } from 'vega-lite';
import { type LabelledResult, reasonOfEmpty } from '../charts/chart.ts';
import { charts } from '../charts/index.ts';
import { chartConfig } from '../charts/theme.ts';
import { comparisonRows } from '../comparison.ts';
import { formatCount } from '../quantity.ts';
import { chartFigure } from './chart-figure.ts';
import { detailTables, traceRows } from './details.ts';
import { escapeHtml } from './escape.ts';
import { htmlFacts, htmlTable } from './html-table.ts';
import { METHODS } from './methods.ts';
import { nextSteps } from './next-steps.ts';
import { type Page, renderFragment, renderPage } from './page.ts';
import { PART_CHARTS } from './part-charts.ts';
import { runSentence } from './sentences.ts';
import {
  distinctTraces,
  distinctWarnings,
  groupByTrace,
  reportTitle,
  type TraceGroup,
} from './subjects.ts';
import { brushData, brushHtml } from './time-brush.ts';

/** What a report has. */
export interface ReportOptions {
  /** A picture of each chart, for readers without scripts; default true. It takes most of the time. */
  readonly pictures?: boolean;
}

/** The HTML text of a report on one or several results. */
export async function renderReportHtml(
  results: readonly LabelledResult[],
  { pictures = true }: ReportOptions = {},
): Promise<string> {
  return renderPage(await reportPage(results, pictures, ''));
}

/** The same to be put into another page, once or beside others: one element with its style and its scripts. */
export async function renderReportFragment(results: readonly LabelledResult[]): Promise<string> {
  return renderFragment(await reportPage(results, true, ownPrefix(results)));
}

/** What ids of a fragment begin with, so that they are neither those of the page nor of another fragment. */
function ownPrefix(results: readonly LabelledResult[]): string {
  const hash = createHash('sha256');
  for (const { label, result } of results) {
    const { trace, machine } = result.summary;
    hash.update(JSON.stringify([label, trace.sha256, trace.name, machine]));
  }
  return `dmalab-${hash.digest('hex').slice(0, 12)}-`;
}

/** `prefix`: of all ids. */
async function reportPage(
  results: readonly LabelledResult[],
  hasPictures: boolean,
  prefix: string,
): Promise<Page> {
  if (results.length === 0) throw new RangeError('A report needs at least one result');
  const title = reportTitle(results);
  const groups = groupByTrace(results);
  const made = groups.map(groupCharts);
  const level = levelIn(groups);
  const figures = await Promise.all(
    made.map(({ drawn }, i) =>
      Promise.all(
        drawn.map(({ name, isOverTime, spec }) =>
          chartFigure(spec, figureName(name, i), i, isOverTime, hasPictures, level),
        ),
      ),
    ),
  );
  const pictures = groups.map((group, i) => {
    return (
      groupHeading(groups, group) +
      brushHtml(group.results, i) +
      figures[i]!.map(({ html }) => html).join('') +
      leftOut(made[i]!.left)
    );
  });
  const body = [
    header(title, results, prefix),
    section(prefix, 'Summary', summaries(groups)),
    section(prefix, 'Warnings', warnings(results)),
    section(prefix, 'Charts', pictures.join('')),
    section(prefix, 'Details', details(groups)),
    section(prefix, 'Provenance', provenance(results)),
    section(prefix, 'Methods', METHODS.map(method).join('')),
    '</main>\n',
  ].join('');
  const drawn = figures.flat();
  const chartData = {
    charts: Object.fromEntries(drawn.map(({ name, spec }) => [name, spec])),
    overTime: drawn.filter(({ isOverTime }) => isOverTime).map(({ name }) => name),
    ofParts: Object.fromEntries(made.flatMap((group, i) => partCharts(group.drawn, i))),
    groups: groups.map((group) => brushData(group.results)),
    configs: { light: chartConfig('light'), dark: chartConfig('dark') },
  };
  return { title, body, chartData };
}

function header(title: string, results: readonly LabelledResult[], prefix: string): string {
  const { version } = results[0]!.result.summary.tool;
  const links = ['Summary', 'Warnings', 'Charts', 'Details', 'Provenance', 'Methods'].map(
    (name) => `<li><a href="#${prefix}${name.toLowerCase()}">${name}</a></li>`,
  );
  return `<a class="skip" href="#${prefix}summary">Skip to the summary</a>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="muted">A replay of recorded DMA requests, by dmalab ${escapeHtml(version)}</p>
<nav aria-label="Sections"><ul>${links.join('')}</ul></nav>
</header>
<main>
`;
}

/** Names the trace above its part where there are several. */
/** Of headings below those of the traces, which are there where there are several. */
function levelIn(groups: readonly TraceGroup[]): 3 | 4 {
  return groups.length > 1 ? 4 : 3;
}

function groupHeading(groups: readonly TraceGroup[], { name }: TraceGroup): string {
  return groups.length > 1 ? `<h3>${escapeHtml(name)}</h3>\n` : '';
}

function summaries(groups: readonly TraceGroup[]): string {
  const parts = groups.map((group) => {
    const { results } = group;
    const items = results.map(
      (labelled) =>
        `<li><strong>${escapeHtml(labelled.label)}</strong>: ${escapeHtml(runSentence(labelled))}</li>\n`,
    );
    const caption = results.length > 1 ? 'The runs side by side' : 'Key figures';
    const table = htmlTable(caption, comparisonRows(results));
    const steps = nextSteps(results).map(
      ({ text, command }) =>
        `<li>${escapeHtml(text)}${command === null ? '' : ` <code tabindex="0">${escapeHtml(command)}</code>`}</li>\n`,
    );
    const level = levelIn(groups);
    const advice = `<h${level}>What to do</h${level}>\n<ul class="steps">\n${steps.join('')}</ul>\n`;
    return `${groupHeading(groups, group)}<ul class="runs">\n${items.join('')}</ul>\n${advice}${table}`;
  });
  return parts.join('');
}

function warnings(results: readonly LabelledResult[]): string {
  const items = distinctWarnings(results).map(
    ({ warning, runs }) =>
      `<li><strong>${escapeHtml(warning.text)}</strong> ${escapeHtml(warning.meaning)} <span class="muted">${escapeHtml(`${warning.code}; ${runs}`)}</span></li>\n`,
  );
  return items.length > 0
    ? `<ul class="warnings">\n${items.join('')}</ul>\n`
    : '<p>None: nothing was lost, skipped or guessed.</p>\n';
}

/** The charts of a group with something to show, and why the others have nothing. */
function groupCharts({ results }: TraceGroup): {
  drawn: { name: string; isOverTime: boolean; spec: TopLevelSpec }[];
  left: { title: string; reason: string }[];
} {
  const made = charts.map(({ name, title, isOverTime = false, make }) => ({
    name,
    title,
    isOverTime,
    spec: make(results),
  }));
  return {
    drawn: made.filter(({ spec }) => reasonOfEmpty(spec) === null),
    left: made.flatMap(({ title, spec }) => {
      const reason = reasonOfEmpty(spec);
      return reason === null ? [] : [{ title, reason }];
    }),
  };
}

/** A chart of each group: the first group's has the name of the chart. */
function figureName(chart: string, group: number): string {
  return group === 0 ? chart : `${chart}-${group + 1}`;
}

/** Figures of a group that page.js can draw of a part of the time, and their charts. */
function partCharts(drawn: readonly { name: string }[], group: number): [string, string][] {
  const names = drawn.map(({ name }) => name).filter((name) => PART_CHARTS.includes(name));
  return names.map((name) => [figureName(name, group), name]);
}

function leftOut(left: readonly { title: string; reason: string }[]): string {
  if (left.length === 0) return '';
  const items = left.map(
    ({ title, reason }) =>
      `<li><strong>${escapeHtml(title)}</strong>: ${escapeHtml(reason)}</li>\n`,
  );
  return `<details><summary>Charts with nothing to show (${left.length})</summary>\n<ul>\n${items.join('')}</ul></details>\n`;
}

function details(groups: readonly TraceGroup[]): string {
  const parts = groups.map((group) => {
    const runs = group.results.map(({ label, result }, i) => {
      const tables = detailTables(result.summary).map(({ caption, rows }) =>
        htmlTable(caption, rows),
      );
      const open = i === 0 && groups.length === 1 ? ' open' : '';
      return `<details${open}><summary>${escapeHtml(label)}</summary>\n${tables.join('')}</details>\n`;
    });
    return groupHeading(groups, group) + runs.join('');
  });
  return parts.join('');
}

function provenance(results: readonly LabelledResult[]): string {
  const several = distinctTraces(results).length > 1;
  const traces = distinctTraces(results).map((trace) => {
    const events = Object.entries(trace.events).map(([name, count]) => [name, formatCount(count)]);
    return `${htmlFacts(traceRows(trace))}<details><summary>Events by name</summary>\n${htmlTable('Events', [['event', 'count'], ...events])}</details>\n`;
  });
  const machines = results.map(({ label, result }) => {
    const lines = JSON.stringify(result.summary.machine, null, 2).split('\n').map(escapeHtml);
    const name = several ? `${result.summary.trace.name} ${label}` : label;
    return `<details><summary>Machine of ${escapeHtml(name)}</summary>\n<pre tabindex="0">${lines.join('\n')}</pre></details>\n`;
  });
  return traces.join('') + machines.join('');
}

function method({ heading, text }: (typeof METHODS)[number]): string {
  return `<h3>${escapeHtml(heading)}</h3>\n<p>${escapeHtml(text)}</p>\n`;
}

function section(prefix: string, heading: string, html: string): string {
  const id = prefix + heading.toLowerCase();
  return `<section aria-labelledby="${id}">\n<h2 id="${id}">${heading}</h2>\n${html}</section>\n`;
}
