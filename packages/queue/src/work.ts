// A worker: takes jobs from the queue until it is told to stop.
//
// While a job runs, its lock is renewed from this thread, so `run` must leave the thread free (a pool of workers
// does). A worker that dies renews nothing: after `lostAfterMs` another one takes its job and starts it anew.

import { Worker } from 'bullmq';
import type { QueueAddress } from './address.ts';
import { parseJob, type QueueJob } from './job.ts';
import { connectionOptions, QUEUE_NAME, reach } from './server.ts';

/** A job may kill this many workers before it counts as failed. */
const MOST_LOSSES = 2;

/** How a worker works. */
export interface WorkOptions {
  /** Jobs at a time. */
  readonly jobs: number;
  /** A worker that was not heard of for so long is lost, and its jobs are started anew. */
  readonly lostAfterMs: number;
  /** Ends the worker once its running jobs are done. */
  readonly signal: AbortSignal;
  /** Called when the server goes away or comes with an error; the worker goes on. */
  onTrouble(message: string): void;
}

/**
 * Works until `signal`. What `run` returns goes to the one who enqueued the job, as JSON; what it throws as a failure.
 * Throws a QueueError when the server cannot be reached at the start.
 */
export async function work(
  address: QueueAddress,
  run: (job: QueueJob) => Promise<unknown>,
  { jobs, lostAfterMs, signal, onTrouble }: WorkOptions,
): Promise<void> {
  await reach(address);
  const worker = new Worker(QUEUE_NAME, ({ data }) => run(parseJob(data)), {
    connection: connectionOptions(address),
    concurrency: jobs,
    lockDuration: lostAfterMs,
    stalledInterval: lostAfterMs,
    maxStalledCount: MOST_LOSSES,
  });
  worker.on('error', ({ message }) => onTrouble(message));
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  await worker.close();
}
