// Random cases until the time is up: node test/fuzz/fuzz.ts [SECONDS] [SEED]
// Executions of the readers alone: node test/fuzz/fuzz.ts readers [EXECUTIONS] [SEED] [READER ...]
//
// Each case has a seed of its own, counted up from SEED, and is one of: an allocator stream, a flush
// queue stream (both beside slow models), a damaged trace, text or binary, from reading to charts. The first case
// that is wrong ends the run with exit code 1 and the command that repeats it; 0 seconds is one case.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { allocatorCase } from './allocator-case.ts';
import { binaryCase } from './binary-case.ts';
import { queueCase } from './queue-case.ts';
import { Random } from './random.ts';
import { fuzzReaders } from './readers/fuzz-readers.ts';
import { traceCase } from './trace-case.ts';

const LIMIT_MS = 60_000;
const EXECUTIONS = 1_000_000;
const USAGE = `usage: node test/fuzz/fuzz.ts [SECONDS] [SEED]
       node test/fuzz/fuzz.ts readers [EXECUTIONS] [SEED] [READER ...]`;

if (process.argv[2] === 'readers') {
  const [count = EXECUTIONS, seed = 1] = process.argv.slice(3, 5).map(Number);
  if (!(count > 0) || !Number.isInteger(seed)) usage();
  process.exit((await fuzzReaders(count, seed, process.argv.slice(5))) > 0 ? 1 : 0);
}
const [seconds = 60, firstSeed = 1] = process.argv.slice(2).map(Number);
if (!(seconds >= 0) || !Number.isInteger(firstSeed)) {
  usage();
}

const cell = new Int32Array(new SharedArrayBuffer(4));
const watchdog = new Worker(new URL('./watchdog.ts', import.meta.url), {
  workerData: { cell, limitMs: LIMIT_MS },
});
watchdog.unref();
const folder = mkdtempSync(join(tmpdir(), 'dmalab-fuzz-'));
const end = performance.now() + 1000 * seconds;
let cases = 0;
let told = performance.now();
let kept = false;
for (let seed = firstSeed; cases === 0 || performance.now() < end; seed++, cases++) {
  Atomics.store(cell, 0, seed);
  Atomics.notify(cell, 0);
  const file = join(folder, 'trace.txt');
  try {
    const what = await oneCase(new Random(seed), file);
    if (seconds === 0 || performance.now() - told > 5000) {
      console.log(`seed ${seed}: ${what}`);
      told = performance.now();
    }
  } catch (error) {
    console.error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    console.error(`the trace, if it was one: ${file}`);
    console.error(`again: node test/fuzz/fuzz.ts 0 ${seed}`);
    process.exitCode = 1;
    kept = true;
    break;
  }
}
if (!kept) rmSync(folder, { recursive: true });
console.log(`${cases} cases without a difference, seeds from ${firstSeed}`);
await watchdog.terminate();

function usage(): never {
  console.error(USAGE);
  process.exit(2);
}

async function oneCase(random: Random, file: string): Promise<string> {
  const kind = random.below(8);
  if (kind === 0) return allocatorCase(random);
  if (kind === 1) return queueCase(random);
  if (kind < 4) return await binaryCase(random, file);
  return await traceCase(random, file);
}
