// A place in a binary file that moves on as values are read; every length is checked before it is used.
//
// Errors name the file and the offset of the value that does not fit: "FILE@0xOFFSET: CODE: problem".

import { TraceError } from '../trace-error.ts';

/** Gives `length` bytes from `position` on, fewer at the end of the file; valid until the next call. */
export type ReadAt = (position: number, length: number) => Uint8Array;

const BLOCK = 64 * 1024;

/** An error at a byte offset of a binary file. */
export function errorAt(source: string, offset: number, problem: string): TraceError {
  return new TraceError(`${source}@0x${offset.toString(16)}`, null, problem);
}

/** Reads values one after the other between two offsets of a file. */
export class ByteCursor {
  readonly source: string;
  position: number;
  /** Nothing from here on is read. */
  readonly end: number;
  little = true;
  private readonly readAt: ReadAt;
  private block: Buffer = Buffer.alloc(0);
  private blockStart = 0;

  constructor(readAt: ReadAt, source: string, position: number, end: number) {
    this.readAt = readAt;
    this.source = source;
    this.position = position;
    this.end = end;
  }

  /** Bytes that are left. */
  get left(): number {
    return Math.max(0, this.end - this.position);
  }

  u8(): number {
    return this.block[this.take(1)]!;
  }

  u16(): number {
    const at = this.take(2);
    return this.little ? this.block.readUInt16LE(at) : this.block.readUInt16BE(at);
  }

  u32(): number {
    const at = this.take(4);
    return this.little ? this.block.readUInt32LE(at) : this.block.readUInt32BE(at);
  }

  /** 64 bits as a double: exact below 2^53, which every offset and length that fits a file is. */
  u64(): number {
    const at = this.take(8);
    const { block } = this;
    if (this.little) return block.readUInt32LE(at + 4) * 2 ** 32 + block.readUInt32LE(at);
    return block.readUInt32BE(at) * 2 ** 32 + block.readUInt32BE(at + 4);
  }

  /** A u64 in front of as many bytes, at most `limit` of them. */
  length64(limit: number): number {
    const at = this.position;
    return this.checked(this.u64(), limit, at);
  }

  /** The same with a u32. */
  length32(limit: number): number {
    const at = this.position;
    return this.checked(this.u32(), limit, at);
  }

  /** `length` bytes as text, one character a byte. */
  latin1(length: number): string {
    const at = this.take(length);
    return this.block.toString('latin1', at, at + length);
  }

  /** A copy of `length` bytes. */
  bytes(length: number): Buffer {
    const at = this.take(length);
    return Buffer.from(this.block.subarray(at, at + length));
  }

  /** Text up to the next NUL, of at most `limit` bytes. */
  untilNul(limit: number): string {
    const start = this.position;
    const length = Math.min(limit + 1, this.left);
    const at = this.take(length);
    const nul = this.block.subarray(at, at + length).indexOf(0);
    if (nul < 0) throw this.error(start, `LENGTH: expected a name of at most ${limit} bytes`);
    this.position = start + nul + 1;
    return this.block.toString('latin1', at, at + nul);
  }

  /** A cursor on another part of the file, in the same byte order. */
  part(start: number, end: number): ByteCursor {
    const part = new ByteCursor(this.readAt, this.source, start, end);
    part.little = this.little;
    return part;
  }

  skip(length: number): void {
    this.need(length);
    this.position += length;
  }

  error(offset: number, problem: string): TraceError {
    return errorAt(this.source, offset, problem);
  }

  private checked(length: number, limit: number, at: number): number {
    const most = Math.min(limit, this.left);
    if (length <= most) return length;
    throw this.error(at, `LENGTH: expected at most ${most} bytes, found a length of ${length}`);
  }

  private need(length: number): void {
    if (length <= this.left) return;
    const { position, left } = this;
    throw this.error(position, `TRUNCATED_HEADER: expected ${length} bytes, found ${left}`);
  }

  /** Makes `length` bytes available and steps over them; their place in `block`. */
  private take(length: number): number {
    this.need(length);
    const { position } = this;
    this.position += length;
    let at = position - this.blockStart;
    if (at < 0 || at + length > this.block.length) {
      const wanted = Math.min(Math.max(BLOCK, length), this.end - position);
      this.block = Buffer.from(this.readAt(position, wanted));
      this.blockStart = position;
      at = 0;
      if (this.block.length < length) {
        const found = this.block.length;
        throw this.error(position, `TRUNCATED_HEADER: expected ${length} bytes, found ${found}`);
      }
    }
    return at;
  }
}
