// What a replay reads.

import type { RequestBatch, SegmentLists } from '@dmalab/trace';

/** What is replayed: a capture, or anything that yields requests in order. */
export interface RequestSource {
  /** Mappings that were live before the trace began. */
  openStart(): Iterable<RequestBatch>;
  requests(): Iterable<RequestBatch>;
  /** Segments of scatter lists; where they are missing a list is taken as equal parts. */
  readonly lists?: SegmentLists | null;
}
