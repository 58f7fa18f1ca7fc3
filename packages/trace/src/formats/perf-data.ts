// perf.data: what `perf record` writes, to a file or to a pipe (tools/perf/util/{header,session}.c).
//
// Records are unsorted within a round: perf drains the buffer of one CPU after the other. At the end of
// a round all that is not later than the round before is complete, so two rounds wait at most; what does not fit into
// memory waits in a file.
// Compressed records are pieces of one zstd stream, which gives more records.
// `perf record --threads` writes a directory: a file `data` as above, and a file of records alone for each thread, each
// with a stream of its own (tools/perf/Documentation/perf.data-directory-format.txt). There are no rounds in them.
// Left out: everything but samples of tracepoints, names of tasks and losses; callchains are skipped.

import type { EventBatch } from '../batch.ts';
import { ByteCursor, errorAt, type ReadAt } from '../binary/byte-cursor.ts';
import { readTracingData } from '../binary/tracing-data.ts';
import type { EventSink } from '../event-sink.ts';
import type { RandomAccess } from '../random-access.ts';
import type { TextWindow } from '../text-window.ts';
import { readAttr, TRACEPOINT } from './perf-data-attr.ts';
import { type PerfHeader, readFeature, readIds, readPerfHeader } from './perf-data-header.ts';
import { PerfInflater } from './perf-data-inflater.ts';
import { PendingRecords, RecordType } from './perf-data-pending.ts';
import { PerfRows } from './perf-data-rows.ts';
import { SpilledRuns } from './perf-data-runs.ts';

const BLOCK = 256 * 1024;
const HEADER = 8;
/** LOST_SAMPLES records that count what a filter dropped, not what was lost. */
const FILTERED = 1 << 15;
const CLOCKS: Readonly<Record<number, string>> = {
  [-1]: 'perf',
  0: 'realtime',
  1: 'mono',
  4: 'mono_raw',
  7: 'boot',
  11: 'tai',
};

type Batches = AsyncGenerator<EventBatch, void, undefined>;

/** Walks the records of one file. */
class PerfReader {
  /** What is being read: the file with the header, then those of the threads. */
  private file: RandomAccess;
  private readonly others: readonly RandomAccess[];
  private readonly window: TextWindow;
  private readonly sink: EventSink;
  private readonly header: PerfHeader;
  private readAt: ReadAt;
  private readonly pending: PendingRecords;
  private readonly runs: SpilledRuns;
  private readonly room: number;
  private inflater: PerfInflater;
  private end: number;
  private readonly block: Buffer;
  private readonly view: DataView;
  private rows: PerfRows | null = null;
  private lostSamples = 0;
  /** All up to here is complete at the end of the round. */
  private complete = -Infinity;

  constructor(
    file: RandomAccess,
    others: readonly RandomAccess[],
    window: TextWindow,
    sink: EventSink,
    room: number,
  ) {
    this.file = file;
    this.others = others;
    this.window = window;
    this.sink = sink;
    this.readAt = readerOf(file);
    this.header = readPerfHeader(this.readAt, file.source, file.size);
    this.end = Math.min(this.header.dataEnd, file.size);
    const small = Math.max(HEADER, this.end - this.header.dataStart);
    this.block = Buffer.allocUnsafeSlow(others.length > 0 ? BLOCK : Math.min(BLOCK, small));
    this.view = new DataView(this.block.buffer, this.block.byteOffset, this.block.length);
    const { attrs, little } = this.header;
    this.pending = new PendingRecords(sink, attrs, little, room);
    this.room = room;
    this.runs = new SpilledRuns(file.source);
    this.inflater = new PerfInflater(this.pending, sink, little);
  }

  async *batches(): Batches {
    try {
      yield* this.records();
    } finally {
      this.runs.close();
    }
  }

  private async *records(): Batches {
    const { header, others } = this;
    if (header.features.isDirectory && others.length === 0) throw this.alone();
    if (header.isUnfinished && others.length === 0) this.cutOff(40);
    yield* this.stream(header.dataStart, header.dataEnd);
    for (const file of others) {
      this.file = file;
      this.readAt = readerOf(file);
      this.inflater = new PerfInflater(this.pending, this.sink, header.little);
      this.end = file.size;
      yield* this.stream(0, file.size);
    }
    yield* this.release(Infinity);
    yield* this.finish();
  }

  /** The records between two positions of the current file. */
  private async *stream(start: number, expectedEnd: number): Batches {
    const { header, view, block } = this;
    let position = start;
    while (position < this.end) {
      const length = this.file.into(
        block.subarray(0, Math.min(block.length, this.end - position)),
        position,
      );
      let at = 0;
      for (;;) {
        if (!this.pending.hasRoom(length - at)) this.runs.spill(this.pending);
        at = this.pending.take(block, view, at, length, position, true);
        if (at + HEADER > length) break;
        const size = view.getUint16(at + 6, header.little);
        if (size < HEADER) throw this.badRecord(position + at, size);
        if (at + size > length) break;
        const more = yield* this.special(at, size, position);
        at += size + more;
      }
      if (at === 0) break;
      position += at;
    }
    if (position !== expectedEnd) this.cutOff(position);
    await this.inflater.end();
    this.inflated();
    this.inflater.finish();
  }

