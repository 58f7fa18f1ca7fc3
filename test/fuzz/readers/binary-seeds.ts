// Small binary recordings made by rule: trace.dat of every kind, perf.data as file, pipe and compressed.

import { zstdCompressSync } from 'node:zlib';
import { ByteWriter } from '../../../packages/trace/test/support/byte-writer.ts';
import { formats, type Machine, Records } from '../../../packages/trace/test/support/dat-events.ts';
import { datFile, Page } from '../../../packages/trace/test/support/dat-file.ts';
import {
  mapSample,
  perfAttr,
  perfFile,
  record,
  tracingData,
} from '../../../packages/trace/test/support/perf-file.ts';
import type { Random } from '../random.ts';
import { anyRecord, kernelFormats, timeOptions, withText } from './dat-extras.ts';
import { setField } from './mutate-binary.ts';

const LONG = 0.05;
const VAST = 0.0005;
const DAMAGED_INSIDE = 0.4;
const MACHINES: readonly Machine[] = [
  { little: true, longSize: 8 },
  { little: true, longSize: 4 },
  { little: false, longSize: 8 },
  { little: false, longSize: 4 },
];
const COMPRESSED = 81;
/** Bytes of a compressed record at most; perf itself fills one to nearly 64 KiB. */
const LONGEST_PIECE = 65_000;
const HEADER_ATTR = 64;
const TRACING_DATA = 66;
const FINISHED_ROUND = 68;
const LOST = 2;
const LOST_SAMPLES = 13;
const COMM = 3;

/**
 * A trace.dat file of any machine, packing, buffers and records, with some of the described events; at times its
 * pages are damaged before they are packed.
 */
export function anyDat(version: 6 | 7, random: Random): Buffer {
  const machine = random.pick(MACHINES);
  const packing = version === 6 ? 'none' : random.pick(['none', 'none', 'zlib', 'zstd'] as const);
  const isLong = random.chance(LONG);
  const isDamaged = packing !== 'none' && random.chance(DAMAGED_INSIDE);
  const pages = (most: number): Buffer[] =>
    Array.from({ length: random.below(most + 1) }, (_, n) => {
      const page = anyPage(machine, random, 1000n * BigInt(n), isLong ? 60 : 8);
      if (isDamaged) setField(page, random);
      return page;
    });
  const first = [anyPage(machine, random, 0n, 8), ...pages(isLong ? 20 : 0)];
  const buffers = [{ cpus: { 0: first, [random.from(1, 3)]: pages(1) } }];
  if (random.chance(0.15)) buffers.push(Object.assign({ cpus: { 0: pages(1) } }, { name: 'dma' }));
  const options = [
    [2, Buffer.from('CPU: 0\noverrun: 40\ndropped events: 2\n')],
    [5, Buffer.from('Linux host 6.12.1 #1')],
    [random.below(40), Buffer.alloc(random.below(20), random.below(256))],
  ] as const;
  const isKernel = machine.longSize === 8 && machine.little && random.chance(0.4);
  const own = isKernel ? kernelFormats().filter(() => random.chance(0.2)) : [];
  const file = datFile({
    ...machine,
    version,
    packing,
    commandLines: '300 fio\n',
    kallsyms: random.chance(0.2) ? 'ffffffff81000000 T tracing_mark_write\n' : '',
    formats: [...formats(machine).filter(() => isLong || random.chance(0.5)), ...own],
    options: [
      ...options.filter(() => random.chance(0.3)),
      ...(random.chance(0.15) ? timeOptions(machine, random) : []),
    ],
    buffers,
  });
  return version === 6 && random.chance(0.05) ? withText(file, random) : file;
}

