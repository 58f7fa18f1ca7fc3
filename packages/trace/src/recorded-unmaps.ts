// Whether the ends of mappings were recorded at all.

import type { ReadReport } from './capture.ts';

/** True: some event or probe of the trace tells of unmaps or frees. */
export function hasUnmapEvents({ events }: Pick<ReadReport, 'events'>): boolean {
  return Object.keys(events).some((name) => /unmap|free|release/.test(name));
}
