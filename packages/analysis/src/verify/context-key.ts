// Keys that tell apart what can run interleaved on a machine.

import type { EventBatch } from '@dmalab/trace';

const CPUS = 65_536;
const CONTEXTS = 128;

/** CPU and thread of a row as one number. */
export function threadKey(batch: EventBatch, row: number): number {
  return (batch.tid[row]! + 1) * CPUS + batch.cpu[row]!;
}

/** CPU, thread and context of a row as one number. */
export function contextKey(batch: EventBatch, row: number): number {
  return threadKey(batch, row) * CONTEXTS + (batch.context[row]! % CONTEXTS);
}
