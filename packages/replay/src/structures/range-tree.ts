// Ordered set of disjoint ranges of page frames, for allocators that look for gaps.
//
// A B+ tree over typed arrays (range-nodes.ts). Beside its ranges every node knows how many there are,
// which gives ranks, and how much room its gaps have at most, which lets gap-search.ts pass whole
// nodes by. A range is named by its position, which holds until the next insertion or removal.
// Left out: merging of neighbours, and checks that ranges are disjoint (the caller's business).
//
// The anchor is above everything, is never removed, and is always at position ANCHOR.

import { FAN, FAN_SHIFT, NONE, RangeNodes, ROOM_CLASSES } from './range-nodes.ts';

/** Position of the anchor. */
export const ANCHOR = 0;
/** Where there is no range. */
export const NO_RANGE = -1;
/** Both bounds of the anchor: 2^64 - 1, which a double rounds to 2^64. */
export const TOP: number = 2 ** 64;

const HALF = FAN / 2;
/** A node with fewer places in use is merged into a neighbour if they then have at most MERGED. */
const SPARSE = 8;
const MERGED = 24;
const PLACE = FAN - 1;
/** Room is counted up to here; more is as good. */
const MOST_ROOM = 0x7fff_ffff;

/** A copy of a {@link RangeTree}: filled by `save`, read by `restore`, reusable. */
export interface RangeTreeCopy {
  readonly nodes: RangeNodes;
  root: number;
  size: number;
}

export class RangeTree {
  /** Ranges in the tree, without the anchor. */
  size = 0;
  declare root: number;
  readonly nodes: RangeNodes = new RangeNodes();

  constructor() {
    const { nodes } = this;
    this.root = nodes.take(0);
    nodes.lows[ANCHOR] = TOP;
    nodes.highs[ANCHOR] = TOP;
    nodes.floors[ANCHOR] = Number.NEGATIVE_INFINITY;
    nodes.sizes[0] = 1;
    nodes.counts[0] = 1;
    this.raiseRoom(ANCHOR);
  }

  lo(at: number): number {
    return this.nodes.lows[at]!;
  }

  hi(at: number): number {
    const high = this.nodes.highs[at]!;
    return high < 0 ? -1 - high : high;
  }

  /** Last pfn of the range below, minus infinity under the lowest. */
  floor(at: number): number {
    return this.nodes.floors[at]!;
  }

  isReserved(at: number): boolean {
    return this.nodes.highs[at]! < 0;
  }

  /** Position of the next range above; meaningless for the anchor. */
  above(at: number): number {
    if ((at & PLACE) > 0) return at - 1;
    const { higher, sizes } = this.nodes;
    const leaf = higher[at >> FAN_SHIFT]!;
    return leaf * FAN + sizes[leaf]! - 1;
  }

  /** Position of the next range below, or {@link NO_RANGE}. */
  below(at: number): number {
    const { lower, sizes } = this.nodes;
    const leaf = at >> FAN_SHIFT;
    if ((at & PLACE) + 1 < sizes[leaf]!) return at + 1;
    const next = lower[leaf]!;
    return next === NONE ? NO_RANGE : next * FAN;
  }

  /** The lowest range, or the anchor. */
  lowest(): number {
    const { children, levels, sizes } = this.nodes;
    let node = this.root;
    while (levels[node]! > 0) node = children[node * 2 * FAN + sizes[node]! - 1]!;
    return node * FAN + sizes[node]! - 1;
  }

  /** Last pfn of the highest range, minus infinity if there is none. */
  highest(): number {
    return this.nodes.floors[ANCHOR]!;
  }

  /** True if `at` is now the position of a range that starts at `lo`. */
  holds(at: number, lo: number): boolean {
    const { lows, levels, sizes } = this.nodes;
    const leaf = at >> FAN_SHIFT;
    return lows[at] === lo && (at & PLACE) < sizes[leaf]! && levels[leaf] === 0;
  }

  /** The highest range that starts at or below `pfn`, or {@link NO_RANGE}. */
  atOrBelow(pfn: number): number {
    const { children, levels, lows, lower, sizes } = this.nodes;
    let node = this.root;
    for (let level = levels[node]!; level > 0; level--) {
      let at = node * FAN;
      // The separator of the last child is that of the node, so the walk ends.
      while (lows[at]! > pfn) at++;
      node = children[at + node * FAN]!;
    }
    let at = node * FAN;
    const end = at + sizes[node]!;
    while (at < end && lows[at]! > pfn) at++;
    if (at < end) return at;
    const next = lower[node]!;
    return next === NONE ? NO_RANGE : next * FAN;
  }

