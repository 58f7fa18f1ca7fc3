// The notebooks are built without a network, and show their charts in a browser.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from './support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) {
  console.warn(`notebooks: not opened, no browser at ${executablePath} (set CHROMIUM_PATH)`);
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

const out = tempFolder();
let server: Server;
let base: string;
let browser: Browser;

beforeAll(async () => {
  const { status, stderr } = spawnSync(process.execPath, ['notebooks/build.ts', out], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  server = createServer(({ url = '/' }, answer) => {
    const file = join(out, new URL(url, 'http://localhost').pathname);
    if (!existsSync(file)) answer.writeHead(url === '/favicon.ico' ? 204 : 404).end();
    else {
      const type = TYPES[extname(file)] ?? 'application/octet-stream';
      answer.setHeader('content-type', type).end(readFileSync(file));
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  if (hasBrowser) {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  }
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** Opens a notebook, and waits for its charts; whatever the console says or another host is asked is a problem. */
async function visit(name: string, charts: number): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  const problems: string[] = [];
  page.on('console', (message) => problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(base)) problems.push(request.url());
  });
  await page.goto(`${base}${name}.html`);
  await page
    .locator('svg.marks')
    .nth(charts - 1)
    .waitFor({ timeout: 60_000 });
  return { page, problems };
}

test('both notebooks are built, and ask for nothing from elsewhere', () => {
  for (const name of ['first-analysis', 'choosing-a-flush-queue']) {
    const page = readFileSync(join(out, `${name}.html`), 'utf8');
    expect([...page.matchAll(/(?:src|href)="https?:[^"]*"/g)]).toEqual([]);
  }
});

test.skipIf(!hasBrowser)('a first analysis shows three charts and the figures', async () => {
  const { page, problems } = await visit('first-analysis', 3);
  expect(await page.locator('svg.marks').count()).toBe(3);
  expect(await page.locator('.observablehq--error').count()).toBe(0);
  expect(await page.locator('table').nth(1).innerText()).toContain('6,226, 6,214');
  const picture = await page.screenshot({ path: join(out, 'first.png'), fullPage: true });
  expect(picture.length).toBeGreaterThan(50_000);
  await page.setViewportSize({ width: 400, height: 900 });
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
  expect(problems).toEqual([]);
});

test.skipIf(!hasBrowser)('the slider of the second decides which queue is cheapest', async () => {
  const { page, problems } = await visit('choosing-a-flush-queue', 4);
  expect(await page.locator('.observablehq--error').count()).toBe(0);
  // Bars are in the order of their cost, the dearest last.
  const dearest = async (): Promise<string | undefined> =>
    (await page.locator('#cell-11 svg.marks text').allTextContents())
      .filter((text) => /^(?:strict|percpu|single)/.test(text))
      .at(-1);
  expect(await dearest()).toBe('strict');
  expect(await page.locator('#cell-16').innerText()).toContain('6,214 invalidations become 31');
  await page.locator('#flush-cost').fill('100');
  await expect.poll(dearest, { timeout: 10_000 }).toBe('percpu, 64 entries');
  expect((await page.screenshot({ fullPage: true })).length).toBeGreaterThan(50_000);
  expect(problems).toEqual([]);
});
