// Executions of each reader: npm run fuzz -- readers [EXECUTIONS] [SEED] [READER ...]
//
// Each execution reads one small input in memory, made by rule or damaged (executions.ts). An input that breaks
// a reader is made small and saved in test/fuzz/found, where a test reads it again from then on; the run goes
// on with the next kind of fault. A hang is saved by the watchdog, which then ends the process. Several readers
// run one after the other, in a process for each: so the peak of memory is that of one reader.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Random } from '../random.ts';
import { cpuMs, execute, type Fault, inputOf } from './executions.ts';
import { minimise } from './minimise.ts';
import { type FuzzedReader, fuzzedReader, READER_NAMES } from './readers.ts';

const FOUND = fileURLToPath(new URL('../found', import.meta.url));
const HANG_MS = 20_000;
const LARGEST = 1 << 20;
const MEMORY_EVERY = 512;
/** MiB that the process may come to hold above what it held when the examples were made. */
const MEMORY_MIB = 300;
const TELL_MS = 60_000;
/** Frames of the stack of an error: most errors are refusals, which are not looked at. */
const FRAMES = 30;

const cell = new Int32Array(new SharedArrayBuffer(16));
const shared = new Uint8Array(new SharedArrayBuffer(LARGEST));

/** Runs `executions` of each named reader, of all where none is named. Returns the number of faults. */
export async function fuzzReaders(
  executions: number,
  seed: number,
  names: readonly string[],
): Promise<number> {
  const [name, ...others] = names.length > 0 ? names : READER_NAMES;
  if (name !== undefined && others.length === 0) return fuzzAlone(executions, seed, name);
  let failed = 0;
  for (const one of [name!, ...others]) {
    const [, script = ''] = process.argv;
    const again = [...process.execArgv, script, 'readers', String(executions), String(seed), one];
    if (spawnSync(process.execPath, again, { stdio: 'inherit' }).status !== 0) failed++;
  }
  return failed;
}

async function fuzzAlone(executions: number, seed: number, name: string): Promise<number> {
  const watchdog = new Worker(new URL('./hang-watch.ts', import.meta.url), {
    workerData: { cell, shared, limitMs: HANG_MS, folder: FOUND, reader: name },
  });
  watchdog.unref();
  // A failure that nobody waited for ends the command as well.
  process.on('unhandledRejection', (reason) => {
    const file = join(FOUND, `${name}-unhandled.bin`);
    writeFileSync(file, shared.slice(0, Atomics.load(cell, 1)));
    console.error(`execution ${Atomics.load(cell, 2)}: unhandled: ${reason}\n  saved: ${file}`);
    process.exit(1);
  });
  const faults = await fuzzReader(await fuzzedReader(name, new Random(seed)), executions, seed);
  await watchdog.terminate();
  return faults;
}

async function fuzzReader(reader: FuzzedReader, executions: number, seed: number): Promise<number> {
  const known = new Set<string>();
  const counts = { read: 0, warned: 0, refused: 0 };
  const before = peakMiB();
  const started = performance.now();
  const line = (done: number): string => {
    const perSecond = (1000 * done) / (performance.now() - started);
    const share = (count: number): string => `${((100 * count) / done).toFixed(1)} %`;
    const how = `read ${share(counts.read)}, with findings ${share(counts.warned)}, refused ${share(counts.refused)}`;
    const memory = `peak ${peakMiB().toFixed(0)} MiB, ${before.toFixed(0)} at the start`;
    return `${done} executions, ${perSecond.toFixed(0)} per s, ${how}, ${known.size} faults, ${memory}`;
  };
  let told = started;
  Error.stackTraceLimit = 0;
  for (let n = 0; n < executions; n++) {
    const input = inputOf(reader, seed, n);
    watch(input, n);
    const result = await execute(reader, input, seed, n);
    if (typeof result === 'string') counts[result]++;
    else await report(reader, input, seed, n, known);
    if (n % MEMORY_EVERY !== 0) continue;
    // What is garbage is no memory that a reader holds; decoders give theirs back when the event loop turns.
    globalThis.gc?.();
    await setImmediate();
    if (peakMiB() - before > MEMORY_MIB && !known.has('memory')) {
      known.add('memory');
      console.error(`${reader.name}: memory: ${peakMiB()} MiB near execution ${n} of seed ${seed}`);
    }
    if (performance.now() - told > TELL_MS) {
      told = performance.now();
      console.log(`  ${reader.name}: ${line(n + 1)}`);
    }
  }
  console.log(`${reader.name}: seed ${seed}: ${line(executions)}`);
  return known.size;
}

/** Tells the watchdog what is read now. */
function watch(input: Buffer, execution: number): void {
  const length = Math.min(input.length, LARGEST);
  shared.set(input.subarray(0, length));
  Atomics.store(cell, 1, length);
  Atomics.store(cell, 2, execution);
  Atomics.add(cell, 0, 1);
}

/** Reads a bad input again, this time with a stack; a new kind of fault is made small, told and saved. */
async function report(
  reader: FuzzedReader,
  input: Buffer,
  seed: number,
  execution: number,
  known: Set<string>,
): Promise<void> {
  Error.stackTraceLimit = FRAMES;
  const faultOf = async (bytes: Buffer): Promise<Fault | null> => {
    watch(bytes, execution);
    const result = await execute(reader, bytes, seed, execution, cpuMs);
    return typeof result === 'object' ? result : null;
  };
  // What was slow by the wall clock only was the machine.
  const fault = await faultOf(input);
  if (fault !== null && !known.has(fault.key)) {
    const { key, told } = fault;
    known.add(key);
    const fails = async (bytes: Buffer): Promise<boolean> => (await faultOf(bytes))?.key === key;
    const small = await minimise(input, fails, key === 'slow' ? 50 : 3000);
    const digest = createHash('sha256').update(small).digest('hex').slice(0, 8);
    const file = join(FOUND, `${reader.name}-${digest}.bin`);
    writeFileSync(file, small);
    console.error(
      `${reader.name}: execution ${execution} of seed ${seed}: ${told}\n  saved: ${file}`,
    );
  }
  Error.stackTraceLimit = 0;
}

function peakMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}
