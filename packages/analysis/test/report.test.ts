import { createHash } from 'node:crypto';
import {
  type LabelledResult,
  renderReportHtml,
  renderReportMarkdown,
  summarise,
} from '@dmalab/analysis';
import { OutcomeKind } from '@dmalab/replay';
import { expect, test } from 'vitest';
import { escapeHtml, escapeMarkdown, scriptJson } from '../src/report/escape.ts';
import { nextSteps } from '../src/report/next-steps.ts';
import { runSentence } from '../src/report/sentences.ts';
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

test('no level of headings is left out', async () => {
  const other = bouncing('other', 1);
  const trace = { ...other.result.summary.trace, name: 'second' };
  const result = { ...other.result, summary: { ...other.result.summary, trace } };
  for (const results of [hostileResults(), [...hostileResults(), { ...other, result }]]) {
    const html = await renderReportHtml(results, { pictures: false });
    const levels = [...html.matchAll(/<h([1-6])[ >]/g)].map(([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    expect(levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1)).toEqual([]);
  }
});

test('a report without results is refused', async () => {
  await expect(renderReportHtml([])).rejects.toThrow('at least one result');
  expect(() => renderReportMarkdown([])).toThrow('at least one result');
});

/** A pool of 64 slots for devices that no IOMMU translates; `failed` maps find no slot. */
function bouncing(label: string, failed: number, lost = 0): LabelledResult {
  const context = runContext({ report: { lost } });
  const bounce = { name: 'static', parameters: {} };
  const pool = { bounceTotal: 64, device: 1 };
  const rows = [
    { kind: OutcomeKind.bounceMap, time: 1e6, pages: 4, updates: 2, bounceUsed: 4, ...pool },
    { kind: OutcomeKind.direct, time: 1e6, ...pool },
    ...Array.from({ length: failed }, () => {
      return { kind: OutcomeKind.mapFail, time: 3e6, stage: 4, cause: 6, pages: 1, ...pool };
    }),
  ];
  const machine = { ...context.machine, bounce };
  return { label, result: summarise({ ...context, machine }, outcomeBatches(rows)) };
}

test('where nothing is translated the summary is about bounce memory', () => {
  expect(runSentence(bouncing('small', 2))).toMatch(
    /2 failed, the first at 3.00 ms; no device is translated by an IOMMU; bounce memory peaks at 8.00 KiB of 128 KiB \(1 buffers\)\.$/,
  );
});

test('a report says what to do: record again, make room, choose', () => {
  const [lost, room] = nextSteps([bouncing('small', 2, 5), bouncing('large', 0)]);
  expect(lost!.text).toContain('record again');
  expect(room).toEqual({
    text: '2 maps of small found no room in bounce memory. None failed with large. This finds how much is enough:',
    command: 'dmalab size TRACE --bounce static --goal no-failures',
  });
  const flushing = (['percpu', 'single', 'strict'] as const).map((flush) => ({
    label: flush,
    result: summarise(
      runContext({ flush }),
      outcomeBatches(syntheticReplay({ flush, maps: 2000, seed: 7 })),
    ),
  }));
  const [choice, ...others] = nextSteps(flushing);
  expect(others).toEqual([]);
  expect(choice!.text).toMatch(
    /^Fewest invalidations: single, with .*Least exposure: strict, with nothing within reach .* In between: percpu\.$/,
  );
  expect(nextSteps(flushing.slice(0, 1))[0]!.command).toContain('dmalab compare TRACE');
});
