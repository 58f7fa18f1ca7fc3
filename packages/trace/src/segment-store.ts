// Segments of scatter lists that were mapped directly: each may bounce by itself.
//
// Segments are appended as lists come and read by number, mostly in the same order. The newest block and
// the one read last stay in memory; older ones are in a spool file.

import type { SegmentLists } from './batch.ts';
import { SpoolFile } from './spool-file.ts';

const BLOCK = 8192;
/** Physical address and bytes of each segment. */
const FIELDS = 2;

/** Appends segments, then reads them by number; numbers start at 1. */
export class SegmentStore implements SegmentLists {
  readonly #spool: SpoolFile;
  #newest = new Float64Array(FIELDS * BLOCK);
  #length = 0;
  readonly #read = new Float64Array(FIELDS * BLOCK);
  #readBlock = -1;

  constructor(source: string) {
    this.#spool = new SpoolFile(source);
  }

  get length(): number {
    return this.#length;
  }

  /** Adds a segment and gives its number. */
  append(phys: number, bytes: number): number {
    const at = this.#length % BLOCK;
    if (at === 0 && this.#length > 0) this.#spill();
    this.#newest[FIELDS * at] = phys;
    this.#newest[FIELDS * at + 1] = bytes;
    return ++this.#length;
  }

  phys(segment: number): number {
    return this.#field(segment, 0);
  }

  bytes(segment: number): number {
    return this.#field(segment, 1);
  }

  close(): void {
    this.#spool.close();
    this.#length = 0;
  }

  #spill(): void {
    const block = this.#length / BLOCK - 1;
    this.#spool.write(asBytes(this.#newest), block * this.#newest.byteLength);
  }

  #field(segment: number, field: number): number {
    const index = segment - 1;
    const block = Math.floor(index / BLOCK);
    const at = FIELDS * (index % BLOCK) + field;
    if (block === Math.floor((this.#length - 1) / BLOCK)) return this.#newest[at]!;
    if (block !== this.#readBlock) {
      this.#spool.read(asBytes(this.#read), block * this.#read.byteLength);
      this.#readBlock = block;
    }
    return this.#read[at]!;
  }
}

function asBytes(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