  /** A record that does not wait; returns the bytes that follow it outside of records. */
  private async *special(
    at: number,
    size: number,
    position: number,
  ): AsyncGenerator<EventBatch, number, undefined> {
    const { view, block, header } = this;
    const from = position + at;
    const type = view.getUint32(at, header.little);
    if (type === RecordType.finishedRound) {
      if (this.others.length > 0) return 0;
      yield* this.release(this.complete);
      this.complete = this.pending.latest;
      return 0;
    }
    const cursor = new ByteCursor(this.readAt, this.file.source, from + HEADER, from + size);
    cursor.little = header.little;
    if (type === RecordType.compressed || type === RecordType.compressed2) {
      const length = type === RecordType.compressed ? size - HEADER : cursor.u64();
      const start = at + size - cursor.left;
      const piece = block.subarray(start, Math.min(at + size, start + length));
      await this.inflater.decode(piece, from);
      this.inflated();
      return 0;
    }
    if (type === RecordType.lostSamples) {
      const isFiltered = (view.getUint16(at + 4, header.little) & FILTERED) !== 0;
      if (!isFiltered && cursor.left >= 8) this.lostSamples += cursor.u64();
      return 0;
    }
    return this.description(type, cursor);
  }

  /** A record that a pipe has in place of a part of the header. */
  private description(type: number, cursor: ByteCursor): number {
    const { attrs, features } = this.header;
    switch (type) {
      case RecordType.headerAttr: {
        const attr = readAttr(cursor, cursor.left);
        attrs.add(attr, readIds(cursor, cursor.left));
        return 0;
      }
      case RecordType.headerFeature:
        readFeature(cursor.u64(), cursor, features);
        return 0;
      case RecordType.tracingData: {
        const length = cursor.u32();
        const start = cursor.end;
        if (start + length > this.end) {
          const problem = `expected ${length} bytes of event formats, found ${this.end - start}`;
          throw errorAt(this.file.source, start, `LENGTH: ${problem}`);
        }
        features.tracing = readTracingData(cursor.part(start, start + length));
        return 8 * Math.ceil(length / 8);
      }
      case RecordType.auxtrace:
        return cursor.u64();
    }
    return 0;
  }

  /** Moves what was decoded to the waiting records. */
  private inflated(): void {
    while (!this.inflater.flush()) this.runs.spill(this.pending);
  }

  private async *release(limit: number): Batches {
    const { pending, runs } = this;
    if (!runs.any) {
      yield* this.write(limit);
      return;
    }
    runs.spill(pending);
    while (runs.refill(pending, limit)) yield* this.write(limit);
    if (runs.any && runs.waiting < this.room / 2) runs.refill(pending, Infinity);
  }

  private async *write(limit: number): Batches {
    const { pending, sink } = this;
    const rows = this.opened();
    const sorted = pending.sorted();
    let next = 0;
    for (;;) {
      next = rows.write(sorted, next, limit);
      if (!sink.full) break;
      yield sink.batch;
      sink.restart();
    }
    pending.drop(sorted, next);
  }

  private async *finish(): Batches {
    const { sink } = this;
    this.opened().end(this.lostSamples);
    sink.counts.headerCpus = this.header.features.cpus;
    sink.counts.kernel = this.header.features.kernel;
    const { clockId } = this.header.attrs.list[0]!;
    sink.counts.clock = CLOCKS[clockId] ?? `clock ${clockId}`;
    if (sink.batch.length > 0) yield sink.batch;
  }

  private opened(): PerfRows {
    const { header, file } = this;
    if (this.rows !== null) return this.rows;
    const { attrs, features, little } = header;
    const { tracing } = features;
    if (tracing === null || !attrs.list.some(({ type }) => type === TRACEPOINT)) {
      throw errorAt(
        file.source,
        header.dataStart,
        noTracepoints(tracing !== null, header, file.size),
      );
    }
    this.rows = new PerfRows(this.sink, this.window, this.pending, attrs, little, tracing);
    return this.rows;
  }

  private cutOff(position: number): void {
    this.sink.offset = position;
    this.sink.diagnose('TRUNCATED_DATA', 'the recording breaks off: it is read as far as it goes');
  }

  private alone(): Error {
    const problem =
      'expected all records in one file, found the file "data" of a directory of "perf record --threads"';
    return errorAt(this.file.source, 0, `UNSUPPORTED: ${problem}; name the directory`);
  }

  private badRecord(offset: number, size: number): Error {
    const problem = `expected a record of ${HEADER} bytes or more, found ${size}`;
    return errorAt(this.file.source, offset, `BAD_RECORD: ${problem}`);
  }
}

function readerOf(file: RandomAccess): ReadAt {
  return (position, length) => {
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, file.size - position)));
    return bytes.subarray(0, file.into(bytes, position));
  };
}

function noTracepoints(hasFormats: boolean, header: PerfHeader, size: number): string {
  const advice = `record with "perf record -a -e 'iommu:*' -e 'dma:*' -e 'swiotlb:*'"`;
  if (hasFormats) return `NO_TRACEPOINTS: expected tracepoints, found other events; ${advice}`;
  const isCut = header.isUnfinished || header.dataEnd >= size;
  const why = isCut
    ? 'found a recording that broke off before they were written; end perf record with SIGINT'
    : `found none; ${advice}`;
  return `NO_TRACEPOINTS: expected event formats, ${why}`;
}

/**
 * Reads a file with at most `room` bytes of records in memory; the rest of a longer round waits in a file. `others` are the
 * files of the threads, where each has its own.
 */
export function readPerfData(
  file: RandomAccess,
  window: TextWindow,
  sink: EventSink,
  room: number,
  others: readonly RandomAccess[] = [],
): Batches {
  return new PerfReader(file, others, window, sink, room).batches();
}
