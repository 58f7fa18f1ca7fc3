// What a verification says. Field names are those of `dmalab verify --json`.

import type { BounceResult } from './bounce/bounce-result.ts';
import type { FlushComparison } from './compare-flushes.ts';
import type { Difference } from './difference.ts';
import type { TimerComparison } from './recorded-timers.ts';

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

/** The first request whose recorded address a replay of the whole stack does not give. */
export interface StackDifference {
  readonly file: string;
  /** Main line of the request. */
  readonly line: number;
  readonly domain: string;
  readonly device: string;
  /** ns since the first event. */
  readonly time: number;
  readonly cpu: number;
  readonly pages: number;
  readonly recordedPfn: number;
  /** null for a failed allocation. */
  readonly modelPfn: number | null;
  /** The model's domain after the request. */
  readonly liveMappings: number;
  readonly queuedEntries: number;
  readonly cachedPages: number;
}

/** The whole-stack level, of one domain. */
export interface StackDomain {
  readonly token: string;
  /** Recorded map requests that were compared, and those with the same address in the replay. */
  readonly compared: number;
  readonly matched: number;
  readonly first: StackDifference | null;
  readonly why: string | null;
  /** null where the capture shows no flush of the domain. */
  readonly flushes: FlushComparison | null;
}

/** One replay of the whole stack, all domains together. */
export interface StackRunResult extends Omit<StackDomain, 'token'> {
  /** Requests that were moved to the place that the allocator level found. */
  readonly reordered: number;
  readonly domains: readonly StackDomain[];
}

/** The same with flush timers that fire when the recorded ones did, each judged by itself. */
export interface FollowedStack extends StackRunResult {
  readonly timers: TimerComparison;
}

/** The whole-stack level: DMA API requests alone; the flush queue decides when ranges are freed. */
export interface StackResult extends StackRunResult {
  /** Length of a jiffy, and where one begins on the trace's clock, as estimated. */
  readonly jiffyNs: number;
  readonly phaseNs: number;
  /** null where the capture does not show when timers were armed and fired. */
  readonly followed: FollowedStack | null;
}

/** The verification of one capture. */
export interface VerifyResult {
  readonly schema: 'dmalab.verify/1';
  readonly file: string;
  /** Preset of the models; unverified: not compared with the kernel's own code. */
  readonly kernel: string;
  readonly unverified: boolean;
  readonly cpus: number;
  readonly lost: number;
  readonly allocator: AllocatorResult;
  readonly bounce: BounceResult;
  readonly stack: StackResult;
}
