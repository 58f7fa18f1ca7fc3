import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { EventKind, Flag } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { EventSink } from '../src/event-sink.ts';
import { readPerfData } from '../src/formats/perf-data.ts';
import { lineWindow } from '../src/lines.ts';
import type { RandomAccess } from '../src/random-access.ts';
import { ByteWriter } from './support/byte-writer.ts';
import { mapSample, perfAttr, perfFile, record, tracingData } from './support/perf-file.ts';
import { type EventRow, readFile, readText } from './support/read-text.ts';

const traces = new URL('../../../traces/', import.meta.url);
const path = (file: string): string => fileURLToPath(new URL(file, traces));
const content = (file: string): Buffer => zstdDecompressSync(readFileSync(path(file)));

const LOST = 2;
const COMM = 3;
const FORK = 7;
const LOST_SAMPLES = 13;
const FINISHED_ROUND = record(68, Buffer.alloc(0));
const AUXTRACE = 71;
const COMPRESSED = 81;
const COMPRESSED2 = 83;

const times = (rows: readonly EventRow[]): number[] => rows.map(({ time }) => time);

/** What perf script prints of an event: all but the context and, without --ns, the time. */
function printed(rows: readonly EventRow[], withTime: boolean): unknown[] {
  return rows.map((row) => ({ ...row, context: '', line: 0, time: withTime ? row.time : 0 }));
}

/** The last fields of a record that is no sample. */
function trailer(time: number, cpu: number, tid = 417): Buffer {
  return new ByteWriter(true).u32(tid).u32(tid).u64(time).u32(cpu).u32(0).u64(5).done();
}

function comm(name: string, tid: number, time: number): Buffer {
  const body = new ByteWriter(true).u32(tid).u32(tid).text(`${name}\0`).pad(8);
  return record(COMM, body.bytes(trailer(time, 0)).done());
}

describe('recordings of perf give the events that perf script prints', () => {
  test.each([
    ['formats-perf/perf.data.zst', 'formats-perf/perf.script-ns.txt.zst', true],
    ['formats-perf/perf-mono.data.zst', 'formats-perf/perf-mono.script.txt.zst', false],
    ['formats-perf/perf-callgraph.data', 'formats-perf/perf-callgraph.script.txt', false],
    [
      'k61-formats-tracecmd-perf/perf.data.zst',
      'k61-formats-tracecmd-perf/perf.script.txt.zst',
      false,
    ],
    [
      'lossy-small-buffer/perf-lost.data.zst',
      'lossy-small-buffer/perf-lost.script-show-lost.txt.zst',
      false,
    ],
  ])('%s', async (binary, text, withTime) => {
    const data = await readFile(path(binary));
    const script = await readFile(path(text));
    expect(printed(data.rows, withTime)).toEqual(printed(script.rows, withTime));
    expect(data.events).toEqual(script.events);
    expect(data.counts).toMatchObject({ unparsed: 0, resolution: 1, lost: script.counts.lost });
  });

  test.each([
    ['formats-perf/perf-zstd.data', 3130, 'COMPRESSED'],
    ['formats-perf/perf-pipe.data.zst', 3569, 'written to a pipe'],
  ])('%s has %i samples, %s', async (file, samples) => {
    const { rows, counts, reader } = await readFile(path(file));
    expect(rows.length).toBe(samples);
    expect(counts).toMatchObject({ unparsed: 0, diagnostics: [], headerCpus: 4, clock: 'perf' });
    expect(counts.kernel).toBe('6.12.107+deb13-amd64');
    expect(reader.format).toBe('perf.data');
    expect(times(rows)).toEqual(times(rows).toSorted((a, b) => a - b));
  });

  test('CLOCK_MONOTONIC is told', async () => {
    expect((await readFile(path('formats-perf/perf-mono.data.zst'))).counts.clock).toBe('mono');
  });
});

