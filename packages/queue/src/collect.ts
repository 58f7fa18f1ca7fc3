// The side of the batch: puts jobs into the queue and collects what became of them.
//
// The state of the queue is asked for again and again instead of being told by events: whatever restarts in between,
// the answer is the same. A job that is no longer there (the server came back without its data) is enqueued again.

import { Queue } from 'bullmq';
import type { QueueAddress } from './address.ts';
import { jobId, type QueueJob } from './job.ts';
import { connectionOptions, QUEUE_NAME, reach } from './server.ts';

const POLL_MS = 200;
/** Polls between two looks for lost jobs and for workers. */
const LOOK_EVERY = 25;
const LOOK_AT = 500;
const ADD_AT_ONCE = 500;
/** Outcomes that nobody collects are forgotten after a day. */
const KEEP = { age: 86_400 };

/** What a worker returned, or why there is nothing. */
export type JobOutcome =
  | { readonly value: unknown; readonly failure: null }
  | { readonly value: null; readonly failure: string };

/** How outcomes and troubles are told. */
export interface CollectOptions {
  /** Called once for each job, in the order in which they end; `index` is that in the list. */
  onOutcome(index: number, outcome: JobOutcome): void;
  /** Called when the server goes away or no worker is connected; the batch goes on. */
  onTrouble(message: string): void;
  /** Ends the batch early; jobs that no worker has begun are taken from the queue. */
  readonly signal: AbortSignal;
}

/**
 * Enqueues the jobs, resolves when all of them have an outcome (or after `signal`). Throws a QueueError when the
 * server cannot be reached at the start.
 */
export async function collect(
  address: QueueAddress,
  jobs: readonly QueueJob[],
  options: CollectOptions,
): Promise<void> {
  await reach(address);
  const queue = new Queue(QUEUE_NAME, {
    connection: connectionOptions(address),
    defaultJobOptions: { removeOnComplete: KEEP, removeOnFail: KEEP },
  });
  queue.on('error', ({ message }) => options.onTrouble(message));
  const pending = new Map(jobs.map((job, index) => [jobId(job), index]));
  try {
    await forgetEnded(queue, pending);
    await enqueue(queue, jobs, [...pending.values()]);
    await collectPending(queue, jobs, pending, options);
    if (options.signal.aborted) await withdraw(queue, pending);
  } finally {
    await queue.close();
  }
}

/** Outcomes of an earlier batch would be taken for those of this one. */
async function forgetEnded(queue: Queue, pending: ReadonlyMap<string, number>): Promise<void> {
  for (const id of await endedIds(queue)) {
    if (pending.has(id)) await queue.remove(id);
  }
}

async function enqueue(
  queue: Queue,
  jobs: readonly QueueJob[],
  indices: readonly number[],
): Promise<void> {
  for (let from = 0; from < indices.length; from += ADD_AT_ONCE) {
    await queue.addBulk(
      indices.slice(from, from + ADD_AT_ONCE).map((index) => {
        const data = jobs[index]!;
        return { name: 'replay', data, opts: { jobId: jobId(data) } };
      }),
    );
  }
}

async function collectPending(
  queue: Queue,
  jobs: readonly QueueJob[],
  pending: Map<string, number>,
  options: CollectOptions,
): Promise<void> {
  for (let poll = 1; pending.size > 0 && !options.signal.aborted; poll++) {
    for (const id of await endedIds(queue)) {
      const index = pending.get(id);
      if (index === undefined) continue;
      options.onOutcome(index, await takeOutcome(queue, id));
      pending.delete(id);
    }
    if (poll % LOOK_EVERY === 0) {
      await enqueueLost(queue, jobs, pending);
      if ((await queue.getWorkersCount()) === 0) {
        options.onTrouble('no worker is connected: start one with dmalab worker');
      }
    }
    if (pending.size > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function endedIds(queue: Queue): Promise<string[]> {
  return await queue.getRanges(['completed', 'failed'], 0, -1);
}

async function takeOutcome(queue: Queue, id: string): Promise<JobOutcome> {
  const job = await queue.getJob(id);
  const outcome: JobOutcome =
    job?.failedReason === undefined || job.failedReason === ''
      ? { value: job?.returnvalue ?? null, failure: null }
      : { value: null, failure: job.failedReason };
  await queue.remove(id);
  return outcome;
}

/** Looks at some of the pending jobs, and at others the next time. */
async function enqueueLost(
  queue: Queue,
  jobs: readonly QueueJob[],
  pending: Map<string, number>,
): Promise<void> {
  const looked = [...pending].slice(0, LOOK_AT);
  const found = await Promise.all(looked.map(([id]) => queue.getJob(id)));
  const lost = looked.filter((_, i) => found[i] === undefined).map(([, index]) => index);
  for (const [id, index] of looked) {
    pending.delete(id);
    pending.set(id, index);
  }
  await enqueue(queue, jobs, lost);
}

async function withdraw(queue: Queue, pending: ReadonlyMap<string, number>): Promise<void> {
  for (const id of pending.keys()) {
    // A job that a worker holds stays: it ends, and its result is found by the next run.
    await queue.remove(id).catch(() => 0);
  }
}
