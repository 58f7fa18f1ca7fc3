// Tables and lists as HTML; every text is escaped here.

import { escapeHtml } from './escape.ts';

/** A table in a box that scrolls on its own where it is wider than the page. */
export function htmlTable(caption: string, rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows;
  const headCells = head!.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
  const lines = body.map(([name, ...cells]) => {
    const rest = cells.map((text) => `<td>${escapeHtml(text)}</td>`).join('');
    return `<tr><th scope="row">${escapeHtml(name!)}</th>${rest}</tr>\n`;
  });
  const label = escapeHtml(caption);
  return `<div class="scroll" role="region" tabindex="0" aria-label="${label}"><table>
<caption>${label}</caption>
<thead><tr>${headCells}</tr></thead>
<tbody>
${lines.join('')}</tbody>
</table></div>
`;
}

/** Names and values. */
export function htmlFacts(facts: readonly (readonly [name: string, value: string])[]): string {
  const lines = facts.map(
    ([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>\n`,
  );
  return `<dl>\n${lines.join('')}</dl>\n`;
}