  /** The range that contains `pfn`, or {@link NO_RANGE}. */
  find(pfn: number): number {
    const at = this.atOrBelow(pfn);
    return at !== NO_RANGE && pfn <= this.hi(at) ? at : NO_RANGE;
  }

  /** The lowest range with lo >= `pfn`, or the anchor. */
  lowestFrom(pfn: number): number {
    const at = this.atOrBelow(pfn - 1);
    return at === NO_RANGE ? this.lowest() : this.above(at);
  }

  /** The lowest range with hi >= `pfn`, or the anchor. */
  lowestReaching(pfn: number): number {
    const at = this.atOrBelow(pfn);
    if (at === NO_RANGE) return this.lowest();
    return this.hi(at) >= pfn ? at : this.above(at);
  }

  /** Ranges above a position, the anchor too. */
  rank(at: number): number {
    const { children, counts, parents, slots } = this.nodes;
    let rank = at & PLACE;
    let node = at >> FAN_SHIFT;
    for (let parent = parents[node]!; parent !== NONE; parent = parents[node]!) {
      const first = parent * 2 * FAN;
      const end = first + slots[node]!;
      for (let i = first; i < end; i++) rank += counts[children[i]!]!;
      node = parent;
    }
    return rank;
  }

  /** Lowers the start of a range; it must stay above the range below. */
  growDown(at: number, lo: number): void {
    this.nodes.lows[at] = lo;
    this.lowerSeparators(at >> FAN_SHIFT);
  }

  /** Adds [lo, hi] directly below the range at `above`; returns its position. */
  insertBelow(above: number, lo: number, hi: number, reserved = false): number {
    const { nodes } = this;
    let over = above;
    if (nodes.sizes[above >> FAN_SHIFT] === FAN) over = this.makePlace(above);
    let at = over + 1;
    let leaf = over >> FAN_SHIFT;
    const { lows, floors, highs, sizes, counts, parents, lower } = nodes;
    // Behind the last place of a full leaf: the leaf after it was made for this.
    if ((at & PLACE) === 0) {
      leaf = lower[leaf]!;
      at = leaf * FAN;
    }
    for (let i = leaf * FAN + sizes[leaf]!; i > at; i--) {
      lows[i] = lows[i - 1]!;
      floors[i] = floors[i - 1]!;
      highs[i] = highs[i - 1]!;
    }
    lows[at] = lo;
    highs[at] = reserved ? -1 - hi : hi;
    floors[at] = floors[over]!;
    floors[over] = hi;
    sizes[leaf]!++;
    for (let node = leaf; node !== NONE; node = parents[node]!) counts[node]!++;
    if (at + 1 === leaf * FAN + sizes[leaf]!) this.lowerSeparators(leaf);
    this.size++;
    return at;
  }

  /** Takes a range out. */
  remove(at: number): void {
    const { lows, floors, highs, sizes, counts, parents } = this.nodes;
    const leaf = at >> FAN_SHIFT;
    const over = this.above(at);
    floors[over] = floors[at]!;
    this.raiseRoom(over);
    const end = leaf * FAN + sizes[leaf]! - 1;
    for (let i = at; i < end; i++) {
      lows[i] = lows[i + 1]!;
      floors[i] = floors[i + 1]!;
      highs[i] = highs[i + 1]!;
    }
    sizes[leaf]!--;
    for (let node = leaf; node !== NONE; node = parents[node]!) counts[node]!--;
    this.size--;
    if (sizes[leaf]! < SPARSE) this.thin(leaf);
  }

  save(into: RangeTreeCopy): void {
    into.nodes.assign(this.nodes);
    into.root = this.root;
    into.size = this.size;
  }

  restore(from: RangeTreeCopy): void {
    this.nodes.assign(from.nodes);
    this.root = from.root;
    this.size = from.size;
  }

