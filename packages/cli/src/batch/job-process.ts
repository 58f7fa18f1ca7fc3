// What a process of the pool runs: one task after the other. It says that it has begun one, and which process it is, so that
// the pool can hold it to limits.

import { Worker } from 'node:worker_threads';
import workerpool from 'workerpool';
import { type ReportTask, writeReports } from './batch-reports.ts';
import { type BatchJob, type JobResult, runJob } from './job.ts';
import { warmUp } from './warm-up.ts';

/** Sent before a task is begun: the number of the process. */
export interface Begun {
  readonly begun: number;
}

function begin(): void {
  workerpool.workerEmit({ begun: process.pid } satisfies Begun);
}

new Worker(new URL('./orphan-watch.ts', import.meta.url), {
  workerData: process.ppid,
  resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
}).unref();

const warm = warmUp();

workerpool.worker({
  async runJob(job: BatchJob): Promise<JobResult> {
    begin();
    await warm;
    return runJob(job);
  },
  writeReports(task: ReportTask): Promise<void> {
    begin();
    return writeReports(task);
  },
});
