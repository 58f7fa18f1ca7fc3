// How fast a converted trace loads, against the text that it was made of.
//
//   node bench/convert.ts [MEGABYTES]
//
// A synthetic trace (generate-trace.ts, seed 1) is read into requests and written as a table of each format. All
// of them are then read back, in turns; the requests of each are compared with those of the text first.

import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCapture, TABLE_FORMATS, writeRequests } from '@dmalab/trace';
import { generateTrace } from './generate-trace.ts';

const ROUNDS = 3;
const DEFAULT_MEGABYTES = 100;

const directory = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
try {
  await main(Number(process.argv[2] ?? DEFAULT_MEGABYTES));
} finally {
  rmSync(directory, { recursive: true });
}

async function main(megabytes: number): Promise<void> {
  if (!(megabytes > 0)) throw new RangeError(`Expected megabytes, got "${process.argv[2]}"`);
  const text = join(directory, 'trace.txt');
  const file = openSync(text, 'w');
  for (const block of generateTrace(megabytes * 1e6, 1)) writeSync(file, block);
  closeSync(file);
  const tables = await converted(text);
  const files = [text, ...tables];
  const times = files.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, path] of files.entries()) times[i] = Math.min(times[i]!, await load(path));
  }
  console.log(`best of ${ROUNDS}, to requests`);
  files.forEach((path, i) => {
    const name = (path.split('.').at(-1) ?? '').padEnd(8);
    const size = `${(statSync(path).size / 1e6).toFixed(0)} MB`.padStart(8);
    const ratio = (times[0]! / times[i]!).toFixed(1).padStart(6);
    console.log(`${name}${size}${times[i]!.toFixed(0).padStart(7)} ms ${ratio} x`);
  });
}

async function converted(text: string): Promise<string[]> {
  const capture = await readCapture(text);
  const paths = TABLE_FORMATS.map((format) => join(directory, `trace.${format}`));
  paths.forEach((path, i) => {
    writeRequests(capture, path, TABLE_FORMATS[i]!);
  });
  capture.close();
  const expected = await digest(text);
  for (const path of paths) {
    if ((await digest(path)) !== expected) throw new Error(`${path} has other requests`);
  }
  return paths;
}

/** All that a replay uses. */
async function digest(path: string): Promise<string> {
  const capture = await readCapture(path);
  const hash = createHash('sha256');
  for (const batch of capture.requests()) {
    const { length, time, op, id, device, domain, size, flags, cpu } = batch;
    for (const column of [time, op, id, device, domain, size, flags, cpu]) {
      const rows = column.subarray(0, length);
      hash.update(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
    }
  }
  capture.close();
  return hash.digest('hex');
}

async function load(path: string): Promise<number> {
  const start = performance.now();
  (await readCapture(path)).close();
  return performance.now() - start;
}
