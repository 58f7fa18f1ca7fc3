// What a page draws of a part of the time, against counts of the rows that the report was made from.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type LabelledResult, renderReportHtml, summarise } from '@dmalab/analysis';
import { OutcomeKind } from '@dmalab/replay';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OutcomeRow, outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) {
  console.warn(`report-parts-browser: skipped, no browser at ${executablePath}`);
}

/** Buckets of slices are 3 % wide. */
const WIDEST = 1 + 1 / 32;
const LAST = 60e6;
const POLICIES = ['strict', 'percpu'] as const;
const folder = mkdtempSync(join(tmpdir(), 'dmalab-parts-'));
let browser: Browser;

/** Without the idle time after the last map: half of the time is about half of the rows. */
function rowsOf(flush: (typeof POLICIES)[number]): OutcomeRow[] {
  return syntheticReplay({ flush, maps: 4000, seed: 7 }).filter(({ time = 0 }) => time < LAST);
}

function labelled(label: (typeof POLICIES)[number]): LabelledResult {
  return { label, result: summarise(runContext({ flush: label }), outcomeBatches(rowsOf(label))) };
}

beforeAll(async () => {
  if (hasBrowser)
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

async function open(name: string, results: readonly LabelledResult[]): Promise<Page> {
  const file = join(folder, name);
  writeFileSync(file, await renderReportHtml(results, { pictures: false }));
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('.dmalab-report[data-charts="drawn"]', { timeout: 30_000 });
  return page;
}

/** The figure, drawn as the time shown wants it. */
async function drawn(page: Page, chart: string): Promise<string> {
  const figure = page.locator(`figure[data-chart="${chart}"]`);
  await figure.scrollIntoViewIfNeeded();
  await figure.locator('.plot svg').first().waitFor({ timeout: 30_000 });
  // A redraw begins 0.1 s after the last change of the time.
  await page.waitForTimeout(200);
  await page.waitForSelector('.dmalab-report[data-charts="drawn"]', { timeout: 30_000 });
  return figure.locator('.plot').innerHTML();
}

/** By keyboard: everything from the middle on. */
async function showSecondHalf(page: Page): Promise<void> {
  await page.getByRole('slider', { name: 'Time shown, from' }).focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press('PageUp');
}

interface Shown {
  readonly from: number;
  readonly to: number;
}

/** The time that the chart of runs with slices of 1024 µs says it shows, ns. */
async function limits(page: Page, chart: string): Promise<Shown> {
  const words = await page.locator(`figure[data-chart="${chart}"] .part`).textContent();
  const found = /^(\d+) of (\d+) slices, ([\d.]+) ms to ([\d.]+) ms$/.exec(words ?? '');
  expect(found, words ?? '').not.toBeNull();
  const [n, of, from, to] = found!.slice(1).map(Number);
  expect(of).toBe(Math.floor(LAST / 1.024e6) + 1);
  const [first, last] = [Math.round(from! / 1.024), Math.round(to! / 1.024)];
  expect(last - first).toBe(n);
  return { from: first * 1.024e6, to: last * 1.024e6 };
}

function valuesOf(rows: readonly OutcomeRow[], kind: number, { from, to }: Shown): number[] {
  const isIn = ({ time = 0 }: OutcomeRow): boolean => time >= from && time < to;
  return rows.filter((row) => row.kind === kind && isIn(row)).map(({ value = 0 }) => value);
}

function below(values: readonly number[], limit: number): number {
  return values.filter((value) => value < limit).length;
}

/** The rows' values below `limit` are as many as drawn, but for those in the bucket around it. */
function expectShare(values: readonly number[], limit: number, percent: number): void {
  const share = (n: number): number => (100 * n) / values.length;
  expect(percent).toBeGreaterThanOrEqual(share(below(values, limit / WIDEST)) - 0.06);
  expect(percent).toBeLessThanOrEqual(share(below(values, limit * WIDEST)) + 0.06);
}

/** Ends and heights of the bars of lifetimes in the panel with this title. */
function lifetimeBars(html: string, title: string): { to: number; percent: number }[] {
  const panel = html.split(/concat_\d+_group/).find((part) => part.includes(`>${title}<`));
  expect(panel, title).toBeDefined();
  const labels = panel!.matchAll(/share of mappings \(%\): ([\d.]+); x2: ([\d.]+);/g);
  return [...labels].map(([, percent, to]) => ({ to: Number(to), percent: Number(percent) }));
}

/** Corners of the curve of a run: ns and percent, from their places in the picture. */
function curveOf(html: string, run: string, domain: readonly [number, number]) {
  const [, width, height] = /class="background"[^>]* d="M0,0h(\d+)v(\d\d+)h/.exec(html)!;
  const [, path] = new RegExp(`run: ${run}" [^>]* d="M([^"]*)"`).exec(html)!;
  return path!.split('L').map((corner) => {
    const [x, y] = corner.split(',').map(Number);
    const ns = domain[0] * (domain[1] / domain[0]) ** (x! / Number(width));
    return { ns, percent: 100 * (1 - y! / Number(height)) };
  });
}

test.skipIf(!hasBrowser)('distributions follow the time shown', async () => {
  const page = await open('brush.html', POLICIES.map(labelled));
  const names = ['lifetime', 'flush-batch', 'stale-window', 'latency'];
  const whole = new Map<string, string>();
  for (const name of names) whole.set(name, await drawn(page, name));
  await showSecondHalf(page);

  const lifetimes = await drawn(page, 'lifetime');
  const shown = await limits(page, 'lifetime');
  expect(shown.from).toBeCloseTo(0.5 * LAST, -6.5);
  const values = valuesOf(rowsOf('percpu'), OutcomeKind.unmap, shown);
  expect(values.length).toBeGreaterThan(1000);
  const title = `percpu: ${values.length.toLocaleString('en-US')} mappings`;
  let percent = 0;
  for (const bar of lifetimeBars(lifetimes, title).toSorted((a, b) => a.to - b.to)) {
    percent += bar.percent;
    expectShare(values, bar.to, percent);
  }
  expect(percent).toBeCloseTo(100, 0);
  expect(lifetimes).not.toBe(whole.get('lifetime'));

  const batches = await drawn(page, 'flush-batch');
  const released = valuesOf(rowsOf('percpu'), OutcomeKind.flush, await limits(page, 'flush-batch'));
  expect(batches).toContain(`percpu: ${released.length} flushes`);
  const syncs = valuesOf(rowsOf('strict'), OutcomeKind.sync, shown).length;
  expect(batches).toContain(`no queue: ${syncs.toLocaleString('en-US')} unmaps invalidated`);
  const bars = batches.matchAll(
    /flush: [\d,]+; flushes: (\d+); .*? entries: ([\d,]+)(?: to ([\d,]+))?"/g,
  );
  let total = 0;
  for (const [, count, ...ends] of bars) {
    const [least, most = least!] = ends.filter(Boolean).map((n) => Number(n!.replace(',', '')));
    const own = released.filter((entries) => entries >= least! && entries <= most);
    expect(Number(count)).toBe(own.length);
    total += own.length;
  }
  expect(total).toBe(released.length);
  expect(batches).not.toBe(whole.get('flush-batch'));

  const windows = await drawn(page, 'stale-window');
  expect(windows).not.toBe(whole.get('stale-window'));
  const text = await page.locator('.charts-data').textContent();
  const domain = JSON.parse(text!).charts['stale-window'].encoding.x.scale.domain;
  const stale = valuesOf(rowsOf('percpu'), OutcomeKind.release, await limits(page, 'stale-window'));
  const curve = curveOf(windows, 'percpu', domain);
  expect(curve.length).toBeGreaterThan(50);
  for (const corner of curve) expectShare(stale, corner.ns, corner.percent);
  expect(await page.locator('figure[data-chart="compare"] .part').textContent()).toBe(
    'Always of the whole run.',
  );

  await page.getByRole('button', { name: 'whole trace' }).click();
  for (const name of names) expect(await drawn(page, name)).toBe(whole.get(name));
  expect(await page.locator('figure .part:visible').count()).toBe(0);
});

test.skipIf(!hasBrowser)('a result of an earlier version is drawn whole and says so', async () => {
  const { label, result } = labelled('percpu');
  const { slices: _, ...distributions } = result.distributions;
  const page = await open('old.html', [{ label, result: { ...result, distributions } }]);
  const whole = await drawn(page, 'lifetime');
  await showSecondHalf(page);
  expect(await drawn(page, 'lifetime')).toBe(whole);
  expect(await page.locator('figure[data-chart="lifetime"] .part').textContent()).toContain(
    'kept no distributions by time',
  );
});
