// trace.dat of trace-cmd, versions 6 and 7: the ring buffers of all CPUs, merged by time.
//
// trace-dat-v6.ts and trace-dat-v7.ts read where everything is, page-events.ts the pages, and
// event-decoder.ts the records. Events of one time are in the order of their CPUs, those of one CPU stay
// in theirs. Instances are read with the top buffer where they have its clock.
// Text goes to the reader of its layout.

import type { EventBatch } from '../batch.ts';
import { TraceClock } from '../clock.ts';
import { type EventSink, MAX_CPU } from '../event-sink.ts';
import type { RandomAccess } from '../random-access.ts';
import type { TextWindow } from '../text-window.ts';
import { ByteCursor, errorAt } from './byte-cursor.ts';
import { CpuMerge } from './cpu-merge.ts';
import { lossesBeyond } from './cpu-stats.ts';
import { EventDecoder } from './event-decoder.ts';
import { MAX_FORMAT, parseFormat } from './format-description.ts';
import { markTest } from './kernel-symbols.ts';
import { NO_LOSS, PageEvents } from './page-events.ts';
import { type PageLayout, pageLayout } from './page-layout.ts';
import { packedPages, plainPages } from './page-source.ts';
import { TaskNames } from './task-names.ts';
import type { BufferData, TraceDatFile } from './trace-dat-file.ts';
import { timeBase } from './trace-dat-time.ts';
import { readVersion6 } from './trace-dat-v6.ts';
import { readVersion7 } from './trace-dat-v7.ts';

/** Bytes of the magic word. */
const MAGIC = 10;
const MAX_VERSION = 16;

/** Reads what `trace-cmd record` and `extract` write. */
export async function* readTraceDat(
  file: RandomAccess,
  window: TextWindow,
  sink: EventSink,
): AsyncGenerator<EventBatch, void, undefined> {
  const found = readFront(file, sink);
  const { uname, clock } = found.recording;
  sink.counts.kernel = /\b\d+\.\d+(?:\.\d+)?[\w.+-]*/.exec(uname)?.[0] ?? '';
  sink.counts.clock =
    clock || found.buffers.find((buffer) => buffer.clock !== '')?.clock || 'local';
  sink.counts.headerCpus = found.recording.cpus;
  if (found.texts.length === 0) yield* readBuffers(file, found, window, sink);
  else yield* (await import('./trace-dat-text.ts')).readTexts(file, found, window, sink);
}

function readFront(file: RandomAccess, sink: EventSink): TraceDatFile {
  const readAt = (position: number, length: number): Uint8Array => {
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, file.size - position)));
    return bytes.subarray(0, file.into(bytes, position));
  };
  const cursor = new ByteCursor(readAt, file.source, 0, file.size);
  cursor.skip(MAGIC);
  const version = cursor.untilNul(MAX_VERSION);
  cursor.position = 0;
  if (version === '6') return readVersion6(cursor, sink);
  if (version === '7') return readVersion7(cursor, sink);
  const problem = `expected version 6 or 7, found "${version}"`;
  throw errorAt(file.source, MAGIC, `UNSUPPORTED_VERSION: ${problem}`);
}

/** Reads the pages of all CPUs. */
export function* readBuffers(
  file: RandomAccess,
  found: TraceDatFile,
  window: TextWindow,
  sink: EventSink,
): Generator<EventBatch, void, undefined> {
  const decoder = decoderOf(found, window, sink);
  const tasks = new TaskNames(found.commandLines, sink, window);
  const streams = streamsOf(file, found, sink).filter((stream) => stream.open());
  if (streams.length === 0) throw noEvents(file, found);
  const base = timeBase(streams, found.recording, sink);
  const merge = new CpuMerge(streams.filter((stream) => stream.begin(base.high, base.low)));
  const clock = new TraceClock(sink);
  const { batch } = sink;
  const { seconds, fraction, scale, host } = base;
  for (let stream = merge.first(); stream !== null; stream = merge.next(stream.next())) {
    const { cpu } = stream;
    if (stream.lost !== NO_LOSS) {
      sink.loss(cpu, stream.lost);
      stream.lost = NO_LOSS;
    }
    sink.line++;
    sink.offset = stream.offset;
    const ticks = host === null ? stream.time : host.at(cpu, stream.time);
    const passed = scale === 1 ? ticks : Math.floor(ticks * scale);
    const time = clock.at(seconds, fraction + passed, cpu);
    const row = decoder.read(stream.view, stream.start, stream.length, cpu);
    if (row >= 0) {
      batch.time[row] = time;
      batch.task[row] = tasks.of(batch.tid[row]!);
    }
    if (sink.full) {
      yield batch;
      sink.restart();
    }
  }
  for (const { cpu, lost } of streams) if (lost !== NO_LOSS) sink.loss(cpu, lost);
  for (const { cpu, lost } of lossesBeyond(found.recording.cpuStats, sink.counts)) {
    if (sink.full) {
      yield batch;
      sink.restart();
    }
    sink.loss(cpu, lost);
  }
  clock.end();
  sink.counts.lines = sink.line;
  if (batch.length > 0) yield batch;
}

