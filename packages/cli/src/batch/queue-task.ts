// What a job on the queue says besides its files: the options of machines and of reading, as plain data. Machine files travel
// as their texts. A worker takes nothing else: no policy of a user (code), no name of a file that it would open.

import { readFileSync } from 'node:fs';
import { InputError } from '../input-error.ts';
import { UsageError } from '../usage-error.ts';
import type { JobOptions } from './job.ts';
import type { JobLimits } from './job-pool.ts';

/** The task of a job. */
export interface QueueTask {
  /** Of dmalab: another version makes other bytes. */
  readonly version: string;
  readonly options: JobOptions;
  readonly limits: JobLimits;
}

const TEXT = 'text';
const NUMBER = 'number';
const SWITCH = 'switch';
const TEXTS = 'texts';

/** Every option that a job may have, and what it is. */
const OPTIONS: Readonly<Record<string, string>> = {
  kernel: TEXT,
  cpus: NUMBER,
  hz: NUMBER,
  allocator: TEXT,
  flush: TEXTS,
  bounce: TEXTS,
  host: TEXTS,
  machine: TEXTS,
  timer: TEXT,
  recordedFailures: TEXT,
  failedRequests: TEXT,
  swiotlb: TEXT,
  translateAll: SWITCH,
  loop: TEXT,
  rate: NUMBER,
  copies: NUMBER,
  seed: NUMBER,
  granule: NUMBER,
  maskBits: NUMBER,
  forcedac: SWITCH,
  columns: TEXT,
};

/** Throws a UsageError where options cannot travel: to be asked before any code of a user is loaded. */
export function refuseUntravelled(
  { policy = [], initialState }: JobOptions,
  cache: string | undefined,
): void {
  if (cache !== undefined) {
    throw new UsageError('--cache is for whoever reads the traces: give it to dmalab worker');
  }
  if (policy.length > 0) {
    throw new UsageError(
      '--policy is code, and workers on the queue run none: batch it without --redis',
    );
  }
  if (initialState !== undefined) {
    throw new UsageError('--initial-state belongs to one trace: batch it without --redis');
  }
}

/** The task of a batch; throws where the options cannot travel. */
export function queueTask(version: string, options: JobOptions, limits: JobLimits): QueueTask {
  refuseUntravelled(options, undefined);
  const machineTexts = Object.fromEntries(
    (options.machine ?? []).map((file) => [file, textOf(file)]),
  );
  return parseTask({ version, options: { ...options, machineTexts }, limits });
}

/** Checks what came over the queue; throws a RangeError where it is anything but a task. */
export function parseTask(data: unknown): QueueTask {
  const { version, options, limits } = recordOf(data, 'the task');
  const { machineTexts, ...stated } = recordOf(options, 'options');
  const texts = recordOf(machineTexts, 'machineTexts');
  for (const [name, value] of Object.entries(stated)) {
    const type = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (type === undefined || !isOf(type, value)) {
      throw new RangeError(
        `a job has no option ${name} of this kind; it names machines as data, never code`,
      );
    }
  }
  for (const file of (stated.machine ?? []) as string[]) {
    if (typeof texts[file] !== 'string') throw new RangeError(`the job has no text for ${file}`);
  }
  const { seconds, memory } = recordOf(limits, 'limits');
  if (typeof version !== 'string' || !isLimit(seconds) || !isLimit(memory)) {
    throw new RangeError('the task has no version, or limits that are no numbers');
  }
  const checked = { ...stated, machineTexts: texts } as unknown as JobOptions;
  return { version, options: checked, limits: { seconds, memory } };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(file, `cannot read the machine file: ${(error as Error).message}`);
  }
}

function recordOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new RangeError(`${name} of the job is no record`);
}

function isOf(type: string, value: unknown): boolean {
  if (type === TEXT) return typeof value === 'string';
  if (type === NUMBER) return typeof value === 'number';
  if (type === SWITCH) return typeof value === 'boolean';
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isLimit(value: unknown): value is number | null {
  return value === null || typeof value === 'number';
}