describe('a file of either byte order and size of long', () => {
  test.each([
    [true, 8],
    [true, 4],
    [false, 8],
    [false, 4],
  ] as const)('little %s, %i bytes', async (little, longSize) => {
    const sample = mapSample(7_000_000_123, {
      iova: 0xffff_ffff_0000_1000n,
      little,
      longSize,
      cpu: 2,
    });
    const { rows, counts } = await readText(perfFile([sample], { little, longSize }));
    expect(rows).toMatchObject([
      { cpu: 2, tid: 417, name: 'map', address: 'ffffffff00001000', phys: '12345000', size: 4096 },
    ]);
    expect(counts).toMatchObject({ firstTime: 7_000_000_123, kernel: '6.12.107', headerCpus: 4 });
  });
});

describe('order', () => {
  test('CPUs are merged by time, equal times stay as they came', async () => {
    const cpu0 = [1000, 1020, 1040].map((time) => mapSample(time, { cpu: 0 }));
    const cpu1 = [1010, 1020, 1030].map((time) => mapSample(time, { cpu: 1 }));
    const { rows } = await readText(perfFile([...cpu0, ...cpu1, FINISHED_ROUND]));
    expect(rows.map(({ time, cpu }) => [time, cpu])).toEqual([
      [0, 0],
      [10, 1],
      [20, 0],
      [20, 1],
      [30, 1],
      [40, 0],
    ]);
  });

  test('a round may bring what belongs before the end of the one before it', async () => {
    const late = mapSample(1005, { cpu: 1 });
    const records = [mapSample(1000), mapSample(1010), FINISHED_ROUND, late, FINISHED_ROUND];
    const { rows } = await readText(perfFile(records));
    expect(times(rows)).toEqual([0, 5, 10]);
  });

  test('times since 1970 are exact', async () => {
    const start = 1_795_000_000_000_000_001n;
    const { rows, counts } = await readText(perfFile([mapSample(start), mapSample(start + 1n)]));
    expect(times(rows)).toEqual([0, 1]);
    expect(counts.diagnostics).toEqual([]);
  });
});

test('a name counts from its time on, and a new thread has that of its parent', async () => {
  const fork = new ByteWriter(true)
    .u32(418)
    .u32(417)
    .u32(418)
    .u32(417)
    .u64(1005)
    .bytes(trailer(1005, 0));
  const records = [
    comm('early', 417, 0),
    mapSample(1000),
    record(FORK, fork.done()),
    mapSample(1006, { tid: 418 }),
    comm('fio', 417, 1007),
    mapSample(1010),
    mapSample(1011, { tid: 0 }),
    mapSample(1012, { tid: 999 }),
  ];
  const { rows } = await readText(perfFile(records));
  expect(rows.map(({ task }) => task)).toEqual(['early', 'early', 'fio', 'swapper', '']);
});

describe('losses', () => {
  test('stand at their place, and mark the next event of their CPU', async () => {
    const lost = new ByteWriter(true).u64(5).u64(37).bytes(trailer(1005, 1)).done();
    const records = [mapSample(1000), record(LOST, lost), mapSample(1010, { cpu: 1 })];
    const { rows, counts } = await readText(perfFile(records));
    expect(rows).toMatchObject([
      { time: 0 },
      { time: 5, cpu: 1, kind: EventKind.lost, aux: 37 },
      { time: 10, flags: Flag.lossBefore },
    ]);
    expect(counts.lost).toBe(37);
  });

  test('the total at the end counts only what it has more', async () => {
    const lost = record(LOST, new ByteWriter(true).u64(5).u64(30).bytes(trailer(1005, 1)).done());
    const total = record(LOST_SAMPLES, new ByteWriter(true).u64(37).bytes(trailer(0, 0)).done());
    const { counts } = await readText(perfFile([mapSample(1000), lost, total]));
    expect(counts.lost).toBe(37);
    expect([...counts.lostByCpu]).toEqual([
      [1, 30],
      [-1, 7],
    ]);
  });
});