function decoderOf(found: TraceDatFile, window: TextWindow, sink: EventSink): EventDecoder {
  const decoder = new EventDecoder(sink, window, found.little);
  const longSize = /commit;\s*offset:\s*8;\s*size:\s*4/.test(found.headerPage) ? 4 : 8;
  for (const { system, text, offset } of found.formats) {
    const description = text.length > MAX_FORMAT ? null : parseFormat(system, text, longSize);
    sink.offset = offset;
    if (description === null) sink.diagnose('BAD_FORMAT', 'a description of an event is malformed');
    else decoder.add(description);
  }
  decoder.isMark = markTest(found.kallsyms);
  return decoder;
}

function streamsOf(file: RandomAccess, found: TraceDatFile, sink: EventSink): PageEvents[] {
  checkRanges(file, found);
  const clock = found.buffers.find(({ cpus }) => cpus.length > 0)?.clock ?? '';
  const streams: PageEvents[] = [];
  for (const buffer of found.buffers) {
    if (buffer.cpus.length > 0 && buffer.clock !== clock) {
      const what = `the instance "${buffer.name}" (${buffer.clock}) beside ${clock}`;
      sink.diagnose('MIXED_CLOCKS', `instances with another clock are passed over: ${what}`);
      continue;
    }
    const layout = layoutOf(file, found, buffer);
    for (const { cpu, start, end } of buffer.cpus) {
      if (cpu > MAX_CPU) {
        throw errorAt(file.source, start, `BAD_CPU: expected up to ${MAX_CPU}, found ${cpu}`);
      }
      sink.counts.maxCpu = Math.max(sink.counts.maxCpu, cpu);
      const pages =
        buffer.packing === 'none'
          ? plainPages(file, sink, start, end, layout.pageSize)
          : packedPages(file, sink, start, end, layout, buffer.packing);
      streams.push(new PageEvents(cpu, pages, layout, sink));
    }
  }
  return streams;
}

function layoutOf(file: RandomAccess, found: TraceDatFile, buffer: BufferData): PageLayout {
  const pageSize = buffer.pageSize || found.pageSize;
  const isSane = pageSize >= 4096 && pageSize <= 1 << 20 && Number.isInteger(Math.log2(pageSize));
  const layout = isSane ? pageLayout(found.headerPage, found.little, pageSize) : null;
  if (layout !== null) return layout;
  const what = isSane ? 'no layout of pages' : `pages of ${pageSize} bytes`;
  throw errorAt(file.source, 0, `BAD_HEADER: expected a layout of pages, found ${what}`);
}

/** Data of CPUs lies behind the header and does not overlap. */
function checkRanges(file: RandomAccess, found: TraceDatFile): void {
  const ranges = found.buffers.flatMap(({ cpus }) => cpus);
  ranges.sort((a, b) => a.start - b.start);
  let end = found.headEnd;
  for (const range of ranges) {
    if (range.start < end) {
      const problem = `BAD_CPU_RANGE: data of CPU ${range.cpu} begins before 0x${end.toString(16)}`;
      throw errorAt(file.source, range.start, problem);
    }
    end = range.end;
  }
}

function noEvents(file: RandomAccess, found: TraceDatFile): Error {
  const isUnfinished = found.buffers.every(({ cpus }) => cpus.length === 0);
  const why = isUnfinished
    ? 'no CPU has data: the recorder did not finish, or nothing was recorded (UNFINISHED)'
    : 'the data of all CPUs is empty or cut off';
  return errorAt(file.source, found.headEnd, `NO_EVENTS: ${why}`);
}
