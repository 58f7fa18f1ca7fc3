// How fast a trace becomes events and requests, against a script with readline and regular expressions.
//
//   node bench/read.ts [FILE | MEGABYTES]
//
// Without a file, a synthetic trace (generate-trace.ts, seed 1) is written to the temporary directory.
// All take turns in one process, after one round each for warming up that also checks that they
// count the same events.

import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrace, readCapture } from '@dmalab/trace';
import { readByLines } from './baseline-readline.ts';
import { generateTrace } from './generate-trace.ts';

const ROUNDS = 5;
const DEFAULT_MEGABYTES = 200;

const argument = process.argv[2] ?? String(DEFAULT_MEGABYTES);
const directory = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
try {
  const file = existsSync(argument) ? argument : generated(directory, Number(argument));
  await compare(file);
} finally {
  rmSync(directory, { recursive: true });
}

function generated(parent: string, megabytes: number): string {
  if (!(megabytes > 0)) throw new RangeError(`Expected a file or megabytes, got "${argument}"`);
  const path = join(parent, 'trace.txt');
  const file = openSync(path, 'w');
  for (const block of generateTrace(megabytes * 1e6, 1)) writeSync(file, block);
  closeSync(file);
  return path;
}

async function compare(file: string): Promise<void> {
  const bytes = statSync(file).size;
  const lines = await checkEqual(file);
  await readRequests(file);
  const events: number[] = [];
  const requests: number[] = [];
  const readline: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    events.push(await timed(() => readEvents(file)));
    readline.push(await timed(() => readByLines(file)));
    requests.push(await timed(() => readRequests(file)));
  }
  console.log(
    `${(bytes / 1e6).toFixed(0)} MB, ${lines} lines, ${ROUNDS} rounds (min / median / max)`,
  );
  console.log(`text to events     ${rates(events, bytes, lines)}`);
  console.log(`text to requests   ${rates(requests, bytes, lines)}`);
  console.log(`readline + regex   ${rates(readline, bytes, lines)}`);
  console.log(`ratio, events      ${spread(ratiosOf(readline, events), 1)}`);
  console.log(`ratio, requests    ${spread(ratiosOf(readline, requests), 1)}`);
}

function ratiosOf(theirs: readonly number[], ours: readonly number[]): number[] {
  return ours.map((ms, round) => theirs[round]! / ms);
}

function rates(times: readonly number[], bytes: number, lines: number): string {
  const median = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
  return `${spread(times)} ms, ${(bytes / median / 1e6).toFixed(2)} GB/s, ${((1e6 * median) / lines).toFixed(0)} ns per line`;
}

async function readRequests(file: string): Promise<void> {
  (await readCapture(file)).close();
}

async function checkEqual(file: string): Promise<number> {
  const reader = await readEvents(file);
  const { events } = await readByLines(file);
  reader.names.forEach((name, index) => {
    const count = reader.counts.byName[index] ?? 0;
    if (index > 0 && count !== (events.get(name) ?? 0)) {
      throw new Error(`${name}: ${count} events read, ${events.get(name)} by the script`);
    }
  });
  return reader.counts.lines;
}

async function readEvents(file: string): ReturnType<typeof openTrace> {
  const reader = await openTrace(file);
  for await (const _ of reader.batches());
  return reader;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function spread(values: readonly number[], digits = 0): string {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  return [sorted[0]!, middle, sorted.at(-1)!].map((value) => value.toFixed(digits)).join(' / ');
}
