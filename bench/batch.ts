// A batch in one and in two processes, beside one for each trace (xargs -P 2 dmalab replay) and beside two batches of half the
// traces each at once, which share nothing and so show what two cores of the machine can give; a second batch of the same
// traces with and without a cache; the cost of a small trace.
//
//   node bench/batch.ts [TRACES [MEGABYTES]]
//
// Synthetic traces (generate-trace.ts, seeds from 1 on) in the temporary directory. Before anything is timed, one and two
// processes, and a full cache, are held to give the same bytes. The ways are timed in turns; ratios are of one round each.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateTrace } from './generate-trace.ts';

const DMALAB = fileURLToPath(new URL('../packages/cli/bin/dmalab.mjs', import.meta.url));
const ROUNDS = 3;
const FLUSH = ['--flush', 'strict', '--flush', 'percpu'];
const SMALL = { few: 20, many: 220, megabytes: 0.005 };

const [count = 24, megabytes = 40] = process.argv.slice(2).map(Number);
const directory = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
try {
  main();
} finally {
  rmSync(directory, { recursive: true });
}

function main(): void {
  const traces = made('traces', count, megabytes);
  const cache = ['--cache', join(directory, 'cache')];
  batched(traces, 2, cache);
  const [first, ...others] = [
    batched(traces, 1),
    batched(traces, 2),
    batched(traces, 2, cache),
  ].map(digest);
  if (others.some((other) => other !== first)) throw new Error('bytes differ');
  const one: number[] = [];
  const two: number[] = [];
  const cached: number[] = [];
  const peer: number[] = [];
  const apart: number[] = [];
  const halves = [0, 1].map((half) => halfOf(traces, half));
  for (let round = 0; round < ROUNDS; round++) {
    one.push(timed(() => batched(traces, 1)));
    two.push(timed(() => batched(traces, 2)));
    cached.push(timed(() => batched(traces, 2, cache)));
    peer.push(timed(() => processes(traces)));
    apart.push(timed(() => sideBySide(halves)));
  }
  console.log(`${count} traces of ${megabytes} MB on 2 machines, ${ROUNDS} rounds (min / max)`);
  console.log(`batch --jobs 1               ${spread(one)} s`);
  console.log(`batch --jobs 2               ${spread(two)} s`);
  console.log(`the same, from a full cache  ${spread(cached)} s`);
  console.log(`xargs -P 2 dmalab replay     ${spread(peer)} s, without table and report`);
  console.log(`two batches of half of them  ${spread(apart)} s, --jobs 1 each, at once`);
  console.log(`ratio, one to two jobs       ${spread(ratios(one, two), 2)}`);
  console.log(`ratio, one to two batches    ${spread(ratios(one, apart), 2)}`);
  console.log(`ratio, no cache to cache     ${spread(ratios(two, cached), 2)}`);
  console.log(`ratio, xargs to two jobs     ${spread(ratios(peer, two), 2)}`);
  const few = made('few', SMALL.few, SMALL.megabytes);
  const many = made('many', SMALL.many, SMALL.megabytes);
  const more = SMALL.many - SMALL.few;
  const each = Array.from({ length: ROUNDS }, () => {
    const less = timed(() => batched(few, 1));
    return (1000 * (timed(() => batched(many, 1)) - less)) / more;
  });
  console.log(
    `a trace of ${1000 * SMALL.megabytes} kB on 2 machines  ${spread(each, 1)} ms, all included`,
  );
}

function made(name: string, traces: number, size: number): string {
  const folder = join(directory, name);
  mkdirSync(folder);
  for (let i = 0; i < traces; i++) {
    const file = openSync(join(folder, `t${i}.txt`), 'w');
    for (const block of generateTrace(size * 1e6, i + 1)) writeSync(file, block);
    closeSync(file);
  }
  return folder;
}

/** Replays all of a folder anew; the folder of the results. */
function batched(traces: string, jobs: number, more: readonly string[] = []): string {
  const out = `${traces}-out-${jobs}-${more.length}`;
  rmSync(out, { recursive: true, force: true });
  const words = ['batch', traces, '-o', out, ...FLUSH, '--jobs', String(jobs), ...more];
  run(process.execPath, [DMALAB, ...words]);
  return out;
}

function processes(traces: string): void {
  const out = `${traces}-out-xargs`;
  rmSync(out, { recursive: true, force: true });
  const command = `printf '%s\\0' "$1"/* | xargs -0 -n 1 -P 2 "$2" "$3" replay -o "$4" ${FLUSH.join(' ')}`;
  run('sh', ['-c', command, 'sh', traces, process.execPath, DMALAB, out]);
}

/** A folder with every second trace. */
function halfOf(traces: string, half: number): string {
  const folder = `${traces}-half-${half}`;
  mkdirSync(folder);
  const names = readdirSync(traces).filter((_, i) => i % 2 === half);
  for (const name of names) linkSync(join(traces, name), join(folder, name));
  return folder;
}

function sideBySide(halves: readonly string[]): void {
  for (const half of halves) rmSync(`${half}-out`, { recursive: true, force: true });
  const one = (half: string): string =>
    `"$1" "$2" batch "${half}" -o "${half}-out" ${FLUSH.join(' ')} --jobs 1`;
  const command = `${one('$3')} & first=$!; ${one('$4')} && wait $first`;
  run('sh', ['-c', command, 'sh', process.execPath, DMALAB, ...halves]);
}

function run(command: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync(command, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

function digest(folder: string): string {
  const hash = createHash('sha256');
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const path of entries
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name))
    .sort()) {
    hash.update(path.slice(folder.length)).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Seconds. */
function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

function ratios(theirs: readonly number[], ours: readonly number[]): number[] {
  return ours.map((seconds, round) => theirs[round]! / seconds);
}

function spread(values: readonly number[], digits = 2): string {
  return [Math.min(...values), Math.max(...values)]
    .map((value) => value.toFixed(digits))
    .join(' / ');
}
