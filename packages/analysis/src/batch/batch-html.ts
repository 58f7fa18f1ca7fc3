// The aggregate report of a batch as one HTML file; links lead to the reports of single results beside it.

import { escapeHtml } from '../report/escape.ts';
import { renderPage } from '../report/page.ts';
import { type BatchCell, batchSections, batchSentence } from './batch-report.ts';
import type { BatchTable } from './batch-table.ts';

/** The whole page. `linkTo` gives the address of the report of the result in a folder. */
export function renderBatchHtml(table: BatchTable, linkTo: (folder: string) => string): string {
  const sections = batchSections(table);
  const title = batchSentence(table).replace(/\.$/, '');
  const links = sections.map(({ id, heading }) => `<li><a href="#${id}">${heading}</a></li>`);
  const body = sections.map(({ id, heading, text, tables }) => {
    const shown = tables.map(({ caption, rows }) => tableHtml(caption, rows, linkTo));
    const words = text === '' ? '' : `<p>${escapeHtml(text)}</p>\n`;
    return `<section aria-labelledby="${id}">\n<h2 id="${id}">${heading}</h2>\n${words}${shown.join('')}</section>\n`;
  });
  const header = `<a class="skip" href="#overview">Skip to the overview</a>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="muted">Replays of recorded DMA requests, by dmalab ${escapeHtml(table.version)}</p>
<nav aria-label="Sections"><ul>${links.join('')}</ul></nav>
</header>
<main>
`;
  return renderPage({ title, body: `${header}${body.join('')}</main>\n`, chartData: null });
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
