import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { labelResults, renderReportHtml, summarise } from '@dmalab/analysis';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
async function visit(width: number, colorScheme: 'light' | 'dark'): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (!/^(file|data):/.test(request.url())) problems.push(request.url());
  });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('html[data-charts="drawn"]', { timeout: 30_000 });
  return { page, problems };
}

test.skipIf(!hasBrowser).each([
  [1280, 'light'],
  [1280, 'dark'],
  [400, 'light'],
  [400, 'dark'],
] as const)('at %i pixels, %s: charts fit, no error, no request', async (width, scheme) => {
  const { page, problems } = await visit(width, scheme);
  expect(problems).toEqual([]);
  expect(await page.locator('.plot svg').count()).toBe(10);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  const widths = await page.evaluate(
    "Array.from(document.querySelectorAll('.plot')).map((plot) => plot.scrollWidth - plot.clientWidth)",
  );
  expect(widths).toEqual(Array(10).fill(0));
  expect(await page.title()).toContain('3 replays of nvme.txt.zst');
});

test.skipIf(!hasBrowser)('charts follow the scheme of the system', async () => {
  const { page, problems } = await visit(800, 'light');
  const colour = (): Promise<string | null> =>
    page.locator('.plot svg .role-title-text text').first().getAttribute('fill');
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

test.skipIf(!hasBrowser)('a bar says what it stands for', async () => {
  const { page, problems } = await visit(1280, 'light');
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
