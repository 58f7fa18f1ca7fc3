// Where in the address space ranges were held, and when: a grid of bytes held (live or queued) on average,
// in memory of a fixed size.
//
// Columns are spans of time, rows spans of addresses; both double when they do not reach. Rows are
// counted from address 0, so a grid covers what was used and no more. Addresses below 4 GiB and above
// have a grid each: one alone would squeeze either into one row.
//
// Rows are integrated when they change, so a change costs the columns that it passed.

import { SERIES_BUCKETS } from './series.ts';

/** Columns of a grid; four buckets of series.ts each. */
const MAP_COLUMNS = 128;
/** Most rows of a grid. */
const MAP_ROWS = 32;
const FIRST_COLUMN_NS = (1000 * SERIES_BUCKETS) / MAP_COLUMNS;

/** What the rows held before they were doubled; used within one call. */
const heldBefore: Float64Array = new Float64Array(MAP_ROWS * MAP_COLUMNS);
const levelBefore: Float64Array = new Float64Array(MAP_ROWS);

/** A grid as it is kept. */
export interface SpaceGrid {
  /** Bytes of addresses in a row. */
  readonly rowBytes: number;
  /** Row r holds the addresses from (firstRow + r) x rowBytes. */
  readonly firstRow: number;
  /** By row, then column: bytes held on average over the time of the column. */
  readonly held: readonly (readonly number[])[];
}

/** See the head of the file. */
export class SpaceSketch {
  #rowBytes: number;
  #first = 0;
  #rows = 0;
  #columnNs = FIRST_COLUMN_NS;
  readonly #level = new Float64Array(MAP_ROWS);
  readonly #since = new Float64Array(MAP_ROWS);
  /** Byte ns by row and column. Absolute row r lies at r modulo MAP_ROWS. */
  readonly #held = new Float64Array(MAP_ROWS * MAP_COLUMNS);

  constructor(granule: number) {
    this.#rowBytes = granule;
  }

  /** Adds (or, where `sign` is -1, takes away) a range of `bytes` from `address` at `time`, ns. */
  change(address: number, bytes: number, sign: 1 | -1, time: number): void {
    while (time >= this.#columnNs * MAP_COLUMNS) this.#doubleColumns();
    this.#reach(address, address + bytes - 1);
    const size = this.#rowBytes;
    const last = Math.floor((address + bytes - 1) / size);
    for (let row = Math.floor(address / size); row <= last; row++) {
      const from = Math.max(address, row * size);
      const to = Math.min(address + bytes, (row + 1) * size);
      const at = row % MAP_ROWS;
      this.#integrate(at, time);
      this.#level[at] = Math.max(0, this.#level[at]! + sign * (to - from));
    }
  }

  /** Nothing is held any more from `time` on. */
  clear(time: number): void {
    this.#integrateAll(time);
    this.#level.fill(0);
  }

  /** Width of a column of the grid up to `end`, ns. */
  columnNs(end: number): number {
    while (end >= this.#columnNs * MAP_COLUMNS) this.#doubleColumns();
    return this.#columnNs;
  }

  /** The grid up to `end`, ns; null where nothing was ever held. */
  grid(end: number): SpaceGrid | null {
    if (this.#rows === 0) return null;
    const columns = Math.floor(end / this.columnNs(end)) + 1;
    this.#integrateAll(end);
    const held = Array.from({ length: this.#rows }, (_, r) => {
      const at = ((this.#first + r) % MAP_ROWS) * MAP_COLUMNS;
      return Array.from({ length: columns }, (_, c) => {
        const span = Math.min(end, (c + 1) * this.#columnNs) - c * this.#columnNs;
        return span > 0 ? Math.round(this.#held[at + c]! / span) : 0;
      });
    });
    return { rowBytes: this.#rowBytes, firstRow: this.#first, held };
  }

  /** Makes the rows cover the addresses `from` to `to`. */
  #reach(from: number, to: number): void {
    for (;;) {
      const low = Math.floor(from / this.#rowBytes);
      const high = Math.floor(to / this.#rowBytes);
      const first = this.#rows === 0 ? low : Math.min(low, this.#first);
      const last = this.#rows === 0 ? high : Math.max(high, this.#first + this.#rows - 1);
      if (last - first < MAP_ROWS) {
        this.#first = first;
        this.#rows = last - first + 1;
        return;
      }
      this.#doubleRows();
    }
  }

  #integrate(at: number, time: number): void {
    const level = this.#level[at]!;
    let from = this.#since[at]!;
    this.#since[at] = time;
    if (level === 0) return;
    for (let column = Math.floor(from / this.#columnNs); from < time; column++) {
      const to = Math.min(time, (column + 1) * this.#columnNs);
      this.#held[at * MAP_COLUMNS + column]! += level * (to - from);
      from = to;
    }
  }

  #integrateAll(time: number): void {
    for (let at = 0; at < MAP_ROWS; at++) this.#integrate(at, time);
  }

  #doubleColumns(): void {
    const held = this.#held;
    const half = MAP_COLUMNS / 2;
    for (let row = 0; row < held.length; row += MAP_COLUMNS) {
      for (let c = 0; c < half; c++) held[row + c] = held[row + 2 * c]! + held[row + 2 * c + 1]!;
      held.fill(0, row + half, row + MAP_COLUMNS);
    }
    this.#columnNs *= 2;
  }

  #doubleRows(): void {
    this.#integrateAll(this.#since.reduce((a, b) => Math.max(a, b), 0));
    const since = this.#since[0]!;
    levelBefore.set(this.#level);
    heldBefore.set(this.#held);
    this.#level.fill(0);
    this.#held.fill(0);
    for (let r = this.#first; r < this.#first + this.#rows; r++) {
      const from = r % MAP_ROWS;
      const to = Math.floor(r / 2) % MAP_ROWS;
      this.#level[to]! += levelBefore[from]!;
      for (let c = 0; c < MAP_COLUMNS; c++) {
        this.#held[to * MAP_COLUMNS + c]! += heldBefore[from * MAP_COLUMNS + c]!;
      }
    }
    const last = Math.floor((this.#first + this.#rows - 1) / 2);
    this.#first = Math.floor(this.#first / 2);
    this.#rows = this.#rows === 0 ? 0 : last - this.#first + 1;
    this.#since.fill(since);
    this.#rowBytes *= 2;
  }
}
