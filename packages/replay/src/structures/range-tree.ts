// Ordered set of disjoint ranges of page frames, for allocators that walk from gap to gap.
//
// A treap over typed arrays. A node is an index; its record of 32 bytes lies in one cache line:
// two doubles (lo, hi) and four links (prev, next in address order; left, right of the treap).
// Priorities are a hash of the index, so the shape needs no random state and a copy is exact.
// Left out: merging of neighbours, and checks that ranges are disjoint (the caller's business).
//
// ANCHOR is the root, is above everything and is never removed; BOTTOM ends the walk downwards and
// is in the list only. Because both bounds exist, walks need no test for "no node".

/** The node above all ranges. */
export const ANCHOR = 0;
/** The end of the list below all ranges: lo and hi are minus infinity. */
export const BOTTOM = 1;
/** What a search returns that finds nothing. */
export const NO_GAP = -1;

/** Doubles of a record: lo, hi, and the links. */
const WORDS = 4;
/** The record in links; its first four are lo and hi. */
const LINKS = 8;
const PREV = 4;
const NEXT = 5;
const LEFT = 6;
const RIGHT = 7;
const NONE = -1;
const FIRST_FREE = 2;
const INITIAL_NODES = 256;
/** Bounds of the anchor: 2^64 - 1, which a double rounds to 2^64. */
const TOP = 2 ** 64;

/** A copy of a {@link RangeTree}: filled by `save`, read by `restore`, reusable. */
export interface RangeTreeCopy {
  bounds: Float64Array;
  parents: Int32Array;
  used: number;
  freeNode: number;
  size: number;
}

export class RangeTree {
  /** Nodes that searches passed; anyone may reset it. */
  steps = 0;
  /** Node under the gap that the last successful search found. */
  gapBelow: number = BOTTOM;
  /** Ranges in the tree, without the anchor. */
  size = 0;
  /** Records: lo and hi of node n at `n * WORDS`. */
  private bounds: Float64Array;
  /** The same memory: links of node n at `n * LINKS + PREV` and on. */
  private links: Int32Array;
  private parents: Int32Array;
  private priorities: Int32Array;
  private used = FIRST_FREE;
  private freeNode = NONE;

  constructor() {
    this.bounds = new Float64Array(INITIAL_NODES * WORDS);
    this.links = new Int32Array(this.bounds.buffer);
    this.parents = new Int32Array(INITIAL_NODES);
    this.priorities = prioritiesOf(INITIAL_NODES);
    this.bounds.fill(TOP, ANCHOR, ANCHOR + 2);
    this.bounds.fill(Number.NEGATIVE_INFINITY, BOTTOM * WORDS, BOTTOM * WORDS + 2);
    this.setLinks(ANCHOR, BOTTOM, NONE);
    this.setLinks(BOTTOM, NONE, ANCHOR);
    this.parents[ANCHOR] = NONE;
  }

  lo(node: number): number {
    return this.bounds[node * WORDS]!;
  }

  hi(node: number): number {
    return this.bounds[node * WORDS + 1]!;
  }

  prev(node: number): number {
    return this.links[node * LINKS + PREV]!;
  }

  next(node: number): number {
    return this.links[node * LINKS + NEXT]!;
  }

  /** Lowers the start of a range; it must stay above the range below. */
  growDown(node: number, lo: number): void {
    this.bounds[node * WORDS] = lo;
  }

  /** The range that contains `pfn`, or {@link BOTTOM}. */
  find(pfn: number): number {
    const { bounds, links } = this;
    let node = links[ANCHOR * LINKS + LEFT]!;
    while (node !== NONE) {
      if (pfn < bounds[node * WORDS]!) node = links[node * LINKS + LEFT]!;
      else if (pfn > bounds[node * WORDS + 1]!) node = links[node * LINKS + RIGHT]!;
      else return node;
    }
    return BOTTOM;
  }

  /** The lowest range with lo >= `pfn`, or {@link ANCHOR}. */
  lowestFrom(pfn: number): number {
    return this.lowestWith(pfn, 0);
  }

  /** The lowest range with hi >= `pfn`, or {@link ANCHOR}. */
  lowestReaching(pfn: number): number {
    return this.lowestWith(pfn, 1);
  }

  private lowestWith(pfn: number, bound: 0 | 1): number {
    const { bounds, links } = this;
    let best = ANCHOR;
    let node = links[ANCHOR * LINKS + LEFT]!;
    while (node !== NONE) {
      if (bounds[node * WORDS + bound]! >= pfn) {
        best = node;
        node = links[node * LINKS + LEFT]!;
      } else {
        node = links[node * LINKS + RIGHT]!;
      }
    }
    return best;
  }

  /**
   * Goes down from `start`, gap by gap, to the first that takes `pages` below `end` and at or above
   * `low`, aligned to the power of two `align`. Returns the pfn and leaves the node under the gap in
   * `gapBelow`, or returns {@link NO_GAP}. Adds the nodes it passes to `steps`.
   */
  searchDown(start: number, end: number, low: number, pages: number, align: number): number {
    const { bounds, links } = this;
    const perAlign = 1 / align;
    // Above this no rounding can fall below `low`, so ranges that are too high need none.
    const safe = low + align - 1;
    let curr = start;
    let high = end;
    let steps = this.steps;
    for (;;) {
      const above = bounds[curr * WORDS]!;
      if (above < high) high = above;
      curr = links[curr * LINKS + PREV]!;
      steps++;
      const highest = high - pages;
      const below = bounds[curr * WORDS + 1]!;
      if (highest <= below && highest >= safe) continue;
      const pfn = Math.floor(highest * perAlign) * align;
      // In unsigned arithmetic a difference below 0 is a huge number, and ends the search.
      if (highest >= 0 && pfn <= below && pfn >= low) continue;
      this.steps = steps;
      if (highest < 0 || pfn < low) return NO_GAP;
      this.gapBelow = curr;
      return pfn;
    }
  }

