// Memory of a RangeTree: the nodes of a B+ tree in columns.
//
// An inner node has a table of FAN places for its children; a leaf has a run of rows of the list of
// ranges (range-rows.ts). Order is from the highest address downwards, because allocators that go down
// then append.
//
// Room is kept for the alignments that were searched for, as bounds from above: a class that is new
// begins with bounds that say nothing, and a search that finds a bound too high lowers it.

/** Places of an inner node. */
export const FAN = 32;
/** Ranges of a leaf. */
export const LEAF_RANGES = 16;
/** Alignments whose room is kept: 1, 2, 4, ... 2^20 pages. Larger ones are looked up as the largest. */
export const ROOM_CLASSES = 21;
/** No node. */
export const NONE = -1;
/** Room is counted up to here; more is as good. */
export const MOST_ROOM = 0x7fff_ffff;

const INITIAL_NODES = 2;

/** The columns; node n is at index n. */
export class RangeNodes {
  /** Separator of a child: all its ranges start at or above it, those after it below. */
  lows: Float64Array = new Float64Array(FAN);
  children: Int32Array = new Int32Array(FAN);
  /** First place of an inner node in these two. */
  tables: Int32Array = new Int32Array(INITIAL_NODES);
  /** Highest and lowest row of a leaf. */
  firsts: Int32Array = new Int32Array(INITIAL_NODES);
  lasts: Int32Array = new Int32Array(INITIAL_NODES);
  /** Ranges in and below a node. */
  counts: Int32Array = new Int32Array(INITIAL_NODES);
  /** Places in use of an inner node. */
  sizes: Int32Array = new Int32Array(INITIAL_NODES);
  parents: Int32Array = new Int32Array(INITIAL_NODES).fill(NONE);
  /** Place in the parent. */
  slots: Int32Array = new Int32Array(INITIAL_NODES);
  /** 0 for a leaf. */
  levels: Uint8Array = new Uint8Array(INITIAL_NODES);
  /** At `k * capacity + node`, for a class k in use: no gap of the node takes more pages than this at a multiple of 2^k. */
  room: Int32Array = new Int32Array(INITIAL_NODES * ROOM_CLASSES);
  capacity: number = INITIAL_NODES;
  /** By class: 1 / 2^k. */
  readonly perAlign: Float64Array = Float64Array.from({ length: ROOM_CLASSES }, (_, k) => 2 ** -k);
  /** The classes in use from the smallest on, how many they are, and a bit 2^k for each. */
  readonly classes: Uint8Array = new Uint8Array(ROOM_CLASSES);
  classCount = 0;
  classBits = 0;
  /** Nodes ever in use are below it. */
  used = 0;
  private freeNode: number = NONE;
  /** Places ever in use are below it. */
  private places = 0;
  private freeTable: number = NONE;

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
    if (level > 0) this.tables[node] = this.takeTable();
    return node;
  }

  release(node: number): void {
    if (this.levels[node]! > 0) {
      const table = this.tables[node]!;
      this.children[table] = this.freeTable;
      this.freeTable = table;
    }
    this.parents[node] = this.freeNode;
    this.freeNode = node;
  }

  /** Keeps room for the alignment 2^k from now on. */
  useClass(k: number): void {
    const { classes, room, capacity } = this;
    classes[this.classCount++] = k;
    classes.subarray(0, this.classCount).sort();
    this.classBits |= 1 << k;
    room.fill(MOST_ROOM, k * capacity, (k + 1) * capacity);
  }

  /** Becomes a copy of `from`. */
  assign(from: RangeNodes): void {
    const { used, capacity } = from;
    if (this.capacity < used) this.grow(capacity);
    while (this.lows.length < from.places) this.growTables();
    this.lows.set(from.lows.subarray(0, from.places));
    this.children.set(from.children.subarray(0, from.places));
    this.setColumns(from);
    this.classes.set(from.classes);
    this.classCount = from.classCount;
    this.classBits = from.classBits;
    this.used = used;
    this.freeNode = from.freeNode;
    this.places = from.places;
    this.freeTable = from.freeTable;
  }

  private setColumns(from: RangeNodes): void {
    const { used } = from;
    this.tables.set(from.tables.subarray(0, used));
    this.firsts.set(from.firsts.subarray(0, used));
    this.lasts.set(from.lasts.subarray(0, used));
    this.counts.set(from.counts.subarray(0, used));
    this.sizes.set(from.sizes.subarray(0, used));
    this.parents.set(from.parents.subarray(0, used));
    this.slots.set(from.slots.subarray(0, used));
    this.levels.set(from.levels.subarray(0, used));
    for (let i = 0; i < from.classCount; i++) {
      const k = from.classes[i]!;
      const at = k * from.capacity;
      this.room.set(from.room.subarray(at, at + used), k * this.capacity);
    }
  }

  private takeTable(): number {
    const table = this.freeTable;
    if (table !== NONE) {
      this.freeTable = this.children[table]!;
      return table;
    }
    if (this.places === this.lows.length) this.growTables();
    this.places += FAN;
    return this.places - FAN;
  }

  private growTables(): void {
    const { lows } = this;
    this.lows = new Float64Array(2 * lows.length);
    this.lows.set(lows);
    this.children = larger(this.children, 2 * lows.length);
  }

  private grow(capacity: number): void {
    const old = this.capacity;
    const { levels, room } = this;
    this.tables = larger(this.tables, capacity);
    this.firsts = larger(this.firsts, capacity);
    this.lasts = larger(this.lasts, capacity);
    this.counts = larger(this.counts, capacity);
    this.sizes = larger(this.sizes, capacity);
    this.parents = larger(this.parents, capacity);
    this.slots = larger(this.slots, capacity);
    this.levels = new Uint8Array(capacity);
    this.levels.set(levels);
    this.room = new Int32Array(capacity * ROOM_CLASSES);
    for (let i = 0; i < this.classCount; i++) {
      const k = this.classes[i]!;
      this.room.set(room.subarray(k * old, (k + 1) * old), k * capacity);
    }
    this.capacity = capacity;
  }
}

function larger(column: Int32Array, length: number): Int32Array {
  const copy = new Int32Array(length);
  copy.set(column);
  return copy;
}
