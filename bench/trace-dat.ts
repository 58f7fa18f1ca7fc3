// How fast a trace.dat file becomes events and requests, against `trace-cmd report > /dev/null`.
//
//   node bench/trace-dat.ts [ROUNDS]
//
// The file is the bundled recording of version 6 with the pages of each CPU repeated at later times. Both
// take turns, after a round for warming up. Where trace-cmd is not installed, ours is timed alone.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { compareWithTool } from './against-tool.ts';

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
  await compareWithTool(file, rounds, {
    label: 'trace-cmd report',
    package: 'trace-cmd',
    words: (path) => ['trace-cmd', 'report', '-i', path],
  });
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
