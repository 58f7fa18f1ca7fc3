import { createHash } from 'node:crypto';
import {
  type LabelledResult,
  renderReportHtml,
  renderReportMarkdown,
  summarise,
} from '@dmalab/analysis';
import { expect, test } from 'vitest';
import { escapeHtml, escapeMarkdown, scriptJson } from '../src/report/escape.ts';
import { outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const HOSTILE = `</script><img src=x onerror=alert(1)>\u2028\u001b[31m"'\`&{{x}}`;

function hostileResults(): LabelledResult[] {
  const report = { source: `/x/${HOSTILE.replaceAll('/', '')}`, events: { [HOSTILE]: 1 } };
  const context = runContext({ devices: [HOSTILE], report });
  const rows = syntheticReplay({ flush: 'percpu', maps: 200, seed: 1, limitPages: 300 });
  return [{ label: HOSTILE, result: summarise(context, outcomeBatches(rows)) }];
}

test('hostile text is neither markup nor script', async () => {
  const html = await renderReportHtml(hostileResults());
  const body = html.slice(html.indexOf('<body>'));
  expect(body).not.toContain('<img src=x');
  for (const character of ['\u2028', '\u001b']) expect(html).not.toContain(character);
  const elements = body.match(/<script[^>]*>/g);
  expect(elements).toEqual([
    '<script type="application/json" class="charts-data">',
    ...Array(4).fill('<script>'),
  ]);
  expect(body.match(/<\/script/g)?.length).toBe(5);
});

test('JSON in a script element reads back the same', () => {
  const json = scriptJson({ name: HOSTILE });
  expect(json).not.toMatch(/[<>&\u2028]/);
  expect(JSON.parse(json)).toEqual({ name: HOSTILE });
});

test('escaping makes control characters visible and quotes harmless', () => {
  expect(escapeHtml('a<b>&"\'`\u001b')).toBe('a&#60;b&#62;&#38;&#34;&#39;&#96;\uFFFD');
  expect(escapeMarkdown('[x](y) | *z* <b>')).toBe('\\[x\\](y) \\| \\*z\\* &#60;b&#62;');
});

test('the policy allows the scripts and the style of the page by hash, and nothing else', async () => {
  const html = await renderReportHtml(hostileResults());
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
  const allowed = policy.match(/'sha256-[^']+'/g)!;
  const inline = [...html.matchAll(/<(?:style|script)>([\s\S]*?)<\/(?:style|script)>/g)];
  const hashes = inline.map(
    ([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`,
  );
  expect(hashes.toSorted()).toEqual(allowed.toSorted());
  expect(policy.replace(/'sha256-[^']+'/g, '#')).toBe(
    "default-src 'none'; script-src # # # #; style-src #; img-src data:; base-uri 'none'; form-action 'none'",
  );
});

test('nothing in the page points outside', async () => {
  const html = await renderReportHtml(hostileResults());
  const body = html.slice(html.indexOf('<body>'), html.indexOf('<script'));
  const targets = [...body.matchAll(/\s(?:src|href|action|srcset)="([^"]*)"/g)];
  expect(targets.length).toBeGreaterThan(5);
  for (const [, target] of targets) expect(target).toMatch(/^(#|data:image\/svg\+xml;base64,)/);
  expect(html).not.toMatch(/<(link|iframe|object|base)\b/);
});

test('the same results give the same bytes, in less than 3 MB', async () => {
  const html = await renderReportHtml(hostileResults());
  expect(await renderReportHtml(hostileResults())).toBe(html);
  expect(html.length).toBeLessThan(3_000_000);
});

test('the Markdown report links the charts and escapes names', () => {
  const markdown = renderReportMarkdown(hostileResults(), (name) => `charts/${name}.svg`);
  expect(markdown).toContain('(charts/stale-window.svg)');
  expect(markdown).not.toContain('<img');
  for (const character of ['\u2028', '\u001b']) expect(markdown).not.toContain(character);
});

test('a report without results is refused', async () => {
  await expect(renderReportHtml([])).rejects.toThrow('at least one result');
  expect(() => renderReportMarkdown([])).toThrow('at least one result');
});
