// Ordered set of disjoint ranges of page frames, for allocators that look for gaps.
//
// The ranges are a list of rows from the top down (range-rows.ts), over which lies a B+ tree
// (range-nodes.ts): a leaf counts a run of up to LEAF_RANGES rows, an inner node its children. Every node
// also knows how much room its gaps have at most, which lets gap-search.ts pass whole nodes by. A range
// is named by its row, for as long as it is in the tree: insertion and removal link a row, and nothing
// moves. A range is found by its first pfn in the hash table of the rows, by any other pfn down the tree.
// Left out: merging of neighbours, and checks that ranges are disjoint (the caller's business).

import { FAN, LEAF_RANGES, NONE, RangeNodes } from './range-nodes.ts';
import { ABOVE, ANCHOR, BELOW, BOTTOM, LEAF, RangeRows, WORDS } from './range-rows.ts';
import { NO_RANGE, type Ranges } from './ranges.ts';

export { ANCHOR } from './range-rows.ts';
export { NO_RANGE } from './ranges.ts';

/** A node with fewer places in use is merged into a neighbour if they then have at most MERGED. */
const SPARSE = 8;
const MERGED = 24;
/** The same of the ranges of leaves. */
const SPARSE_RANGES: number = LEAF_RANGES / 4;
const MERGED_RANGES: number = (LEAF_RANGES * 3) / 4;

/** A copy of a {@link RangeTree}: filled by `save`, read by `restore`, reusable. */
export interface RangeTreeCopy {
  readonly nodes: RangeNodes;
  readonly rows: RangeRows;
  root: number;
  size: number;
}

export class RangeTree implements Ranges {
  size = 0;
  readonly anchor: number = ANCHOR;
  root = 0;
  readonly nodes: RangeNodes = new RangeNodes();
  readonly rows: RangeRows = new RangeRows();

  constructor() {
    const { nodes, rows } = this;
    this.root = nodes.take(0);
    rows.words[ANCHOR * WORDS + LEAF] = this.root;
    nodes.firsts[this.root] = ANCHOR;
    nodes.lasts[this.root] = ANCHOR;
    nodes.counts[this.root] = 1;
  }

  lo(at: number): number {
    return this.rows.doubles[at * 4]!;
  }

  hi(at: number): number {
    return this.rows.doubles[at * 4 + 1]!;
  }

  /** Last pfn of the range below, minus infinity under the lowest. */
  floor(at: number): number {
    const { doubles, words } = this.rows;
    return doubles[words[at * 8 + 4]! * 4 + 1]!;
  }

  isReserved(at: number): boolean {
    return this.rows.reserved[at] === 1;
  }

  /** The next range above; meaningless for the anchor. */
  above(at: number): number {
    return this.rows.words[at * 8 + 5]!;
  }

  /** The next range below, or {@link NO_RANGE}. */
  below(at: number): number {
    const below = this.rows.words[at * 8 + 4]!;
    return below === BOTTOM ? NO_RANGE : below;
  }

  /** The lowest range, or the anchor. */
  lowest(): number {
    return this.above(BOTTOM);
  }

  /** Last pfn of the highest range, minus infinity if there is none. */
  highest(): number {
    return this.floor(ANCHOR);
  }

  /** The highest range that starts at or below `pfn`, or {@link NO_RANGE}. */
  atOrBelow(pfn: number): number {
    const { children, levels, lows, firsts, tables } = this.nodes;
    const { doubles, words } = this.rows;
    let node = this.root;
    for (let level = levels[node]!; level > 0; level--) {
      let at = tables[node]!;
      // The separator of the last child is that of the node, so the walk ends.
      while (lows[at]! > pfn) at++;
      node = children[at]!;
    }
    // So does this one, at the row below everything.
    let at = firsts[node]!;
    while (doubles[at * 4]! > pfn) at = words[at * 8 + 4]!;
    return at === BOTTOM ? NO_RANGE : at;
  }

  /** The range that contains `pfn`, or {@link NO_RANGE}. */
  find(pfn: number): number {
    const first = this.rows.startingAt(pfn);
    if (first >= 0) return first;
    const at = this.atOrBelow(pfn);
    return at !== NO_RANGE && pfn <= this.hi(at) ? at : NO_RANGE;
  }

  /** The lowest range with lo >= `pfn`, or the anchor. */
  lowestFrom(pfn: number): number {
    if (pfn > this.highest()) return ANCHOR;
    const at = this.atOrBelow(pfn - 1);
    return at === NO_RANGE ? this.lowest() : this.above(at);
  }

