import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  labelResults,
  renderBatchHtml,
  renderReportFragment,
  renderReportHtml,
  summarise,
} from '@dmalab/analysis';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tableOf } from './support/failures-table.ts';
import { outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) {
  console.warn(`report-browser: skipped, no browser at ${executablePath} (set CHROMIUM_PATH)`);
}

const HOSTILE = '</script><img src=x onerror="document.title=1">';
const folder = mkdtempSync(join(tmpdir(), 'dmalab-report-'));
const file = join(folder, 'report.html');
let browser: Browser;

beforeAll(async () => {
  if (!hasBrowser) return;
  const results = (['strict', 'percpu', 'single'] as const).map((flush) => {
    const rows = syntheticReplay({ flush, maps: 3000, seed: 7 });
    return summarise(runContext({ flush, devices: [HOSTILE] }), outcomeBatches(rows));
  });
  writeFileSync(file, await renderReportHtml(labelResults(results)));
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

interface Visit {
  readonly page: Page;
  readonly problems: string[];
}

/** Opens the report and waits for its charts; whatever the console says or the network is asked is a problem. */
async function visit(
  width: number,
  colorScheme: 'light' | 'dark',
  path: string = file,
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (!/^(file|data):/.test(request.url())) problems.push(request.url());
  });
  await page.goto(pathToFileURL(path).href);
  await page.waitForSelector('.dmalab-report[data-charts="drawn"]', { timeout: 30_000 });
  return { page, problems };
}

/** Brings every chart into view, where it is drawn. */
async function drawAll(page: Page): Promise<number> {
  const figures = page.locator('figure[data-chart]');
  const count = await figures.count();
  for (let i = 0; i < count; i++) {
    await figures.nth(i).scrollIntoViewIfNeeded();
    await figures.nth(i).locator('.plot svg').first().waitFor({ timeout: 30_000 });
  }
  await page.waitForSelector('.dmalab-report[data-charts="drawn"]', { timeout: 30_000 });
  return count;
}

async function drawOne(page: Page, chart: string): Promise<void> {
  const figure = page.locator(`figure[data-chart="${chart}"]`);
  await figure.scrollIntoViewIfNeeded();
  await figure.locator('.plot svg').first().waitFor({ timeout: 30_000 });
}

/** The number in a row of the figures of the time shown, first run. */
async function shownFigure(page: Page, name: string): Promise<number> {
  const row = page.locator('.window tr').filter({ hasText: name }).first();
  return Number((await row.locator('td').first().textContent())?.replaceAll(',', ''));
}

test.skipIf(!hasBrowser).each([
  [1280, 'light'],
  [1280, 'dark'],
  [400, 'light'],
  [400, 'dark'],
] as const)('at %i pixels, %s: charts fit, no error, no request', async (width, scheme) => {
  const { page, problems } = await visit(width, scheme);
  expect(await drawAll(page)).toBe(11);
  expect(problems).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  const widths = await page.evaluate(
    "Array.from(document.querySelectorAll('.plot')).map((plot) => plot.scrollWidth - plot.clientWidth)",
  );
  expect(widths).toEqual(Array(11).fill(0));
  expect(await page.title()).toContain('3 replays of nvme.txt.zst');
});

test.skipIf(!hasBrowser)(
  'the charts of a batch fit too, and a ring leads to its report',
  async () => {
    const path = join(folder, 'batch.html');
    const table = tableOf([10, 11, 12, 13, 500]);
    writeFileSync(path, await renderBatchHtml(table, () => 'own.html'));
    writeFileSync(join(folder, 'own.html'), 'own');
    const { page, problems } = await visit(400, 'dark', path);
    expect(await drawAll(page)).toBe(2);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
    const ring = page
      .locator('figure[data-chart="distributions"] path[stroke-width="1.8"]')
      .first();
    await ring.scrollIntoViewIfNeeded();
    const box = (await ring.boundingBox())!;
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.waitForURL(/own\.html$/);
    expect(problems).toEqual([]);
  },
);

test.skipIf(!hasBrowser)('charts follow the scheme of the system', async () => {
  const { page, problems } = await visit(800, 'light');
  const colour = (): Promise<string | null> =>
    page.locator('.plot svg .role-title-text text').first().getAttribute('fill');
  await drawOne(page, 'occupancy');
  expect(await colour()).toBe('#1b1f24');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(colour, { timeout: 10_000 }).toBe('#e8eaed');
  expect(problems).toEqual([]);
});

test.skipIf(!hasBrowser)(
  'the keyboard reaches the summary, the tables and the details',
  async () => {
    const { page } = await visit(800, 'light');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the summary');
    const second = page.locator('details').nth(2);
    await second.locator('summary').focus();
    await page.keyboard.press('Enter');
    expect(await second.getAttribute('open')).not.toBeNull();
    expect(await page.locator('.scroll:not([tabindex="0"])').count()).toBe(0);
  },
);

test.skipIf(!hasBrowser)('a drag over the strip shows a part of the time', async () => {
  const { page, problems } = await visit(1280, 'light');
  const all = await shownFigure(page, 'maps');
  expect(all).toBe(3000);
  const axis = page.locator('figure[data-chart="occupancy"] .role-axis-label').first();
  await drawOne(page, 'occupancy');
  const before = await axis.textContent();
  await page.locator('.brush .strip').scrollIntoViewIfNeeded();
  const box = (await page.locator('.brush .strip').boundingBox())!;
  await page.mouse.move(box.x + 0.01 * box.width, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.04 * box.width, box.y + 20, { steps: 4 });
  await page.mouse.up();
  expect(await page.locator('.brush output').textContent()).not.toContain('(all)');
  const part = await shownFigure(page, 'maps');
  expect(part).toBeGreaterThan(0);
  expect(part).toBeLessThan(all);
  await expect.poll(() => axis.textContent(), { timeout: 10_000 }).not.toBe(before);
  await page.getByRole('button', { name: 'whole trace' }).click();
  expect(await shownFigure(page, 'maps')).toBe(all);
  await expect.poll(() => axis.textContent(), { timeout: 10_000 }).toBe(before);
  expect(problems).toEqual([]);
});

