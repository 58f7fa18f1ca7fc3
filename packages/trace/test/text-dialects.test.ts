import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { EventKind, Flag } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { type EventRow, readFile, readText } from './support/read-text.ts';

type Column = keyof EventRow;

const traces = new URL('../../../traces/', import.meta.url);

/** Layouts without flags have no context. */
const NO_FLAGS: readonly Column[] = ['context'];
/** The kernel hashes pointers, or hides them early after boot. */
const POINTERS: readonly Column[] = ['token'];

async function rowsOf(file: string): Promise<EventRow[]> {
  return (await readFile(fileURLToPath(new URL(file, traces)))).rows;
}

/** The rows without some columns; lines differ by the length of the header. */
function without(rows: readonly EventRow[], columns: readonly Column[]): Partial<EventRow>[] {
  return rows.map((row) => {
    const copy: Partial<Record<Column, unknown>> = { ...row };
    for (const column of [...columns, 'line'] as const) delete copy[column];
    return copy as Partial<EventRow>;
  });
}

function text(file: string): string[] {
  const bytes = readFileSync(new URL(file, traces));
  return (file.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes).toString('latin1').split('\n');
}

describe('one buffer, printed in several layouts, gives the same events', () => {
  test.each([
    ['noirq-info.txt.zst', NO_FLAGS],
    ['latency-verbose.txt.zst', []],
    ['latency-format.txt.zst', ['task']],
  ] as const)('trace.%s', async (file, columns) => {
    const expected = await rowsOf('formats-ftrace/trace.default.txt.zst');
    const rows = await rowsOf(`formats-ftrace/trace.${file}`);
    expect(without(rows, columns)).toEqual(without(expected, columns));
  });

  test('the latency layout cuts comm to eight bytes', async () => {
    const expected = await rowsOf('formats-ftrace/trace.default.txt.zst');
    const rows = await rowsOf('formats-ftrace/trace.latency-format.txt.zst');
    expect(rows.map(({ task }) => task)).toEqual(expected.map(({ task }) => task.slice(0, 8)));
  });

  test('the option fields has all but the marker, and true pointers', async () => {
    const expected = await rowsOf('formats-ftrace/trace.default.txt.zst');
    const rows = await rowsOf('formats-ftrace/trace.fields.txt.zst');
    expect(expected.at(-1)!.kind).toBe(EventKind.mark);
    expect(without(rows, POINTERS)).toEqual(without(expected.slice(0, -1), POINTERS));
    expect(rows.find(({ name }) => name === 'dma_alloc')!.token).toBe('0xffffc900000b1000');
  });

  test('trace-cmd report of the same buffer calls a marker print', async () => {
    const columns: readonly Column[] = [...NO_FLAGS, ...POINTERS, 'name'];
    const expected = await rowsOf('formats-ftrace/trace.default.txt.zst');
    const rows = await rowsOf('formats-ftrace/tracecmd-extract.report.txt.zst');
    expect(without(rows, columns)).toEqual(without(expected, columns));
    const names = rows.map(({ name }) => name.replace(/^print$/, 'tracing_mark_write'));
    expect(names).toEqual(expected.map(({ name }) => name));
  });

  test('the text of one CPU is what the whole text has of it', async () => {
    const whole = await rowsOf('formats-ftrace/trace.default.txt.zst');
    const rows = await rowsOf('formats-ftrace/trace.percpu1.txt');
    const expected = whole.filter(({ cpu }) => cpu === 1);
    expect(without(rows, ['time'])).toEqual(without(expected, ['time']));
    const start = expected[0]!.time;
    expect(rows.map(({ time }) => time)).toEqual(expected.map(({ time }) => time - start));
  });
});

