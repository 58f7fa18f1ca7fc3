// The bundled captures: none has a fault, and a fault that is put into one is found with its lines.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { type CheckResult, checkCapture } from '@dmalab/analysis';
import { readCapture } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';

const TRACES = fileURLToPath(new URL('../../../traces', import.meta.url));

async function check(path: string): Promise<CheckResult> {
  const capture = await readCapture(path);
  const result = checkCapture(capture);
  capture.close();
  return result;
}

const captures = readdirSync(TRACES).filter((name) =>
  existsSync(join(TRACES, name, 'trace.txt.zst')),
);

describe('a clean capture has no fault that is certain or likely', () => {
  test.each(captures)('%s', async (name) => {
    const { findings, passed } = await check(join(TRACES, name, 'trace.txt.zst'));
    expect(findings.filter(({ confidence }) => confidence !== 'possible')).toEqual([]);
    expect(passed).toBe(true);
  });
});

describe('a clean capture with another clock', () => {
  test.each(
    readdirSync(join(TRACES, 'formats-clocks')).filter((name) => /\.txt(\.zst)?$/.test(name)),
  )('%s', async (name) => {
    expect((await check(join(TRACES, 'formats-clocks', name))).passed).toBe(true);
  });
});

describe('a lossy capture', () => {
  test.each(['nooverwrite', 'overwrite', 'pipe-lost'])(
    '%s gives only possible faults',
    async (kind) => {
      const result = await check(join(TRACES, 'lossy-small-buffer', `trace.${kind}.txt.zst`));
      expect(result.passed).toBe(true);
    },
  );
});

test('a text of perf script may hide losses: nothing in it is more than possible', async () => {
  const script = join(TRACES, 'formats-perf', 'perf.script.txt.zst');
  const lines = zstdDecompressSync(readFileSync(script)).toString().split('\n');
  const folder = mkdtempSync(join(tmpdir(), 'dmalab-hidden-'));
  try {
    const path = join(folder, 'trace.txt');
    writeFileSync(path, lines.filter((_, i) => i % 7 !== 3).join('\n'));
    const { counts, findings, passed } = await check(path);
    expect(passed).toBe(true);
    expect(counts.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['DOUBLE_MAP', 'DOUBLE_UNMAP']),
    );
    expect(findings.find(({ code }) => code === 'DOUBLE_MAP')?.reason).toContain('perf.data');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('a fault put into a capture is found with its lines', () => {
  const path = join(TRACES, 'nvme-lazy-randread', 'trace.txt.zst');
  const original = zstdDecompressSync(readFileSync(path)).toString().trimEnd().split('\n');

  /** Findings that fail the check, as "CODE confidence lines". */
  async function faults(lines: readonly string[]): Promise<string[]> {
    const folder = mkdtempSync(join(tmpdir(), 'dmalab-fault-'));
    try {
      const changed = join(folder, 'trace.txt');
      writeFileSync(changed, `${lines.join('\n')}\n`);
      const { findings } = await check(changed);
      return findings
        .filter(({ confidence }) => confidence !== 'possible')
        .map(({ code, confidence, lines: at }) => {
          return `${code} ${confidence} ${at.map(({ where }) => where.split(':').at(-1)).join(' ')}`;
        });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Line numbers (from 1) of a page map somewhere in the trace and of its unmap. */
  function somePair(): [number, number] {
    const at = original.findIndex((line, i) => i > 20_000 && line.includes('dma_map_page: '));
    const address = original[at]!.match(/dma_addr=(\w+)/)![1];
    const unmap = original.findIndex(
      (line, i) =>
        i > at && line.includes('dma_unmap_page: ') && line.includes(`dma_addr=${address} `),
    );
    return [at + 1, unmap + 1];
  }
  const [map, unmap] = somePair();

  const withLine = (number: number, change: (line: string) => string): string[] =>
    original.map((line, i) => (i === number - 1 ? change(line) : line));

  test('another size', async () => {
    const lines = withLine(unmap, (line) => line.replace(/size=\d+/, 'size=512'));
    expect(await faults(lines)).toEqual([`SIZE_MISMATCH certain ${map} ${unmap}`]);
  });

  test('another direction', async () => {
    const lines = withLine(unmap, (line) => line.replace(/dir=\w+/, 'dir=BIDIRECTIONAL'));
    expect(await faults(lines)).toEqual([`DIRECTION_MISMATCH certain ${map} ${unmap}`]);
  });

  test('a second unmap', async () => {
    const lines = original.toSpliced(unmap, 0, original[unmap - 1]!);
    expect(await faults(lines)).toEqual([`DOUBLE_UNMAP certain ${map} ${unmap} ${unmap + 1}`]);
  });

  test('a sync after the unmap', async () => {
    const sync = original[unmap - 1]!.replace('dma_unmap_page', 'dma_sync_single_for_cpu');
    const lines = original.toSpliced(unmap, 0, sync);
    expect(await faults(lines)).toEqual([`SYNC_AFTER_UNMAP certain ${map} ${unmap} ${unmap + 1}`]);
  });

  test('an unmap of an address that was never mapped', async () => {
    const stray = original[unmap - 1]!.replace(/dma_addr=\w+/, 'dma_addr=1234000');
    const lines = original.toSpliced(unmap, 0, stray);
    expect(await faults(lines)).toEqual([`UNMATCHED_UNMAP certain ${unmap + 1}`]);
  });

  test('a device that is removed while a mapping is live', async () => {
    const prefix = original[map - 1]!.slice(0, original[map - 1]!.indexOf('dma_map_page'));
    const removal = `${prefix}remove_device_from_group: IOMMU: groupID=2 device=0000:00:04.0`;
    const [first] = await faults(original.slice(0, map).concat(removal));
    expect(first).toMatch(/^LEAK certain /);
    expect(first).toMatch(new RegExp(` ${map + 1}$`));
  });

  test('an unmap that is left out shows where the address is mapped again', async () => {
    const address = original[map - 1]!.match(/dma_addr=(\w+)/)![1]!;
    const isOfUnmap = (line: string, i: number): boolean =>
      i < unmap && i > unmap - 6 && /unmap/.test(line) && line.includes(address);
    const lines = original.filter((line, i) => !isOfUnmap(line, i));
    expect(lines.length).toBe(original.length - 3);
    const again = lines.findIndex(
      (line, i) =>
        i > unmap && line.includes(`dma_addr=${address} `) && line.includes('dma_map_page'),
    );
    expect(await faults(lines)).toEqual([`DOUBLE_MAP certain ${map} ${again + 1}`]);
  });
});
