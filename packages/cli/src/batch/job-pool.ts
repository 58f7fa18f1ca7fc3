// Jobs in processes of their own (workerpool), one for each place in the pool and used again for the next job.
//
// Whatever a process dies of (a crash, all memory taken, kill -9) costs it and its job; the pool makes another one. A job
// whose process ended by itself is tried once more: the system may have chosen it to end for what others took. Limits are held
// from outside: a process that exceeds one is killed, also in a loop that it would never leave.

import { readFileSync } from 'node:fs';
import { rowOfFailure } from '@dmalab/analysis/results';
import { discardUnfinishedFiles } from '@dmalab/trace';
import type { Pool } from 'workerpool';
import type { ReportTask } from './batch-reports.ts';
import type { BatchJob, JobResult } from './job.ts';
import type { Begun } from './job-process.ts';
import { processPool, takeEarly } from './process-pool.ts';

/** Limits for each trace; null: none. */
export interface JobLimits {
  readonly seconds: number | null;
  /** Bytes of the process that stay in memory. */
  readonly memory: number | null;
}

const NO_LIMITS: JobLimits = { seconds: null, memory: null };
/** ms between two looks at the memory of a process. */
const LOOK_MS = 100;
const MIB = 1024 * 1024;
const PAGE = 4096;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Why a task gave no result. */
class TaskFailure extends Error {
  /** Another try may end otherwise. */
  readonly mayPass: boolean;

  constructor(message: string, mayPass: boolean) {
    super(message);
    this.mayPass = mayPass;
  }
}

/** `processes` processes, for whoever begins no more tasks at once; `memory` bounds their heaps, in bytes (null: Node's own bound). */
export class JobPool {
  readonly processes: number;
  readonly #pool: Pool;
  readonly #busy = new Set<number>();
  readonly #kill = (): void => this.kill();

  constructor(processes: number, memory: number | null) {
    this.processes = processes;
    this.#pool = (memory === null ? takeEarly() : null) ?? processPool(memory);
    process.on('exit', this.#kill);
  }

  /** Runs a job when a process is free; what goes wrong is in the rows of the result. */
  async run(job: BatchJob, limits: JobLimits): Promise<JobResult> {
    const { trace } = job;
    try {
      return await this.#twice(() => this.#task<JobResult>('runJob', job, limits));
    } catch (error) {
      return { trace, rows: [rowOfFailure(trace, null, (error as Error).message)], kept: 0 };
    }
  }

  /** Writes reports, in every process some; throws where that cannot be done. */
  async report({ out, folders }: ReportTask): Promise<void> {
    const parts = Array.from({ length: this.processes }, (_, part) =>
      folders.filter((_, i) => i % this.processes === part),
    );
    const tasks = parts.filter((part) => part.length > 0);
    await Promise.all(
      tasks.map((part) =>
        this.#twice(() => this.#task('writeReports', { out, folders: part }, NO_LIMITS)),
      ),
    );
  }

  /** Kills what is being done. */
  kill(): void {
    for (const pid of this.#busy) killed(pid);
  }

  /** Ends the processes. */
  async close(): Promise<void> {
    process.off('exit', this.#kill);
    await this.#pool.terminate(true);
  }

  async #twice<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof TaskFailure && error.mayPass) return action();
      throw error;
    }
  }

  async #task<T>(method: string, argument: object, limits: JobLimits): Promise<T> {
    let pid = 0;
    let exceeded = '';
    let words = '';
    const timers: NodeJS.Timeout[] = [];
    const end = (reason: string): void => {
      exceeded ||= reason;
      killed(pid);
    };
    try {
      return (await this.#pool.exec(method, [argument], {
        on: (told: Begun | { stdout?: string; stderr?: string }) => {
          if ('begun' in told) {
            pid = told.begun;
            this.#busy.add(pid);
            timers.push(...watch(limits, pid, end));
          } else {
            words += told.stderr ?? '';
            process.stdout.write(told.stdout ?? '');
          }
        },
      })) as T;
    } catch (error) {
      if (exceeded !== '') throw new TaskFailure(exceeded, false);
      const failure = failureOf(error as Error, words, limits);
      words = '';
      throw failure;
    } finally {
      this.#busy.delete(pid);
      timers.forEach(clearInterval);
      process.stderr.write(words);
    }
  }
}

/**
 * Runs jobs in the processes of a pool, in the order given, and calls `done` for each as it ends. `done` returns false to have
 * no more begun. A process that has no job left does `spare` work until the last job is done; it returns false when there is none.
 */
export async function runJobs(
  pool: JobPool,
  jobs: readonly BatchJob[],
  limits: JobLimits,
  done: (job: BatchJob, result: JobResult) => boolean,
  spare: () => Promise<boolean> = async () => false,
): Promise<void> {
  let next = 0;
  let running = pool.processes;
  let goesOn = true;
  const runNext = async (): Promise<void> => {
    while (goesOn && next < jobs.length) {
      const job = jobs[next++]!;
      const result = await pool.run(job, limits);
      goesOn = done(job, result) && goesOn;
    }
    running--;
    while (goesOn && running > 0 && (await spare()));
  };
  await Promise.all(Array.from({ length: pool.processes }, runNext));
}

/** Has a signal kill what the pool does, call `more`, and then end this process as it always does; call the result to undo it. */
export function killOnSignals(pool: JobPool, more: () => void = () => {}): () => void {
  const off = (): void => {
    for (const signal of SIGNALS) process.off(signal, end);
  };
  const end = (signal: NodeJS.Signals): void => {
    off();
    pool.kill();
    more();
    discardUnfinishedFiles();
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.on(signal, end);
  return off;
}

function failureOf(error: Error, words: string, { memory }: JobLimits): TaskFailure {
  const [, code, signal] = /exitCode: `(\w+)`\s+signalCode: `(\w+)`/.exec(error.message) ?? [];
  if (code === undefined) return new TaskFailure(error.message, false);
  // V8 says so before it aborts.
  if (/heap out of memory|heap limit/.test(words))
    return new TaskFailure(memoryProblem(memory), false);
  const how = signal === 'null' ? `with exit code ${code}` : `by ${signal}`;
  const last = words.trim().split('\n').at(-1) ?? '';
  const problem = `the process that read it ended ${how}, twice${last === '' ? '' : `: ${last}`}`;
  return new TaskFailure(problem, true);
}

function memoryProblem(limit: number | null): string {
  if (limit === null) return 'out of memory: the heap of its process is full; replay it alone';
  return `out of memory: takes more than the limit of ${Math.round(limit / MIB)} MB (--memory-limit)`;
}

/** Timers that watch one task. */
function watch(
  { seconds, memory }: JobLimits,
  pid: number,
  exceeded: (reason: string) => void,
): NodeJS.Timeout[] {
  const timers: NodeJS.Timeout[] = [];
  if (seconds !== null) {
    const reason = `out of time: takes longer than the limit of ${seconds} s (--time-limit)`;
    timers.push(setTimeout(() => exceeded(reason), seconds * 1000));
  }
  if (memory !== null) {
    const look = (): void => {
      if (residentBytes(pid) > memory) exceeded(memoryProblem(memory));
    };
    timers.push(setInterval(look, LOOK_MS));
  }
  return timers;
}

/** What a process has in memory; 0 where it has ended, and on systems without /proc, where the bound of the heap is left. */
function residentBytes(pid: number): number {
  try {
    return PAGE * Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  } catch {
    return 0;
  }
}

function killed(pid: number): void {
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