  /** The lowest range with hi >= `pfn`, or the anchor. */
  lowestReaching(pfn: number): number {
    const at = this.atOrBelow(pfn);
    if (at === NO_RANGE) return this.lowest();
    return this.hi(at) >= pfn ? at : this.above(at);
  }

  /** Ranges above a range, the anchor too. */
  rank(at: number): number {
    const { children, counts, firsts, parents, slots, tables } = this.nodes;
    const { words } = this.rows;
    let rank = 0;
    let node = words[at * WORDS + LEAF]!;
    for (let row = at; row !== firsts[node]; row = words[row * WORDS + ABOVE]!) rank++;
    for (let parent = parents[node]!; parent !== NONE; parent = parents[node]!) {
      const first = tables[parent]!;
      const end = first + slots[node]!;
      for (let i = first; i < end; i++) rank += counts[children[i]!]!;
      node = parent;
    }
    return rank;
  }

  /** Lowers the start of a range; it must stay above the range below. */
  growDown(at: number, lo: number): number {
    this.rows.moveStart(at, lo);
    this.lowerSeparators(this.rows.words[at * WORDS + LEAF]!);
    return at;
  }

  /** Adds [lo, hi] directly below the range at `above`; returns its row. */
  insertBelow(above: number, lo: number, hi: number, reserved = false): number {
    const { nodes, rows } = this;
    const at = rows.insert(above, lo, hi);
    rows.reserved[at] = reserved ? 1 : 0;
    let leaf = rows.words[at * 8 + 6]!;
    if (nodes.counts[leaf] === LEAF_RANGES) leaf = this.makePlace(leaf, above, at);
    const { counts, lasts, parents } = nodes;
    for (let node = leaf; node >= 0; node = parents[node]!) counts[node]!++;
    if (lasts[leaf] === above || lasts[leaf] === at) {
      lasts[leaf] = at;
      this.lowerSeparators(leaf);
    }
    this.size++;
    return at;
  }

  /** Takes a range out. */
  remove(at: number): void {
    const { counts, firsts, lasts, parents } = this.nodes;
    const { rows } = this;
    const below = rows.words[at * 8 + 4]!;
    const above = rows.words[at * 8 + 5]!;
    const leaf = rows.words[at * 8 + 6]!;
    rows.remove(at);
    if (firsts[leaf] === at) firsts[leaf] = below;
    if (lasts[leaf] === at) lasts[leaf] = above;
    for (let node = leaf; node >= 0; node = parents[node]!) counts[node]!--;
    this.size--;
    this.raiseRoom(above);
    if (counts[leaf]! < SPARSE_RANGES) this.thin(leaf, counts[leaf]!);
  }

  save(into: RangeTreeCopy): void {
    into.nodes.assign(this.nodes);
    into.rows.assign(this.rows);
    into.root = this.root;
    into.size = this.size;
  }

  restore(from: RangeTreeCopy): void {
    this.nodes.assign(from.nodes);
    this.rows.assign(from.rows);
    this.root = from.root;
    this.size = from.size;
  }

  /** The gap below `at` has grown: what its nodes say of their room must not be less. */
  private raiseRoom(at: number): void {
    const { room, capacity, classes, classCount, parents, perAlign } = this.nodes;
    const { doubles, words } = this.rows;
    const lo = doubles[at * 4]!;
    const bottom = doubles[words[at * 8 + 4]! * 4 + 1]! + 1;
    const leaf = words[at * 8 + 6]!;
    for (let i = 0; i < classCount; i++) {
      const k = classes[i]!;
      const align = 1 << k;
      const pages = lo - Math.ceil(bottom * perAlign[k]!) * align;
      // Requests of this alignment are for more than half of it.
      if (pages <= align >> 1) return;
      const value = pages < 0x7fff_ffff ? pages : 0x7fff_ffff;
      const first = k * capacity;
      for (let node = leaf; node >= 0; node = parents[node]!) {
        if (room[first + node]! >= value) break;
        room[first + node] = value;
      }
    }
  }

  /** The last range of a leaf starts lower now. */
  private lowerSeparators(leaf: number): void {
    const { lows, lasts, parents, slots, tables } = this.nodes;
    const lo = this.lo(lasts[leaf]!);
    let node = leaf;
    for (let parent = parents[node]!; parent !== NONE; parent = parents[node]!) {
      const at = tables[parent]! + slots[node]!;
      if (lows[at]! <= lo) return;
      lows[at] = lo;
      node = parent;
    }
  }

