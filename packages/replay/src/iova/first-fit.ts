// The IOVA policies `first-fit`, `augmented` and `maple`: the highest place that is free. See docs/models/iova-tree.md.
//
// All give the same addresses, those of a search that goes down from the limit to the first gap with
// an aligned place. They differ in what the search costs: `first-fit` visits every range on its way as
// the rbtree does; `augmented` stands for a tree that knows the largest gap of each subtree (proposals
// of May 2026) and goes straight to it. `maple` is the proposal of June 2026: the tree finds the highest gap
// that is long enough, and goes on to the next if the aligned place does not fit. Left out: the shapes of
// those trees.

import { powerOfTwoFrom } from '../pfn.ts';
import { FailCause, type IovaPolicy } from '../policy.ts';
import { NO_RANGE } from '../structures/ranges.ts';
import type { LinuxTree } from './linux-tree.ts';
import { type TreeBounds, treePolicy } from './tree-iova.ts';

/** The highest free place, found range by range. */
export const firstFit: IovaPolicy = treePolicy(
  'first-fit',
  'highest free place below the limit, found range by range; no hint, no cache',
  highestPlace,
);

/** The highest free place, found by the largest gap of each subtree. */
export const augmented: IovaPolicy = treePolicy(
  'augmented',
  'highest free place below the limit, found by an index of gaps (proposals of 2026)',
  (tree, pages, limitPfn, bounds) => {
    const done = highestPlace(tree, pages, limitPfn, bounds);
    // Modelled: the depth of a balanced tree of the ranges and the anchor.
    tree.steps = 1 + Math.ceil(Math.log2(tree.ranges.size + (done ? 0 : 1)));
    return done;
  },
);

/** The highest free place, found gap by gap of sufficient size. */
export const maple: IovaPolicy = treePolicy(
  'maple',
  'highest free place below the limit, by the reverse gap search of a maple tree (proposal of June 2026)',
  highestLongGap,
);

// A step is a gap of at least `pages` that was looked at. The first one is cut at the limit.
function highestLongGap(
  tree: LinuxTree,
  pages: number,
  limitPfn: number,
  { startPfn, alignCapPages }: TreeBounds,
): boolean {
  const { gaps, ranges } = tree;
  const align = Math.min(powerOfTwoFrom(pages), alignCapPages);
  const end = limitPfn + 1;
  let above = ranges.lowestFrom(end);
  tree.steps = 0;
  tree.cause = FailCause.noGap;
  while (above !== NO_RANGE) {
    const top = Math.min(end, ranges.lo(above));
    const bottom = Math.max(startPfn, ranges.floor(above) + 1);
    if (top <= startPfn) return false;
    if (top - bottom >= pages) {
      tree.steps++;
      const pfn = Math.floor((top - pages) / align) * align;
      if (pfn >= bottom) {
        tree.pfn[0] = pfn;
        tree.cause = FailCause.none;
        tree.take(above, pfn, pages);
        return true;
      }
    }
    above = ranges.below(above);
    if (above !== NO_RANGE) above = gaps.next(above, pages, 1);
  }
  return false;
}

function highestPlace(
  tree: LinuxTree,
  pages: number,
  limitPfn: number,
  { startPfn, alignCapPages }: TreeBounds,
): boolean {
  const { gaps, ranges } = tree;
  const align = Math.min(powerOfTwoFrom(pages), alignCapPages);
  const start = ranges.lowestFrom(limitPfn + 1);
  const above = gaps.down(start, limitPfn + 1, startPfn, pages, align);
  tree.steps = gaps.steps;
  tree.cause = above === NO_RANGE ? FailCause.noGap : FailCause.none;
  if (above === NO_RANGE) return false;
  tree.take(above, tree.pfn[0]!, pages);
  return true;
}
