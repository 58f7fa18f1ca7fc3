// Ring of unmapped ranges, one column per field.
//
// Models iova_fq of drivers/iommu/dma-iommu.c (Linux 6.12); see docs/models/flush-queue.md.
// Left out: the lock, and the page-table pages that travel with an entry.
//
// One entry always stays free: head === tail means empty. Any size will do; see ring-size.ts for which a
// kernel takes.

/** Columns of one flush queue; `head` is the oldest entry, `tail` the next free one. */
export interface Ring {
  readonly size: number;
  head: number;
  tail: number;
  /** Finished flushes when entries were last released: nothing is releasable before there are more. */
  seen: number;
  readonly pfn: Float64Array;
  readonly pages: Float64Array;
  /** Flushes started when the entry was queued. */
  readonly counter: Float64Array;
  /** Time of the unmap in ns. */
  readonly time: Float64Array;
  readonly id: Uint32Array;
}

/** An empty ring of `size` entries, of which `size - 1` are usable. */
export function createRing(size: number): Ring {
  return {
    size,
    head: 0,
    tail: 0,
    seen: 0,
    pfn: new Float64Array(size),
    pages: new Float64Array(size),
    counter: new Float64Array(size),
    time: new Float64Array(size),
    id: new Uint32Array(size),
  };
}

/** The entry after `entry`. */
export function nextEntry(ring: Ring, entry: number): number {
  const next = entry + 1;
  return next === ring.size ? 0 : next;
}

/** Entries waiting in the ring. */
export function ringLength(ring: Ring): number {
  const length = ring.tail - ring.head;
  return length < 0 ? length + ring.size : length;
}
