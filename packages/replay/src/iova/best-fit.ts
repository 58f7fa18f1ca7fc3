// The IOVA policy `best-fit`: the smallest gap that takes the request. See docs/models/iova-tree.md.
//
// The proposals of 2020 and 2022 for drivers/iommu/iova.c, shipped in kernels of Android vendors. The
// search walks all gaps from the top down and ends early only at one of exactly the size. Gaps are
// measured to the next range, also where the limit lies in between. Gaps too small are passed by the
// index of gap-search.ts; steps are those of the walk.

import { powerOfTwoFrom } from '../pfn.ts';
import { FailCause, type IovaPolicy } from '../policy.ts';
import { NO_RANGE } from '../structures/ranges.ts';
import type { LinuxTree } from './linux-tree.ts';
import { type TreeBounds, treePolicy } from './tree-iova.ts';

/** The smallest gap that takes the request. */
export const bestFit: IovaPolicy = treePolicy(
  'best-fit',
  'smallest gap that takes the request, among all (proposals of 2020 and 2022, Android)',
  smallestGap,
);

function smallestGap(
  tree: LinuxTree,
  pages: number,
  limitPfn: number,
  { startPfn, alignCapPages }: TreeBounds,
): boolean {
  const { ranges, gaps } = tree;
  const align = Math.min(powerOfTwoFrom(pages), alignCapPages);
  const end = limitPfn + 1;
  let best = NO_RANGE;
  let bestGap = Number.POSITIVE_INFINITY;
  // Above the lowest range at or over the limit no gap reaches down to where the limit allows a place.
  let at = end > ranges.highest() ? ranges.anchor : ranges.lowestFrom(end);
  let steps = ranges.rank(at) + 1;
  while (at !== NO_RANGE) {
    const lowest = ranges.below(at) === NO_RANGE;
    const gap = ranges.lo(at) - (lowest ? startPfn : ranges.floor(at) + 1);
    const pfn = Math.floor((Math.min(end, ranges.lo(at)) - pages) / align) * align;
    const free = pfn > ranges.floor(at) && pfn >= startPfn;
    if (free && gap < bestGap) {
      best = at;
      bestGap = gap;
      if (gap === pages && !lowest) break;
    }
    at = ranges.below(at);
    if (at === NO_RANGE) break;
    steps++;
    at = gaps.next(at, pages, align);
    steps += gaps.steps - 1;
  }
  tree.steps = steps;
  tree.cause = best === NO_RANGE ? FailCause.noGap : FailCause.none;
  if (best === NO_RANGE) return false;
  const top = Math.min(end, ranges.lo(best));
  const pfn = Math.floor((top - pages) / align) * align;
  tree.pfn[0] = pfn;
  tree.take(best, pfn, pages);
  return true;
}