test.skipIf(!hasBrowser)(
  'a drag over a chart shows that part, a double click all again',
  async () => {
    const { page, problems } = await visit(1280, 'light');
    const all = await shownFigure(page, 'maps');
    await drawOne(page, 'occupancy');
    const figure = page.locator('figure[data-chart="occupancy"]');
    const box = (await figure.locator('.role-scope path.background').first().boundingBox())!;
    const drag = async (from: number, to: number): Promise<void> => {
      await page.mouse.move(box.x + from * box.width, box.y + 20);
      await page.mouse.down();
      await page.mouse.move(box.x + to * box.width, box.y + 20, { steps: 4 });
      expect(await figure.locator('.band').isVisible()).toBe(true);
      await page.mouse.up();
    };
    await drag(0.04, 0.01);
    const part = await shownFigure(page, 'maps');
    expect(part).toBeLessThan(all);
    await drag(0.5, 1);
    expect(await shownFigure(page, 'maps')).toBeLessThan(part);
    await page.mouse.dblclick(box.x + 0.5 * box.width, box.y + 20);
    expect(await shownFigure(page, 'maps')).toBe(all);
    expect(problems).toEqual([]);
  },
);

test.skipIf(!hasBrowser)('the time is chosen by keyboard too', async () => {
  const { page, problems } = await visit(400, 'dark');
  const all = await shownFigure(page, 'unmaps');
  await page.getByRole('slider', { name: 'Time shown, from' }).focus();
  for (let i = 0; i < 15; i++) await page.keyboard.press('ArrowRight');
  const later = await shownFigure(page, 'unmaps');
  expect(later).toBeLessThan(all);
  await page.getByRole('slider', { name: 'Time shown, to' }).focus();
  await page.keyboard.press('Home');
  expect(await shownFigure(page, 'unmaps')).toBeLessThan(later);
  await page.keyboard.press('End');
  expect(await shownFigure(page, 'unmaps')).toBe(later);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
  expect(problems).toEqual([]);
});

test.skipIf(!hasBrowser)(
  'fragments keep their look in a page with a style of its own',
  async () => {
    const host = join(folder, 'host.html');
    const parts = (['percpu', 'single'] as const).map((flush) => {
      const rows = syntheticReplay({ flush, maps: 300, seed: 7 });
      return labelResults([summarise(runContext({ flush }), outcomeBatches(rows))]);
    });
    const fragments = await Promise.all(parts.map(renderReportFragment));
    const style =
      '* { text-transform: uppercase } section { display: flex } svg { width: 9px } svg text { fill: lime } button { display: none } li::before { content: "x" }';
    writeFileSync(
      host,
      `<!doctype html><meta charset="utf-8"><style>${style}</style><p id="summary">Mine</p>${fragments.join('<p>and</p>')}`,
    );
    const { page, problems } = await visit(800, 'light', host);
    for (const place of [0, 1]) {
      const figure = page.locator('.dmalab-report').nth(place).locator('figure').first();
      await figure.scrollIntoViewIfNeeded();
      await figure.locator('.plot svg').first().waitFor({ timeout: 30_000 });
    }
    const look = await page.evaluate(`(() => {
    const style = (selector, pseudo) => getComputedStyle(document.querySelector(selector), pseudo);
    const ids = Array.from(document.querySelectorAll('[id]'), ({ id }) => id);
    const broken = Array.from(document.querySelectorAll('nav a, [aria-labelledby]'))
      .map((element) => element.hash?.slice(1) ?? element.getAttribute('aria-labelledby'))
      .filter((id) => !document.getElementById(id)?.closest('.dmalab-report'));
    return {
      own: style('#summary').margin,
      section: style('.dmalab-report section').display,
      button: style('.brush button').display,
      heading: style('.dmalab-report h1').textTransform,
      item: style('.dmalab-report li', '::before').content,
      label: style('.plot svg text').fill,
      isWide: document.querySelector('.plot svg').clientWidth > 500,
      repeated: ids.length - new Set(ids).size,
      broken,
    };
  })()`);
    expect(look).toEqual({
      own: '16px 0px',
      section: 'block',
      button: 'block',
      heading: 'none',
      item: 'none',
      label: 'rgb(89, 99, 110)',
      isWide: true,
      repeated: 0,
      broken: [],
    });
    expect(problems).toEqual([]);
  },
);

test.skipIf(!hasBrowser)('a bar says what it stands for', async () => {
  const { page, problems } = await visit(1280, 'light');
  await page.locator('figure[data-chart="lifetime"]').scrollIntoViewIfNeeded();
  await page.locator('figure[data-chart="lifetime"] .mark-rect path').nth(3).hover();
  const tooltip = page.locator('#vg-tooltip-element.visible');
  await tooltip.waitFor({ timeout: 10_000 });
  expect(await tooltip.textContent()).toContain('% of mappings');
  expect(problems).toEqual([]);
});

test.skipIf(!hasBrowser)('print shows the light pictures', async () => {
  const { page } = await visit(800, 'dark');
  await page.emulateMedia({ media: 'print' });
  expect(await page.locator('.plot').first().isVisible()).toBe(false);
  expect(await page.locator('img.static').first().isVisible()).toBe(true);
});
