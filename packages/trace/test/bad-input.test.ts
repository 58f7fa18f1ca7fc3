import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { EventKind, Flag, openTrace, TraceError } from '@dmalab/trace';
import { afterAll, describe, expect, test } from 'vitest';
import { eventLine, readText } from './support/read-text.ts';

const directory = mkdtempSync(join(tmpdir(), 'dmalab-bad-'));
afterAll(() => rmSync(directory, { recursive: true }));

const UNMAP = eventLine('unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096');

async function problem(content: string | Uint8Array): Promise<string> {
  const path = join(directory, 'input');
  writeFileSync(path, content);
  return openProblem(path);
}

async function openProblem(path: string): Promise<string> {
  const error = await openTrace(path).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TraceError);
  return (error as TraceError).message.replace(directory, '');
}

describe('an input that is no trace is an error that names the cause', () => {
  test('a missing file', async () => {
    expect(await openProblem(join(directory, 'nowhere'))).toBe(
      '/nowhere: IO: no such file; check the path',
    );
  });

  test('a directory', async () => {
    expect(await openProblem(directory)).toMatch(
      /IO: expected a file, or a directory with a file for each CPU: .*found a directory with/,
    );
  });

  test('a JSON document laid out over many lines', async () => {
    expect(await problem('{\n  "name": "dmalab",\n  "type": "module"\n}\n')).toMatch(
      /UNKNOWN_FORMAT: .*found "\{"/,
    );
  });

  test('an empty file, and one of blank lines', async () => {
    expect(await problem('')).toMatch(/NO_EVENTS: .*found an empty file/);
    expect(await problem('\n \r\n\n')).toMatch(/NO_EVENTS: .*found blank lines only/);
    expect(await problem(gzipSync(''))).toMatch(/NO_EVENTS: .*found an empty file/);
  });

  test('text of something else, quoted in one safe line', async () => {
    expect(await problem('Dear\x07 diary\nmore')).toBe(
      '/input:1: UNKNOWN_FORMAT: expected a trace of ftrace, trace-cmd, perf or bpftrace (text or binary), CSV, JSON lines, Parquet or Arrow, plain, gzip or zstd, found "Dear\\x07 diary"',
    );
  });

  test.each([
    ['an ELF program', '\x7fELF\x02\x01'],
    ['a PNG image', '\x89PNG\r\n'],
    ['a zip archive', 'PK\x03\x04'],
    ['a PDF document', '%PDF-1.7'],
    ['an xz file; unpack it', '\xfd7zXZ\0'],
    ['a bzip2 file; unpack it', 'BZh9'],
    ['a damaged trace.dat file (BAD_MAGIC); it should', '\x17\x09Dtracing6\0'],
  ])('%s', async (name, content) => {
    expect(await problem(Buffer.from(content, 'latin1'))).toContain(`found ${name}`);
  });

  test('a CPU number that no kernel has', async () => {
    const line = UNMAP.replace('[003]', '[65535]');
    await expect(readText(line)).rejects.toThrow(/:1: BAD_CPU: .* found 65535/);
  });
});

describe('a trace without events is described all the same', () => {
  test('a header alone', async () => {
    const { rows, counts } = await readText('# tracer: nop\n#\n');
    expect(rows).toEqual([]);
    expect(counts).toMatchObject({ lines: 2, unparsed: 0 });
  });
});

describe('damage is counted with file and line, and the rest is read', () => {
  test('a last line that breaks off', async () => {
    const { rows, counts, codes } = await readText(UNMAP + UNMAP.slice(0, 80));
    expect(rows).toHaveLength(1);
    expect(counts.unparsed).toBe(0);
    expect(codes).toEqual({ TRUNC_TAIL: 1 });
    expect(counts.diagnostics[0]!.where[0]).toMatch(/trace\.txt:2$/);
  });

  test('a last line that only lacks its line feed', async () => {
    const { rows, codes } = await readText(UNMAP + UNMAP.trimEnd());
    expect(rows).toHaveLength(2);
    expect(codes).toEqual({ TRUNC_TAIL: 1 });
  });

  test('a known event that does not parse', async () => {
    const bad = [
      'dma_map_phys: 0000:00:04.0 dir=TO_DE',
      'dma_map_phys: 0000:00:04.0',
      'unmap: IOMMU: iova=0x1000 - 0x2000 size=-1 unmapped_size=4096',
      'unmap: IOMMU: iova=0x10000000000000000 size=1 unmapped_size=1',
      'unmap: IOMMU: iova=0xg size=1 unmapped_size=1',
      'dma_unmap_sg: d dir=NONE phys_addrs={0x1000 attrs=',
      'alloc_iova_fast: (alloc_iova_fast+0x4/0x2c0',
    ];
    const { rows, counts, codes } = await readText(
      UNMAP + bad.map((body) => eventLine(body)).join('') + UNMAP,
    );
    expect(rows.map(({ line }) => line)).toEqual([1, 9]);
    expect(rows[1]).toEqual({ ...rows[0], line: 9 });
    expect(counts.unparsed).toBe(7);
    expect(codes).toMatchObject({ MALFORMED_EVENT: 3, BAD_NUMBER: 3, BAD_LIST: 1 });
  });

  test('at most ten places are kept for a code', async () => {
    const { counts } = await readText(UNMAP + eventLine('dma_map_phys: cut').repeat(12));
    expect(counts.diagnostics[0]).toMatchObject({ count: 12 });
    expect(counts.diagnostics[0]!.where).toHaveLength(10);
  });

  test('a line that is no line of a trace', async () => {
    const { counts, codes } = await readText(`${UNMAP}root@host:~# cat trace\n`);
    expect(counts.unparsed).toBe(1);
    expect(codes).toEqual({ NOISE: 1 });
  });

  test('an unknown event is a row of its own name', async () => {
    const { rows, events, codes } = await readText(UNMAP + eventLine('sched_switch: prev_comm=a'));
    expect(rows[1]).toMatchObject({ kind: EventKind.other, name: 'sched_switch' });
    expect(events).toEqual({ unmap: 1, sched_switch: 1 });
    expect(codes).toEqual({});
  });

  test('an end address that contradicts iova and size, which are trusted', async () => {
    const ends = ['2000', '3000', '100002000'];
    const lines = ends.map((end) =>
      eventLine(`unmap: IOMMU: iova=0x1000 - 0x${end} size=4096 unmapped_size=4096`),
    );
    const { rows, codes } = await readText(lines.join(''));
    expect(rows.map(({ address, size }) => [address, size])).toEqual(Array(3).fill(['1000', 4096]));
    expect(codes).toEqual({ END_MISMATCH: 2 });
  });

  test('a key that occurs twice: the first counts', async () => {
    const { rows, codes } = await readText(
      eventLine('unmap: IOMMU: iova=0x1000 size=4096 size=1 unmapped_size=4096'),
    );
    expect(rows[0]!.size).toBe(4096);
    expect(codes).toEqual({ DUP_KEY: 1 });
  });
});

