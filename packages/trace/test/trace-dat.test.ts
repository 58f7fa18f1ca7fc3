import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { machineFromFacts, replay } from '@dmalab/replay';
import { EventKind, Flag, readCapture } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './support/byte-writer.ts';
import { type Format, Id, type Machine, Records } from './support/dat-events.ts';
import { type DatFile, datFile, Page } from './support/dat-file.ts';
import { type EventRow, type Reading, readFile, readText } from './support/read-text.ts';

const traces = new URL('../../../traces/', import.meta.url);
const x86: Machine = { little: true, longSize: 8 };
const records = new Records(x86);

function bundled(name: string): string {
  return fileURLToPath(new URL(name, traces));
}

function readDat(file: Partial<DatFile> & Pick<DatFile, 'buffers'>): Promise<Reading> {
  return readText(datFile({ ...x86, version: 6, ...file }));
}

/** One CPU with these pages. */
function onePage(page: Page, lost?: number | null): Pick<DatFile, 'buffers'> {
  return { buffers: [{ cpus: { 0: [page.done(lost)] } }] };
}

/** A row without what the text rounds or leaves out. */
function comparable({ time: _, line: _line, context: _context, ...row }: EventRow): object {
  return row;
}

describe('a file gives the rows of its report', () => {
  test.each([
    ['formats-tracecmd/tracecmd-v6.dat.zst', 'formats-tracecmd/tracecmd-v6.report-t.txt.zst', 0],
    ['formats-tracecmd/tracecmd-v6.dat.zst', 'formats-tracecmd/tracecmd-v6.report.txt.zst', 500],
    [
      'formats-tracecmd/tracecmd-v7-zstd.dat.zst',
      'formats-tracecmd/tracecmd-v7-zstd.report.txt.zst',
      500,
    ],
    [
      'k61-formats-tracecmd-perf/tracecmd-v6.dat.zst',
      'k61-formats-tracecmd-perf/tracecmd-v6.report.txt.zst',
      500,
    ],
    [
      'lossy-small-buffer/tracecmd-lost.dat.zst',
      'lossy-small-buffer/tracecmd-lost.report.txt.zst',
      500,
    ],
  ])('%s and %s', async (dat, report, rounding) => {
    const binary = await readFile(bundled(dat));
    const text = await readFile(bundled(report));
    const rows = binary.rows.slice(0, text.rows.length);
    expect(rows.map(comparable)).toEqual(text.rows.map(comparable));
    expect(binary.events).toEqual(text.events);
    expect(binary.codes).toEqual({});
    const shift = binary.counts.firstTime - text.counts.firstTime;
    const errors = rows.map(({ time }, i) => Math.abs(time + shift - text.rows[i]!.time));
    expect(Math.max(...errors)).toBeLessThanOrEqual(rounding);
  });

  test('the flags of the old report are those of the records', async () => {
    const binary = await readFile(bundled('formats-tracecmd/tracecmd-v7-zstd.dat.zst'));
    const text = await readFile(bundled('formats-tracecmd/tracecmd-v7-zstd.report-3.3.1.txt.zst'));
    expect(binary.rows.map(({ context }) => context)).toEqual(
      text.rows.map(({ context }) => context),
    );
  });

  test('losses are those that the recorder counted', async () => {
    const { counts, rows } = await readFile(bundled('lossy-small-buffer/tracecmd-lost.dat.zst'));
    expect(Object.fromEntries(counts.lostByCpu)).toEqual({ 0: 1500, 1: 2704, 2: 2474, 3: 1351 });
    expect(rows.filter(({ kind }) => kind === EventKind.lost).map(({ aux }) => aux)).toContain(603);
  });

  test('kernel, clock and CPUs are facts, and a replay is that of the text', async () => {
    const results = [];
    for (const name of ['tracecmd-v6.dat.zst', 'tracecmd-v6.report-t.txt.zst']) {
      const capture = await readCapture(bundled(`formats-tracecmd/${name}`));
      const { facts, report } = capture;
      if (name.endsWith('.dat.zst')) {
        expect(facts.clock).toEqual({ value: 'local', source: 'trace' });
        expect(report).toMatchObject({ format: 'trace.dat', compression: 'zstd', resolution: 1 });
      }
      const machine = machineFromFacts(facts, { flush: { name: 'percpu', parameters: {} } });
      const pfns: number[] = [];
      for (const batch of replay(machine, capture)) pfns.push(...batch.pfn.slice(0, batch.length));
      results.push({ requests: report.requests, pairing: report.pairing, pfns });
      capture.close();
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0]!.pfns.length).toBeGreaterThan(600);
  });
});

