// One HTML file that stands alone: styles, scripts and data inside, nothing is fetched.
//
// A content security policy names the hash of every script and style, so that text which slipped
// through the escaping could still not run. Vega's expressions are interpreted, not evaluated.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { escapeHtml, scriptJson } from './escape.ts';

/** What fills a page; `body` is HTML, everything else is plain text or data. */
export interface Page {
  readonly title: string;
  readonly body: string;
  /** Read by page.js: specs by name, which of them are over time or of distributions, courses by group, configs by theme; null for a page without charts. */
  readonly chartData: unknown;
}

const LIBRARIES = [
  ['vega', 'vega.min.js'],
  ['vega-lite', 'vega-lite.min.js'],
  ['vega-embed', 'vega-embed.min.js'],
] as const;

const NO_SCRIPTS = { texts: [], hashes: "'none'" };

/** A part for another page: style, body and scripts, which the policy of that page has to allow. */
export function renderFragment({ body, chartData }: Page): string {
  return `<style>${ownFile('page.css')}</style>
${report('dmalab-report', body, chartData, pageScripts().texts)}`;
}

/** The bytes of the file, the same for the same page. */
export function renderPage({ title, body, chartData }: Page): string {
  const style = ownFile('page.css');
  const { texts, hashes } = chartData === null ? NO_SCRIPTS : pageScripts();
  const policy = [
    "default-src 'none'",
    `script-src ${hashes}`,
    `style-src ${hashSource(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${report('dmalab-report page', body, chartData, texts)}</body>
</html>
`;
}

/** Texts and hashes of the scripts, read once: they are a megabyte, and the same in every page. */
let known: { readonly texts: readonly string[]; readonly hashes: string } | null = null;

function pageScripts(): { readonly texts: readonly string[]; readonly hashes: string } {
  if (known !== null) return known;
  // A block of its own: nothing of it is seen by the scripts of a page around a fragment.
  const layout = ownFile('page-layout.js').replace(/^export /gm, '');
  const own = `{
${ownFile('page-charts.js')}${layout}${ownFile('page.js')}}
`;
  const texts = [...LIBRARIES.map(library), own].map(scriptText);
  known = { texts, hashes: texts.map(hashSource).join(' ') };
  return known;
}

function report(
  classes: string,
  body: string,
  chartData: unknown,
  scripts: readonly string[],
): string {
  return `<div class="${classes}">
${body}
${chartData === null ? '' : `<script type="application/json" class="charts-data">${scriptJson(chartData)}</script>`}
${scripts.map((script) => `<script>${script}</script>\n`).join('')}</div>
`;
}

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Nothing in a script may end its element; in a string literal the backslash changes nothing. */
function scriptText(script: string): string {
  return script.replace(/<\/script/gi, '<\\/script').replace(/<!--/g, '<\\!--');
}

function ownFile(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

/** The packages export their modules only; the bundles for browsers lie in the folder of those. */
function library([name, file]: (typeof LIBRARIES)[number]): string {
  return readFileSync(new URL(file, import.meta.resolve(name)), 'utf8').replace(
    /\n\/\/# sourceMappingURL=.*\s*$/,
    '',
  );
}
