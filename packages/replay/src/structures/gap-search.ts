// Walks from gap to gap, downwards, without visiting every range.
//
// Finds what a walk over all ranges would find, and says how many ranges that walk would have visited:
// nodes whose gaps have too little room are passed by, and counted. What a node says of its room may
// be too much; a search that finds this out corrects it, so it pays once, and one that is successful looks
// at the whole leaf, so that the next one knows what is left of it. The loops say the layout
// of a row in numbers: a constant of a module is read and checked at every use.

import { MOST_ROOM, NONE, ROOM_CLASSES } from './range-nodes.ts';
import type { RangeTree } from './range-tree.ts';
import { type Gaps, NO_RANGE } from './ranges.ts';

const LAST_CLASS = ROOM_CLASSES - 1;

/** Searches of one tree. */
export class GapSearch implements Gaps {
  /** Ranges that a walk would have visited in the last search, the first one included. */
  steps = 0;
  /** The place that the last successful search found. Not a result: as that a double would be an object. */
  declare readonly pfn: Float64Array;
  declare private readonly tree: RangeTree;
  private pages = 0;
  private align = 1;
  private perAlign = 1;
  private roomClass = 0;
  /** Of the last search: the leaf all of whose gaps it looked at, if it found one there; which; the most room of the others. */
  private leaf: number = NONE;
  private found = 0;
  private rest = 0;

  constructor(tree: RangeTree, pfn: Float64Array = new Float64Array(1)) {
    this.tree = tree;
    this.pfn = pfn;
  }

  /**
   * Goes down from the range at `start`, gap by gap, to the first that takes `pages` below `end` and at
   * or above `low`, at a multiple of `align`: a power of two below `2 * pages`. Returns the position of
   * the range above the gap, with the highest place in `pfn[0]`, or {@link NO_RANGE}. As in the kernel
   * the walk ends at the first range below which the highest aligned place is under `low`.
   */
  down(start: number, end: number, low: number, pages: number, align: number): number {
    const { tree } = this;
    const { doubles } = tree.rows;
    const perAlign = 1 / align;
    this.pages = pages;
    this.align = align;
    this.perAlign = perAlign;
    this.leaf = NONE;
    let from = start;
    let passed = 0;
    if (doubles[start * 4]! >= end) {
      const pfn = Math.floor((end - pages) * perAlign) * align;
      // A negative pfn is huge in the kernel's unsigned arithmetic, and ends the walk too.
      if (pfn < low || pfn < 0) {
        this.steps = 1;
        return NO_RANGE;
      }
      const last = tree.floor(start) < end ? start : tree.lowestFrom(end);
      passed = last === start ? 1 : tree.rank(last) - tree.rank(start) + 1;
      if (pfn > tree.floor(last)) {
        this.steps = passed;
        this.pfn[0] = pfn;
        return last;
      }
      from = tree.below(last);
    }
    this.steps = passed;
    const at = this.firstRoom(from);
    const pfn = Math.floor((doubles[at * 4]! - pages) * perAlign) * align;
    if (pfn < low || pfn < 0) {
      this.endInVain(from, at, low, passed);
      return NO_RANGE;
    }
    this.pfn[0] = pfn;
    return at;
  }

  downFrom(end: number, low: number, pages: number, align: number): number {
    return this.down(this.tree.lowestFrom(end), end, low, pages, align);
  }

  /** The first range at or below `from` whose gap takes `pages` at a multiple of `align`; there is always one. */
  next(from: number, pages: number, align: number): number {
    this.pages = pages;
    this.align = align;
    this.perAlign = 1 / align;
    this.leaf = NONE;
    this.steps = 0;
    return this.firstRoom(from);
  }

  fill(above: number, lo: number, hi: number): number {
    if (this.leaf !== NONE && above === this.found) this.lowerRoom(above, lo, hi);
    return this.tree.insertBelow(above, lo, hi);
  }

  /** The leaf that was looked at has no more room than its other gaps, and what is left of the one below `above`. */
  private lowerRoom(above: number, lo: number, hi: number): void {
    const { tree, align, perAlign } = this;
    const over = tree.lo(above) - Math.ceil((hi + 1) * perAlign) * align;
    const under = lo - Math.ceil((tree.floor(above) + 1) * perAlign) * align;
    const most = Math.max(this.rest, over, under);
    const { room } = tree.nodes;
    const at = this.roomClass + this.leaf;
    if (room[at]! > most) room[at] = most;
  }

