// What travels over the queue: names of files and plain data, never code.
//
// Everything is named relative to the roots of a worker, which differ from machine to machine; `task` is what the
// command line makes of options and machine files, and what it checks again where it arrives.

import { createHash } from 'node:crypto';

/** One trace of a batch. Parts of paths are separated by slashes. */
export interface QueueJob {
  /** Folder of the batch's traces below the root of the traces; empty: the root itself. */
  readonly from: string;
  /** The trace, below that folder. */
  readonly trace: string;
  /** Folder of the batch's results below the root of the results; empty: the root itself. */
  readonly to: string;
  /** Plain JSON. */
  readonly task: unknown;
}

const FIELDS = ['from', 'trace', 'to', 'task'];

/** The job in a message of the queue; throws a RangeError where it holds anything else. */
export function parseJob(data: unknown): QueueJob {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new RangeError('the message is no job, expected { from, trace, to, task }');
  }
  const unknown = Object.keys(data).filter((key) => !FIELDS.includes(key));
  if (unknown.length > 0) {
    throw new RangeError(
      `the job has ${unknown.join(', ')}, expected nothing but ${FIELDS.join(', ')}: a job names files and machines, never code`,
    );
  }
  const { from, trace, to, task } = data as Record<string, unknown>;
  if (typeof from !== 'string' || typeof trace !== 'string' || typeof to !== 'string') {
    throw new RangeError('the job lacks a path: expected the texts from, trace and to');
  }
  return { from, trace, to, task };
}

/** The same for the same job, so that a batch which is enqueued twice is worked on once. */
export function jobId({ from, trace, to, task }: QueueJob): string {
  return createHash('sha256')
    .update(JSON.stringify([from, trace, to, task]))
    .digest('hex')
    .slice(0, 32);
}
