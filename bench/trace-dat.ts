// How fast a trace.dat file becomes events and requests, against `trace-cmd report > /dev/null`.
//
//   node bench/trace-dat.ts [ROUNDS]
//
// The file is the bundled recording of version 6 with the pages of each CPU repeated at later times. Both
// take turns, after a round for warming up. Where trace-cmd is not installed, ours is timed alone.

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

const ORIGINAL = fileURLToPath(
  new URL('../traces/formats-tracecmd/tracecmd-v6.dat.zst', import.meta.url),
);
const COPIES = 600;
const PAGE = 4096;
const PERIOD_NS = 3_000_000_000n;
const TABLE_ENTRY = 16;

const rounds = Number(process.argv[2] ?? 5);
const directory = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
try {
  const file = join(directory, 'trace.dat');
  repeat(file);
  await compare(file);
} finally {
  rmSync(directory, { recursive: true });
}

/** Writes the recording with its pages repeated. */
function repeat(file: string): void {
  const bytes = zstdDecompressSync(readFileSync(ORIGINAL));
  const table = bytes.indexOf('flyrecord\0') + 10;
  const cpus = 4;
  const ranges = Array.from({ length: cpus }, (_, cpu) => ({
    start: Number(bytes.readBigUInt64LE(table + TABLE_ENTRY * cpu)),
    size: Number(bytes.readBigUInt64LE(table + TABLE_ENTRY * cpu + 8)),
  }));
  const front = bytes.subarray(0, Math.min(...ranges.map(({ start }) => start)));
  const output = openSync(file, 'w');
  let at = front.length;
  ranges.forEach(({ size }, cpu) => {
    front.writeBigUInt64LE(BigInt(at), table + TABLE_ENTRY * cpu);
    front.writeBigUInt64LE(BigInt(size * COPIES), table + TABLE_ENTRY * cpu + 8);
    at += size * COPIES;
  });
  writeSync(output, front);
  for (const { start, size } of ranges) {
    const pages = Buffer.from(bytes.subarray(start, start + size));
    for (let copy = 0; copy < COPIES; copy++) {
      writeSync(output, pages);
      for (let page = 0; page < size; page += PAGE) {
        const stamp = pages.readBigUInt64LE(page);
        if (stamp > 0n) pages.writeBigUInt64LE(stamp + PERIOD_NS, page);
      }
    }
  }
  closeSync(output);
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
    const seconds = await timed(() => report(file));
    if (seconds > 0) theirs.push(seconds);
  }
  console.log(`${events} events, ${(statSync(file).size / 1e6).toFixed(0)} MB, best of ${rounds}`);
  const best = theirs.length === 0 ? Number.NaN : Math.min(...theirs);
  print('trace-cmd report', events, best, best);
  print('to events', events, Math.min(...ours), best);
  print('to requests', events, Math.min(...requests), best);
  if (theirs.length === 0) console.log('trace-cmd is not installed: apt install trace-cmd');
}

function print(what: string, events: number, seconds: number, theirs: number): void {
  const rate = (events / seconds / 1e6).toFixed(2);
  const ratio = (theirs / seconds).toFixed(1);
  if (!Number.isNaN(seconds)) {
    console.log(`${what.padEnd(18)} ${rate.padStart(6)} million events/s ${ratio.padStart(6)} x`);
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

/** False where trace-cmd is not installed. */
function report(file: string): boolean {
  return spawnSync('trace-cmd', ['report', '-i', file], { stdio: 'ignore' }).status === 0;
}