describe('one buffer of probes alone, printed with every option', () => {
  test.each([
    ['trace.tgid.txt.zst', []],
    ['trace.noirq-tgid.txt.zst', NO_FLAGS],
    ['trace.sym-addr.txt.zst', []],
    ['trace.latency-format.txt.zst', ['task', 'time']],
  ] as const)('%s', async (file, columns) => {
    const expected = await rowsOf('layouts-6.18/trace.default.txt.zst');
    const rows = await rowsOf(`layouts-6.18/${file}`);
    expect(without(rows, columns)).toEqual(without(expected, columns));
    const time = (row: EventRow, i: number): number => row.time - expected[i]!.time;
    expect(Math.max(...rows.map(time).map(Math.abs))).toBeLessThanOrEqual(1000);
  });

  test.each(['trace.fields.txt.zst', 'trace.fields-latency-format.txt.zst'])(
    '%s, which has no marker',
    async (file) => {
      const expected = await rowsOf('layouts-6.18/trace.default.txt.zst');
      const rows = await rowsOf(`layouts-6.18/${file}`);
      const columns: readonly Column[] = ['task', 'time'];
      expect(without(rows, columns)).toEqual(without(expected.slice(0, -1), columns));
    },
  );

  test.each([
    ['layouts-6.18/trace.raw.txt.zst', 227],
    ['layouts-6.18/trace.hex.txt.zst', 227],
    ['layouts-6.18/trace.hex-latency-format.txt.zst', 227],
    // The marker looks like a comment.
    ['layouts-6.18/trace.raw-nocontext-info.txt.zst', 226],
    ['layouts-6.18/trace.hex-nocontext-info.txt.zst', 227],
    ['formats-ftrace/trace.raw.txt', 4778],
    ['formats-ftrace/trace.hex.txt.zst', 4778],
  ])('%s has no values: each of its events is counted, none is made up', async (file, count) => {
    const { rows, counts, codes, events } = await readFile(fileURLToPath(new URL(file, traces)));
    expect(rows).toEqual([]);
    expect(codes).toEqual({ RAW_TEXT_UNSUPPORTED: count });
    expect(events).toEqual({});
    expect(counts.unparsed).toBe(0);
    expect(counts.diagnostics[0]!.message).toMatch(/record again with "echo noraw > /);
  });

  test('without task, CPU and time events count by name', async () => {
    const file = 'layouts-6.18/trace.nocontext-info.txt.zst';
    const { rows, counts, codes } = await readFile(fileURLToPath(new URL(file, traces)));
    expect(rows).toEqual([]);
    expect(codes).toEqual({ NO_TIME: 227 });
    expect(counts.unparsed).toBe(0);
  });

  test('the option bin is an error that says what to record instead', async () => {
    const file = fileURLToPath(new URL('layouts-6.18/bin.zst', traces));
    await expect(readFile(file)).rejects.toThrow(
      /RAW_TEXT_UNSUPPORTED\); record again with "echo nobin > trace_options"/,
    );
  });
});

describe('one file, reported in several styles, gives the same events', () => {
  test.each([
    ['tracecmd/tracecmd-v6.report.txt.zst', 'tracecmd/tracecmd-v6.report-R.txt.zst', []],
    ['tracecmd/tracecmd-v6.report.txt.zst', 'tracecmd/tracecmd-v6.report-tsdiff.txt.zst', []],
    ['tracecmd/tracecmd-v6.report.txt.zst', 'tracecmd/tracecmd-v6.report-3.3.1.txt.zst', NO_FLAGS],
    [
      'tracecmd/tracecmd-v7-zstd.report.txt.zst',
      'tracecmd/tracecmd-v7-zstd.report-3.3.1.txt.zst',
      NO_FLAGS,
    ],
    [
      'tracecmd/tracecmd-v6.report-3.3.1.txt.zst',
      'tracecmd/tracecmd-v6.report-l.txt.zst',
      ['task'],
    ],
    ['perf/perf.script.txt.zst', 'perf/perf.script-fields.txt.zst', []],
    ['perf/perf.script.txt.zst', 'perf/perf.script-header.txt.zst', []],
  ] as const)('%s and %s', async (a, b, columns) => {
    const expected = await rowsOf(`formats-${a}`);
    expect(without(await rowsOf(`formats-${b}`), columns)).toEqual(without(expected, columns));
    expect(expected.length).toBeGreaterThan(2900);
  });

  test.each([
    ['tracecmd/tracecmd-v6.report.txt.zst', 'tracecmd/tracecmd-v6.report-t.txt.zst', 'rounds'],
    ['perf/perf.script.txt.zst', 'perf/perf.script-ns.txt.zst', 'cuts'],
    ['perf/perf.script-reltime.txt.zst', 'perf/perf.script-ns.txt.zst', 'cuts'],
  ] as const)(
    '%s and %s, which has nanoseconds, but for what the first one %s',
    async (a, b, _) => {
      const rounded = await rowsOf(`formats-${a}`);
      const exact = await rowsOf(`formats-${b}`);
      expect(without(rounded, ['time'])).toEqual(without(exact, ['time']));
      // Both count from their first event, which is off by less than a microsecond too.
      const off = rounded.map(({ time }, i) => Math.abs(time - exact[i]!.time));
      expect(Math.max(...off)).toBeLessThanOrEqual(1000);
    },
  );
});

