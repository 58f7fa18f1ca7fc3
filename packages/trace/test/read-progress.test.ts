import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { readCapture, writeRequests } from '@dmalab/trace';
import { afterAll, beforeAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'dmalab-progress-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = bundled('nvme-lazy-randread/trace.txt.zst');
const table = join(folder, 'requests.parquet');

beforeAll(async () => {
  const capture = await readCapture(text);
  writeRequests(capture, table, 'parquet');
  capture.close();
});

function bundled(path: string): string {
  return fileURLToPath(new URL(`../../../traces/${path}`, import.meta.url));
}

/** The file without its compression, in the folder. */
function unpacked(path: string, name: string): string {
  const file = join(folder, name);
  writeFileSync(file, zstdDecompressSync(readFileSync(bundled(path))));
  return file;
}

/** What was told while a trace was read: bytes taken by call, and of how many. */
async function told(path: string): Promise<{ taken: number[]; sizes: number[] }> {
  const taken: number[] = [];
  const sizes = new Set<number>();
  const capture = await readCapture(path, {
    progress(now, size) {
      taken.push(now);
      sizes.add(size);
    },
  });
  capture.close();
  return { taken, sizes: [...sizes] };
}

test.each([
  ['a compressed text', () => text, 0.9],
  ['a plain text', () => unpacked('nvme-lazy-randread/trace.txt.zst', 'trace.txt'), 1],
  // Most of this small one are the kernel's symbols, which are passed over.
  ['a trace.dat', () => unpacked('formats-tracecmd/tracecmd-v6.dat.zst', 'trace.dat'), 0.04],
  ['a compressed trace.dat', () => bundled('formats-tracecmd/tracecmd-v6.dat.zst'), 0.04],
  ['a perf.data', () => unpacked('formats-perf/perf.data.zst', 'perf.data'), 0.9],
  ['a table of requests', () => table, 0.8],
])('%s is told by the bytes on disk that were taken', async (_, input, least) => {
  const path = input();
  const { taken, sizes } = await told(path);
  expect(sizes).toEqual([statSync(path).size]);
  expect(taken).toEqual([...taken].sort((a, b) => a - b));
  expect(taken.at(-1)).toBeGreaterThanOrEqual(least * sizes[0]!);
  expect(taken.at(-1)).toBeLessThanOrEqual(sizes[0]!);
});
