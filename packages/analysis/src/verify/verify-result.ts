// What a verification says. Field names are those of `dmalab verify --json`.

import type { Difference } from './difference.ts';

/** The first allocation whose recorded address no order that was found explains. */
export interface FirstDifference extends Difference {
  readonly file: string;
  /** The iovad pointer as recorded. */
  readonly domain: string;
  /** False where the search was given up by its budget: some allowed order may still explain it. */
  readonly proved: boolean;
}

/** The allocator level, of one domain. */
export interface AllocatorDomain {
  /** The iovad pointer as recorded. */
  readonly token: string;
  /** Line of its creation, 0 where the capture does not show it. */
  readonly line: number;
  /** Recorded allocations that were compared, and those that the model explains. */
  readonly compared: number;
  readonly matched: number;
  /** Places where the order of the entry lines had to be left. */
  readonly reordered: number;
  /** Attempts of the search that were taken back. */
  readonly tries: number;
  readonly first: FirstDifference | null;
  /** Why nothing was compared, else null. */
  readonly why: string | null;
}

/** The allocator level: recorded allocations and frees, in an order that their intervals allow. */
export interface AllocatorResult extends Omit<AllocatorDomain, 'token' | 'line'> {
  readonly domains: readonly AllocatorDomain[];
}
