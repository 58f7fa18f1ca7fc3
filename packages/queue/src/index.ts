// The public surface of @dmalab/queue.

export { type QueueAddress, queueAddress, shownAddress } from './address.ts';
export { type CollectOptions, collect, type JobOutcome } from './collect.ts';
export { parseJob, type QueueJob } from './job.ts';
export { QueueError } from './queue-error.ts';
export { type JobPlace, placeOf, RootError, type Roots, rootsOf } from './roots.ts';
export { type WorkOptions, work } from './work.ts';