describe.each([
  ['little-endian, 8-byte long', { little: true, longSize: 8 }],
  ['little-endian, 4-byte long', { little: true, longSize: 4 }],
  ['big-endian, 8-byte long', { little: false, longSize: 8 }],
  ['big-endian, 4-byte long', { little: false, longSize: 4 }],
] as const)('%s', (_, machine) => {
  const own = new Records(machine, 42, 0x10);
  const page = new Page(machine, 5_000_000_000n)
    .event(7, own.map(0xffff_f000n, 0x1_2345_6000n, 4096))
    .event(1, own.mapSg('0000:00:04.0', [0x1000n, 0x3000n], 0xf000n, 0x2000))
    .event(1, own.alloc(0xffff_8880_0000_1000n, 16, 0xf_ffff), true)
    .event(1, own.sync('virtio0', 0xfff0_0000_0000_1000n, 512))
    .done(3);

  test.each([
    { version: 6, packing: 'none' },
    { version: 7, packing: 'none' },
    { version: 7, packing: 'zlib' },
    { version: 7, packing: 'zstd' },
  ] as const)('version $version, $packing', async ({ version, packing }) => {
    const commandLines = '42 fio\n';
    const buffers = [{ cpus: { 1: [page] } }];
    const file = { ...machine, version, packing, commandLines, buffers };
    const { rows, counts, codes } = await readDat(file);
    expect(codes).toEqual({});
    expect(counts).toMatchObject({ firstTime: 5_000_000_007, lastTime: 5_000_000_010, lost: 3 });
    const task = { cpu: 1, tid: 42, task: 'fio', context: 's' };
    expect(rows.slice(1)).toMatchObject([
      { ...task, name: 'map', address: 'fffff000', phys: '123456000', size: 4096, time: 0 },
      {
        name: 'dma_map_sg',
        device: '0000:00:04.0',
        size: 0x2000,
        aux: 2,
        aux2: 1,
        segments: [
          ['f000', '1000', 0x2000],
          ['0', '3000', 0],
        ],
      },
      { name: 'alloc_iova_fast', token: '0xffff888000001000', size: 16, aux: 0xf_ffff, aux2: 1 },
      { name: 'dma_sync_single_for_device', device: 'virtio0', address: 'fff0000000001000' },
    ]);
    expect(rows[0]).toMatchObject({ kind: EventKind.lost, aux: 3 });
    expect(rows[1]!.flags).toBe(Flag.lossBefore);
  });
});

