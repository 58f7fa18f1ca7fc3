// The aggregate report of a batch as one HTML file; links lead to the reports of single results beside it.

import { reasonOfEmpty } from '../charts/chart.ts';
import { chartConfig } from '../charts/theme.ts';
import { type ChartFigure, chartFigure } from '../report/chart-figure.ts';
import { escapeHtml } from '../report/escape.ts';
import { renderPage } from '../report/page.ts';
import { type BatchCell, batchSections, batchSentence, linkedFolders } from './batch-report.ts';
import type { BatchTable } from './batch-table.ts';
import { ratioChart } from './ratio-chart.ts';
import { spreadChart } from './spread-chart.ts';

/** The whole page. `linkTo` gives the address of the report of the result in a folder. */
export async function renderBatchHtml(
  table: BatchTable,
  linkTo: (folder: string) => string,
): Promise<string> {
  const figures = await chartsOf(table, linkTo);
  const sections = batchSections(table);
  const title = batchSentence(table).replace(/\.$/, '');
  const links = sections.map(({ id, heading }) => `<li><a href="#${id}">${heading}</a></li>`);
  const body = sections.map(({ id, heading, text, tables }) => {
    const shown = tables.map(({ caption, rows }) => tableHtml(caption, rows, linkTo));
    const words = text === '' ? '' : `<p>${escapeHtml(text)}</p>\n`;
    const chart = figures.find(({ name }) => name === id)?.html ?? '';
    return `<section aria-labelledby="${id}">\n<h2 id="${id}">${heading}</h2>\n${words}${chart}${shown.join('')}</section>\n`;
  });
  const header = `<a class="skip" href="#overview">Skip to the overview</a>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="muted">Replays of recorded DMA requests, by dmalab ${escapeHtml(table.version)}</p>
<nav aria-label="Sections"><ul>${links.join('')}</ul></nav>
</header>
<main>
`;
  const chartData = {
    charts: Object.fromEntries(figures.map(({ name, spec }) => [name, spec])),
    overTime: [],
    ofParts: {},
    groups: [null],
    configs: { light: chartConfig('light'), dark: chartConfig('dark') },
  };
  return renderPage({
    title,
    body: `${header}${body.join('')}</main>\n`,
    chartData: figures.length === 0 ? null : chartData,
  });
}

/** The charts that have something to show, each under the name of its section. */
async function chartsOf(
  table: BatchTable,
  linkTo: (folder: string) => string,
): Promise<ChartFigure[]> {
  const linked = new Set(linkedFolders(table));
  const made = [
    ['distributions', spreadChart(table, (folder) => (linked.has(folder) ? linkTo(folder) : null))],
    ['machines', ratioChart(table)],
  ] as const;
  return Promise.all(
    made
      .filter(([, spec]) => reasonOfEmpty(spec) === null)
      .map(([name, spec]) => chartFigure(spec, name, 0, false, true)),
  );
}

function tableHtml(
  caption: string,
  [head, ...rows]: readonly BatchCell[][],
  linkTo: (folder: string) => string,
): string {
  const cell = ({ text, folder }: BatchCell): string =>
    folder === undefined
      ? escapeHtml(text)
      : `<a href="${escapeHtml(linkTo(folder))}">${escapeHtml(text)}</a>`;
  const lines = rows.map(([name, ...others]) => {
    const rest = others.map((other) => `<td>${cell(other)}</td>`).join('');
    return `<tr><th scope="row">${cell(name!)}</th>${rest}</tr>\n`;
  });
  const label = escapeHtml(caption);
  const headCells = head!.map((each) => `<th scope="col">${escapeHtml(each.text)}</th>`).join('');
  return `<div class="scroll" role="region" tabindex="0" aria-label="${label}"><table>
<caption>${label}</caption>
<thead><tr>${headCells}</tr></thead>
<tbody>
${lines.join('')}</tbody>
</table></div>
`;
}
