// Looks at the state of a replay from time to time: free address space, caches, bounce memory.
//
// A look visits every range, so it comes only after sixteen rows for each, and after a 32nd of the
// time that has passed: of any replay the later half has at least 16 where there are rows enough. Besides, the
// first failed map of each stage is looked at, and the end.

import type { CachedRanges } from './cached-ranges.ts';
import type { FreeSpace } from './free-space.ts';
import { FailStage } from './outcome.ts';

/** Why a look was taken: by the clock, at the first map that failed for want of an address or of a slot, at the end. */
export type SampleReason = 'course' | 'failure' | 'end';

/** The address space of one domain at one moment. */
export interface DomainSample {
  readonly domain: number;
  /** Ranges that the allocator keeps in order, reservations too; null where it does not say. */
  readonly nodes: number | null;
  /** null: the allocator does not tell its free ranges, or nothing was mapped yet. */
  readonly free: FreeSpace | null;
  /** null: it has no caches, or does not tell of them. */
  readonly cached: CachedRanges | null;
  /** Pages below 4 GiB that are taken (live, queued and cached), and of them those that wait for a flush. */
  readonly low32Pages: number;
  readonly queuedLow32Pages: number;
}

/** Bounce memory at one moment. */
export interface PoolSample {
  /** Slots free and in use in pools of the list. */
  readonly freeSlots: number;
  readonly usedSlots: number;
  /** Runs of free slots by k: those of 2^k to 2^(k+1) - 1 slots. A run ends with its set of 128 slots. */
  readonly runs: Float64Array;
  /** Slots of the longest run. */
  readonly longest: number;
}

/** The state of a machine at one moment. */
export interface StateSample {
  /** ns. */
  readonly time: number;
  readonly reason: SampleReason;
  /** Of a failure: where it happened. */
  readonly stage: FailStage;
  /** Domains that there are. */
  readonly domains: readonly DomainSample[];
  /** null: no bounce memory, or a policy that does not tell its free runs. */
  readonly pool: PoolSample | null;
}

/** What the sampler looks at. */
export interface SampledState {
  /** Ranges and slots that a look visits, about. */
  size(): number;
  domains(): DomainSample[];
  pool(): PoolSample | null;
}

const SHORTEST_STEP = 1000;
const STEPS_PER_TIME = 32;
const ROWS_PER_VISIT = 16;

/** See the head of the file. */
export class StateSampler {
  /** ns from which on a look is due. */
  next: number = SHORTEST_STEP;
  readonly #state: SampledState;
  #rowsBefore = 0;
  #failures = 0;

  constructor(state: SampledState) {
    this.#state = state;
  }

  /** The clock stands at `time`, which is not before `next`; `rows` were written so far. Null: not yet. */
  look(time: number, rows: number): StateSample | null {
    this.next = time + Math.max(SHORTEST_STEP, time / STEPS_PER_TIME);
    if (rows - this.#rowsBefore <= ROWS_PER_VISIT * this.#state.size()) return null;
    this.#rowsBefore = rows;
    return this.take(time, 'course');
  }

  /** A map failed at `stage`. Null: not the first one there. */
  failure(time: number, stage: FailStage): StateSample | null {
    if ((this.#failures & (1 << stage)) !== 0) return null;
    this.#failures |= 1 << stage;
    return this.take(time, 'failure', stage);
  }

  take(time: number, reason: SampleReason, stage: FailStage = FailStage.none): StateSample {
    return { time, reason, stage, domains: this.#state.domains(), pool: this.#state.pool() };
  }
}
