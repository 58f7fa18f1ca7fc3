// Memory of a RangeTree: the nodes of a B+ tree in columns.
//
// A node has up to FAN places. A place of a leaf holds a range, and its position is the number
// `node * FAN + place`; a place of an inner node holds a child. Order is from the highest address
// downwards, because allocators that go down then append.

/** Places of a node. */
export const FAN = 32;
/** log2 of {@link FAN}. */
export const FAN_SHIFT = 5;
/** Alignments whose room is kept: 1, 2, 4, ... 2^20 pages. Larger ones are looked up as the largest. */
export const ROOM_CLASSES = 21;
/** No node. */
export const NONE = -1;

const INITIAL_NODES = 2;

/** The columns; node n is at index n, its places at `n * FAN`. */
export class RangeNodes {
  /** First pfn of a range. Of a child the separator: all its ranges start at or above it, those after it below. */
  lows: Float64Array = new Float64Array(INITIAL_NODES * FAN);
  /** Last pfn of the range below, minus infinity under the lowest: the gap is between the two. */
  floors: Float64Array = new Float64Array(INITIAL_NODES * FAN);
  /** Last pfn of a range; of a reserved one it is stored as -1 - pfn. */
  highs: Float64Array = new Float64Array(INITIAL_NODES * FAN);
  /** The memory of `highs`: children of an inner node n at `n * 2 * FAN`. */
  children: Int32Array = new Int32Array(this.highs.buffer);
  /** Ranges in and below a node. */
  counts: Int32Array = new Int32Array(INITIAL_NODES);
  /** Places in use. */
  sizes: Int32Array = new Int32Array(INITIAL_NODES);
  parents: Int32Array = new Int32Array(INITIAL_NODES).fill(NONE);
  /** Place in the parent. */
  slots: Int32Array = new Int32Array(INITIAL_NODES);
  /** 0 for a leaf. */
  levels: Uint8Array = new Uint8Array(INITIAL_NODES);
  /** The leaves before and after a leaf. */
  higher: Int32Array = new Int32Array(INITIAL_NODES).fill(NONE);
  lower: Int32Array = new Int32Array(INITIAL_NODES).fill(NONE);
  /**
   * At `k * capacity + node`: no gap of the node takes more pages than this at a multiple of 2^k.
   * An upper bound: a search that finds it too high lowers it.
   */
  room: Int32Array = new Int32Array(INITIAL_NODES * ROOM_CLASSES);
  capacity: number = INITIAL_NODES;
  /** Nodes ever in use are below it. */
  used = 0;
  private freeNode: number = NONE;

  /** An empty node without a parent. */
  take(level: number): number {
    let node = this.freeNode;
    if (node !== NONE) {
      this.freeNode = this.parents[node]!;
    } else {
      if (this.used === this.capacity) this.grow(this.capacity * 2);
      node = this.used++;
    }
    this.levels[node] = level;
    this.sizes[node] = 0;
    this.counts[node] = 0;
    this.parents[node] = NONE;
    return node;
  }

  release(node: number): void {
    this.sizes[node] = 0;
    this.parents[node] = this.freeNode;
    this.freeNode = node;
  }

  /** Becomes a copy of `from`. */
  assign(from: RangeNodes): void {
    const { used, capacity } = from;
    if (this.capacity < used) this.grow(capacity);
    this.lows.set(from.lows.subarray(0, used * FAN));
    this.floors.set(from.floors.subarray(0, used * FAN));
    this.highs.set(from.highs.subarray(0, used * FAN));
    this.setColumns(from);
    this.used = used;
    this.freeNode = from.freeNode;
  }

  private setColumns(from: RangeNodes): void {
    const { used } = from;
    this.counts.set(from.counts.subarray(0, used));
    this.sizes.set(from.sizes.subarray(0, used));
    this.parents.set(from.parents.subarray(0, used));
    this.slots.set(from.slots.subarray(0, used));
    this.levels.set(from.levels.subarray(0, used));
    this.higher.set(from.higher.subarray(0, used));
    this.lower.set(from.lower.subarray(0, used));
    for (let k = 0; k < ROOM_CLASSES; k++) {
      const at = k * from.capacity;
      this.room.set(from.room.subarray(at, at + used), k * this.capacity);
    }
  }

  private grow(capacity: number): void {
    const old = this.capacity;
    this.lows = larger(this.lows, capacity * FAN);
    this.floors = larger(this.floors, capacity * FAN);
    this.highs = larger(this.highs, capacity * FAN);
    this.children = new Int32Array(this.highs.buffer);
    this.counts = largerWords(this.counts, capacity);
    this.sizes = largerWords(this.sizes, capacity);
    this.parents = largerWords(this.parents, capacity);
    this.slots = largerWords(this.slots, capacity);
    this.higher = largerWords(this.higher, capacity);
    this.lower = largerWords(this.lower, capacity);
    const { levels, room } = this;
    this.levels = new Uint8Array(capacity);
    this.levels.set(levels);
    this.room = new Int32Array(capacity * ROOM_CLASSES);
    for (let k = 0; k < ROOM_CLASSES; k++) {
      this.room.set(room.subarray(k * old, (k + 1) * old), k * capacity);
    }
    this.capacity = capacity;
  }
}

function larger(column: Float64Array, length: number): Float64Array {
  const copy = new Float64Array(length);
  copy.set(column);
  return copy;
}

function largerWords(column: Int32Array, length: number): Int32Array {
  const copy = new Int32Array(length);
  copy.set(column);
  return copy;
}