  /** Adds [lo, hi] directly above `below` in address order; returns its node. */
  insertAbove(below: number, lo: number, hi: number): number {
    const node = this.takeNode();
    const { bounds, links, parents, priorities } = this;
    const above = links[below * LINKS + NEXT]!;
    bounds[node * WORDS] = lo;
    bounds[node * WORDS + 1] = hi;
    this.setLinks(node, below, above);
    links[below * LINKS + NEXT] = node;
    links[above * LINKS + PREV] = node;
    // Of two neighbours one has a free place on the side of the other.
    if (below !== BOTTOM && links[below * LINKS + RIGHT] === NONE) {
      links[below * LINKS + RIGHT] = node;
      parents[node] = below;
    } else {
      links[above * LINKS + LEFT] = node;
      parents[node] = above;
    }
    const priority = priorities[node]!;
    while (priorities[parents[node]!]! < priority) this.rotateUp(node);
    this.size++;
    return node;
  }

  /** Takes a range out; its node may be handed out again by the next insert. */
  remove(node: number): void {
    const { links, parents, priorities } = this;
    const at = node * LINKS;
    for (;;) {
      const left = links[at + LEFT]!;
      const right = links[at + RIGHT]!;
      if (left === NONE || right === NONE) {
        this.replaceChild(parents[node]!, node, left === NONE ? right : left);
        break;
      }
      this.rotateUp(priorities[left]! > priorities[right]! ? left : right);
    }
    const below = links[at + PREV]!;
    const above = links[at + NEXT]!;
    links[below * LINKS + NEXT] = above;
    links[above * LINKS + PREV] = below;
    links[at + NEXT] = this.freeNode;
    this.freeNode = node;
    this.size--;
  }

  /** Nodes that were ever in use: indices are below it. */
  nodeLimit(): number {
    return this.used;
  }

  save(into: RangeTreeCopy): void {
    const { used } = this;
    if (into.parents.length < used) {
      into.bounds = new Float64Array(this.parents.length * WORDS);
      into.parents = new Int32Array(this.parents.length);
    }
    into.bounds.set(this.bounds.subarray(0, used * WORDS));
    into.parents.set(this.parents.subarray(0, used));
    into.used = used;
    into.freeNode = this.freeNode;
    into.size = this.size;
  }

  restore(from: RangeTreeCopy): void {
    while (this.parents.length < from.used) this.grow();
    this.bounds.set(from.bounds.subarray(0, from.used * WORDS));
    this.parents.set(from.parents.subarray(0, from.used));
    this.used = from.used;
    this.freeNode = from.freeNode;
    this.size = from.size;
  }

  private rotateUp(node: number): void {
    const { links, parents } = this;
    const parent = parents[node]!;
    const grand = parents[parent]!;
    const isLeft = links[parent * LINKS + LEFT] === node;
    const inner = node * LINKS + (isLeft ? RIGHT : LEFT);
    const child = links[inner]!;
    links[parent * LINKS + (isLeft ? LEFT : RIGHT)] = child;
    if (child !== NONE) parents[child] = parent;
    links[inner] = parent;
    parents[parent] = node;
    this.replaceChild(grand, parent, node);
  }

  private replaceChild(parent: number, child: number, by: number): void {
    const { links } = this;
    const at = parent * LINKS;
    links[at + (links[at + LEFT] === child ? LEFT : RIGHT)] = by;
    if (by !== NONE) this.parents[by] = parent;
  }

  /** Also clears the children. */
  private setLinks(node: number, prev: number, next: number): void {
    const at = node * LINKS;
    this.links[at + PREV] = prev;
    this.links[at + NEXT] = next;
    this.links[at + LEFT] = NONE;
    this.links[at + RIGHT] = NONE;
  }

  private takeNode(): number {
    const node = this.freeNode;
    if (node !== NONE) {
      this.freeNode = this.links[node * LINKS + NEXT]!;
      return node;
    }
    if (this.used === this.parents.length) this.grow();
    return this.used++;
  }

  private grow(): void {
    const nodes = this.parents.length * 2;
    const { bounds, parents } = this;
    this.bounds = new Float64Array(nodes * WORDS);
    this.bounds.set(bounds);
    this.links = new Int32Array(this.bounds.buffer);
    this.parents = new Int32Array(nodes);
    this.parents.set(parents);
    this.priorities = prioritiesOf(nodes);
  }
}

/** An empty copy for {@link RangeTree.save}. */
export function rangeTreeCopy(): RangeTreeCopy {
  return {
    bounds: new Float64Array(0),
    parents: new Int32Array(0),
    used: 0,
    freeNode: NONE,
    size: 0,
  };
}

function prioritiesOf(nodes: number): Int32Array {
  const priorities = new Int32Array(nodes);
  for (let node = 0; node < nodes; node++) {
    let x = Math.imul(node + 1, 0x9e3779b1);
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    priorities[node] = (x ^ (x >>> 16)) >>> 1;
  }
  priorities[ANCHOR] = 0x7fffffff;
  return priorities;
}
