// The zstd stream that compressed records carry, and the records that come out of it.
//
// Only the first piece begins a frame, so all go through one decoder. A record may lie across two pieces:
// what is left over waits for the next one. A damaged stream ends there; what came before is kept.

import { errorAt } from '../binary/byte-cursor.ts';
import type { EventSink } from '../event-sink.ts';
import { Decoder } from '../unwrap.ts';
import type { PendingRecords } from './perf-data-pending.ts';

const HEADER = 8;
const PIECE = 16 * 1024;

/** Decodes the pieces of one file. */
export class PerfInflater {
  private decoder: Decoder | null = null;
  private isBroken = false;
  private rest: Buffer = Buffer.alloc(0);
  private output: Buffer[] = [];
  private offset = 0;
  private readonly pending: PendingRecords;
  private readonly sink: EventSink;
  private readonly little: boolean;

  constructor(pending: PendingRecords, sink: EventSink, little: boolean) {
    this.pending = pending;
    this.sink = sink;
    this.little = little;
  }

  /** Decodes a piece, which lies at `offset` of the file. */
  async decode(piece: Uint8Array, offset: number): Promise<void> {
    if (this.isBroken) return;
    this.decoder ??= new Decoder('zstd');
    this.offset = offset;
    for (let from = 0; from < piece.length && !this.isBroken; from += PIECE) {
      const part = Buffer.from(piece.subarray(from, from + PIECE));
      await this.decoder.decode(part);
      this.collect();
    }
  }

  /** Bytes that the next piece of decoded records needs. */
  get next(): number {
    return this.rest.length + (this.output[0]?.length ?? 0);
  }

  /** Moves what was decoded to the waiting records; false where they have no room for it now. */
  flush(): boolean {
    for (let next = this.output[0]; next !== undefined; next = this.output[0]) {
      const bytes = this.rest.length === 0 ? next : Buffer.concat([this.rest, next]);
      if (!this.pending.hasRoom(bytes.length)) return false;
      this.output.shift();
      const whole = this.wholeEnd(bytes);
      this.pending.take(bytes, viewOf(bytes), 0, whole, this.offset, false);
      this.rest = this.isBroken ? Buffer.alloc(0) : Buffer.from(bytes.subarray(whole));
    }
    return true;
  }

  /** Ends the stream. perf leaves its frame open, which is no damage. */
  async end(): Promise<void> {
    if (this.decoder === null || this.isBroken) return;
    await this.decoder.end();
    for (const bytes of this.decoder.take()) this.output.push(bytes as Buffer);
  }

  /** Reports what is left when all was moved. */
  finish(): void {
    if (this.rest.length > 0) this.damage('compressed records break off inside a record');
  }

  private collect(): void {
    const { decoder } = this;
    if (decoder === null) return;
    for (const bytes of decoder.take()) this.output.push(bytes as Buffer);
    if (decoder.bomb !== '') throw errorAt(this.sink.source, this.offset, decoder.bomb);
    if (decoder.error !== null) {
      this.damage('compressed records are damaged: what could be decoded is kept');
    }
  }

  private wholeEnd(bytes: Buffer): number {
    let at = 0;
    while (at + HEADER <= bytes.length && !this.isBroken) {
      const size = this.little ? bytes.readUInt16LE(at + 6) : bytes.readUInt16BE(at + 6);
      if (size < HEADER) this.damage('a compressed record is shorter than its header');
      else if (at + size > bytes.length) break;
      else at += size;
    }
    return at;
  }

  private damage(message: string): void {
    this.isBroken = true;
    this.sink.offset = this.offset;
    this.sink.diagnose('BAD_BLOCK', message);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