describe('compressed records', () => {
  const stream = zstdCompressSync(
    Buffer.concat(
      Array.from({ length: 500 }, (_, i) => mapSample(1000 + i, { iova: BigInt(i * 977) << 12n })),
    ),
  );

  test('are pieces of one stream, whose records may lie across them', async () => {
    for (const piece of [1, 97, 4096]) {
      const records: Buffer[] = [];
      for (let from = 0; from < stream.length; from += piece) {
        records.push(record(COMPRESSED, stream.subarray(from, from + piece)));
      }
      const { rows, counts } = await readText(perfFile(records, { compression: 1 }));
      expect(rows.length).toBe(500);
      expect(rows[499]).toMatchObject({ time: 499, address: (499 * 977 * 4096).toString(16) });
      expect(counts.diagnostics).toEqual([]);
    }
  });

  test('of the newer kind tell their length', async () => {
    const body = new ByteWriter(true).u64(stream.length).bytes(stream).pad(8).done();
    const { rows } = await readText(perfFile([record(COMPRESSED2, body)], { compression: 1 }));
    expect(rows.length).toBe(500);
  });

  test('that are damaged end there, what came before is kept', async () => {
    const broken = record(COMPRESSED, Buffer.alloc(64, 0xa5));
    const records = [mapSample(1000), broken, mapSample(1010)];
    const { rows, codes } = await readText(perfFile(records, { compression: 1 }));
    expect(times(rows)).toEqual([0, 10]);
    expect(codes).toEqual({ BAD_BLOCK: 1 });
  });

  test('in another way than zstd are refused', async () => {
    await expect(readText(perfFile([mapSample(1)], { compression: 2 }))).rejects.toThrow(
      /@0x[0-9a-f]+: BAD_BLOCK: expected zstd \(1\) as compression, found type 2/,
    );
  });

  test('of a bomb are refused', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(80 * 1024 * 1024));
    const file = perfFile([record(COMPRESSED, bomb)], { compression: 1 });
    await expect(readText(file)).rejects.toThrow(/@0x100: SIZE_LIMIT: /);
  });
});

test('what is written to a pipe has its description in records', async () => {
  const formats = tracingData();
  const file = Buffer.concat([
    new ByteWriter(true).text('PERFILE2').u64(16).done(),
    record(64, new ByteWriter(true).bytes(perfAttr()).u64(5).done()),
    record(66, new ByteWriter(true).u32(formats.length).u32(0).done()),
    new ByteWriter(true).bytes(formats).pad(8).done(),
    mapSample(1000),
  ]);
  const { rows } = await readText(file);
  expect(rows).toMatchObject([{ name: 'map', address: 'fffff000' }]);
});

test('what hardware wrote beside the records is skipped', async () => {
  const aux = record(AUXTRACE, new ByteWriter(true).u64(24).bytes(Buffer.alloc(32)).done());
  const records = [mapSample(1000), aux, Buffer.alloc(24, 0xff), mapSample(1010)];
  const { rows } = await readText(perfFile(records));
  expect(times(rows)).toEqual([0, 10]);
});

describe('a file that cannot be read is an error with its offset', () => {
  test.each([
    [
      'version 1',
      perfFile([], { magic: 'PERFFILE' }),
      /@0x0: UNSUPPORTED_VERSION: expected version 2/,
    ],
    [
      'no tracepoint',
      perfFile([mapSample(1)], { type: 1 }),
      /@0x100: NO_TRACEPOINTS: .*perf record/,
    ],
    ['no formats', perfFile([mapSample(1)], { withFormats: false }), /@0x100: NO_TRACEPOINTS: /],
    [
      'a record without a length',
      perfFile([mapSample(1), Buffer.alloc(8)]),
      /@0x160: BAD_RECORD: expected a record of 8 bytes or more, found 0/,
    ],
    [
      'the head of a directory of several threads',
      perfFile([mapSample(1)], { extraFeatures: [[24, Buffer.alloc(8)]] }),
      /@0x0: UNSUPPORTED: .*found the file "data" of a directory of "perf record --threads"; name the directory/,
    ],
    ['a head that breaks off', perfFile([]).subarray(0, 90), /@0x\w+: TRUNCATED_HEADER: /],
  ])('%s', async (_, file, message) => {
    await expect(readText(file)).rejects.toThrow(message);
  });
});