  /** The gap below `at` has grown: what its nodes say of their room must not be less. */
  private raiseRoom(at: number): void {
    const { nodes } = this;
    const { room, capacity, parents } = nodes;
    const lo = nodes.lows[at]!;
    const bottom = nodes.floors[at]! + 1;
    const leaf = at >> FAN_SHIFT;
    let align = 1;
    for (let k = 0; k < ROOM_CLASSES; k++) {
      const pages = lo - Math.ceil(bottom / align) * align;
      // Requests of this alignment are for more than half of it.
      if (pages <= align >> 1) return;
      const value = pages < MOST_ROOM ? pages : MOST_ROOM;
      const first = k * capacity;
      for (let node = leaf; node !== NONE; node = parents[node]!) {
        if (room[first + node]! >= value) break;
        room[first + node] = value;
      }
      align *= 2;
    }
  }

  /** The last range of a leaf starts lower now. */
  private lowerSeparators(leaf: number): void {
    const { lows, sizes, parents, slots } = this.nodes;
    const lo = lows[leaf * FAN + sizes[leaf]! - 1]!;
    let node = leaf;
    for (let parent = parents[node]!; parent !== NONE; parent = parents[node]!) {
      const at = parent * FAN + slots[node]!;
      if (lows[at]! <= lo) return;
      lows[at] = lo;
      node = parent;
    }
  }

  /** Makes a free place behind `above`, whose leaf is full; returns the new position of `above`. */
  private makePlace(above: number): number {
    const leaf = above >> FAN_SHIFT;
    const place = above & PLACE;
    const kept = place === FAN - 1 ? FAN : HALF;
    const next = this.split(leaf, kept);
    return place < kept ? above : next * FAN + place - kept;
  }

  /** Moves all but the first `kept` places of a full node into a new one behind it; returns that one. */
  private split(node: number, kept: number): number {
    const { nodes } = this;
    const next = nodes.take(nodes.levels[node]!);
    this.copyRoom(node, next);
    if (nodes.levels[node] === 0) this.linkLeaf(node, next);
    this.movePlaces(node, next, kept);
    this.insertChild(node, next);
    return next;
  }

  /** Puts `next` behind its neighbour `node` into the parent, which may have to be split or made. */
  private insertChild(node: number, next: number): void {
    const { nodes } = this;
    if (nodes.parents[node] === NONE) this.makeRoot(node);
    let parent = nodes.parents[node]!;
    let place = nodes.slots[node]! + 1;
    // `next` takes over the separator, `node` ends at its own last place.
    const separator = nodes.lows[parent * FAN + place - 1]!;
    nodes.lows[parent * FAN + place - 1] = nodes.lows[node * FAN + nodes.sizes[node]! - 1]!;
    if (nodes.sizes[parent] === FAN) {
      const kept = place === FAN ? FAN : HALF;
      const after = this.split(parent, kept);
      if (place >= kept) {
        parent = after;
        place -= kept;
      }
    }
    const { children, lows, sizes, slots, parents } = nodes;
    const first = parent * 2 * FAN;
    const low = parent * FAN;
    for (let i = sizes[parent]!; i > place; i--) {
      const child = children[first + i - 1]!;
      children[first + i] = child;
      lows[low + i] = lows[low + i - 1]!;
      slots[child] = i;
    }
    children[first + place] = next;
    slots[next] = place;
    parents[next] = parent;
    sizes[parent]!++;
    lows[low + place] = separator;
    for (let up = parent; up !== NONE; up = parents[up]!) this.sumCounts(up);
  }

  private makeRoot(child: number): void {
    const { nodes } = this;
    const root = nodes.take(nodes.levels[child]! + 1);
    nodes.children[root * 2 * FAN] = child;
    nodes.sizes[root] = 1;
    nodes.counts[root] = nodes.counts[child]!;
    nodes.lows[root * FAN] = Number.NEGATIVE_INFINITY;
    nodes.parents[child] = root;
    nodes.slots[child] = 0;
    this.copyRoom(child, root);
    this.root = root;
  }

  private linkLeaf(leaf: number, next: number): void {
    const { higher, lower } = this.nodes;
    const after = lower[leaf]!;
    lower[next] = after;
    higher[next] = leaf;
    lower[leaf] = next;
    if (after !== NONE) higher[after] = next;
  }

  /** A node with few places in use: removed if it has none, else merged with a neighbour if both fit. */
  private thin(node: number): void {
    const { nodes } = this;
    const { children, parents, sizes, slots } = nodes;
    const parent = parents[node]!;
    if (parent === NONE) {
      this.shrinkRoot();
      return;
    }
    if (sizes[node] === 0) {
      this.removeNode(node);
      return;
    }
    const place = slots[node]!;
    const first = parent * 2 * FAN;
    if (place + 1 < sizes[parent]!) this.merge(node, children[first + place + 1]!);
    else if (place > 0) this.merge(children[first + place - 1]!, node);
  }

