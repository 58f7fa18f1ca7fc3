// The recorded calls of swiotlb as intervals in the trace, and the steps of which they are made.
//
// Lines are numbered by a count of events. A step takes effect at one moment between `begin` and `end`; a step that
// ended at an event is over when another begins with it. A map that searches several areas takes one lock
// after another: it is one step for each area.

import type { SlotPool } from '@dmalab/replay';

/** Result of a map that failed, and of one that has not returned. */
export const FAILED = -1;
export const UNKNOWN = -2;

/** Bounce memory that the capture shows. */
export interface RecordedPool {
  readonly model: SlotPool;
  /** Made for one request. */
  readonly transient: boolean;
  /** Event numbers between which it came into the list of pools; 0 for the default pool. */
  readonly begin: number;
  end: number;
}

/** swiotlb_tbl_map_single. */
export interface MapCall {
  /** Line of the entry, and of the return (0 = none). */
  readonly line: number;
  resultLine: number;
  /** ns since the first event. */
  readonly time: number;
  readonly begin: number;
  end: number;
  /** CPU at the entry and at the return. */
  readonly cpu: number;
  endCpu: number;
  /** Index of the device. */
  readonly device: number;
  readonly tid: number;
  /** Address of the original buffer, and bytes asked for. */
  readonly orig: number;
  readonly bytes: number;
  readonly alignMask: number;
  /** Recorded bounce address, {@link FAILED} or {@link UNKNOWN}. */
  result: number;
  /** Event by which the search was over: the copy into the slots, or the return. */
  searchedBy: number;
  /** Searches of one area each, in order: as recorded, or as they follow from the result. */
  steps: AreaStep[];
  /** The searches are recorded. */
  searchesSeen: boolean;
  /** The pool that was asked for, for this call alone; null where none was. */
  transient: PoolRequest | null;
  /** What it asks of the search. */
  request: SlotRequest;
}

/** What a map asks of an area: bytes with the offset in front, and where in its slots the buffer begins. */
export interface SlotRequest {
  readonly size: number;
  readonly offset: number;
  readonly pad: number;
}

/** The search of one area of one pool. */
export interface AreaStep {
  readonly call: MapCall;
  readonly pool: RecordedPool;
  readonly area: number;
  readonly begin: number;
  end: number;
  /** Recorded first slot (padding included) in its pool, {@link FAILED} or {@link UNKNOWN}. */
  slot: number;
  /** First slot by the recorded address, -1 where it is none of the pool. */
  expected: number;
  /** First slot that the model took; -1 none. */
  taken: number;
}

/** swiotlb_release_slots, or the unmap around it. */
export interface Release {
  begin: number;
  end: number;
  readonly line: number;
  readonly address: number;
  /** The map that took the slots; null where it is not in the capture. */
  readonly call: MapCall | null;
}

/** The unmap of a transient pool: its slots count as used until some moment before `deleted`, as transient until one after it. */
export interface TransientEnd {
  readonly begin: number;
  readonly deleted: number;
  readonly release: Release;
  readonly slots: number;
}

/** swiotlb_alloc_pool: a pool for one request, or one that the growth work adds. */
export interface PoolRequest {
  readonly line: number;
  readonly begin: number;
  end: number;
  /** struct device is null: growth. */
  readonly growth: boolean;
  readonly minSlots: number;
  readonly slots: number;
  readonly areas: number;
  /** Bytes of each attempt to get memory, and whether it was there. */
  readonly attempts: { readonly bytes: number; served: boolean | null }[];
  /** What came back; null: nothing. */
  made: { readonly start: number; readonly slots: number; readonly areas: number } | null;
  returned: boolean;
}

/** swiotlb_dyn_alloc, one run of the growth work. */
export interface GrowthRun {
  readonly line: number;
  readonly begin: number;
  end: number;
  request: PoolRequest | null;
  /** The pool was added to the list. */
  added: boolean;
}

/** A line of debugfs that the user wrote into the trace. */
export interface UsageSample {
  readonly line: number;
  /** Events between which its numbers were read. */
  readonly begin: number;
  readonly end: number;
  readonly slots: number;
  readonly used: number;
  readonly hiwater: number;
  readonly transient: number;
}
