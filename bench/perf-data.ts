// How fast a perf.data file becomes events and requests, against `perf script > /dev/null`.
//
//   node bench/perf-data.ts [ROUNDS]
//
// The file is the bundled recording with its samples repeated at later times, a round for each copy. Both
// take turns, after a round for warming up. Where perf is not installed, ours is timed alone.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { compareWithTool } from './against-tool.ts';

const ORIGINAL = fileURLToPath(new URL('../traces/formats-perf/perf.data.zst', import.meta.url));
const COPIES = 800;
const PERIOD_NS = 2_000_000_000n;
const SAMPLE = 9;
/** Where the time of a sample lies: behind header, id, ip and thread. */
const TIME = 32;
const FINISHED_ROUND = Buffer.of(68, 0, 0, 0, 0, 0, 8, 0);
const DATA = 40;
const FEATURES = 72;

const rounds = Number(process.argv[2] ?? 5);
const directory = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
try {
  const file = join(directory, 'perf.data');
  repeat(file);
  await compareWithTool(file, rounds, {
    label: 'perf script',
    package: 'linux-perf',
    words: (path) => ['perf', 'script', '-i', path],
  });
} finally {
  rmSync(directory, { recursive: true });
}

/** Writes the recording with its samples repeated. */
function repeat(file: string): void {
  const bytes = zstdDecompressSync(readFileSync(ORIGINAL));
  const start = Number(bytes.readBigUInt64LE(DATA));
  const end = start + Number(bytes.readBigUInt64LE(DATA + 8));
  const others: Buffer[] = [];
  const samples: Buffer[] = [];
  for (let at = start; at < end; ) {
    const next = at + bytes.readUInt16LE(at + 6);
    const isSample = bytes.readUInt32LE(at) === SAMPLE;
    (isSample ? samples : others).push(bytes.subarray(at, next));
    at = next;
  }
  const round = Buffer.concat([...samples, FINISHED_ROUND]);
  const front = Buffer.concat([bytes.subarray(0, start), ...others]);
  const size = front.length - start + COPIES * round.length;
  front.writeBigUInt64LE(BigInt(size), DATA + 8);
  const output = openSync(file, 'w');
  writeSync(output, front);
  for (let copy = 0; copy < COPIES; copy++) {
    writeSync(output, round);
    for (let at = 0; at < round.length - 8; at += round.readUInt16LE(at + 6)) {
      round.writeBigUInt64LE(round.readBigUInt64LE(at + TIME) + PERIOD_NS, at + TIME);
    }
  }
  writeSync(output, moved(bytes.subarray(end), sections(bytes), BigInt(start + size - end)));
  closeSync(output);
}

/** How many features the file has. */
function sections(bytes: Buffer): number {
  let count = 0;
  for (let bits = bytes.readBigUInt64LE(FEATURES); bits > 0n; bits >>= 1n)
    count += Number(bits & 1n);
  return count;
}

/** The features, which lie `distance` bytes further on. */
function moved(features: Buffer, count: number, distance: bigint): Buffer {
  const copy = Buffer.from(features);
  for (let at = 0; at < 16 * count; at += 16) {
    copy.writeBigUInt64LE(copy.readBigUInt64LE(at) + distance, at);
  }
  return copy;
}