  private merge(node: number, next: number): void {
    const { nodes } = this;
    const { sizes, parents, slots, lows, room, capacity } = nodes;
    if (sizes[node]! + sizes[next]! > MERGED) return;
    for (let k = 0; k < ROOM_CLASSES; k++) {
      const at = k * capacity;
      if (room[at + node]! < room[at + next]!) room[at + node] = room[at + next]!;
    }
    const at = parents[node]! * FAN + slots[node]!;
    lows[at] = lows[at + 1]!;
    this.movePlaces(next, node, 0);
    this.removeNode(next);
  }

  /** Takes an empty node out of its parent. */
  private removeNode(node: number): void {
    const { nodes } = this;
    const { children, higher, levels, lower, lows, parents, sizes, slots } = nodes;
    if (levels[node] === 0) {
      const before = higher[node]!;
      const after = lower[node]!;
      lower[before] = after;
      if (after !== NONE) higher[after] = before;
    }
    const parent = parents[node]!;
    const first = parent * 2 * FAN;
    const last = --sizes[parent]!;
    const lowest = lows[parent * FAN + last]!;
    for (let i = slots[node]!; i < last; i++) {
      const child = children[first + i + 1]!;
      children[first + i] = child;
      lows[parent * FAN + i] = lows[parent * FAN + i + 1]!;
      slots[child] = i;
    }
    nodes.release(node);
    if (last > 0) this.extendLast(parent, lowest);
    if (last < SPARSE) this.thin(parent);
  }

  /** The last child of a node, and its last child, reach as far down as the node. */
  private extendLast(top: number, separator: number): void {
    const { children, levels, lows, sizes } = this.nodes;
    let node = top;
    while (levels[node]! > 0) {
      const last = sizes[node]! - 1;
      lows[node * FAN + last] = separator;
      node = children[node * 2 * FAN + last]!;
    }
  }

  private shrinkRoot(): void {
    const { nodes } = this;
    while (nodes.levels[this.root]! > 0 && nodes.sizes[this.root] === 1) {
      const child = nodes.children[this.root * 2 * FAN]!;
      nodes.release(this.root);
      nodes.parents[child] = NONE;
      this.root = child;
    }
  }

  /** Moves the places of `node` from `from` on to the end of `to`, a node of the same level. */
  private movePlaces(node: number, to: number, from: number): void {
    const { nodes } = this;
    const { sizes, levels, lows, children, slots, parents } = nodes;
    const moved = sizes[node]! - from;
    const end = sizes[to]!;
    if (levels[node] === 0) {
      for (let i = 0; i < moved; i++) this.copyPlace(node * FAN + from + i, to * FAN + end + i);
    } else {
      for (let i = 0; i < moved; i++) {
        const child = children[node * 2 * FAN + from + i]!;
        children[to * 2 * FAN + end + i] = child;
        lows[to * FAN + end + i] = lows[node * FAN + from + i]!;
        parents[child] = to;
        slots[child] = end + i;
      }
    }
    sizes[node] = from;
    sizes[to] = end + moved;
    this.sumCounts(node);
    this.sumCounts(to);
  }

  private copyPlace(from: number, to: number): void {
    const { lows, floors, highs } = this.nodes;
    lows[to] = lows[from]!;
    floors[to] = floors[from]!;
    highs[to] = highs[from]!;
  }

  private sumCounts(node: number): void {
    const { children, counts, levels, sizes } = this.nodes;
    const size = sizes[node]!;
    let sum = size;
    if (levels[node]! > 0) {
      sum = 0;
      for (let i = 0; i < size; i++) sum += counts[children[node * 2 * FAN + i]!]!;
    }
    counts[node] = sum;
  }

  private copyRoom(from: number, to: number): void {
    const { room, capacity } = this.nodes;
    for (let at = 0; at < room.length; at += capacity) room[at + to] = room[at + from]!;
  }
}

/** An empty copy for {@link RangeTree.save}. */
export function rangeTreeCopy(): RangeTreeCopy {
  return { nodes: new RangeNodes(), root: 0, size: 0 };
}