describe('damage is counted with its offset, and the rest is read', () => {
  test('a recorder that was killed before it wrote the length', async () => {
    const { rows, codes } = await readText(perfFile([mapSample(1000)], { dataSize: 0 }));
    expect(rows.length).toBe(1);
    expect(codes).toEqual({ TRUNCATED_DATA: 1 });
  });

  test('a pipe that broke off inside a record', async () => {
    const file = content('formats-perf/perf-pipe.data.zst').subarray(0, 300_001);
    const { rows, counts, codes } = await readText(file);
    expect(rows.length).toBeGreaterThan(1000);
    expect(codes).toEqual({ TRUNCATED_DATA: 1 });
    expect(counts.diagnostics[0]?.where[0]).toMatch(/@0x493[0-9a-f]{2}$/);
  });

  test('raw data that does not fit into its sample', async () => {
    const records = [mapSample(1000), mapSample(1010, { rawSize: 4000 })];
    const { rows, counts, codes } = await readText(perfFile(records));
    expect(rows.length).toBe(1);
    expect(codes).toEqual({ BAD_RECORD: 1 });
    expect(counts.diagnostics[0]?.where[0]).toMatch(/@0x160$/);
  });

  test('samples of an event that is not described', async () => {
    const { rows, codes } = await readText(perfFile([mapSample(1000), mapSample(1010, { id: 6 })]));
    expect(rows.length).toBe(1);
    expect(codes).toEqual({ UNKNOWN_ID: 1 });
  });

  test('samples without a time', async () => {
    const { rows, codes } = await readText(perfFile([mapSample(1000)], { sampleType: 0x10583 }));
    expect(rows).toEqual([]);
    expect(codes).toEqual({ NO_TIME: 1 });
  });

  test('bytes changed by chance never crash or hang', async () => {
    const file = content('formats-perf/perf-pipe.data.zst').subarray(0, 120_000);
    let seed = 20_261_121;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let i = 0; i < 40; i++) {
      const damaged = Buffer.from(file);
      for (let n = 0; n < 12; n++) damaged[random(file.length)] = random(256);
      const outcome = await readText(damaged).then(
        () => 'read',
        (error: Error) => error.message,
      );
      expect(outcome).toMatch(/^read$|: [A-Z_]+: /);
    }
  });
});

test('a round that does not fit into memory gives the same order as one sort of all', async () => {
  const records: Buffer[] = [];
  for (let cpu = 0; cpu < 7; cpu++) {
    for (let i = 0; i < 900; i++) {
      records.push(
        mapSample(1000 + i * 7 + (cpu % 3), { cpu, iova: BigInt(4096 * (cpu * 1000 + i)) }),
      );
    }
  }
  const rounds = [records, [FINISHED_ROUND], records.slice(0, 50), [FINISHED_ROUND]].flat();
  const file = perfFile(rounds);
  const read = async (room: number): Promise<string[]> => {
    const window = lineWindow();
    const sink = new EventSink('perf.data', window);
    const access: RandomAccess = {
      source: 'perf.data',
      size: file.length,
      into: (bytes, position) => file.copy(bytes, 0, position, position + bytes.length),
      close() {},
    };
    const rows: string[] = [];
    for await (const { length, time, addressLow, cpu } of readPerfData(
      access,
      window,
      sink,
      room,
    )) {
      for (let i = 0; i < length; i++) rows.push(`${time[i]} ${cpu[i]} ${addressLow[i]}`);
    }
    expect(sink.counts.diagnostics).toEqual([]);
    return rows;
  };
  const expected = await read(16 * 1024 * 1024);
  expect(expected).toHaveLength(6350);
  expect(await read(300 * 1024)).toEqual(expected);
});