  /**
   * The leaf of `above` is full, and the row `at` directly below it is one too many: a new leaf takes
   * over the lower half, or `at` alone if it is the lowest. Returns the leaf of `at`.
   */
  private makePlace(leaf: number, above: number, at: number): number {
    const { nodes } = this;
    if (nodes.lasts[leaf] === above) {
      const next = this.addLeaf(leaf);
      this.setLeaf(at, at, next);
      nodes.firsts[next] = at;
      nodes.lasts[next] = at;
      this.insertChild(leaf, next);
      return next;
    }
    const next = this.addLeaf(leaf);
    let cut = nodes.firsts[leaf]!;
    let kept = 0;
    // `at` is not counted yet.
    while (kept < LEAF_RANGES / 2) {
      if (cut !== at) kept++;
      cut = this.rows.words[cut * WORDS + BELOW]!;
    }
    if (cut === at) cut = this.rows.words[cut * WORDS + BELOW]!;
    const last = nodes.lasts[leaf]!;
    this.setLeaf(cut, last, next);
    nodes.firsts[next] = cut;
    nodes.lasts[next] = last;
    nodes.counts[next] = LEAF_RANGES - kept;
    nodes.lasts[leaf] = this.rows.words[cut * WORDS + ABOVE]!;
    nodes.counts[leaf] = kept;
    this.insertChild(leaf, next);
    return this.rows.words[at * WORDS + LEAF]!;
  }

  /** A new leaf that may have as much room as `leaf`. */
  private addLeaf(leaf: number): number {
    const next = this.nodes.take(0);
    this.copyRoom(leaf, next);
    return next;
  }

  /** The rows from `first` down to `last` are those of `leaf`. */
  private setLeaf(first: number, last: number, leaf: number): void {
    const { words } = this.rows;
    for (let at = first; ; at = words[at * WORDS + BELOW]!) {
      words[at * WORDS + LEAF] = leaf;
      if (at === last) return;
    }
  }

  /** Moves all but the first `kept` places of a full inner node into a new one behind it; returns that one. */
  private split(node: number, kept: number): number {
    const { nodes } = this;
    const next = nodes.take(nodes.levels[node]!);
    this.copyRoom(node, next);
    this.movePlaces(node, next, kept);
    this.insertChild(node, next);
    return next;
  }

  /** Puts `next` behind its neighbour `node` into the parent, which may have to be split or made. */
  private insertChild(node: number, next: number): void {
    const { nodes } = this;
    // Together the two have as many ranges as `node` had, so only new parents must count.
    let counts = false;
    if (nodes.parents[node] === NONE) {
      this.makeRoot(node);
      counts = true;
    }
    let parent = nodes.parents[node]!;
    let place = nodes.slots[node]! + 1;
    const before = nodes.tables[parent]! + place - 1;
    // `next` takes over the separator, `node` ends at its own last range.
    const separator = nodes.lows[before]!;
    nodes.lows[before] = this.endOf(node);
    if (nodes.sizes[parent] === FAN) {
      const kept = place === FAN ? FAN : FAN / 2;
      const after = this.split(parent, kept);
      counts = true;
      if (place >= kept) {
        parent = after;
        place -= kept;
      }
    }
    const { children, lows, sizes, slots, parents, tables } = nodes;
    const first = tables[parent]!;
    for (let i = sizes[parent]!; i > place; i--) {
      const child = children[first + i - 1]!;
      children[first + i] = child;
      lows[first + i] = lows[first + i - 1]!;
      slots[child] = i;
    }
    children[first + place] = next;
    slots[next] = place;
    parents[next] = parent;
    sizes[parent]!++;
    lows[first + place] = separator;
    if (!counts) return;
    for (let up = parent; up !== NONE; up = parents[up]!) this.sumCounts(up);
  }

  /** Where a node ends: at its lowest range, or at the separator of its last child. */
  private endOf(node: number): number {
    const { levels, lasts, lows, sizes, tables } = this.nodes;
    return levels[node] === 0 ? this.lo(lasts[node]!) : lows[tables[node]! + sizes[node]! - 1]!;
  }

  private makeRoot(child: number): void {
    const { nodes } = this;
    const root = nodes.take(nodes.levels[child]! + 1);
    nodes.children[nodes.tables[root]!] = child;
    nodes.sizes[root] = 1;
    nodes.counts[root] = nodes.counts[child]!;
    nodes.lows[nodes.tables[root]!] = Number.NEGATIVE_INFINITY;
    nodes.parents[child] = root;
    nodes.slots[child] = 0;
    this.copyRoom(child, root);
    this.root = root;
  }