describe('time', () => {
  const map = records.map(0x1000n, 0x2000n, 4096);

  test('passes with extends, discarded events and absolute stamps that inherit their top bits', async () => {
    const base = (5n << 59n) + 1000n;
    const page = new Page(x86, base)
      .event(0, map)
      .extend(2 ** 30 + 5)
      .event(1, map);
    page
      .discarded(10, 8)
      .event(0, map)
      .absolute(base + 2n ** 31n)
      .event(0, map);
    const { rows, counts } = await readDat(onePage(page));
    const times = [0, 2 ** 30 + 6, 2 ** 30 + 16, 2 ** 31];
    expect(rows.map(({ time }) => time)).toEqual(times);
    expect(counts.lastTime).toBe(Number(base) + 2 ** 31);
  });

  test('an absolute stamp below the last full time has wrapped', async () => {
    const page = new Page(x86, (2n << 59n) - 1n).event(0, map).absolute(4n).event(0, map);
    const { rows } = await readDat(onePage(page));
    expect(rows.map(({ time }) => time)).toEqual([0, 5]);
  });

  test('merges CPUs; of one time the lower CPU is first, and no CPU is reordered', async () => {
    const cpus = {
      0: [new Page(x86, 100n).event(0, map).event(5, map).event(0, map).done()],
      1: [new Page(x86, 100n).event(0, map).event(6, map).done()],
    };
    const { rows } = await readDat({ buffers: [{ cpus }] });
    expect(rows.map(({ cpu, time }) => [cpu, time])).toEqual([
      [0, 0],
      [1, 0],
      [0, 5],
      [0, 5],
      [1, 6],
    ]);
  });

  test('ticks are kept and reported; TSC2NSEC turns them into ns', async () => {
    const clock = Buffer.from('local [x86-tsc] mono');
    const page = new Page(x86, 1000n).event(0, map).event(3000, map);
    const buffers = [{ clock: 'x86-tsc', cpus: { 0: [page.done()] } }];
    const ticks = await readDat({ buffers, options: [[4, clock]] });
    expect(ticks.codes).toEqual({ TICK_CLOCK: 1 });
    expect(ticks.counts).toMatchObject({ clock: 'x86-tsc', resolution: 0, lastTime: 4000 });
    const factor = new ByteWriter(true)
      .u32(1 << 20)
      .u32(21)
      .u64(0)
      .done();
    const ns = await readDat({
      buffers,
      options: [
        [4, clock],
        [14, factor],
      ],
    });
    expect(ns.codes).toEqual({});
    expect(ns.counts).toMatchObject({ resolution: 1, firstTime: 500, lastTime: 2000 });
  });
});

describe('instances', () => {
  const map = records.map(0x1000n, 0x2000n, 4096);
  const early = [new Page(x86, 100n).event(0, map).done()];
  const late = [new Page(x86, 200n).event(0, map).done()];

  test.each([6, 7] as const)('are merged with the top buffer, version %d', async (version) => {
    const buffers = [{ cpus: { 0: late } }, { name: 'dma', cpus: { 0: early, 2: late } }];
    const { rows, counts } = await readDat({ version, buffers, cpuCount: 3 });
    expect(rows.map(({ cpu, time }) => [cpu, time])).toEqual([
      [0, 0],
      [0, 100],
      [2, 100],
    ]);
    expect(counts.maxCpu).toBe(2);
  });

  test('of another clock are passed over', async () => {
    const buffers = [{ cpus: { 0: early } }, { name: 'dma', clock: 'mono', cpus: { 0: late } }];
    const { rows, codes } = await readDat({ version: 7, buffers });
    expect([rows.length, codes]).toEqual([1, { MIXED_CLOCKS: 1 }]);
  });
});

