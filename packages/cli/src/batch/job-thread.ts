// What a thread of the pool runs: one job after the other. It says which thread has begun which job, so that the pool can
// look at its memory.

import { parentPort, threadId } from 'node:worker_threads';
import { type BatchJob, type JobResult, runJob } from './job.ts';

/** A job with its number; without a job the thread only gets ready. */
export interface Task {
  readonly number: number;
  readonly job: BatchJob | null;
}

/** Sent before a job is begun. */
export interface Begun {
  readonly begun: number;
  readonly threadId: number;
}

/** Runs a task. */
export async function runTask({ number, job }: Task): Promise<JobResult | null> {
  if (job === null) return null;
  parentPort?.postMessage({ begun: number, threadId } satisfies Begun);
  return runJob(job);
}
