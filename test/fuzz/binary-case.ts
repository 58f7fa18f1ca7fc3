// A damaged binary file through the whole way: small trace.dat files of every kind, bundled perf.data.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { type Machine, Records } from '../../packages/trace/test/support/dat-events.ts';
import { datFile, Page } from '../../packages/trace/test/support/dat-file.ts';
import type { Random } from './random.ts';
import { readAndReplay } from './trace-case.ts';

const TRACES = fileURLToPath(new URL('../../traces', import.meta.url));
const PAGE = 4096;
const LARGEST = 1_000_000;
const BYTES = [0, 1, 0x7f, 0x80, 0xff] as const;
const MACHINES: readonly Machine[] = [
  { little: true, longSize: 8 },
  { little: true, longSize: 4 },
  { little: false, longSize: 8 },
  { little: false, longSize: 4 },
];
const bundled = new Map<string, Buffer>();

/** Runs one damaged file, written to `file`; throws where anything is wrong. Returns what was done. */
export async function binaryCase(random: Random, file: string): Promise<string> {
  const perf = perfFiles();
  const isPerf = perf.length > 0 && random.chance(0.2);
  const name = isPerf ? random.pick(perf) : 'trace.dat';
  const original = isPerf ? bytesOf(name) : anyDat(random);
  const bytes = damaged(original, random);
  writeFileSync(file, bytes);
  return readAndReplay(random, file, `${name}, ${bytes.length} bytes`);
}

function anyDat(random: Random): Buffer {
  const machine = random.pick(MACHINES);
  const version = random.pick([6, 7] as const);
  const packing = version === 6 ? 'none' : random.pick(['none', 'zlib', 'zstd'] as const);
  const pages = (): Buffer[] => [0n, 1n, 2n].map((n) => anyPage(machine, random, 1000n + 100n * n));
  const buffers = [{ cpus: { 0: pages(), 2: pages() } }, { name: 'dma', cpus: { 1: pages() } }];
  const options = [
    [2, Buffer.from('CPU: 0\noverrun: 40\ndropped events: 2\n')],
    [5, Buffer.from('Linux host 6.12.1 #1')],
  ] as const;
  return datFile({ ...machine, version, packing, commandLines: '300 fio\n', options, buffers });
}

function anyPage(machine: Machine, random: Random, stamp: bigint): Buffer {
  const records = new Records(machine);
  const page = new Page(machine, stamp);
  for (let i = 0; i < 10; i++) {
    const iova = 0xf_0000n + BigInt(PAGE * random.below(8));
    page.event(2, records.map(iova, 0x1000n, PAGE)).extend(random.below(1000));
    page.event(1, records.mapSg('0000:00:04.0', [0x1000n, 0x3000n], iova, PAGE));
    page.event(1, records.alloc(0x1000n, 1, 0xfffff), true);
    page.event(1, records.sync('virtio0', iova, 512));
    page.event(1, records.unmap(iova, PAGE));
  }
  return page.done(random.pick([0, null, 3]));
}

/** Some bytes changed, a piece copied elsewhere, or the end cut off. */
function damaged(original: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(original);
  const way = random.below(8);
  if (way === 0) return bytes.subarray(0, random.below(bytes.length));
  if (way === 1) {
    const from = random.below(bytes.length);
    bytes.copy(bytes, random.below(bytes.length), from, from + random.below(256));
    return bytes;
  }
  // Half of the changes hit the front or the header of a page, where lengths are.
  for (let left = random.from(0, 10); left > 0; left--) {
    const near = PAGE * random.below(Math.ceil(bytes.length / PAGE)) + random.below(64);
    const at = Math.min(bytes.length - 1, way < 5 ? near : random.below(bytes.length));
    bytes[at] = random.chance(0.5) ? random.pick(BYTES) : bytes[at]! ^ (1 << random.below(8));
  }
  return bytes;
}

/** Bundled perf.data files that are small. */
function perfFiles(): string[] {
  if (bundled.size === 0) {
    for (const path of readdirSync(TRACES, { recursive: true, encoding: 'utf8' })) {
      if (!/\.data(?:\.zst)?$/.test(path)) continue;
      const bytes = readFileSync(join(TRACES, path));
      const unpacked = path.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes;
      if (unpacked.length <= LARGEST) bundled.set(path, unpacked);
    }
  }
  return [...bundled.keys()];
}

function bytesOf(name: string): Buffer {
  return bundled.get(name) ?? Buffer.alloc(0);
}