describe('any size of the chunks gives the same events from', () => {
  const pieces: readonly (readonly [name: string, lines: string[]])[] = [
    ['trace.latency-format', text('formats-ftrace/trace.latency-format.txt.zst').slice(0, 90)],
    ['trace.latency-verbose', text('formats-ftrace/trace.latency-verbose.txt.zst').slice(0, 90)],
    ['trace.fields', text('formats-ftrace/trace.fields.txt.zst').slice(0, 90)],
    ['trace.nocontext-info', text('formats-ftrace/trace.nocontext-info.txt.zst').slice(0, 90)],
    ['function_graph', text('formats-clocks/trace.function_graph-events.txt').slice(0, 200)],
    ['trace-cmd report', text('lossy-small-buffer/tracecmd-lost.report.txt.zst').slice(1450, 1530)],
    ['trace-cmd report -R', text('formats-tracecmd/tracecmd-v6.report-R.txt.zst').slice(280, 330)],
    ['perf script', text('lossy-small-buffer/perf-lost.script-show-lost.txt.zst').slice(90, 140)],
    ['perf script -g', text('formats-perf/perf-callgraph.script.txt').slice(0, 200)],
  ];

  test.each(pieces)('%s', async (name, lines) => {
    const head = name.startsWith('trace-cmd') ? 'cpus=4\n' : '';
    const content = Buffer.from(`${head}${lines.join('\n')}\n`, 'latin1');
    const whole = await readText(content);
    expect(whole.counts.unparsed).toBe(0);
    expect(Object.keys(whole.events).length).toBeGreaterThan(0);
    for (const chunkSize of [1, 2, 3, 61, 4096]) {
      const pieced = await readText(content, chunkSize);
      expect(pieced.rows).toEqual(whole.rows);
      expect(pieced.events).toEqual(whole.events);
      expect(pieced.codes).toEqual(whole.codes);
    }
  });
});