  /** A node with `inUse` places or ranges, few: removed if it has none, else merged with a neighbour if both fit. */
  private thin(node: number, inUse: number): void {
    const { nodes } = this;
    const { children, parents, sizes, slots, tables } = nodes;
    const parent = parents[node]!;
    if (parent === NONE) {
      this.shrinkRoot();
      return;
    }
    if (inUse === 0) {
      this.removeNode(node);
      return;
    }
    const place = slots[node]!;
    const first = tables[parent]!;
    if (place + 1 < sizes[parent]!) this.merge(node, children[first + place + 1]!);
    else if (place > 0) this.merge(children[first + place - 1]!, node);
  }

  private merge(node: number, next: number): void {
    const { nodes } = this;
    const { counts, levels, sizes, parents, slots, lows, tables } = nodes;
    const isLeaf = levels[node] === 0;
    if (isLeaf && counts[node]! + counts[next]! > MERGED_RANGES) return;
    if (!isLeaf && sizes[node]! + sizes[next]! > MERGED) return;
    this.mergeRoom(node, next);
    const at = tables[parents[node]!]! + slots[node]!;
    lows[at] = lows[at + 1]!;
    if (isLeaf) this.moveRanges(next, node);
    else this.movePlaces(next, node, 0);
    this.removeNode(next);
  }

  /** Adds the ranges of the leaf `next` to those of the leaf before it. */
  private moveRanges(next: number, leaf: number): void {
    const { counts, firsts, lasts } = this.nodes;
    this.setLeaf(firsts[next]!, lasts[next]!, leaf);
    lasts[leaf] = lasts[next]!;
    counts[leaf]! += counts[next]!;
    counts[next] = 0;
  }

  /** Takes an empty node out of its parent. */
  private removeNode(node: number): void {
    const { nodes } = this;
    const { children, lows, parents, sizes, slots, tables } = nodes;
    const parent = parents[node]!;
    const first = tables[parent]!;
    const last = --sizes[parent]!;
    const lowest = lows[first + last]!;
    for (let i = slots[node]!; i < last; i++) {
      const child = children[first + i + 1]!;
      children[first + i] = child;
      lows[first + i] = lows[first + i + 1]!;
      slots[child] = i;
    }
    nodes.release(node);
    if (last > 0) this.extendLast(parent, lowest);
    if (last < SPARSE) this.thin(parent, last);
  }

  /** The last child of a node, and its last child, reach as far down as the node. */
  private extendLast(top: number, separator: number): void {
    const { children, levels, lows, sizes, tables } = this.nodes;
    let node = top;
    while (levels[node]! > 0) {
      const last = tables[node]! + sizes[node]! - 1;
      lows[last] = separator;
      node = children[last]!;
    }
  }

  private shrinkRoot(): void {
    const { nodes } = this;
    while (nodes.levels[this.root]! > 0 && nodes.sizes[this.root] === 1) {
      const child = nodes.children[nodes.tables[this.root]!]!;
      nodes.release(this.root);
      nodes.parents[child] = NONE;
      this.root = child;
    }
  }

  /** Moves the places of an inner node from `from` on to the end of `to`, a node of the same level. */
  private movePlaces(node: number, to: number, from: number): void {
    const { sizes, lows, children, slots, parents, tables } = this.nodes;
    const moved = sizes[node]! - from;
    const end = sizes[to]!;
    const source = tables[node]! + from;
    const target = tables[to]! + end;
    for (let i = 0; i < moved; i++) {
      const child = children[source + i]!;
      children[target + i] = child;
      lows[target + i] = lows[source + i]!;
      parents[child] = to;
      slots[child] = end + i;
    }
    sizes[node] = from;
    sizes[to] = end + moved;
    this.sumCounts(node);
    this.sumCounts(to);
  }

  private sumCounts(node: number): void {
    const { children, counts, sizes, tables } = this.nodes;
    const first = tables[node]!;
    const end = first + sizes[node]!;
    let sum = 0;
    for (let i = first; i < end; i++) sum += counts[children[i]!]!;
    counts[node] = sum;
  }

  private copyRoom(from: number, to: number): void {
    const { room, capacity, classes, classCount } = this.nodes;
    for (let i = 0; i < classCount; i++) {
      const at = classes[i]! * capacity;
      room[at + to] = room[at + from]!;
    }
  }

  /** `node` takes over the gaps of `next`. */
  private mergeRoom(node: number, next: number): void {
    const { room, capacity, classes, classCount } = this.nodes;
    for (let i = 0; i < classCount; i++) {
      const at = classes[i]! * capacity;
      if (room[at + node]! < room[at + next]!) room[at + node] = room[at + next]!;
    }
  }
}

/** An empty copy for {@link RangeTree.save}. */
export function rangeTreeCopy(): RangeTreeCopy {
  return { nodes: new RangeNodes(), rows: new RangeRows(), root: 0, size: 0 };
}
