// Which traces are those of shard i of n. The path decides, so that each shard finds its own without knowing the others,
// also while traces are added.

import { createHash } from 'node:crypto';
import { UsageError } from '../usage-error.ts';

/** One part of a batch; `index` counts from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** "2/4" is the second of four. */
export function parseShard(text: string): Shard {
  const [, index = 0, count = 0] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (!(index >= 1 && index <= count)) {
    throw new UsageError(`--shard: got ${text}, expected i/n with i from 1 to n, as in 1/4`);
  }
  return { index, count };
}

/** Whether a trace belongs to the shard. */
export function isInShard(path: string, { index, count }: Shard): boolean {
  const hash = createHash('sha256').update(path).digest().readUIntBE(0, 6);
  return hash % count === index - 1;
}
