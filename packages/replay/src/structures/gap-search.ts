// Walks from gap to gap, downwards, without visiting every range.
//
// Finds what a walk over all ranges would find, and says how many ranges that walk would have visited:
// nodes whose gaps have too little room are passed by, and counted. What a node says of its room may
// be too much; a search that finds this out corrects it, so it pays once.

import { FAN, FAN_SHIFT, NONE, ROOM_CLASSES } from './range-nodes.ts';
import { NO_RANGE, type RangeTree } from './range-tree.ts';

const MOST_ROOM = 0x7fff_ffff;
const LAST_CLASS = ROOM_CLASSES - 1;

/** Searches of one tree. */
export class GapSearch {
  /** Ranges that a walk would have visited in the last search, the first one included. */
  steps = 0;
  /** The place that the last successful search found. Not a result: as that a double would be an object. */
  readonly pfn: Float64Array = new Float64Array(1);
  declare private readonly tree: RangeTree;
  private pages = 0;
  private align = 1;
  private perAlign = 1;
  private roomClass = 0;

  constructor(tree: RangeTree) {
    this.tree = tree;
  }

  /**
   * Goes down from the range at `start`, gap by gap, to the first that takes `pages` below `end` and at
   * or above `low`, at a multiple of `align`: a power of two below `2 * pages`. Returns the position of
   * the range above the gap, with the highest place in `pfn[0]`, or {@link NO_RANGE}. As in the kernel
   * the walk ends at the first range below which the highest aligned place is under `low`.
   */
  down(start: number, end: number, low: number, pages: number, align: number): number {
    const { tree } = this;
    const { lows, floors } = tree.nodes;
    const perAlign = 1 / align;
    this.pages = pages;
    this.align = align;
    this.perAlign = perAlign;
    let from = start;
    let passed = 0;
    if (lows[start]! >= end) {
      const pfn = Math.floor((end - pages) * perAlign) * align;
      // A negative pfn is huge in the kernel's unsigned arithmetic, and ends the walk too.
      if (pfn < low || pfn < 0) {
        this.steps = 1;
        return NO_RANGE;
      }
      const last = floors[start]! < end ? start : tree.lowestFrom(end);
      passed = last === start ? 1 : tree.rank(last) - tree.rank(start) + 1;
      if (pfn > floors[last]!) {
        this.steps = passed;
        this.pfn[0] = pfn;
        return last;
      }
      from = tree.below(last);
    }
    this.steps = passed;
    const at = this.firstRoom(from);
    const pfn = Math.floor((lows[at]! - pages) * perAlign) * align;
    if (pfn < low || pfn < 0) {
      this.endInVain(from, at, low, passed);
      return NO_RANGE;
    }
    this.pfn[0] = pfn;
    return at;
  }

  /** The first range at or below `from` whose gap takes `pages` at a multiple of `align`; there is always one. */
  next(from: number, pages: number, align: number): number {
    this.pages = pages;
    this.align = align;
    this.perAlign = 1 / align;
    this.steps = 0;
    return this.firstRoom(from);
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
    const { lows, floors, sizes, parents, slots, children, counts, room, capacity } =
      this.tree.nodes;
    const need = pages < MOST_ROOM ? pages : MOST_ROOM;
    this.roomClass = (align < 2 ** LAST_CLASS ? 31 - Math.clz32(align) : LAST_CLASS) * capacity;
    const { roomClass } = this;
    let node = from >> FAN_SHIFT;
    const end = node * FAN + sizes[node]!;
    if (room[roomClass + node]! >= need) {
      for (let at = from; at < end; at++) {
        const bottom = floors[at]! + 1;
        if (lows[at]! - bottom < pages) continue;
        if (lows[at]! - Math.ceil(bottom * perAlign) * align >= pages) {
          this.steps += at - from + 1;
          return at;
        }
      }
    }
    this.steps += end - from;
    for (let parent = parents[node]!; parent !== NONE; parent = parents[node]!) {
      const first = parent * 2 * FAN;
      const last = first + sizes[parent]!;
      for (let i = first + slots[node]! + 1; i < last; i++) {
        const child = children[i]!;
        if (room[roomClass + child]! >= need) {
          const at = this.firstWithin(child, need);
          if (at !== NO_RANGE) return at;
        }
        this.steps += counts[child]!;
      }
      node = parent;
    }
    throw new Error('a range tree ends in a gap without a bottom');
  }

  /** The first range of a node with enough room under it; counts the ranges before it, if there is one. */
  private firstWithin(node: number, need: number): number {
    const { levels, sizes, children, counts, room } = this.tree.nodes;
    if (levels[node] === 0) return this.firstInLeaf(node);
    const { roomClass, steps } = this;
    const first = node * 2 * FAN;
    const last = first + sizes[node]!;
    let most = 0;
    for (let i = first; i < last; i++) {
      const child = children[i]!;
      if (room[roomClass + child]! >= need) {
        const at = this.firstWithin(child, need);
        if (at !== NO_RANGE) return at;
      }
      this.steps += counts[child]!;
      if (room[roomClass + child]! > most) most = room[roomClass + child]!;
    }
    this.steps = steps;
    room[roomClass + node] = most;
    return NO_RANGE;
  }

  private firstInLeaf(leaf: number): number {
    const { pages, align, perAlign } = this;
    const { lows, floors, sizes, room } = this.tree.nodes;
    const first = leaf * FAN;
    const end = first + sizes[leaf]!;
    let most = 0;
    for (let at = first; at < end; at++) {
      const fits = lows[at]! - Math.ceil((floors[at]! + 1) * perAlign) * align;
      if (fits >= pages) {
        this.steps += at - first + 1;
        return at;
      }
      if (fits > most) most = fits;
    }
    // Of alignments beyond the last class another may find more room.
    if (align <= 2 ** LAST_CLASS) room[this.roomClass + leaf] = most;
    return NO_RANGE;
  }
}