describe('trace-cmd report', () => {
  const LINE =
    '             fio-380   [000]    19.822910: unmap:                IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096\n';

  test('reads the dump of an event that libtraceevent cannot print', async () => {
    const { rows, codes } = await readText(
      'cpus=4\n             fio-380   [000]    19.819217: dma_map_sg:           [FAILED TO PARSE] device=0000:00:04.0 full_nents=2 full_ents=1 truncated=0 phys_addrs=ARRAY[00, 10, 00, 00, 00, 00, 00, 00, 00, 30, 00, 00, 00, 00, 00, 80] dma_addrs=ARRAY[00, f0, 00, 00, 00, 00, 00, 00] lengths=ARRAY[00, 20, 00, 00] dir=1 attrs=0x100\n',
    );
    expect(rows[0]).toMatchObject({
      kind: EventKind.dmaMapSg,
      device: '0000:00:04.0',
      size: 0x2000,
      aux: 2,
      aux2: 1,
      direction: 1,
      flags: 0,
      segments: [
        ['f000', '1000', 0x2000],
        ['0', '8000000000003000', 0],
      ],
    });
    expect(codes).toEqual({ FALLBACK_PRINT: 1 });
  });

  test('takes bare numbers of a dump as decimal, of -R as they are printed', async () => {
    const fields =
      'device=0000:00:04.0 phys_addr=8192 dma_addr=18446744073709551615 size=512 dir=2 attrs=0x0';
    const { rows } = await readText(
      `cpus=4\n${LINE.replace(/unmap:.*/, `dma_map_page:         [FAILED TO PARSE] ${fields}`)}${LINE.replace(/unmap:.*/, 'dma_map_page:          device=0000:00:04.0 phys_addr=2000 dma_addr=ffffd000 size=512 dir=2 attrs=0x0')}`,
    );
    expect(rows.map(({ address, phys, flags }) => [address, phys, flags])).toEqual([
      ['ffffffffffffffff', '2000', Flag.failed],
      ['ffffd000', '2000', 0],
    ]);
  });

  test('marks a list that was cut while recording', async () => {
    const { rows } = await readText(
      `cpus=1\n${LINE.replace(/unmap:.*/, 'dma_map_sg:  [FAILED TO PARSE] device=d full_nents=3 full_ents=1 truncated=1 phys_addrs=ARRAY[00, 10, 00, 00, 00, 00, 00, 00] dma_addrs=ARRAY[00, f0, 00, 00, 00, 00, 00, 00] lengths=ARRAY[00, 20, 00, 00] dir=1 attrs=0x0')}`,
    );
    expect(rows[0]).toMatchObject({ aux: 3, aux2: 1, flags: Flag.listCapped });
  });

  test('counts dropped events before the next line of their CPU', async () => {
    const { rows, counts } = await readText(
      `cpus=4\n${LINE}CPU:0 [151 EVENTS DROPPED]\nCPU:2 [EVENTS DROPPED]\n${LINE}`,
    );
    expect(counts).toMatchObject({ lost: 151, lostUnknown: true, headerCpus: 4 });
    expect(rows.map(({ kind, flags }) => [kind, flags])).toEqual([
      [EventKind.iommuUnmap, 0],
      [EventKind.lost, 0],
      [EventKind.lost, 0],
      [EventKind.iommuUnmap, Flag.lossBefore],
    ]);
  });

  test('is told by the padding of the names where its first lines were cut off', async () => {
    const { rows, reader } = await readText(LINE);
    expect(reader.format).toBe('trace-cmd report');
    expect(rows[0]!.kind).toBe(EventKind.iommuUnmap);
  });

  test('passes over what the tool says, and takes the prefix of a buffer away', async () => {
    const { rows, counts } = await readText(
      `version = 6\nCPU 3 is empty\nCPU0 data recorded at offset=0x1000\n    4096 bytes in size\ncpus=4\n     dma: ${LINE}          ${LINE}`,
    );
    expect(rows.map(({ task, tid, name }) => [task, tid, name])).toEqual([
      ['fio', 380, 'unmap'],
      ['fio', 380, 'unmap'],
    ]);
    expect(counts.unparsed).toBe(0);
  });
});

describe('trace-cmd report of several buffers or files', () => {
  const line = (columns: string): string =>
    `${columns} 19.822910: unmap:                IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096\n`;

  test('has the names of the buffers before the latency layout too', async () => {
    const { rows, counts } = await readText(
      `cpus=4\n     dma: ${line('     fio-380     3d.h1.')}          ${line('     fio-381     2d.h1.')}`,
    );
    expect(rows).toMatchObject([
      { task: 'fio', tid: 380, cpu: 3, context: 'h' },
      { task: 'fio', tid: 381, cpu: 2, context: 'h' },
    ]);
    expect(counts.unparsed).toBe(0);
  });

  test('is refused where the files are several', async () => {
    const text = ` a.dat: cpus=4\nbb.dat: cpus=2\nbb.dat: ${line('             fio-380   [000]   ')}`;
    await expect(readText(text)).rejects.toThrow(/:2: SEVERAL_FILES: .*report each by itself/);
  });

  test('has no events where it is a summary', async () => {
    const { rows, counts, codes } = await readText(
      'cpus=4\n\ntask: <idle>-0\n  Event: unmap:0xff940000 (1)\n          |\n',
    );
    expect(rows).toEqual([]);
    expect(codes).toEqual({ REPORT_SUMMARY: 3 });
    expect(counts.unparsed).toBe(0);
  });
});

