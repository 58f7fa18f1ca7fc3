// Runs of one reader on input after input; a fault is a crash, a hang, or memory that grows.

import { TraceError } from '@dmalab/trace';
import { Random } from '../random.ts';
import { mutateBytes } from './mutate-bytes.ts';
import type { Taken } from './read-trace.ts';
import type { FuzzedReader } from './readers.ts';

/** ms that a MB may take; smaller inputs too. */
const SLOW_MS = 1000;
const MEGABYTE = 1e6;
const MADE = 0.25;
const MADE_AND_DAMAGED = 0.15;
const LONG = 0.05;

/** What is wrong with how an input was read. */
export interface Fault {
  /** The same for inputs that fail in the same way. */
  readonly key: string;
  readonly told: string;
}

/** The input of an execution: the same seed and number, the same input. */
export function inputOf(reader: FuzzedReader, seed: number, execution: number): Buffer {
  const random = randomOf(seed, execution);
  const { long = [], seeds } = reader;
  const way = random.real();
  if (way < MADE) return reader.make(random);
  const isMade = way < MADE + MADE_AND_DAMAGED;
  const isLong = long.length > 0 && way > 1 - LONG;
  const original = isMade ? reader.make(random) : random.pick(isLong ? long : seeds);
  return (reader.damage ?? mutateBytes)(original, random, seeds);
}

/** Reads an input; `clock` is in ms, and says how long it took. */
export async function execute(
  reader: FuzzedReader,
  input: Buffer,
  seed: number,
  execution: number,
  clock: () => number = wallMs,
): Promise<Fault | Taken> {
  const started = clock();
  try {
    const taken = await reader.read(input, randomOf(seed, ~execution));
    return slowness(input, clock() - started) ?? taken;
  } catch (error) {
    if (error instanceof TraceError) return slowness(input, clock() - started) ?? 'refused';
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { key: keyOf(told), told };
  }
}

function wallMs(): number {
  return performance.now();
}

/** CPU time of this process: that of one that is stopped, or has to wait, stands still. Too slow to ask for at every input. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function slowness(input: Buffer, ms: number): Fault | null {
  if (ms <= SLOW_MS * Math.max(1, input.length / MEGABYTE)) return null;
  return { key: 'slow', told: `${ms.toFixed(0)} ms for ${input.length} bytes` };
}

/** The kind of an error and where it came from, without the numbers of this input. */
function keyOf(stack: string): string {
  const [first = ''] = stack.split('\n');
  const frame = /\(?[^\s(]*packages\/[^\s)]*/.exec(stack)?.[0] ?? '';
  return `${first.replace(/\d+/g, 'N').slice(0, 60)} ${frame}`;
}

function randomOf(seed: number, execution: number): Random {
  return new Random(Math.imul(seed, 0x9e37_79b1) ^ Math.imul(execution, 0x85eb_ca6b));
}
