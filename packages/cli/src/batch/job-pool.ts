// Jobs on several threads of one process (piscina). A thread that is killed, runs out of memory or ends by itself costs its
// job, and the pool makes another one.

import type { Worker } from 'node:worker_threads';
import { rowOfFailure } from '@dmalab/analysis';
import { Piscina } from 'piscina';
import type { BatchJob, JobResult } from './job.ts';
import type { Begun, Task } from './job-thread.ts';

/** Limits for each trace; null: none. */
export interface JobLimits {
  readonly seconds: number | null;
  /** Bytes of the thread's heap and buffers. */
  readonly memory: number | null;
}

/** ms between two looks at the memory of a thread. */
const LOOK_MS = 100;
const MIB = 1024 * 1024;

/** Threads that run jobs; `memory` bounds their heaps, in bytes (null: Node's own bound). */
export class JobPool {
  readonly #pool: Piscina<Task, JobResult | null>;
  // By number of the job: what is to be done once a thread has begun it.
  readonly #waiting = new Map<number, (worker: Worker) => void>();
  #next = 0;

  constructor(threads: number, memory: number | null) {
    this.#pool = new Piscina<Task, JobResult | null>({
      filename: new URL('./job-thread.ts', import.meta.url).href,
      name: 'runTask',
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      ...(memory === null
        ? {}
        : { resourceLimits: { maxOldGenerationSizeMb: Math.ceil(memory / MIB) } }),
    });
    this.#pool.on('message', ({ begun, threadId }: Begun) => {
      const worker = this.#pool.threads.find((thread) => thread.threadId === threadId);
      if (worker !== undefined) this.#waiting.get(begun)?.(worker);
    });
  }

  /** Runs a job when a thread is free; what goes wrong is in the rows of the result. */
  async run(job: BatchJob, limits: JobLimits): Promise<JobResult> {
    const number = this.#next++;
    try {
      return await limited(this.#pool, { number, job }, job, limits, (begin) =>
        this.#waiting.set(number, begin),
      );
    } finally {
      this.#waiting.delete(number);
    }
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/**
 * Runs jobs on `threads` threads, in the order given, and calls `done` for each as it ends. `done` returns false to have no
 * more begun.
 */
export async function runJobs(
  jobs: readonly BatchJob[],
  threads: number,
  limits: JobLimits,
  done: (job: BatchJob, result: JobResult) => boolean,
): Promise<void> {
  const count = Math.min(threads, jobs.length);
  const pool = new JobPool(count, limits.memory);
  let next = 0;
  let goesOn = true;
  const runNext = async (): Promise<void> => {
    while (goesOn && next < jobs.length) {
      const job = jobs[next++]!;
      const result = await pool.run(job, limits);
      goesOn = done(job, result) && goesOn;
    }
  };
  try {
    await Promise.all(Array.from({ length: count }, runNext));
  } finally {
    await pool.close();
  }
}

/** The result of a job; its failure where the thread did not give one. */
async function limited(
  pool: Piscina<Task, JobResult | null>,
  task: Task,
  { trace }: BatchJob,
  limits: JobLimits,
  onBegin: (begin: (worker: Worker) => void) => void,
): Promise<JobResult> {
  const failed = (error: string): JobResult => ({
    trace,
    rows: [rowOfFailure(trace, null, error)],
    kept: 0,
  });
  const abort = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  onBegin((worker) => timers.push(...watch(limits, worker, (reason) => abort.abort(reason))));
  try {
    return (await pool.run(task, { signal: abort.signal })) ?? failed('no result');
  } catch (error) {
    if (abort.signal.aborted) return failed(String(abort.signal.reason));
    const { code, message } = error as NodeJS.ErrnoException;
    const isMemory = code === 'ERR_WORKER_OUT_OF_MEMORY';
    if (isMemory) return failed(memoryProblem(limits.memory));
    return failed(`the thread that read it ended: ${message}`);
  } finally {
    timers.forEach(clearInterval);
  }
}

function memoryProblem(limit: number | null): string {
  if (limit === null) return 'out of memory: the heap of the thread is full; replay it alone';
  return `out of memory: takes more than the limit of ${Math.round(limit / MIB)} MB (--memory-limit)`;
}

/** Timers that watch one job. */
function watch(
  { seconds, memory }: JobLimits,
  worker: Worker,
  exceeded: (reason: string) => void,
): NodeJS.Timeout[] {
  const timers: NodeJS.Timeout[] = [];
  if (seconds !== null) {
    const reason = `out of time: takes longer than the limit of ${seconds} s (--time-limit)`;
    timers.push(setTimeout(() => exceeded(reason), seconds * 1000));
  }
  if (memory !== null) {
    const look = async (): Promise<void> => {
      const { used_heap_size: heap, external_memory: outside } = await worker.getHeapStatistics();
      if (heap + outside > memory) exceeded(memoryProblem(memory));
    };
    // A thread that has just ended cannot be looked at.
    timers.push(setInterval(() => void look().catch(() => {}), LOOK_MS));
  }
  return timers;
}
