import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { EventKind, readCapture, TraceError } from '@dmalab/trace';
import { afterAll, describe, expect, test } from 'vitest';
import { formats, type Machine, Records } from './support/dat-events.ts';
import { datFile, Page } from './support/dat-file.ts';
import { mapSample, perfFile, record } from './support/perf-file.ts';
import { type EventRow, readFile, readText } from './support/read-text.ts';

const root = mkdtempSync(join(tmpdir(), 'dmalab-cpus-'));
afterAll(() => rmSync(root, { recursive: true }));

const bundled = fileURLToPath(
  new URL('../../../traces/formats-ftrace/trace.default.txt.zst', import.meta.url),
);
const whole = zstdDecompressSync(readFileSync(bundled)).toString('latin1');

let folders = 0;

/** A directory with these files. */
function folder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = join(root, `${++folders}`);
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content, typeof content === 'string' ? 'latin1' : null);
  }
  return path;
}

/** The lines of each CPU, behind the header of the whole buffer as per_cpu/cpuN/trace has it. */
function byCpu(text: string, header = true): Map<number, string> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('##'));
  const head = lines.filter((line) => line.startsWith('#'));
  const found = new Map<number, string[]>();
  for (const line of lines) {
    const cpu = /^.{16}-\d+ +(?:\(.{7}\) )?\[(\d+)\]/s.exec(line)?.[1];
    if (cpu === undefined) continue;
    if (!found.has(Number(cpu))) found.set(Number(cpu), header ? [...head] : []);
    found.get(Number(cpu))!.push(line);
  }
  return new Map([...found].map(([cpu, own]) => [cpu, `${own.join('\n')}\n`]));
}

/** Rows by time, then CPU: text does not tell more of the order between CPUs. */
function ordered(rows: readonly EventRow[]): object[] {
  return rows
    .filter(({ kind }) => kind !== EventKind.bufferStart)
    .map(({ line: _, ...row }) => row)
    .sort((a, b) => a.time - b.time || a.cpu - b.cpu);
}

async function problem(path: string): Promise<string> {
  const error = await readFile(path).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TraceError);
  return (error as TraceError).message;
}

const line = (cpu: number, time: string, body = 'marker: x'): string =>
  `             fio-7       [00${cpu}] d..1. ${time.padStart(12)}: ${body}\n`;
const map = (cpu: number, time: string): string =>
  line(cpu, time, 'map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096');

describe('a directory with a file for each CPU is one trace', () => {
  const parts = [...byCpu(whole)];

  test.each([
    [
      'as tracefs has it',
      Object.fromEntries(parts.map(([cpu, t]) => [`per_cpu/cpu${cpu}/trace`, t])),
    ],
    ['per_cpu alone', Object.fromEntries(parts.map(([cpu, t]) => [`cpu${cpu}/trace`, t]))],
    [
      'named after the CPUs, compressed',
      Object.fromEntries(
        parts.map(([cpu, t]) => [`trace.cpu${cpu}.txt.gz`, gzipSync(Buffer.from(t, 'latin1'))]),
      ),
    ],
    [
      'told by their lines',
      Object.fromEntries([...byCpu(whole, false)].map(([cpu, t]) => [`${'dcba'[cpu]}.txt`, t])),
    ],
  ])('%s', async (_, files) => {
    const expected = await readFile(bundled);
    const found = await readFile(folder(files));
    expect(ordered(found.rows)).toEqual(ordered(expected.rows));
    expect(found.events).toEqual(expected.events);
    expect(found.codes).toEqual({});
    for (let i = 1; i < found.rows.length; i++) {
      expect(found.rows[i]!.time).toBeGreaterThanOrEqual(found.rows[i - 1]!.time);
    }
  });

  test('which every command reads like any other, with the meta.json in it', async () => {
    const path = folder({
      ...Object.fromEntries(parts.map(([cpu, t]) => [`per_cpu/cpu${cpu}/trace`, t])),
      'meta.json': readFileSync(join(dirname(bundled), 'meta.json')),
    });
    const expected = await readCapture(bundled);
    const found = await readCapture(path);
    expect(found.report.requests).toEqual(expected.report.requests);
    expect(found.report.events).toEqual(expected.report.events);
    expect(found.facts).toEqual(expected.facts);
    const lines = parts
      .sort(([a], [b]) => a - b)
      .map(([cpu, t]) => {
        const hash = createHash('sha256').update(Buffer.from(t, 'latin1')).digest('hex');
        return `${hash}  per_cpu/cpu${cpu}/trace\n`;
      });
    expect(found.report.sha256).toBe(createHash('sha256').update(lines.join('')).digest('hex'));
  });

  test('read in pieces of one byte gives the same', async () => {
    const path = folder({ 'cpu0.txt': map(0, '1.5'), 'cpu1.txt': map(1, '1.25') + map(1, '2.5') });
    const { rows } = await readFile(path, 1);
    expect(rows).toEqual((await readFile(path)).rows);
    expect(rows.map(({ time, cpu }) => [time, cpu])).toEqual([
      [0, 1],
      [250_000_000, 0],
      [1_250_000_000, 1],
    ]);
  });
});

