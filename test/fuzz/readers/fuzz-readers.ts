// Executions of each reader: npm run fuzz -- readers [EXECUTIONS] [SEED] [READER ...]
//
// Each execution reads one small input in memory, made by rule or damaged (executions.ts). An input that breaks
// a reader is made small and saved in test/fuzz/found, where a test reads it again from then on; the run goes
// on with the next kind of fault. A hang is saved by the watchdog, which then ends the process.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Random } from '../random.ts';
import { execute, type Fault, inputOf } from './executions.ts';
import { minimise } from './minimise.ts';
import { type FuzzedReader, fuzzedReader, READER_NAMES } from './readers.ts';

const FOUND = fileURLToPath(new URL('../found', import.meta.url));
const HANG_MS = 20_000;
const LARGEST = 1 << 20;
const MEMORY_EVERY = 4096;
/** MiB that a process of small inputs may come to hold. */
const MEMORY_MIB = 700;
const TELL_MS = 30_000;

const cell = new Int32Array(new SharedArrayBuffer(16));
const shared = new Uint8Array(new SharedArrayBuffer(LARGEST));

/** Runs `executions` of each named reader, of all where none is named. Returns the number of faults. */
export async function fuzzReaders(
  executions: number,
  seed: number,
  names: readonly string[],
): Promise<number> {
  const watchdog = new Worker(new URL('./hang-watch.ts', import.meta.url), {
    workerData: { cell, shared, limitMs: HANG_MS, folder: FOUND },
  });
  watchdog.unref();
  // A failure that nobody waited for ends the command as well.
  process.on('unhandledRejection', (reason) => {
    const file = join(FOUND, `unhandled-${Atomics.load(cell, 2)}.bin`);
    writeFileSync(file, shared.slice(0, Atomics.load(cell, 1)));
    console.error(`execution ${Atomics.load(cell, 2)}: unhandled: ${reason}\n  saved: ${file}`);
    process.exit(1);
  });
  let faults = 0;
  for (const name of names.length > 0 ? names : READER_NAMES) {
    const reader = await fuzzedReader(name, new Random(seed));
    faults += await fuzzReader(reader, executions, seed);
  }
  await watchdog.terminate();
  return faults;
}

async function fuzzReader(reader: FuzzedReader, executions: number, seed: number): Promise<number> {
  const known = new Set<string>();
  const started = performance.now();
  let told = started;
  let refused = 0;
  const rate = (done: number): string =>
    `${done} executions, ${((1000 * done) / (performance.now() - started)).toFixed(0)} per s, ${refused} refused, ${known.size} faults, peak ${peakMiB().toFixed(0)} MiB`;
  for (let n = 0; n < executions; n++) {
    const input = inputOf(reader, seed, n);
    watch(input, n);
    const result = await execute(reader, input, seed, n);
    if (result === 'refused') refused++;
    else if (result !== 'read') await report(reader, input, seed, n, result, known);
    if (n % MEMORY_EVERY === 0 && peakMiB() > MEMORY_MIB && !known.has('memory')) {
      known.add('memory');
      console.error(`${reader.name}: memory: ${peakMiB()} MiB near execution ${n} of seed ${seed}`);
    }
    if (performance.now() - told > TELL_MS) {
      told = performance.now();
      console.log(`  ${reader.name}: ${rate(n + 1)}`);
    }
  }
  console.log(`${reader.name}: seed ${seed}: ${rate(executions)}`);
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

async function report(
  reader: FuzzedReader,
  input: Buffer,
  seed: number,
  execution: number,
  { key, told }: Fault,
  known: Set<string>,
): Promise<void> {
  if (known.has(key)) return;
  const again = async (bytes: Buffer): Promise<boolean> => {
    watch(bytes, execution);
    const result = await execute(reader, bytes, seed, execution);
    return typeof result === 'object' && result.key === key;
  };
  // What is slow once only was the machine.
  if (!(await again(input))) return;
  known.add(key);
  const small = await minimise(input, again, key === 'slow' ? 50 : 3000);
  const digest = createHash('sha256').update(small).digest('hex').slice(0, 8);
  const file = join(FOUND, `${reader.name}-${digest}.bin`);
  writeFileSync(file, small);
  console.error(
    `${reader.name}: execution ${execution} of seed ${seed}: ${told}\n  saved: ${file}`,
  );
}

function peakMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}