describe('perf script', () => {
  const UNMAP = 'IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096';

  test.each([
    [
      'comm with blanks',
      '    Web Content 1   371 [001]    12.457884: iommu:unmap: ',
      'Web Content 1',
      371,
      1,
    ],
    [
      'comm like a CPU',
      '        [3] x-1   371 [001]    12.457884: iommu:unmap: ',
      '[3] x-1',
      371,
      1,
    ],
    ['pid and tid', ' fio   370/371   [001]    12.457884:   iommu:unmap: ', 'fio', 371, 1],
    ['a period', ' fio   371 [001]    12.457884:          1 iommu:unmap: ', 'fio', 371, 1],
    ['a modifier', ' fio   371 [001]    12.457884: iommu:unmap:k: ', 'fio', 371, 1],
    ['no comm', '  371 [001]    12.457884: iommu:unmap: ', '', 371, 1],
    ['no CPU', ' fio   371    12.457884: iommu:unmap: ', 'fio', 371, 65_535],
    ['no thread', '             fio [001]    12.457884: iommu:unmap: ', 'fio', -1, 1],
    [
      'no thread, and a comm that ends in a number',
      '           fio 3 [001]    12.457884: iommu:unmap: ',
      'fio 3',
      -1,
      1,
    ],
    ['nothing but the CPU', '[001]    12.457884: iommu:unmap: ', '', -1, 1],
    ['nothing but the thread', '  371    12.457884: iommu:unmap: ', '', 371, 65_535],
    ['nothing but the time', '   12.457884: iommu:unmap: ', '', -1, 65_535],
    ['misc', '             fio   371 [001] KH    12.457884: iommu:unmap: ', 'fio', 371, 1],
    [
      'the time of day',
      '  fio   371 [001] 2026-11-26 13:47:58.457884    12.457884: iommu:unmap: ',
      'fio',
      371,
      1,
    ],
    ['the latency columns', '     fio   371   1    12.457884: iommu:unmap: ', 'fio', 371, 1],
    [
      'a guest',
      'VM:  411 VCPU:000              fio   371 [001]    12.457884: iommu:unmap: ',
      'fio',
      371,
      1,
    ],
    ['an unknown task', '             :-1    -1 [001]    12.457884: iommu:unmap: ', ':-1', -1, 1],
  ])('reads %s', async (_, prefix, task, tid, cpu) => {
    const { rows, counts } = await readText(`${prefix}${UNMAP}\n${prefix}${UNMAP}\n`);
    expect(counts.unparsed).toBe(0);
    expect(rows).toHaveLength(2);
    expect(rows[1]).toMatchObject({ task, tid, cpu, kind: EventKind.iommuUnmap, size: 4096 });
    expect(counts.firstTime).toBe(12_457_884_000);
  });

  test('says that without a CPU all is on one', async () => {
    const { codes } = await readText(` fio   371    12.457884: iommu:unmap: ${UNMAP}\n`);
    expect(codes).toEqual({ NO_CPU: 1 });
  });

  test('takes no time from records that perf made up at 0', async () => {
    const { rows, counts, codes } = await readText(
      `     swapper     0 [000]     0.000000: PERF_RECORD_FORK(1:1):(0:0)\n fio   371 [001]    12.457884: iommu:unmap: ${UNMAP}\n`,
    );
    expect(rows).toMatchObject([{ time: 0, cpu: 1 }]);
    expect(counts.firstTime).toBe(12_457_884_000);
    expect(codes).toEqual({});
  });

  test.each([
    [
      '--deltatime, which tells no order of time',
      [0, 994, 103].map(
        (us) => ` fio 371 [001] 0.${`${us}`.padStart(6, '0')}: iommu:unmap: ${UNMAP}`,
      ),
      /NO_TIME: .* found the times between them \(--deltatime\)/,
    ],
    [
      '--show-round-events, which sorts nothing',
      [
        ` fio 371 [001] 12.457884: iommu:unmap: ${UNMAP}`,
        '      0.000000: PERF_RECORD_FINISHED_ROUND',
      ],
      /:2: TIME_BACKWARDS: .*--show-round-events/,
    ],
    [
      '-D, the raw records',
      ['', '0x1668@perf.data [0x38]: event: 79', '.'],
      /UNKNOWN_FORMAT: .*found the dump of raw records of perf script -D; print/,
    ],
    [
      '-F without event, whose names are missing',
      [` fio   371 [001]    12.457884: ${UNMAP}`],
      /UNKNOWN_FORMAT: .*found events without their names; print them with all fields/,
    ],
  ])('refuses %s', async (_, lines, message) => {
    await expect(readText(`${lines.join('\n')}\n`)).rejects.toThrow(message);
  });

  test('counts events whose fields were not printed, which cannot be replayed', async () => {
    const { rows, events, codes, counts } = await readText(
      ' fio   371 [001]    12.457884:   dma:dma_free: \n fio   371 [001]    12.457885:   iommu:map: \n',
    );
    expect(rows).toEqual([]);
    expect(events).toEqual({ dma_free: 1, map: 1 });
    expect(codes).toEqual({ NO_FIELDS: 2 });
    expect(counts.unparsed).toBe(0);
  });

  test('tells a probe from the tracepoint of its name by the payload', async () => {
    const { rows, events } = await readText(
      ' fio 371 [001] 12.457884: intel_iommu:cache_tag_flush_range: dmar0 dmar0[0] type 0x0 did 4 [0x0-0xfff] addr 0x0 pages 0x1 mask 0x0\n' +
        ' fio 371 [001] 12.457885: probe:cache_tag_flush_range: (ffffffff8190d8f4) domain=0xffff888004b0 start=0x1000 end=0x1fff\n',
    );
    expect(rows.map(({ kind, aux }) => [kind, aux])).toEqual([
      [EventKind.other, 0],
      [EventKind.tlbRange, 4096],
    ]);
    expect(events).toEqual({ cache_tag_flush_range: 2 });
  });

  test('counts lost records at their line', async () => {
    const line = ` fio   371 [001]    12.457884: iommu:unmap: ${UNMAP}\n`;
    const { rows, counts } = await readText(
      `${line} fio   371 [001]    12.457890: PERF_RECORD_LOST lost 251\n${line}Warning:\nProcessed 30 events and lost 2 chunks!\n`,
    );
    expect(counts).toMatchObject({ lost: 251, lostUnknown: true, unparsed: 0 });
    expect(rows[1]).toMatchObject({ kind: EventKind.lost, cpu: 1, time: 6000, aux: 251 });
    expect(rows[2]!.flags).toBe(Flag.lossBefore);
  });

  test('counts events without a time, which cannot be replayed', async () => {
    const { rows, events, codes } = await readText(`   iommu:unmap: ${UNMAP}\n`);
    expect(rows).toEqual([]);
    expect(events).toEqual({ unmap: 1 });
    expect(codes).toEqual({ NO_TIME: 1 });
  });
});

