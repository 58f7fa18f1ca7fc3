// The jobs of a batch on a queue, in place of the threads of this process.

import { realpathSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { rowOfFailure } from '@dmalab/analysis/results';
import type { JobOutcome } from '@dmalab/queue';
import { printable, progressDone } from '../output.ts';
import { UsageError } from '../usage-error.ts';
import { toolVersion } from '../version.ts';
import type { BatchJob, JobResult } from './job.ts';
import type { JobLimits } from './job-pool.ts';
import { blamingQueue, loadQueue, serverUrl } from './queue.ts';
import { queueTask } from './queue-task.ts';

/** The server, and what the workers have as roots; the batch's own folders where not given. */
export interface QueueArguments {
  readonly redis: string;
  readonly tracesRoot: string | undefined;
  readonly outRoot: string | undefined;
}

/** As {@link runJobs}, on the workers of a server. After `done` returned false, jobs that are not begun are taken back. */
export async function runQueueJobs(
  jobs: readonly BatchJob[],
  { redis, tracesRoot, outRoot }: QueueArguments,
  limits: JobLimits,
  done: (job: BatchJob, result: JobResult) => boolean,
): Promise<void> {
  const [first] = jobs;
  if (first === undefined) return;
  const { collect, queueAddress } = await loadQueue();
  const from = below('--traces-root', tracesRoot ?? first.root, first.root);
  const to = below('--out-root', outRoot ?? first.out, first.out);
  const task = queueTask(toolVersion(), first.options, limits);
  const stop = new AbortController();
  await blamingQueue(() =>
    collect(
      queueAddress(serverUrl(redis), process.env),
      jobs.map(({ trace }) => ({ from, trace, to, task })),
      {
        onOutcome: (index, outcome) => {
          const job = jobs[index]!;
          if (!done(job, resultOf(job, outcome))) stop.abort();
        },
        onTrouble: troubles(),
        signal: stop.signal,
      },
    ),
  );
}

function resultOf({ trace }: BatchJob, { value, failure }: JobOutcome): JobResult {
  if (failure === null) return value as JobResult;
  return { trace, rows: [rowOfFailure(trace, null, failure)], kept: 0 };
}

/** Tells on stderr what is wrong with the queue, each thing once until another comes. */
export function troubles(): (message: string) => void {
  let last = '';
  return (message) => {
    if (message === last) return;
    last = message;
    progressDone();
    process.stderr.write(`dmalab: --redis: ${printable(message)}\n`);
  };
}

/** The way from a root to a folder in it, with slashes. */
function below(option: string, root: string, folder: string): string {
  const way = relative(realpathSync(root), realpathSync(folder));
  if (way !== '..' && !way.startsWith(`..${sep}`)) return way.split(sep).join('/');
  throw new UsageError(`${option}: ${folder} is not in ${root}, where workers look`);
}
