import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchStreams } from '@dmalab/analysis';
import { expect, test } from 'vitest';

const bench = fileURLToPath(new URL('../../../test/golden/bench', import.meta.url));

/** A clock that says 1 ms more each time. */
function clock(): () => number {
  let ms = 0;
  return () => ms++;
}

test('benchmark streams give the checksums of the C code', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  for (const file of ['native.json', 'rcache_local.bin.zst', 'depot_saw.bin.zst']) {
    cpSync(join(bench, file), join(folder, file));
  }
  const profiles = benchStreams(folder, clock(), 1);
  rmSync(folder, { recursive: true });
  expect(profiles.map(({ name, kernel, checksum }) => [name, kernel, checksum])).toEqual([
    ['rcache_local', '6.1', '7ff665249eabf604'],
    ['rcache_local', '6.12', '7ff665249eabf604'],
    ['depot_saw', '6.1', 'c9d7fb20b216ac4f'],
    ['depot_saw', '6.12', '63c92c5ecca479cf'],
  ]);
  expect(profiles[0]).toMatchObject({
    ops: 400_000,
    nsPerOp: 2.5,
    native: { nsPerOp: 8.4, checksum: '7ff665249eabf604' },
    ratio: 2.5 / 8.4,
  });
});

test('benchmark streams of bounce pools give the failures and the use of the C code', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  for (const file of ['native.json', 'swiotlb_static_mixed_full.csv.zst'])
    cpSync(join(bench, file), join(folder, file));
  const profiles = benchStreams(folder, clock(), 1);
  rmSync(folder, { recursive: true });
  expect(profiles.map(({ name, kernel, ops, agrees }) => [name, kernel, ops, agrees])).toEqual([
    ['swiotlb_static_mixed_full', '6.1', 200_001, true],
    ['swiotlb_static_mixed_full', '6.12', 200_001, true],
  ]);
});

test('a folder without native.json is measured alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  cpSync(join(bench, 'rcache_local.bin.zst'), join(folder, 'mine.bin.zst'));
  const profiles = benchStreams(folder, clock(), 1);
  rmSync(folder, { recursive: true });
  expect(profiles.map(({ name, kernel, native, ratio }) => [name, kernel, native, ratio])).toEqual([
    ['mine', '6.1', null, null],
    ['mine', '6.12', null, null],
  ]);
  expect(profiles[0]!.checksum).toBe('7ff665249eabf604');
});
