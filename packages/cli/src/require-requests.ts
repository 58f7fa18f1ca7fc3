// A trace has to hold requests before anything can be replayed.

import { type Capture, TraceError } from '@dmalab/trace';
import { unfitLayout } from './trace-info/unfit-layout.ts';

/** Refuses a capture without any request, and says what is missing. */
export function requireRequests({ report }: Capture, file: string): void {
  const { map, alloc, openStart } = report.requests;
  if (map + alloc + openStart > 0) return;
  const unfit = unfitLayout(report);
  if (unfit !== null) throw new TraceError(file, null, `${unfit.code}: ${unfit.message}`);
  throw new TraceError(
    file,
    null,
    'nothing to replay: no DMA API call and no IOMMU mapping was recorded; record the events dma:* and iommu:* (dmalab info says what is in the file)',
  );
}
