// The options of a batch beside those of its machines, and what they mean.

import { availableParallelism } from 'node:os';
import type { Argv } from 'yargs';
import { parseBytes } from '../memory-size.ts';
import type { CacheArguments } from '../trace-cache/cache-options.ts';
import { UsageError } from '../usage-error.ts';
import type { ProgressMode } from './batch-progress.ts';
import type { JobOptions } from './job.ts';
import type { JobLimits } from './job-pool.ts';

/** Everything that `dmalab batch` takes. */
export interface BatchArguments extends JobOptions, CacheArguments {
  dir: string;
  out: string;
  jobs: number | undefined;
  include: string[] | undefined;
  exclude: string[] | undefined;
  shard: string | undefined;
  dryRun: boolean;
  prune: boolean;
  keepGoing: boolean;
  timeLimit: number | undefined;
  memoryLimit: string | undefined;
  progress: ProgressMode;
  redis: string | undefined;
  tracesRoot: string | undefined;
  outRoot: string | undefined;
  json: boolean;
}

/** Which traces, and what becomes of old results. */
export function findOptions(y: Argv): Argv {
  return y
    .option('include', {
      describe:
        'Only traces that match this pattern: of a name, or (with a slash) of the path below the folder; may be repeated',
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
    })
    .option('exclude', {
      describe: 'No traces and folders that match this pattern; may be repeated',
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
    })
    .option('shard', {
      describe: 'Only the i-th of n parts, as in 1/4',
      type: 'string',
      requiresArg: true,
    })
    .option('prune', {
      describe:
        'Remove results in OUT that are not of this batch: of other machines, or of traces that are gone',
      type: 'boolean',
      default: false,
    })
    .option('dry-run', {
      describe: 'Say which traces there are, and replay none',
      type: 'boolean',
      default: false,
    });
}

/** What happens to a trace that fails, takes too long or too much. */
export function limitOptions(y: Argv): Argv {
  return y
    .option('keep-going', {
      describe: 'Go on when a trace fails (--no-keep-going: begin no other)',
      type: 'boolean',
      default: true,
    })
    .option('fail-fast', { describe: 'As --no-keep-going', type: 'boolean', default: false })
    .option('time-limit', {
      describe: 'Seconds that one trace may take; no limit where not given',
      type: 'number',
      requiresArg: true,
    })
    .option('memory-limit', {
      describe: 'Memory that one trace may take, as in 500MB or 2GB; no limit where not given',
      type: 'string',
      requiresArg: true,
    });
}

/** Where workers are, instead of processes of this machine. */
export function queueOptions(y: Argv): Argv {
  return y
    .option('redis', {
      describe:
        'Have workers replay (dmalab worker): URL of their Redis or Valkey server, REDIS_URL where empty',
      type: 'string',
    })
    .option('traces-root', {
      describe: 'With --redis: the folder that workers have as --traces; DIR where not given',
      type: 'string',
      requiresArg: true,
    })
    .option('out-root', {
      describe: 'With --redis: the folder that workers have as --out; OUT where not given',
      type: 'string',
      requiresArg: true,
    });
}

/** The options without those of the batch itself. */
export function optionsOfJobs(options: BatchArguments): JobOptions {
  const own: readonly string[] = OWN_OPTIONS;
  const kept = Object.entries(options).filter(
    ([name, value]) => value !== undefined && !own.includes(name) && !name.includes('-'),
  );
  return Object.fromEntries(kept) as unknown as JobOptions;
}

const OWN_OPTIONS = [
  '_',
  '$0',
  'dir',
  'out',
  'o',
  'jobs',
  'j',
  'm',
  'include',
  'exclude',
  'shard',
  'dryRun',
  'prune',
  'keepGoing',
  'failFast',
  'timeLimit',
  'memoryLimit',
  'progress',
  'redis',
  'tracesRoot',
  'outRoot',
  'cache',
  'cacheSize',
  'json',
];

/** Traces at once. */
export function jobsOf(jobs: number | undefined): number {
  if (jobs === undefined) return availableParallelism();
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 1024) return jobs;
  throw new UsageError(`--jobs: got ${jobs}, expected a whole number from 1 to 1024`);
}

/** The limits of each trace. */
export function limitsOf({ timeLimit, memoryLimit }: BatchArguments): JobLimits {
  if (timeLimit !== undefined && !(timeLimit > 0 && timeLimit < 1e6)) {
    throw new UsageError(`--time-limit: got ${timeLimit}, expected seconds above 0`);
  }
  const memory = memoryLimit === undefined ? null : parseBytes('memory-limit', memoryLimit);
  if (memory !== null && memory < LEAST_MEMORY) {
    throw new UsageError(`--memory-limit: got ${memoryLimit}, expected 200MB or more`);
  }
  return { seconds: timeLimit ?? null, memory };
}

/** Bytes that a process takes before it has read anything, and some more. */
const LEAST_MEMORY = 200e6;
