// A sweep of 12 cells on one trace against 12 runs of dmalab replay on it.
//
//   node bench/sweep.ts [MILLIONS OF REQUESTS]
//
// Both are processes of the command line; the times are CPU times of the processes with all their threads, so
// that other work on the machine does not show, and the elapsed times beside them.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateTrace } from './generate-trace.ts';

const BIN = fileURLToPath(new URL('../packages/cli/bin/dmalab.mjs', import.meta.url));
const SIZES = [64, 128, 256, 512, 1024, 2048];
const QUEUES = ['percpu', 'single'];

const millions = Number(process.argv[2] ?? 1);
const folder = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
try {
  const trace = join(folder, 'trace.txt');
  const requests = writeTrace(trace, millions * 1e6);
  const sweep = timed([
    ['sweep', trace, '--vary', `flush=${QUEUES}`, '--vary', `flush.size=${SIZES}`, '--json'],
  ]);
  const replays = timed(
    QUEUES.flatMap((queue) =>
      SIZES.map((size) => ['replay', trace, '--flush', `${queue}:size=${size}`, '--json']),
    ),
  );
  console.log(`${requests} requests, ${SIZES.length * QUEUES.length} cells`);
  console.log(`sweep      ${text(sweep)}`);
  console.log(`12 replays ${text(replays)}`);
  console.log(
    `sweep is ${(replays.cpu / sweep.cpu).toFixed(2)} times faster by CPU time, ${(replays.elapsed / sweep.elapsed).toFixed(2)} times by elapsed time`,
  );
} finally {
  rmSync(folder, { recursive: true });
}

interface Times {
  readonly cpu: number;
  readonly elapsed: number;
}

/** Writes a trace with at least so many maps and unmaps, and says how many. */
function writeTrace(path: string, wanted: number): number {
  const file = openSync(path, 'w');
  let requests = 0;
  for (const block of generateTrace(Number.MAX_SAFE_INTEGER, 1)) {
    requests += block.match(/dma_(?:map|unmap)_/g)?.length ?? 0;
    writeSync(file, block);
    if (requests >= wanted) break;
  }
  return requests;
}

function timed(commands: readonly (readonly string[])[]): Times {
  const begin = performance.now();
  const before = childCpu();
  for (const words of commands) {
    const { status, stderr } = spawnSync(process.execPath, [BIN, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
  }
  return { cpu: childCpu() - before, elapsed: (performance.now() - begin) / 1000 };
}

/** CPU seconds of the processes that were waited for (Linux). */
function childCpu(): number {
  const [, fields = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(13, 15).map(Number);
  return (user + system) / 100;
}

function text({ cpu, elapsed }: Times): string {
  return `${cpu.toFixed(1).padStart(7)} s CPU ${elapsed.toFixed(1).padStart(7)} s elapsed`;
}