describe('the description of an event decides how it is read', () => {
  const COMMON = [
    'field:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
    'field:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
    'field:int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
  ];

  function described(system: string, name: string, fields: readonly string[]): Format[] {
    const lines = [...COMMON, ...fields].map((field) => `\t${field}`).join('\n');
    return [{ system, text: `name: ${name}\nID: 300\nformat:\n${lines}\n\nprint fmt: "x;\n"` }];
  }

  test('arguments of a probe are packed; a device that could not be read is unknown', async () => {
    const formats = described('dmat', '__iommu_dma_unmap', [
      'field:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;',
      'field:__data_loc char[] dev;\toffset:16;\tsize:4;\tsigned:1;',
      'field:u64 dma_addr;\toffset:20;\tsize:8;\tsigned:0;',
      'field:u64 size;\toffset:28;\tsize:8;\tsigned:0;',
    ]);
    const start = (): ByteWriter => records.start(300).u64(0x8100_0000);
    const named = start()
      .u32((8 << 16) | 36)
      .u64(0xffff_f000n)
      .u64(8192)
      .text('virtio0\0')
      .done();
    const fault = start().u32(36).u64(0xffff_f000n).u64(8192).done();
    const page = new Page(x86, 1n).event(0, named).event(0, fault);
    const { rows, codes } = await readDat({ ...onePage(page), formats });
    const row = { kind: EventKind.dmaUnmapCall, address: 'fffff000', size: 8192 };
    expect(rows).toMatchObject([
      { ...row, device: 'virtio0' },
      { ...row, device: '' },
    ]);
    expect(codes).toEqual({});
  });

  test('maps of VT-d (5.4 to 5.10) name their device behind the fixed fields', async () => {
    const formats = described('intel_iommu', 'map_sg', [
      'field:__data_loc char[] dev_name;\toffset:8;\tsize:4;\tsigned:1;',
      'field:dma_addr_t dev_addr;\toffset:16;\tsize:8;\tsigned:0;',
      'field:phys_addr_t phys_addr;\toffset:24;\tsize:8;\tsigned:0;',
      'field:size_t size;\toffset:32;\tsize:8;\tsigned:0;',
      'field:int index;\toffset:40;\tsize:4;\tsigned:1;',
      'field:int total;\toffset:44;\tsize:4;\tsigned:1;',
    ]);
    const record = records
      .start(300)
      .u32((8 << 16) | 48)
      .u32(0)
      .u64(0xf8f9_7000n)
      .u64(0x1_6955_2000n)
      .u64(4096)
      .u32(7)
      .u32(9)
      .text('virtio0\0')
      .done();
    const { rows, codes } = await readDat({
      ...onePage(new Page(x86, 1n).event(0, record)),
      formats,
    });
    expect(rows).toMatchObject([
      {
        kind: EventKind.vtdMap,
        device: 'virtio0',
        address: 'f8f97000',
        phys: '169552000',
        size: 4096,
        aux2: 1,
      },
    ]);
    expect(codes).toEqual({});
  });

  test('old kernels do not say signed, add common fields and have attributes in types', async () => {
    const formats = described('iommu', 'map', [
      'field:int common_lock_depth;\toffset:8;\tsize:4;',
      'field:u64 __attribute__((aligned(8))) iova;\toffset:16;\tsize:8;',
      'field:phys_addr_t paddr;\toffset:24;\tsize:8;',
      'field:int size;\toffset:32;\tsize:4;',
    ]);
    const record = records.start(300).u64(0).u64(0x1000n).u64(0x2000n).u32(4096).done();
    const { rows } = await readDat({ ...onePage(new Page(x86, 1n).event(0, record)), formats });
    expect(rows).toMatchObject([
      { kind: EventKind.iommuMap, address: '1000', phys: '2000', size: 4096 },
    ]);
  });

  test('an event of the same name from another system, or without its fields, counts by name', async () => {
    const iova = 'field:u64 iova;\toffset:8;\tsize:8;\tsigned:0;';
    const record = records.start(300).u64(0x1000n).done();
    for (const [system, code] of [
      ['gpu', {}],
      ['iommu', { BAD_FORMAT: 1 }],
    ] as const) {
      const formats = described(system, 'map', [iova]);
      const page = new Page(x86, 1n).event(0, record);
      const { rows, codes } = await readDat({ ...onePage(page), formats });
      expect(rows).toMatchObject([{ kind: EventKind.other, name: 'map', address: '0' }]);
      expect(codes).toEqual(code);
    }
  });
});

test('a marker of user space is told by its symbol', async () => {
  const page = new Page(x86, 1n)
    .event(0, records.marker(0x8122_52a0, 'begin'))
    .event(0, records.marker(0x9000_0000, 'printk'));
  const kallsyms = '0000000081225290 t tracing_mark_write\n0000000081225400 t next\n';
  const { rows } = await readDat({ ...onePage(page), kallsyms });
  expect(rows.map(({ kind, name }) => [kind, name])).toEqual([
    [EventKind.mark, 'tracing_mark_write'],
    [EventKind.other, 'print'],
  ]);
});

test.each(['', '0000000000000000 t tracing_mark_write\n'])(
  'where symbols are not known each text is a marker: %j',
  async (kallsyms) => {
    const page = new Page(x86, 1n).event(0, records.marker(0x9000_0000, 'begin'));
    const { rows } = await readDat({ ...onePage(page), kallsyms });
    expect(rows).toMatchObject([{ kind: EventKind.mark, name: 'tracing_mark_write' }]);
  },
);

test('a marker has the numbers of debugfs that are in it', async () => {
  const text =
    'io_tlb_nslabs=512 io_tlb_used=7 io_tlb_used_hiwater=9 io_tlb_transient_nslabs=126 end';
  const page = new Page(x86, 1n).event(0, records.marker(0x8122_52a0, text));
  const kallsyms = '0000000081225290 t tracing_mark_write\n0000000081225400 t next\n';
  const { rows } = await readDat({ ...onePage(page), kallsyms });
  expect(rows).toMatchObject([
    { kind: EventKind.mark, size: 512, aux: 7, aux2: 9, address: (126).toString(16) },
  ]);
});