function anyPage(machine: Machine, random: Random, stamp: bigint, most: number): Buffer {
  const records = new Records(machine);
  const page = new Page(machine, stamp);
  for (let left = random.from(1, most); left > 0; left--) {
    const iova = 0xf_0000n + BigInt(4096 * random.below(8));
    const delta = random.below(100);
    const kind = random.below(11);
    if (kind === 10) anyRecord(machine, page, random);
    else if (kind === 9) page.event(delta, records.marker(0x8100_0000, 'dma: a=1'));
    else if (kind === 0) page.event(delta, records.map(iova, 0x1000n, 4096));
    else if (kind === 1) page.event(delta, records.unmap(iova, 4096));
    else if (kind === 2) page.event(delta, records.mapSg('dev0', [0x1000n, 0x3000n], iova, 4096));
    else if (kind === 3) page.event(delta, records.alloc(0x1000n, 1, 0xfffff), true);
    else if (kind === 4) page.event(delta, records.sync('virtio0', iova, 512));
    else if (kind === 5) page.extend(random.below(2 ** 30));
    else if (kind === 6) page.absolute(BigInt(random.below(2 ** 31)) << 20n);
    else if (kind === 7) page.discarded(delta, 8);
    else page.raw(random.below(32), random.below(2 ** 20));
  }
  return page.done(random.chance(0.5) ? undefined : random.pick([0, null, 3]));
}

/** A perf.data file with a header. */
export function anyPerf(random: Random): Buffer {
  const little = random.chance(0.8);
  const longSize = random.pick([4, 8] as const);
  return perfFile(perfRecords(random, little, longSize), { little, longSize });
}

/** What perf record writes to a pipe. */
export function anyPipe(random: Random): Buffer {
  const attr = new ByteWriter(true).bytes(perfAttr()).u64(5).done();
  const formats = tracingData();
  const file = new ByteWriter(true).text('PERFILE2').u64(16);
  file.bytes(record(HEADER_ATTR, attr));
  file.bytes(record(TRACING_DATA, new ByteWriter(true).u32(formats.length).u32(0).done()));
  file.bytes(formats).pad(8);
  for (const one of perfRecords(random, true, 8)) file.bytes(one);
  return file.done();
}

/** Now and then more than may wait in memory. */
function recordsIn(random: Random): number {
  if (random.chance(VAST)) return 8000;
  return random.below(random.chance(LONG) ? 100 : 8);
}

/** A perf.data file with compressed records. */
export function anyCompressed(random: Random): Buffer {
  const records = Buffer.concat(perfRecords(random, true, 8));
  if (records.length > 0 && random.chance(DAMAGED_INSIDE)) setField(records, random);
  const packed = zstdCompressSync(records);
  const cut = random.below(packed.length);
  const parts = random.chance(0.5) ? [packed] : [packed.subarray(0, cut), packed.subarray(cut)];
  return perfFile(
    parts.flatMap((part) => piecesOf(part).map((piece) => record(COMPRESSED, piece))),
    { compression: 1 },
  );
}

/** Pieces that fit into a record, whose length has 16 bits. */
function piecesOf(bytes: Buffer): Buffer[] {
  const count = Math.max(1, Math.ceil(bytes.length / LONGEST_PIECE));
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * LONGEST_PIECE, (i + 1) * LONGEST_PIECE),
  );
}

function perfRecords(random: Random, little: boolean, longSize: 4 | 8): Buffer[] {
  return Array.from({ length: recordsIn(random) }, () => {
    const kind = random.below(12);
    const numbers = (count: number): Buffer => {
      const body = new ByteWriter(little);
      for (let i = 0; i < count; i++) body.u32(random.below(1000));
      return body.done();
    };
    if (kind === 0) return record(FINISHED_ROUND, Buffer.alloc(0), little);
    if (kind === 1) return record(LOST, numbers(12), little);
    if (kind === 2) return record(LOST_SAMPLES, numbers(2), little);
    if (kind === 3) return record(COMM, numbers(14), little);
    if (kind === 4) return record(random.below(90), numbers(random.below(9)), little);
    const iova = 0xf_0000n + BigInt(4096 * random.below(8));
    return mapSample(1000 + random.below(100_000), {
      iova,
      cpu: random.below(5),
      id: random.chance(0.95) ? 5 : 6,
      little,
      longSize,
    });
  });
}
