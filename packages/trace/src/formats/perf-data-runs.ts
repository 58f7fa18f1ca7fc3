// Waiting perf records that do not fit into memory: sorted stretches in a nameless file, merged when they are due.
//
// A round as long as that is rare: one perf record without FINISHED_ROUND (a file that was cut off, or put together
// by another tool). Each stretch is in order of time, equal times as they came; earlier stretches
// go first among equals, so the order is that of one sort of all.
//
//   record in a stretch: f64 time, f64 offset in the file, u32 event, u32 length, bytes padded to 8

import { SpoolFile } from '../spool-file.ts';
import type { PendingRecords } from './perf-data-pending.ts';

const HEAD = 24;
/** Bytes of a stretch that are in memory; more than one record with its head. */
const WINDOW = 256 * 1024;

/** One stretch on its way through the merge. */
interface Run {
  readonly bytes: Buffer;
  /** Next byte to load, and the end of the stretch, in the file. */
  position: number;
  readonly end: number;
  /** The current record in `bytes`, and how many bytes are there. */
  at: number;
  filled: number;
  time: number;
}

/** The stretches of one reading. */
export class SpilledRuns {
  private readonly spool: SpoolFile;
  private runs: Run[] = [];
  private written = 0;

  constructor(source: string) {
    this.spool = new SpoolFile(source);
  }

  /** True where records wait here. */
  get any(): boolean {
    return this.runs.length > 0;
  }

  /** Bytes that wait here, with their heads. */
  get waiting(): number {
    return this.runs.reduce((sum, run) => sum + run.end - run.position + run.filled - run.at, 0);
  }

  /** Moves all waiting records here. */
  spill(pending: PendingRecords): void {
    if (pending.length === 0) {
      pending.clear();
      return;
    }
    const start = this.written;
    const sorted = pending.sorted();
    let bytes: Buffer = Buffer.alloc(WINDOW);
    let used = 0;
    for (let i = 0; i < pending.length; i++) {
      const entry = sorted[i]!;
      const size = pending.sizeOf(entry);
      const room = HEAD + Math.ceil(size / 8) * 8;
      if (used + room > bytes.length) {
        this.write(bytes.subarray(0, used));
        used = 0;
        bytes = Buffer.alloc(WINDOW);
      }
      bytes.writeDoubleLE(pending.time[entry]!, used);
      bytes.writeDoubleLE(pending.offset[entry]!, used + 8);
      bytes.writeUInt32LE(pending.attr[entry]!, used + 16);
      bytes.writeUInt32LE(size, used + 20);
      const at = pending.at[entry]!;
      bytes.set(pending.bytes.subarray(at, at + size), used + HEAD);
      used += room;
    }
    this.write(bytes.subarray(0, used));
    pending.clear();
    const run: Run = {
      bytes: Buffer.alloc(WINDOW),
      position: start,
      end: this.written,
      at: 0,
      filled: 0,
      time: 0,
    };
    this.load(run);
    this.runs.push(run);
  }

  /** Moves records up to time `limit` back, in order, as many as fit; false where there is none. */
  refill(pending: PendingRecords, limit: number): boolean {
    for (;;) {
      const run = this.first();
      if (run === null || run.time > limit) break;
      const size = run.bytes.readUInt32LE(run.at + 20);
      if (!pending.hasRoom(size)) break;
      const from = run.at + HEAD;
      pending.takeBack(
        run.time,
        run.bytes.readDoubleLE(run.at + 8),
        run.bytes.readUInt32LE(run.at + 16),
        run.bytes.subarray(from, from + size),
      );
      this.next(run, size);
    }
    return pending.length > 0;
  }

  close(): void {
    this.spool.close();
    this.runs = [];
  }

  private write(bytes: Buffer): void {
    this.spool.write(bytes, this.written);
    this.written += bytes.length;
  }

  private first(): Run | null {
    let best: Run | null = null;
    for (const run of this.runs) if (best === null || run.time < best.time) best = run;
    return best;
  }

  private next(run: Run, size: number): void {
    run.at += HEAD + Math.ceil(size / 8) * 8;
    this.load(run);
    if (run.at < run.filled) return;
    this.runs = this.runs.filter((other) => other !== run);
    if (this.runs.length === 0) this.written = 0;
  }

  /** Sees to it that the current record is in memory, if there is one. */
  private load(run: Run): void {
    const left = run.filled - run.at;
    const isWhole = left >= HEAD && left >= HEAD + run.bytes.readUInt32LE(run.at + 20);
    if (!isWhole && run.position < run.end) {
      run.bytes.copyWithin(0, run.at, run.filled);
      const more = Math.min(run.bytes.length - left, run.end - run.position);
      this.spool.read(run.bytes.subarray(left, left + more), run.position);
      run.position += more;
      run.at = 0;
      run.filled = left + more;
    }
    if (run.at < run.filled) run.time = run.bytes.readDoubleLE(run.at);
  }
}
