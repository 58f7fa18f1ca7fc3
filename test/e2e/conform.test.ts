import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder } from '../support/temp-folder.ts';

interface Report {
  streams: number;
  ops: number;
  mismatches: number;
  skipped: unknown[];
  results: { name: string; kernel: string; family: string; mismatches: number; first: unknown }[];
}

const folder = tempFolder();

function copyScenario(name: string): string {
  const to = join(folder, name);
  cpSync('test/golden/fq', to, {
    recursive: true,
    filter: (path) => path.endsWith('fq') || path.includes('/strict_basic.'),
  });
  return to;
}

test('conform gives one result for each scenario and kernel', () => {
  const report = jsonOf<Report>(dmalab(['conform', copyScenario('whole'), '--json']));
  expect(report).toMatchObject({ streams: 3, mismatches: 0, skipped: [] });
  expect(report.results.map(({ name, kernel, family }) => `${family} ${name} ${kernel}`)).toEqual([
    'fq strict_basic 6.1',
    'fq strict_basic 6.6',
    'fq strict_basic 6.12',
  ]);
});

test('one wrong address is found, with its row, and sets the exit code', () => {
  const dir = copyScenario('wrong');
  const file = join(dir, 'strict_basic.out.csv.zst');
  const lines = zstdDecompressSync(readFileSync(file)).toString().split('\n');
  const at = lines.findIndex((line) => line.includes(',0x'));
  lines[at] = (lines[at] ?? '').replace(/,0x[0-9a-f]+/, ',0xdead000');
  writeFileSync(file, zstdCompressSync(lines.join('\n')));
  // The digest of the changed file would be the first thing to differ.
  const json = join(dir, 'strict_basic.json');
  writeFileSync(json, readFileSync(json, 'utf8').replaceAll(/,?\s*"out_sha256": "[0-9a-f]+"/g, ''));
  const finished = dmalab(['conform', dir, '--json']);
  const report = jsonOf<Report>(finished);
  expect(report.mismatches).toBe(3);
  expect(report.results[0]?.first).toMatchObject({
    row: at - 1,
    column: 'result',
    expected: '0xdead000',
  });
  expect(finished.code).toBe(1);
});

test('a folder without scenarios is not a success', () => {
  const { code, stdout } = dmalab(['conform', 'docs']);
  expect(stdout).toContain('no scenario files below docs');
  expect(code).toBe(1);
});