describe('losses', () => {
  const header = '# tracer: nop\n#\n# entries-in-buffer/entries-written: 2/9   #P:2\n#\n';

  test('of the whole buffer, which each header tells, count once', async () => {
    const path = folder({
      'cpu0.txt': header + map(0, '1.5'),
      'cpu1.txt': header + map(1, '1.25'),
    });
    const { counts, rows } = await readFile(path);
    expect(counts.lost).toBe(7);
    expect(rows.filter(({ kind }) => kind === EventKind.lost)).toHaveLength(1);
  });

  test('are those of the statistics where they are there, by CPU', async () => {
    const path = folder({
      'per_cpu/cpu0/trace': header + map(0, '1.5'),
      'per_cpu/cpu0/stats': 'entries: 1\noverrun: 0\ncommit overrun: 0\ndropped events: 0\n',
      'per_cpu/cpu1/trace': `${header}CPU:1 [LOST 3 EVENTS]\n${map(1, '1.25')}`,
      'per_cpu/cpu1/stats': 'entries: 1\noverrun: 7\ncommit overrun: 0\ndropped events: 1\n',
    });
    const { counts } = await readFile(path);
    expect([...counts.lostByCpu]).toEqual([[1, 8]]);
  });

  test('a CPU without a file lost an unknown number', async () => {
    const { counts, codes } = await readFile(folder({ 'cpu1.txt': header + map(1, '1.250000') }));
    expect(codes).toEqual({ MISSING_CPU: 1 });
    expect(counts.lostUnknown).toBe(true);
    expect([...counts.lostByCpu.keys()]).toContain(0);
  });

  test('an empty file is a CPU on which nothing happened', async () => {
    const path = folder({ 'cpu0.txt': '', 'cpu1.txt': header + map(1, '1.250000') });
    expect((await readFile(path)).codes).toEqual({});
  });
});

describe('what is no one trace is an error that says so', () => {
  test.each([
    [
      'two files of a CPU',
      { 'cpu0.txt': map(0, '1.5'), 'trace.cpu0.txt': map(0, '1.5') },
      /CPU_OVERLAP: .*two files of CPU 0/,
    ],
    [
      'events of a CPU in two files',
      { 'cpu0.txt': map(0, '1.5'), 'cpu1.txt': map(0, '1.5') },
      /CPU_OVERLAP: .*found CPU 0 in cpu1.txt and cpu0.txt/,
    ],
    [
      'ticks beside seconds',
      { 'cpu0.txt': map(0, '1.5'), 'cpu1.txt': map(1, '77') },
      /MIXED_CLOCKS: .*1 s in cpu0.txt, and at 77 ticks in cpu1.txt/,
    ],
    [
      'uptime beside the time of day',
      { 'cpu0.txt': map(0, '1.5'), 'cpu1.txt': map(1, '1780000000.5') },
      /MIXED_CLOCKS/,
    ],
    [
      'two formats',
      { 'cpu0.txt': map(0, '1.5'), 'cpu1.txt': `cpus=2\n${map(1, '1.5')}` },
      /expected one format for all CPUs/,
    ],
    ['empty files only', { 'cpu0.txt': '', 'cpu1.txt': '' }, /NO_EVENTS/],
    [
      'whole traces',
      { 'a.txt': map(0, '1') + map(1, '2'), 'b.txt': map(0, '1') },
      /found a directory with a.txt, b.txt; name a trace inside it/,
    ],
    ['one file', { 'trace.txt': map(0, '1') }, /found a directory with trace.txt/],
    ['a CTF trace', { metadata: '/* CTF 1.8 */' }, /babeltrace2/],
    ['perf record --threads without its head', { 'data.0': 'x' }, /found a directory with data\.0/],
    [
      'pages without descriptions',
      { 'cpu0/trace_pipe_raw': Buffer.alloc(4096) },
      /expected events\/header_page/,
    ],
  ])('%s', async (_, files, expected) => {
    expect(await problem(folder(files as Record<string, string>))).toMatch(expected);
  });
});

