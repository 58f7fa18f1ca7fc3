// dmalab batch: all traces below a folder on all machines, with a table and a report over all of them.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BatchMachine,
  type BatchTable,
  batchJson,
  batchTable,
} from '@dmalab/analysis/results';
import type { Argv, CommandModule } from 'yargs';
import { BATCH_TABLE, shardTable } from '../batch/batch-files.ts';
import { lockBatch } from '../batch/batch-lock.ts';
import {
  type BatchArguments,
  findOptions,
  jobsOf,
  limitOptions,
  limitsOf,
  optionsOfJobs,
  queueOptions,
} from '../batch/batch-options.ts';
import { BatchProgress } from '../batch/batch-progress.ts';
import { tellDone, tellFound } from '../batch/batch-told.ts';
import { EarlyReports } from '../batch/early-reports.ts';
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
import { progressDone } from '../output.ts';
import { makeFolder, writeWhole } from '../output-file.ts';
import { cacheOptions, cachePlace, openCache } from '../trace-cache/cache-options.ts';
import { toolVersion } from '../version.ts';

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