test('losses that only the statistics tell come at the end', async () => {
  const stats = Buffer.from(
    'CPU: 0\nentries: 1\noverrun: 5\ncommit overrun: 0\ndropped events: 2\n',
  );
  const page = new Page(x86, 1n).event(0, records.map(0n, 0n, 4096));
  const { rows, counts } = await readDat({ ...onePage(page, 3), options: [[2, stats]] });
  expect(counts.lost).toBe(7);
  expect(rows.map(({ kind, aux }) => [kind, aux])).toEqual([
    [EventKind.lost, 3],
    [EventKind.iommuMap, 0],
    [EventKind.lost, 4],
  ]);
});

test('a list that was cut while recording is flagged', async () => {
  const whole = records.mapSg('0000:00:04.0', [0x1000n, 0x3000n], 0xf000n, 0x2000);
  const cut = Buffer.from(whole);
  cut.writeInt32LE(200, 12);
  const { rows } = await readDat(onePage(new Page(x86, 1n).event(0, whole).event(0, cut)));
  expect(rows.map(({ aux, flags }) => [aux, flags])).toEqual([
    [2, 0],
    [200, Flag.listCapped],
  ]);
});

describe('damage is counted with its offset, and the rest is read', () => {
  const map = records.map(0x1000n, 0x2000n, 4096);

  test('an event without a description, and a record shorter than its fields', async () => {
    const page = new Page(x86, 1n)
      .event(0, records.start(999).done())
      .event(0, map.subarray(0, 20))
      .event(0, map);
    const { rows, codes, counts } = await readDat(onePage(page));
    expect([rows.length, codes, counts.unparsed]).toEqual([1, { UNKNOWN_ID: 1, BAD_RECORD: 1 }, 1]);
    expect(counts.diagnostics[0]!.where[0]).toMatch(/@0x[0-9a-f]+$/);
  });

  test('a list outside of its record', async () => {
    const sg = Buffer.from(records.mapSg('0000:00:04.0', [0x1000n], 0xf000n, 0x1000));
    sg.writeUInt32LE((4096 << 16) | 40, 24);
    const { rows, codes } = await readDat(onePage(new Page(x86, 1n).event(0, sg).event(0, map)));
    expect([rows.length, codes]).toEqual([1, { BAD_RECORD: 1 }]);
  });

  test('an event beyond its page: the rest of the page is a gap', async () => {
    const bad = new Page(x86, 1n).event(0, map).raw(28, 0).done();
    const good = new Page(x86, 9n).event(0, map).done();
    const { rows, codes } = await readDat({ buffers: [{ cpus: { 0: [bad, good] } }] });
    expect(codes).toEqual({ BAD_PAGE: 1 });
    expect(rows.map(({ kind }) => kind)).toEqual([
      EventKind.iommuMap,
      EventKind.lost,
      EventKind.iommuMap,
    ]);
  });

  test('data that breaks off', async () => {
    const pages = [new Page(x86, 1n).event(0, map).done(), new Page(x86, 9n).event(0, map).done()];
    const bytes = datFile({ ...x86, version: 6, buffers: [{ cpus: { 0: pages } }] });
    const { rows, codes } = await readText(bytes.subarray(0, -1000));
    expect([rows.length, codes]).toEqual([1, { TRUNCATED_DATA: 1 }]);
  });

  test('a compressed chunk that cannot be unpacked is a gap', async () => {
    const pages = [1n, 5n, 9n].map((stamp) => new Page(x86, stamp).event(0, map).done());
    const bytes = datFile({
      ...x86,
      version: 7,
      packing: 'zstd',
      buffers: [{ cpus: { 0: pages } }],
    });
    const frames: number[] = [];
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) frames.push(at);
    // The options come last, the three pages before them.
    bytes[frames.at(-3)!] = 0;
    const { rows, codes } = await readText(bytes);
    expect(codes).toEqual({ BAD_BLOCK: 1 });
    expect(rows.map(({ kind, time }) => [kind, time])).toEqual([
      [EventKind.iommuMap, 0],
      [EventKind.lost, 0],
      [EventKind.iommuMap, 8],
    ]);
  });

  test('a malformed description: its event is unknown', async () => {
    const formats = [{ system: 'iommu', text: 'name: map\nID: 100\nformat:\n\tfield:nonsense\n' }];
    const { rows, codes } = await readDat({ ...onePage(new Page(x86, 1n).event(0, map)), formats });
    expect([rows, codes]).toEqual([[], { BAD_FORMAT: 1, UNKNOWN_ID: 1 }]);
  });
});