describe('function_graph', () => {
  const head = '# tracer: function_graph\n#\n';

  test('has events in comments, with the columns that were switched on', async () => {
    const { rows } = await readText(
      `${head}   64.039939 |   1)     init-1     |  d.h1. |               |  /* dma_unmap_page: d0 dir=TO_DEVICE dma_addr=1000 size=512 attrs= */\n`,
    );
    expect(rows[0]).toMatchObject({
      task: 'init',
      tid: 1,
      cpu: 1,
      context: 'h',
      size: 512,
      device: 'd0',
    });
  });

  test('counts events where the absolute time is missing', async () => {
    const { rows, events, codes } = await readText(
      `${head} 1)               |  /* dma_unmap_page: d0 dir=TO_DEVICE dma_addr=1000 size=512 attrs= */\n 1)   6.520 us    |  } /* dma_unmap_page_attrs */\n`,
    );
    expect(rows).toEqual([]);
    expect(events).toEqual({ dma_unmap_page: 1 });
    expect(codes).toEqual({ NO_TIME: 1, FUNCTION_GRAPH: 1 });
  });
});

describe('a line of the user may have several lines', () => {
  test.each([
    [
      'trace-cmd report',
      'cpus=1\n             fio-380   [000]    19.822910: print:                tracing_mark_write: one\n',
    ],
    ['the latency layout', '     fio-380     0d.s2. 10104471us@: tracing_mark_write: one\n'],
    ['perf script', ' fio   371 [001]    12.457884: ftrace:print: tracing_mark_write: one\n'],
  ])('in %s', async (_, content) => {
    const { rows, counts } = await readText(`${content}two\nthree\n`);
    expect(rows.map(({ kind }) => kind)).toEqual([EventKind.mark]);
    expect(counts.unparsed).toBe(0);
  });
});
