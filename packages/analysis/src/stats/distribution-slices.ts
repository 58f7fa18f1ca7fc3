// The distributions of a run by slices of its time, for a part of it to be drawn.

import type { DistributionSlices, SlicedCounts } from '../run-result.ts';
import type { SlicedHistogram } from '../structures/sliced-histogram.ts';
import type { FlushStats } from './flushes.ts';
import type { LatencyStats } from './latencies.ts';
import type { RequestStats } from './requests.ts';

/** The slices up to `end` (ns), the end of the run; nothing may be counted afterwards. */
export function distributionSlices(
  { lifetime }: RequestStats,
  { map, unmap }: LatencyStats,
  { stale, interval, batchByCause }: FlushStats,
  end: number,
): DistributionSlices {
  const { width, counts } = lifetime.slices(end);
  const kept = (histogram: SlicedHistogram): SlicedCounts => histogram.slices(end).counts;
  const [full, timeout, host, teardown, bound] = batchByCause.map(kept);
  return {
    sliceNs: width,
    count: counts.length,
    lifetime: counts,
    staleWindow: kept(stale),
    modelledMapLatency: kept(map),
    modelledUnmapLatency: kept(unmap),
    flushInterval: kept(interval),
    flushBatch: {
      full: full!,
      timeout: timeout!,
      host: host!,
      teardown: teardown!,
      bound: bound!,
    },
  };
}
