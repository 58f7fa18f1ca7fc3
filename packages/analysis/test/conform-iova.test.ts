import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { type ConformReport, conform } from '@dmalab/analysis';
import { afterEach, beforeEach, expect, test } from 'vitest';

const golden = fileURLToPath(new URL('../../../test/golden/iova', import.meta.url));
const scenario = 'depot_gc_wheel';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'conform-'));
  cpSync(golden, folder, {
    recursive: true,
    filter: (path) => !/[/](?!depot_gc_wheel)\w+[.]/.test(path.slice(golden.length)),
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Stores a file of the copied scenario as plain text, changed by `edit`, without its digest. */
function change(name: string, key: string, edit: (text: string) => string): void {
  const file = join(folder, name);
  const bytes = readFileSync(file);
  const text = new TextDecoder().decode(name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes);
  const plain = name.replace('.zst', '');
  writeFileSync(join(folder, plain), edit(text));
  const json = join(folder, `${scenario}.json`);
  const described = readFileSync(json, 'utf8').replaceAll(`"${name}"`, `"${plain}"`);
  writeFileSync(json, described.replace(new RegExp(`"${key}": "\\w+",?`, 'g'), `"x_${key}": "",`));
}

function editJson(edit: (text: string) => string): void {
  const json = join(folder, `${scenario}.json`);
  writeFileSync(json, edit(readFileSync(json, 'utf8')));
}

function check(): ConformReport {
  return conform([folder]);
}

test('gives the addresses, states and events of the kernel in all golden streams', () => {
  const report = conform([golden]);
  expect(report.results.filter((result) => result.mismatches > 0)).toEqual([]);
  expect(report.skipped).toEqual([]);
  expect(report.streams).toBe(177);
  expect(report.ops).toBe(3_248_739);
});

test('reports the first cell that differs', () => {
  change(`${scenario}.k6.12.out.csv.zst`, 'out_sha256', (text) =>
    text.replace(/^(5,[^\n]*),A$/m, '$1,17').replace(/^7,\d+/m, '7,1'),
  );
  const [old, now] = check().results;
  expect(old).toMatchObject({ kernel: '6.1', ops: 36_001, mismatches: 0, first: null });
  expect(now).toMatchObject({ name: scenario, family: 'iova', kernel: '6.12', mismatches: 2 });
  expect(now!.first).toEqual({
    file: join(folder, `${scenario}.k6.12.out.csv`),
    row: 5,
    column: 'cached32',
    expected: '17',
    got: 'A',
  });
});

test('an event that did not happen, one too many and a wrong total are differences', () => {
  change(
    `${scenario}.k6.12.events.csv`,
    'events_sha256',
    (text) => `${text}40000,5000000000,0,depot_gc,1,127\n`,
  );
  editJson((text) => text.replace('"depot_gc_mags": 40', '"depot_gc_mags": 41'));
  expect(check().results[1]).toMatchObject({
    mismatches: 2,
    first: { row: 42, expected: '40000,5000000000,0,depot_gc,1,127', got: 'no event' },
  });
  change(`${scenario}.k6.12.events.csv`, 'events_sha256', (text) => text.split('\n', 3).join('\n'));
  expect(check().results[1]!.first).toMatchObject({ row: 2, expected: 'no event' });
});

test('a file whose digest is wrong, a missing file and cut rows name the file', () => {
  editJson((text) => text.replace(/"events_sha256": "\w+"/, '"events_sha256": "00"'));
  const [, wrong] = check().results;
  expect(wrong).toMatchObject({ mismatches: 1, ops: 0 });
  expect(wrong!.first!.got).toMatch(/depot_gc_wheel.k6.12.events.csv: SHA-256 is b82918ba/);
  rmSync(join(folder, `${scenario}.k6.1.out.csv.zst`));
  expect(check().results[0]!.first!.got).toMatch(/k6.1.out.csv.zst: cannot be read/);
  change(`${scenario}.k6.12.out.csv.zst`, 'out_sha256', (text) => text.replace('\n3,', '\n'));
  expect(check().results[1]!.first!.got).toMatch(/k6.12.out.csv:5: expected 9 cells/);
});

test('malformed scenarios are results with what was expected', () => {
  editJson((text) => text.replace('"hz": 250', '"hz": "fast"'));
  expect(check().results[0]!.first!.got).toMatch(
    /depot_gc_wheel.json: domain.hz: expected a number, got "fast"$/,
  );
  editJson((text) => text.slice(0, 100));
  expect(check().results).toHaveLength(1);
  expect(check().results[0]!.first!.got).toMatch(/depot_gc_wheel.json: not JSON/);
});

test('other families and kernels are skipped with a reason, other JSON files are none of ours', () => {
  editJson((text) => text.replace('"kernel": "6.1"', '"kernel": "7.3"'));
  writeFileSync(join(folder, 'native.json'), '{"profiles": {}}');
  writeFileSync(
    join(folder, 'pool.json'),
    '{"name": "pool", "family": "pinning", "domain": {}, "ops": "x", "runs": [{"kernel": "6.12", "dynamic": true, "out": "y"}]}',
  );
  const report = check();
  expect(report.streams).toBe(1);
  expect(report.skipped).toEqual([
    { name: scenario, kernel: '7.3', reason: 'no preset' },
    { name: 'pool', kernel: '6.12', reason: 'family pinning is not modelled' },
  ]);
});

test('an unknown operation and a CPU that the domain lacks name the line', () => {
  const ops = `${scenario}.ops.csv.zst`;
  change(ops, 'ops_sha256', (text) => text.replace('13013,0,alloc_fast', '13013,0,alloc_slow'));
  expect(check().results[0]!.first!.got).toMatch(
    /ops.csv:2: op: unknown operation, got "alloc_slow"/,
  );
  change(`${scenario}.ops.csv`, 'ops_sha256', (text) =>
    text.replace('0,alloc_slow', '9,alloc_fast'),
  );
  expect(check().results[0]!.first!.got).toMatch(/ops.csv:2: cpu: expected a CPU below 1, got "9"/);
});
