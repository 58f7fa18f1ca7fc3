// Rows of requests that can still be changed after they were written.
//
// A row is reserved when a call first shows and completed when its later events arrive, which may be
// after many other rows. The newest blocks stay in memory; older ones move to a spool file and come
// back, a few at a time, when one of their rows is changed.
//
// Row numbers are dense and below 2^32. A reserved row is zero in all columns.

import { BATCH_ROWS, type RequestBatch } from './batch.ts';
import {
  copyRequests,
  createRequestBatch,
  createRequestBlock,
  type RequestBlock,
} from './request-batch.ts';
import { SpoolFile } from './spool-file.ts';

const SHIFT = 14;
/** Rows of a block. */
export const BLOCK_ROWS: number = 1 << SHIFT;
/** A row's place in its block is `row & BLOCK_MASK`. */
export const BLOCK_MASK: number = BLOCK_ROWS - 1;
const RECALLED_BLOCKS = 6;

/** How many blocks are kept in memory: 26 are 37 MB, with the recalled ones 45 MB. */
export const NEWEST_BLOCKS = 26;

export class RequestStore {
  readonly #newest: number;
  readonly #spool: SpoolFile;
  /** By block number; null where the block is on disk. */
  readonly #blocks: (RequestBlock | null)[] = [];
  /** Numbers of older blocks that were read back, oldest recall first. */
  readonly #recalled: number[] = [];
  #length = 0;

  constructor(source: string, newest: number = NEWEST_BLOCKS) {
    this.#newest = newest;
    this.#spool = new SpoolFile(source);
  }

  get length(): number {
    return this.#length;
  }

  /** The number of a new row. */
  reserve(): number {
    const row = this.#length++;
    if ((row & BLOCK_MASK) === 0) this.#grow();
    return row;
  }

  /** True where no row was made after `row`. */
  isNewest(row: number): boolean {
    return row === this.#length - 1;
  }

  /** The block that holds `row`, for writing at `row & BLOCK_MASK`; valid until the next call or reserve. */
  block(row: number): RequestBatch {
    const number = row >>> SHIFT;
    return (this.#blocks[number] ?? this.#recall(number)).columns;
  }

  /** All rows from the first; each batch is valid until the next. `finish` may correct a batch. */
  *batches(finish: (batch: RequestBatch) => void): Generator<RequestBatch, void, undefined> {
    if (this.#length === 0) return;
    const isShort = this.#length <= BLOCK_ROWS;
    const batch = createRequestBatch(isShort ? 8 * Math.ceil(this.#length / 8) : BATCH_ROWS);
    const isSpooled = this.#blocks.includes(null);
    const scratch = createRequestBlock(isSpooled ? BLOCK_ROWS : 0);
    let filled = 0;
    for (let number = 0; number * BLOCK_ROWS < this.#length; number++) {
      const rows = Math.min(BLOCK_ROWS, this.#length - number * BLOCK_ROWS);
      copyRequests(this.#read(number, scratch).columns, rows, batch, filled);
      filled += rows;
      if (!isShort && filled + BLOCK_ROWS > BATCH_ROWS) {
        yield done(batch, filled, finish);
        filled = 0;
      }
    }
    if (filled > 0) yield done(batch, filled, finish);
  }

  close(): void {
    this.#spool.close();
    this.#blocks.length = 0;
    this.#recalled.length = 0;
    this.#length = 0;
  }

  #grow(): void {
    const oldest = this.#blocks.length - this.#newest;
    let block: RequestBlock | null = null;
    if (oldest >= 0) {
      block = this.#evict(oldest);
      block?.bytes.fill(0);
    }
    this.#blocks.push(block ?? createRequestBlock(BLOCK_ROWS));
  }

  #evict(number: number): RequestBlock | null {
    const block = this.#blocks[number] ?? null;
    if (block !== null) this.#spool.write(block.bytes, number * block.bytes.length);
    this.#blocks[number] = null;
    return block;
  }

  #recall(number: number): RequestBlock {
    const first = this.#recalled.length >= RECALLED_BLOCKS ? this.#recalled.shift() : undefined;
    const block =
      (first === undefined ? null : this.#evict(first)) ?? createRequestBlock(BLOCK_ROWS);
    this.#spool.read(block.bytes, number * block.bytes.length);
    this.#blocks[number] = block;
    this.#recalled.push(number);
    return block;
  }

  #read(number: number, scratch: RequestBlock): RequestBlock {
    const block = this.#blocks[number];
    if (block) return block;
    this.#spool.read(scratch.bytes, number * scratch.bytes.length);
    return scratch;
  }
}

function done(
  batch: RequestBatch,
  length: number,
  finish: (batch: RequestBatch) => void,
): RequestBatch {
  batch.length = length;
  finish(batch);
  return batch;
}