describe('bytes that do not belong into a trace', () => {
  test('carriage returns before line feeds, and alone', async () => {
    const { rows, codes } = await readText((UNMAP + UNMAP).replaceAll('\n', '\r\n'));
    expect(rows).toHaveLength(2);
    expect(codes).toEqual({ CRLF: 1 });
    expect((await readText((UNMAP + UNMAP).replaceAll('\n', '\r'))).rows).toHaveLength(2);
  });

  test('NUL bytes inside a line skip it; at the end of the file they are ignored', async () => {
    const inside = await readText(UNMAP + UNMAP.replace('iova', 'io\0va') + UNMAP);
    expect(inside.rows.map(({ line }) => line)).toEqual([1, 3]);
    expect(inside.codes).toEqual({ NUL_IN_LINE: 1 });
    const tail = await readText(UNMAP + '\0'.repeat(3_000_000));
    expect(tail.rows).toHaveLength(1);
    expect(tail.codes).toEqual({ NUL_TAIL: 1 });
  });

  test('a comm that is not UTF-8 is shown with replacement characters and flagged', async () => {
    const line = Buffer.from(UNMAP);
    line[15] = 0xff;
    const { rows, codes } = await readText(Buffer.concat([line, Buffer.from(UNMAP)]));
    expect(rows.map(({ task, flags }) => [task, flags])).toEqual([
      ['nvme\ufffd', Flag.nonUtf8],
      ['nvme0', 0],
    ]);
    expect(codes).toEqual({ NON_UTF8: 1 });
  });

  test('a byte order mark is skipped', async () => {
    const { rows, codes } = await readText(`\ufeff${UNMAP}`);
    expect(rows[0]!.task).toBe('nvme0');
    expect(codes).toEqual({ BOM: 1 });
  });

  test('a line of 10 MB is skipped without being held', async () => {
    const { rows, counts, codes } = await readText(`${UNMAP}${'x'.repeat(10_000_000)}\n${UNMAP}`);
    expect(rows.map(({ line }) => line)).toEqual([1, 3]);
    expect(codes).toEqual({ LINE_TOO_LONG: 1 });
    expect(counts.lines).toBe(3);
  });
});

describe('compression', () => {
  const text = `# tracer: nop\n${UNMAP.repeat(5000)}`;

  test('several gzip members and zstd frames are one text', async () => {
    for (const [compress, compression] of [
      [gzipSync, 'gzip'],
      [zstdCompressSync, 'zstd'],
    ] as const) {
      const wrapped = Buffer.concat([compress(text), compress(UNMAP)]);
      const { rows, codes, reader } = await readText(wrapped);
      expect(reader.compression).toBe(compression);
      expect(rows).toHaveLength(5001);
      expect(codes).toEqual({});
    }
  });

  test('data that breaks off keeps its complete lines', async () => {
    const noise = Array.from({ length: 5000 }, (_, i) =>
      eventLine(`a: ${Math.imul(i, 0x9e3779b1)}`),
    );
    for (const compress of [gzipSync, zstdCompressSync]) {
      const wrapped = compress(noise.join(''));
      const { rows, counts, codes } = await readText(wrapped.subarray(0, wrapped.length - 2000));
      expect(rows.length).toBeGreaterThan(1000);
      expect(rows.length).toBeLessThan(5000);
      expect(counts.unparsed).toBe(0);
      expect(codes).toEqual({ GZ_TRUNCATED: 1 });
    }
  });

  test('other bytes behind the data are reported', async () => {
    const { rows, codes } = await readText(Buffer.concat([gzipSync(text), Buffer.from('garbage')]));
    expect(rows.length).toBeGreaterThan(4000);
    expect(codes).toEqual({ GZ_TRAILING: 1 });
  });
});
