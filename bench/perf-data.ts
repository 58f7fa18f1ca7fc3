// How fast a perf.data file becomes events and requests, against `perf script > /dev/null`.
//
//   node bench/perf-data.ts [ROUNDS]
//
// The file is the bundled recording with its samples repeated at later times, a round for each copy. Both
// take turns, after a round for warming up. Where perf is not installed, ours is timed alone.

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { openTrace, readCapture } from '@dmalab/trace';

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
  await compare(file);
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

async function compare(file: string): Promise<void> {
  const events = await readEvents(file);
  await readRequests(file);
  const ours: number[] = [];
  const requests: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await timed(() => readEvents(file)));
    requests.push(await timed(() => readRequests(file)));
    const seconds = await timed(() => script(file));
    if (seconds > 0) theirs.push(seconds);
  }
  console.log(`${events} events, ${(statSync(file).size / 1e6).toFixed(0)} MB, best of ${rounds}`);
  const best = theirs.length === 0 ? Number.NaN : Math.min(...theirs);
  print('perf script', events, best, best);
  print('to events', events, Math.min(...ours), best);
  print('to requests', events, Math.min(...requests), best);
  if (theirs.length === 0) console.log('perf is not installed: apt install linux-perf');
}

function print(what: string, events: number, seconds: number, theirs: number): void {
  const rate = (events / seconds / 1e6).toFixed(2);
  const ratio = Number.isNaN(theirs) ? '' : `${(theirs / seconds).toFixed(1).padStart(6)} x`;
  if (!Number.isNaN(seconds)) {
    console.log(`${what.padEnd(18)} ${rate.padStart(6)} million events/s ${ratio}`);
  }
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  const done = await work();
  return done === false ? 0 : (performance.now() - start) / 1000;
}

async function readEvents(file: string): Promise<number> {
  const reader = await openTrace(file);
  let events = 0;
  for await (const { length } of reader.batches()) events += length;
  return events;
}

async function readRequests(file: string): Promise<void> {
  const capture = await readCapture(file);
  capture.close();
}

/** False where perf is not installed. */
function script(file: string): boolean {
  return spawnSync('perf', ['script', '-i', file], { stdio: 'ignore' }).status === 0;
}
