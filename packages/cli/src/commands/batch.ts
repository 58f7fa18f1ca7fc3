// dmalab batch: all traces below a folder on all machines, with a table and a report over all of them.

import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  type BatchMachine,
  type BatchTable,
  batchJson,
  batchSentence,
  batchTable,
} from '@dmalab/analysis/results';
import type { Argv, CommandModule } from 'yargs';
import { BATCH_FILES, BATCH_TABLE, shardTable } from '../batch/batch-files.ts';
import { lockBatch } from '../batch/batch-lock.ts';
import { BatchProgress, type ProgressMode } from '../batch/batch-progress.ts';
import { EarlyReports } from '../batch/early-reports.ts';
import { failureLines } from '../batch/failure-lines.ts';
import { type FoundTrace, findTraces } from '../batch/find-traces.ts';
import {
  type BatchJob,
  type JobOptions,
  type JobResult,
  machinesOf,
  removeIncomplete,
} from '../batch/job.ts';
import { type JobLimits, JobPool, killOnSignals, runJobs } from '../batch/job-pool.ts';
import { removeBegun, removeResults, staleFolders } from '../batch/left-over.ts';
import { runQueueJobs } from '../batch/queue-batch.ts';
import { refuseUntravelled } from '../batch/queue-task.ts';
import { isInShard, parseShard, type Shard } from '../batch/shard.ts';
import { factOptions } from '../fact-options.ts';
import { InputError } from '../input-error.ts';
import { machineOptions } from '../machine-options.ts';
import { parseBytes } from '../memory-size.ts';
import { print, printJson, progressDone } from '../output.ts';
import { makeFolder, writeWhole } from '../output-file.ts';
import {
  type CacheArguments,
  cacheOptions,
  cachePlace,
  openCache,
} from '../trace-cache/cache-options.ts';
import { UsageError } from '../usage-error.ts';
import { toolVersion } from '../version.ts';