describe('a file that cannot be read is an error with its offset', () => {
  const good = datFile({
    ...x86,
    version: 6,
    ...onePage(new Page(x86, 1n).event(0, records.map(0n, 0n, 4096))),
  });
  const table = good.indexOf('flyrecord\0') + 10;

  function changed(offset: number, ...bytes: number[]): Buffer {
    const copy = Buffer.from(good);
    copy.set(bytes, offset);
    return copy;
  }

  test.each([
    ['a version that is not known', changed(10, 0x38), /@0xa: UNSUPPORTED_VERSION: .*"8"/],
    ['a byte order that is none', changed(12, 2), /@0xc: BAD_HEADER: /],
    ['a long of 5 bytes', changed(13, 5), /@0xd: BAD_HEADER: /],
    ['a page of 5000 bytes', changed(14, 0x88, 0x13), /@0xe: BAD_HEADER: /],
    ['a length beyond the end', changed(30, 0xff, 0xff, 0xff), /@0x1e: LENGTH: /],
    [
      'a file cut in its front',
      good.subarray(0, 900),
      /@0x[0-9a-f]+: (?:LENGTH|TRUNCATED_HEADER): /,
    ],
    ['no CPU with data', changed(table + 8, 0, 0), /NO_EVENTS: .*UNFINISHED/],
    ['data inside of the header', changed(table, 0, 0), /@0x0: BAD_CPU_RANGE: /],
  ])('%s', async (_, bytes, problem) => {
    await expect(readText(bytes)).rejects.toThrow(problem);
  });

  test('two events with one id', async () => {
    const field = 'field:u64 x;\toffset:8;\tsize:8;\tsigned:0;';
    const formats = ['map', 'unmap'].map((name) => ({
      system: 'iommu',
      text: `name: ${name}\nID: ${Id.map}\nformat:\n\t${field}\n`,
    }));
    const file = { ...onePage(new Page(x86, 1n)), formats };
    await expect(readDat(file)).rejects.toThrow(/DUP_ID: iommu:map and iommu:unmap .* 100/);
  });

  test('options that follow themselves, and a compression that is not known', async () => {
    const bytes = datFile({ ...x86, version: 7, ...onePage(new Page(x86, 1n)) });
    const pointer = bytes.indexOf('none\0') + 9;
    const options = Number(bytes.readBigUInt64LE(pointer));
    const size = Number(bytes.readBigUInt64LE(options + 8));
    const looped = Buffer.from(bytes);
    looped.writeBigUInt64LE(BigInt(options), options + 16 + size - 8);
    await expect(readText(looped)).rejects.toThrow(/BAD_OPTIONS: options that follow themselves/);
    const lzma = Buffer.from(bytes);
    lzma.write('lzma', pointer - 9);
    await expect(readText(lzma)).rejects.toThrow(/UNSUPPORTED_COMPRESSION: .*"lzma"/);
  });
});

test('a latency file goes to the text reader', async () => {
  const bytes = datFile({ ...x86, version: 6, buffers: [] });
  const text =
    '# tracer: nop\n#\n             fio-2831    [002] d..1.   912.004381: unmap: ' +
    'IOMMU: iova=0x0000000000001000 - 0x0000000000002000 size=4096 unmapped_size=4096\n';
  const front = bytes.subarray(0, bytes.indexOf('flyrecord\0'));
  const { rows } = await readText(Buffer.concat([front, Buffer.from(`latency  \0${text}`)]));
  expect(rows).toMatchObject([{ name: 'unmap', address: '1000', cpu: 2, size: 4096 }]);
});