describe('raw pages with the descriptions of tracefs', () => {
  test.each([
    ['little-endian', { little: true, longSize: 8 }],
    ['big-endian, 32 bits', { little: false, longSize: 4 }],
  ] satisfies [string, Machine][])('%s', async (_, machine) => {
    const records = new Records(machine);
    const pages = [0, 1].map((cpu) =>
      new Page(machine, 1_000_000_000n + BigInt(cpu) * 700n)
        .event(0, records.map(0x1000n, 0x5000n, 4096))
        .event(1000, records.unmap(0x1000n, 4096))
        .done(cpu === 1 ? 5 : undefined),
    );
    const expected = await readText(
      datFile({ ...machine, version: 6, buffers: [{ cpus: { 0: [pages[0]!], 1: [pages[1]!] } }] }),
    );
    const { longSize } = machine;
    const headerPage = `\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:${longSize};\tsigned:1;\n\tfield: char data;\toffset:${8 + longSize};\tsize:${4088 - longSize};\tsigned:1;\n`;
    const events = formats(machine).map(({ system, text }): [string, string] => [
      `events/${system}/${/^name: (\w+)/.exec(text)![1]}/format`,
      text,
    ]);
    const found = await readFile(
      folder({
        ...Object.fromEntries(events),
        'events/header_page': headerPage,
        'per_cpu/cpu0/trace_pipe_raw': pages[0]!,
        'per_cpu/cpu1/trace_pipe_raw': pages[1]!,
        trace_clock: 'local global [mono]\n',
      }),
    );
    expect(found.rows).toEqual(expected.rows);
    expect(found.counts.lost).toBe(5);
    expect(found.counts.clock).toBe('mono');
  });
});

describe('what perf record --threads writes', () => {
  const samples = (cpu: number, ...times: number[]): Buffer[] =>
    times.map((time) => mapSample(time, { cpu, iova: BigInt(0x1000 * time) }));
  const one = [...samples(0, 10, 30, 31), ...samples(2, 5, 32)];
  const two = samples(1, 20, 31, 40);
  const head = (comment: Buffer[]): Buffer =>
    perfFile(comment, { extraFeatures: [[24, Buffer.alloc(8)]] });

  test('is one trace: the records of all threads by time, a thread may have several CPUs', async () => {
    const expected = await readText(perfFile([...one, ...two]));
    const found = await readFile(
      folder({ data: head([]), 'data.0': Buffer.concat(one), 'data.1': Buffer.concat(two) }),
    );
    expect(found.rows.map(({ line, ...row }) => row)).toEqual(
      expected.rows.map(({ line, ...row }) => row),
    );
    expect(found.rows.map(({ cpu }) => cpu)).toEqual([2, 0, 1, 0, 0, 1, 2, 1]);
    expect(found.reader.format).toBe('perf.data, a directory');
  });

  test('may be compressed, with a stream for each thread', async () => {
    const squeezed = (records: Buffer[]): Buffer =>
      record(81, zstdCompressSync(Buffer.concat(records)));
    const found = await readFile(
      folder({ data: head([]), 'data.0': squeezed(one), 'data.10': squeezed(two) }),
    );
    expect(found.rows.map(({ cpu }) => cpu)).toEqual([2, 0, 1, 0, 0, 1, 2, 1]);
  });

  test('that breaks off is read as far as it goes', async () => {
    const found = await readFile(
      folder({ data: head([]), 'data.0': Buffer.concat(one), 'data.1': two[0]!.subarray(0, 50) }),
    );
    expect(found.rows).toHaveLength(5);
    expect(found.codes).toEqual({ TRUNCATED_DATA: 1 });
  });
});
