// dmalab worker: replays traces for batches that were started elsewhere, until it is told to stop.

import { availableParallelism } from 'node:os';
import type { Argv, CommandModule } from 'yargs';
import { traceFolder } from '../batch/batch-files.ts';
import { JobPool, killOnSignals } from '../batch/job-pool.ts';
import { blamingQueue, loadQueue, serverUrl } from '../batch/queue.ts';
import { troubles } from '../batch/queue-batch.ts';
import { parseTask } from '../batch/queue-task.ts';
import {
  type CacheArguments,
  cacheOptions,
  cachePlace,
  openCache,
} from '../trace-cache/cache-options.ts';
import { UsageError } from '../usage-error.ts';
import { toolVersion } from '../version.ts';

interface WorkerArguments extends CacheArguments {
  redis: string;
  traces: string;
  out: string;
  jobs: number;
  lostAfter: number;
}

const SHORTEST_LOST_AFTER = 1;

export const worker: CommandModule<object, WorkerArguments> = {
  command: 'worker',
  describe: 'Replay traces for a batch with --redis, on this machine',
  builder: (y: Argv) =>
    cacheOptions(y)
      .option('redis', {
        describe:
          'URL of the Redis or Valkey server, rediss:// for TLS; REDIS_URL where empty; REDIS_PASSWORD, REDIS_PASSWORD_FILE, REDIS_CA_FILE',
        type: 'string',
        demandOption: true,
      })
      .option('traces', {
        describe: 'Folder with the traces: nothing outside of it is read',
        type: 'string',
        requiresArg: true,
        demandOption: true,
      })
      .option('out', {
        alias: 'o',
        describe: 'Folder for the results: nothing outside of it is written',
        type: 'string',
        requiresArg: true,
        demandOption: true,
      })
      .option('jobs', {
        alias: 'j',
        describe: 'Traces that are replayed at once; as many as there are CPUs where not given',
        type: 'number',
        requiresArg: true,
        default: availableParallelism(),
        defaultDescription: 'CPUs',
      })
      .option('lost-after', {
        describe:
          'Seconds after which a worker that is not heard of is lost, and its traces begun anew',
        type: 'number',
        requiresArg: true,
        default: 30,
      })
      .example(
        '$0 worker --redis redis://fleet --traces /shared/traces --out /shared/out',
        'works for every batch on that server',
      ) as unknown as Argv<WorkerArguments>,
  handler: runWorker,
};

async function runWorker(options: WorkerArguments): Promise<void> {
  const { redis, traces, out, jobs, lostAfter } = options;
  checkNumbers(jobs, lostAfter);
  const cache = cachePlace(options);
  openCache(cache);
  const { placeOf, queueAddress, rootsOf, shownAddress, work } = await loadQueue();
  const roots = await blamingQueue(() => rootsOf(traces, out));
  const address = await blamingQueue(() => queueAddress(serverUrl(redis), process.env));
  const pool = new JobPool(jobs, null);
  const stop = new AbortController();
  // Once: what is begun is finished. A second signal ends the process at once, and its traces go to another worker.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stop.abort();
      killOnSignals(pool);
    });
  }
  process.stderr.write(`dmalab: working for ${shownAddress(address)}, ${jobs} traces at once\n`);
  try {
    await blamingQueue(() =>
      work(
        address,
        (job) => {
          const { version, options: task, limits } = parseTask(job.task);
          refuseOther(version);
          const { traces: root, results } = placeOf(roots, job, traceFolder(job.trace));
          return pool.run({ root, trace: job.trace, out: results, cache, options: task }, limits);
        },
        { jobs, lostAfterMs: lostAfter * 1000, signal: stop.signal, onTrouble: troubles() },
      ),
    );
  } finally {
    await pool.close();
  }
}

function refuseOther(version: string): void {
  if (version === toolVersion()) return;
  throw new RangeError(`the batch is of dmalab ${version}, its worker of ${toolVersion()}`);
}

function checkNumbers(jobs: number, lostAfter: number): void {
  if (!(Number.isInteger(jobs) && jobs >= 1 && jobs <= 1024)) {
    throw new UsageError(`--jobs: got ${jobs}, expected a whole number from 1 to 1024`);
  }
  if (!(lostAfter >= SHORTEST_LOST_AFTER && lostAfter < 1e6)) {
    throw new UsageError(`--lost-after: got ${lostAfter}, expected seconds from 1 on`);
  }
}
