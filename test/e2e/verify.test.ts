import { readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

interface Level {
  compared: number;
  matched: number;
  reordered: number;
  first: { line: number } | null;
  why: string | null;
}

const folder = tempFolder();
const TRACE = 'traces/nvme-strict-randread/trace.txt.zst';

test('verify explains every address of a strict domain, at both levels', () => {
  const finished = dmalab(['verify', TRACE, '--json']);
  const { allocator, stack } = jsonOf<{ allocator: Level; stack: Level }>(finished);
  expect(allocator).toMatchObject({ compared: 6226, matched: 6226, first: null, why: null });
  expect(stack).toMatchObject({ compared: 6226, matched: 6226, first: null, why: null });
  expect(finished.code).toBe(0);
});

test('one wrong address is a divergence at its line, and sets the exit code', () => {
  const lines = zstdDecompressSync(readFileSync(TRACE)).toString().split('\n');
  const at = lines.findIndex((line, i) => i > 20_000 && line.includes('alloc_iova_fast_ret:'));
  lines[at] = (lines[at] ?? '').replace(/pfn=0x[0-9a-f]+$/, 'pfn=0x12345');
  const path = writeTemp(folder, 'wrong.txt', lines.join('\n'));
  const finished = dmalab(['verify', path, '--json']);
  const { allocator } = jsonOf<{ allocator: Level }>(finished);
  expect(allocator.first?.line).toBe(at + 1);
  expect(allocator.matched).toBeLessThan(allocator.compared);
  expect(finished.code).toBe(1);
});

test('a capture with losses is not compared, and says so', () => {
  const trace = 'traces/lossy-small-buffer/trace.pipe-lost.txt.zst';
  const { allocator, stack } = jsonOf<{ allocator: Level; stack: Level }>(
    dmalab(['verify', trace, '--json']),
  );
  expect(allocator).toMatchObject({
    compared: 0,
    matched: 0,
    why: expect.stringContaining('lost'),
  });
  expect(stack).toMatchObject({ compared: 0, matched: 0, why: expect.stringContaining('lost') });
});
