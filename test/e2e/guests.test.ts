import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const folder = tempFolder();
const trace = join(process.cwd(), 'traces/nvme-lazy-randread/trace.txt.zst');
const queue = '{ flush: single }';

function hostFile(name: string, pages: number): string {
  const guest = (guestName: string, offsetMs: number): string =>
    `  - { name: ${guestName}, trace: '${trace}', offsetMs: ${offsetMs}, machine: ${queue} }\n`;
  return writeTemp(folder, name, `pages: ${pages}\nguests:\n${guest('a', 0)}${guest('b', 500)}`);
}

interface Guests {
  host: { pageLimit: number; peakPinnedPages: number };
  guests: { name: string; summary: { host: { failed: number; crossGuestBlocked: number } } }[];
  blocked: { guest: string; by: string; maps: number }[];
}

test('guests share the pages of their host, and block each other where these are few', () => {
  const enough = jsonOf<Guests>(dmalab(['guests', hostFile('enough.yaml', 100_000), '--json']));
  expect(enough.blocked).toEqual([]);
  expect(enough.host.peakPinnedPages).toBeGreaterThan(1000);
  expect(enough.guests.map(({ summary }) => summary.host.failed)).toEqual([0, 0]);
  const short = jsonOf<Guests>(dmalab(['guests', hostFile('short.yaml', 400), '--json']));
  expect(short.host).toEqual({ pageLimit: 400, peakPinnedPages: 400 });
  const [, late] = short.guests;
  expect(late!.summary.host.crossGuestBlocked).toBeGreaterThan(0);
  expect(short.blocked.map(({ guest, by }) => [guest, by])).toEqual([['b', 'a']]);
});

test('guests shows a table and keeps each result', () => {
  const out = join(folder, 'out');
  const { code, stdout, stderr } = dmalab(['guests', hostFile('host.yaml', 400), '-o', out]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain('blocked by other guests');
  expect(stdout).toContain('pinned pages of all guests, peak: 400 (of 400)');
  expect(existsSync(join(out, 'b', 'together', 'summary.json'))).toBe(true);
});

test('a wrong host file says where and what', () => {
  const wrong = writeTemp(folder, 'wrong.yaml', 'guests:\n  - { trace: x, offsetMs: soon }\n');
  const { code, stderr } = dmalab(['guests', wrong]);
  expect(code).toBe(1);
  expect(stderr).toContain('guests[0].offsetMs: got "soon", expected a number from 0 to');
});