test.each([
  'trace.latency-format.txt.zst',
  'trace.latency-verbose.txt.zst',
  'trace.fields.txt.zst',
  'trace.nocontext-info.txt.zst',
])('a text in another layout goes to the reader of that layout: %s', async (name) => {
  const expected = await readFile(bundled(`formats-ftrace/${name}`));
  const text = zstdDecompressSync(readFileSync(bundled(`formats-ftrace/${name}`)));
  const bytes = datFile({ ...x86, version: 6, buffers: [] });
  const front = bytes.subarray(0, bytes.indexOf('flyrecord\0'));
  const found = await readText(Buffer.concat([front, Buffer.from('latency  \0'), text]));
  expect(found.rows).toEqual(expected.rows);
  expect(found.events).toEqual(expected.events);
});

describe('times of a guest', () => {
  const EPOCH = 5_000_000_000n;
  const page = new Page(x86, EPOCH)
    .event(0, records.map(0x1000n, 0x5000n, 4096))
    .event(1000, records.unmap(0x1000n, 4096))
    .event(3000, records.map(0x1000n, 0x5000n, 4096));
  const option = (
    flags: number,
    samples: readonly (readonly [time: bigint, offset: bigint, scaling: bigint])[],
    fraction?: bigint,
  ): Buffer => {
    const writer = new ByteWriter(true).u64(7).u32(flags).u32(1).u32(samples.length);
    for (const column of [0, 1, 2] as const) {
      for (const sample of samples) writer.u64(BigInt.asUintN(64, sample[column]));
    }
    if (fraction !== undefined) for (const _ of samples) writer.u64(fraction);
    return writer.done();
  };

  test.each([
    ['an offset', option(0, [[EPOCH, -2_000_000_000n, 1n]]), 3_000_000_000, [0, 1000, 4000]],
    [
      'one that changes',
      option(0, [
        [EPOCH, 100n, 1n],
        [EPOCH + 2000n, 600n, 1n],
        [EPOCH + 9000n, 700n, 1n],
      ]),
      5_000_000_100,
      [0, 1000, 4500],
    ],
    [
      'the last sample ends a stretch and begins none',
      option(0, [
        [EPOCH, 100n, 1n],
        [EPOCH + 2000n, 600n, 1n],
      ]),
      5_000_000_100,
      [0, 1000, 4000],
    ],
    [
      'one that is interpolated, and goes on so behind the last sample',
      option(1, [
        [EPOCH, 100n, 1n],
        [EPOCH + 2000n, 600n, 1n],
      ]),
      5_000_000_100,
      [0, 1250, 5000],
    ],
    ['a scaled clock', option(0, [[EPOCH, 0n, 3n]], 1n), 7_500_000_000, [0, 1500, 6000]],
  ])('are shifted to those of its host: %s', async (_, data, first, expected) => {
    const { rows, counts, codes } = await readDat({ ...onePage(page), options: [[12, data]] });
    expect(counts.firstTime).toBe(first);
    expect(rows.map(({ time }) => time)).toEqual(expected);
    expect(codes).toEqual({ TIME_SHIFT: 1 });
  });

  test('are kept where the shift cannot be read', async () => {
    const data = option(0, [[EPOCH, 5n, 1n]]).subarray(0, 30);
    const { rows, codes, counts } = await readDat({ ...onePage(page), options: [[12, data]] });
    expect(rows.map(({ time }) => time)).toEqual([0, 1000, 4000]);
    expect(counts.firstTime).toBe(Number(EPOCH));
    expect(codes).toEqual({ TIME_SHIFT: 1 });
  });
});

test('standard input and compressed files are read as the plain file is', async () => {
  const packed = readFileSync(bundled('k61-formats-tracecmd-perf/tracecmd-v6.dat.zst'));
  const plain = await readText(zstdDecompressSync(packed));
  const unpacked = await readText(packed);
  expect(unpacked.rows).toEqual(plain.rows);
  expect([plain.reader.compression, unpacked.reader.compression]).toEqual(['none', 'zstd']);
  expect(plain.counts.sha256).not.toBe(unpacked.counts.sha256);
});