interface BatchArguments extends JobOptions, CacheArguments {
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

export const batch: CommandModule<object, BatchArguments> = {
  command: 'batch <dir>',
  describe: 'Replay all traces below a folder on all machines, with a table and a report over all',
  builder: (y: Argv) =>
    queueOptions(cacheOptions(limitOptions(findOptions(factOptions(machineOptions(y))))))
      .positional('dir', { describe: 'Folder of traces', type: 'string', demandOption: true })
      .option('out', {
        alias: 'o',
        describe:
          'Folder for the results: one folder for each trace and machine; results in it that are complete are kept',
        type: 'string',
        requiresArg: true,
        demandOption: true,
      })
      .option('jobs', {
        alias: 'j',
        describe: 'Traces that are replayed at once; as many as there are CPUs where not given',
        type: 'number',
        requiresArg: true,
      })
      .option('progress', {
        describe:
          'On stderr: auto (one line, on a terminal only), jsonl (a line of JSON for each trace), none',
        choices: ['auto', 'jsonl', 'none'] as const,
        default: 'auto' as const,
        requiresArg: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 batch captures -o out --flush strict --flush percpu',
        'all captures on two machines',
      )
      .example(
        '$0 batch captures -o out -m vm.yaml --shard 1/4',
        'the first of four parts; dmalab merge puts them together',
      ) as unknown as Argv<BatchArguments>,
  handler: runBatch,
};

function findOptions(y: Argv): Argv {
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

function limitOptions(y: Argv): Argv {
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

function queueOptions(y: Argv): Argv {
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

async function runBatch(options: BatchArguments & { failFast?: boolean }): Promise<void> {
  const { dir, out, json } = options;
  const limits = limitsOf(options);
  const jobs = jobsOf(options.jobs);
  const shard = options.shard === undefined ? null : parseShard(options.shard);
  const jobOptions = optionsOfJobs(options);
  if (options.redis !== undefined) refuseUntravelled(jobOptions, options.cache);
  // What is wrong with the machines is told before any trace is read.
  const machines = await machinesOf(jobOptions);
  const { include = [], exclude = [] } = options;
  const found = await findTraces(dir, { include, exclude, out });
  const traces = found.traces.filter(({ path }) => shard === null || isInShard(path, shard));
  if (found.traces.length === 0) {
    throw new InputError(
      dir,
      `no trace found${include.length > 0 ? ' that --include matches' : ''}`,
    );
  }
  if (options.dryRun) {
    tellFound(
      traces,
      found.others,
      machines.map(({ name }) => name),
      json,
    );
    return;
  }
  makeFolder(out);
  openCache(cachePlace(options));
  const keepGoing = options.keepGoing && options.failFast !== true;
  const lock = shard === null ? await lockBatch(out) : null;
  const pool = new JobPool(jobs, limits.memory);
  const off = killOnSignals(pool, () => lock?.release());
  try {
    const [rows] = await Promise.all([
      replayAll(traces, jobOptions, { options, machines, pool, limits, keepGoing }),
      // Meanwhile, so that the report need not wait for it.
      shard === null ? loadReports() : null,
    ]);
    progressDone();
    await finish(options, { machines, rows, pool, shard, notBegun: traces.length - rows.length });
  } finally {
    off();
    lock?.release();
    await pool.close();
  }
}

/** What was done, and what is left of it to do. */
interface Finished {
  readonly machines: readonly BatchMachine[];
  readonly rows: readonly JobResult[];
  readonly pool: JobPool;
  readonly shard: Shard | null;
  readonly notBegun: number;
}

/** Writes tables and report, and tells how it went. */
async function finish(
  options: BatchArguments,
  { machines, rows, pool, shard, notBegun }: Finished,
): Promise<void> {
  const { out } = options;
  const table = tableOf(machines, rows);
  if (notBegun > 0) {
    tellDone(table, { kept: 0, notBegun, stale: 0, isShard: true }, options);
    return;
  }
  removeBegun(out, table);
  const stale = shard === null ? staleFolders(out, table) : [];
  if (options.prune) removeResults(out, stale);
  if (shard === null) {
    const { writeBatch } = await loadReports();
    await writeBatch(out, table, (task) => pool.report(task));
  } else writeWhole(join(out, shardTable(shard.index, shard.count)), batchJson(table));
  progressDone();
  const kept = rows.reduce((sum, each) => sum + each.kept, 0);
  tellDone(table, { kept, notBegun, stale: stale.length, isShard: shard !== null }, options);
}

function tableOf(machines: readonly BatchMachine[], results: readonly JobResult[]): BatchTable {
  return batchTable(
    toolVersion(),
    machines,
    results.flatMap(({ rows }) => rows),
  );
}

/** What writes tables and reports, and all that they draw with: no replay needs it. */
async function loadReports(): Promise<typeof import('../batch/batch-output.ts')> {
  const [output, { loadRenderer }] = await Promise.all([
    import('../batch/batch-output.ts'),
    import('@dmalab/analysis'),
  ]);
  await loadRenderer();
  return output;
}

/** How the traces are replayed. */
interface Running {
  readonly options: BatchArguments;
  readonly machines: readonly BatchMachine[];
  readonly pool: JobPool;
  readonly limits: JobLimits;
  readonly keepGoing: boolean;
}

async function replayAll(
  traces: readonly FoundTrace[],
  jobOptions: JobOptions,
  { options, machines, pool, limits, keepGoing }: Running,
): Promise<JobResult[]> {
  const { dir, out, progress, redis, shard, tracesRoot, outRoot } = options;
  const bytesOf = new Map(traces.map(({ path, bytes }) => [path, bytes]));
  const told = new BatchProgress(
    progress,
    traces.length,
    traces.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  // Where a table is, the batch was finished: not this one.
  rmSync(join(out, BATCH_TABLE), { force: true });
  // The largest first, so that none of them is alone at the end.
  const order = [...traces].sort((a, b) => b.bytes - a.bytes);
  const cache = cachePlace(options);
  const todo = order.map(({ path }) => ({
    root: dir,
    trace: path,
    out,
    cache,
    options: jobOptions,
  }));
  const results: JobResult[] = [];
  const failed: BatchJob[] = [];
  const onDone = (job: BatchJob, result: JobResult): boolean => {
    const error = result.rows.find((row) => row.error !== null)?.error ?? null;
    told.done(job.trace, bytesOf.get(job.trace) ?? 0, result.kept === result.rows.length, error);
    results.push(result);
    if (error !== null) failed.push(job);
    return error === null || keepGoing;
  };
  const early = new EarlyReports(out, pool, () => tableOf(machines, results));
  const spare = async (): Promise<boolean> => shard === undefined && early.write();
  if (redis === undefined) await runJobs(pool, todo, limits, onDone, spare);
  else await runQueueJobs(todo, { redis, tracesRoot, outRoot }, limits, onDone);
  for (const job of failed) await removeIncomplete(job);
  return results;
}

/** The options without those of the batch itself. */
function optionsOfJobs(options: BatchArguments): JobOptions {
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

function jobsOf(jobs: number | undefined): number {
  if (jobs === undefined) return availableParallelism();
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 1024) return jobs;
  throw new UsageError(`--jobs: got ${jobs}, expected a whole number from 1 to 1024`);
}

function limitsOf({ timeLimit, memoryLimit }: BatchArguments): JobLimits {
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

function tellFound(
  traces: readonly FoundTrace[],
  others: readonly string[],
  machines: readonly string[],
  json: boolean,
): void {
  if (json) {
    printJson({ schema: 'dmalab.batch-plan/1', traces, others, machines });
    return;
  }
  for (const { path, bytes } of traces) print(`${path} (${bytes} bytes)`);
  const count = `${traces.length} traces on ${machines.length} machines (${machines.join(', ')})`;
  print(`${count}; ${others.length} files are no traces`);
}

/** Counts of results and traces beside the table. */
interface Counts {
  readonly kept: number;
  readonly notBegun: number;
  readonly stale: number;
  readonly isShard: boolean;
}

function tellDone(
  table: BatchTable,
  { kept, notBegun, stale, isShard }: Counts,
  { out, json, prune }: BatchArguments,
): void {
  const failed = table.rows.filter(({ error }) => error !== null);
  const results = table.rows.length - failed.length;
  if (json) {
    const failures = failed.map(({ trace, machine, error }) => ({ trace, machine, error }));
    const pruned = prune ? stale : 0;
    printJson({
      schema: 'dmalab.batch-run/1',
      out,
      results,
      kept,
      failures,
      notBegun,
      stale: stale - pruned,
      pruned,
    });
  } else {
    const next = isShard
      ? `Next, when all shards are done: dmalab merge ${out}`
      : `The report is ${join(out, BATCH_FILES.html)}`;
    const before = kept === 0 ? '' : `${kept} results were there already. `;
    print(`${batchSentence(table)} ${before}${next}`);
    if (stale > 0) print(staleText(stale, prune));
  }
  for (const line of failureLines(failed)) process.stderr.write(line);
  if (notBegun > 0) process.stderr.write(`dmalab: ${notBegun} traces were not begun\n`);
  if (failed.length > 0) process.exitCode = 1;
}

function staleText(stale: number, isPruned: boolean): string {
  const some = stale === 1 ? '1 result' : `${stale} results`;
  if (isPruned) return `${some} of other machines, or of traces that are gone, removed.`;
  return `${some} of other machines, or of traces that are gone, left in the folder and in no table; --prune removes such.`;
}