  /** The walk from `from` ends at `at`, or above it; `steps` counts the ranges to `at`. */
  private endInVain(from: number, at: number, low: number, passed: number): void {
    const { tree } = this;
    const lowest = Math.ceil(low * this.perAlign) * this.align + this.pages;
    if (tree.lo(from) < lowest) this.steps = passed + 1;
    else if (tree.lo(tree.above(at)) < lowest) {
      const last = tree.atOrBelow(lowest - 1);
      this.steps = passed + tree.rank(last) - tree.rank(from) + 1;
    }
  }

  /** The first range at or below `from` with enough room under it; under the lowest there always is. */
  private firstRoom(from: number): number {
    const { pages, align, perAlign } = this;
    const { nodes } = this.tree;
    const { lasts, parents, slots, sizes, children, counts, room, tables } = nodes;
    const { doubles, words } = this.tree.rows;
    let node = words[from * 8 + 6]!;
    const last = lasts[node]!;
    let passed = 0;
    let at = from;
    for (;;) {
      const below = words[at * 8 + 4]!;
      const lo = doubles[at * 4]!;
      const bottom = doubles[below * 4 + 1]! + 1;
      passed++;
      if (lo - bottom >= pages && lo - Math.ceil(bottom * perAlign) * align >= pages) {
        this.steps += passed;
        return at;
      }
      if (at === last) break;
      at = below;
    }
    const need = pages < MOST_ROOM ? pages : MOST_ROOM;
    const k = align < 2 ** LAST_CLASS ? 31 - Math.clz32(align) : LAST_CLASS;
    if (((nodes.classBits >> k) & 1) === 0) nodes.useClass(k);
    const roomClass = k * nodes.capacity;
    this.roomClass = roomClass;
    for (let parent = parents[node]!; parent >= 0; parent = parents[node]!) {
      const first = tables[parent]!;
      const end = first + sizes[parent]!;
      for (let i = first + slots[node]! + 1; i < end; i++) {
        // A loop of its own, without a call in it: what does not change stays in registers.
        while (i < end && room[roomClass + children[i]!]! < need) passed += counts[children[i++]!]!;
        if (i === end) break;
        at = this.firstWithin(children[i]!, need);
        if (at >= 0) {
          this.steps += passed;
          return at;
        }
        passed += counts[children[i]!]!;
      }
      node = parent;
    }
    throw new Error('a range tree ends in a gap without a bottom');
  }

  /** The first range of a node with enough room under it; counts the ranges before it, if there is one. */
  private firstWithin(node: number, need: number): number {
    const { levels, sizes, children, counts, room, tables } = this.tree.nodes;
    if (levels[node] === 0) return this.firstInLeaf(node);
    const { roomClass } = this;
    const first = tables[node]!;
    const end = first + sizes[node]!;
    let passed = 0;
    for (let i = first; i < end; i++) {
      while (i < end && room[roomClass + children[i]!]! < need) passed += counts[children[i++]!]!;
      if (i === end) break;
      const at = this.firstWithin(children[i]!, need);
      if (at >= 0) {
        this.steps += passed;
        return at;
      }
      passed += counts[children[i]!]!;
    }
    let most = 0;
    for (let i = first; i < end; i++) {
      const value = room[roomClass + children[i]!]!;
      if (value > most) most = value;
    }
    room[roomClass + node] = most;
    return NO_RANGE;
  }

  /** As {@link firstWithin}; goes on to the end of the leaf for the sake of {@link fill}. */
  private firstInLeaf(leaf: number): number {
    const { pages, align, perAlign } = this;
    const { firsts, lasts, room } = this.tree.nodes;
    const { doubles, words } = this.tree.rows;
    const last = lasts[leaf]!;
    let at = firsts[leaf]!;
    let passed = 0;
    let most = 0;
    let found: number = NO_RANGE;
    for (;;) {
      const below = words[at * 8 + 4]!;
      const fits = doubles[at * 4]! - Math.ceil((doubles[below * 4 + 1]! + 1) * perAlign) * align;
      if (found < 0) passed++;
      if (found < 0 && fits >= pages) found = at;
      else if (fits > most) most = fits;
      if (at === last) break;
      at = below;
    }
    if (found >= 0) {
      this.steps += passed;
      if (align <= 2 ** LAST_CLASS) this.leaf = leaf;
      this.found = found;
      this.rest = most;
      return found;
    }
    // Of alignments beyond the last class another may find more room.
    if (align <= 2 ** LAST_CLASS) room[this.roomClass + leaf] = most;
    return NO_RANGE;
  }
}
