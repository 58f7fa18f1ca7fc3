// The kernel's text with the option `fields` (6.4 and later): payloads name the fields of the record.
//
//   fio-296   [003] .....    10.036138: dma_map_page: device=0000:00:04.0 phys_addr=0x4fb8000 (83591168) ...
//
// The columns before the event name are those of the default layout (ftrace.ts); events of a type
// without fields print "UNKNOWN TYPE n".

import { Byte } from '../bytes.ts';
import { TraceClock } from '../clock.ts';
import type { EventSink } from '../event-sink.ts';
import { type LineParser, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import { EventWriter } from './event-writer.ts';
import type { TraceFormat } from './format.ts';
import { FtraceNotes } from './ftrace-notes.ts';
import { StampColumns } from './stamp-columns.ts';
import { TaskColumns } from './task-columns.ts';

const COMM = 16;

class FieldsParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly clock: TraceClock;
  private readonly notes: FtraceNotes;
  private readonly columns: TaskColumns;
  private readonly stamp: StampColumns;
  private readonly writer: EventWriter;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.clock = new TraceClock(sink);
    this.notes = new FtraceNotes(window, sink, this.clock);
    this.columns = new TaskColumns(window, sink.tasks);
    this.stamp = new StampColumns(window);
    this.writer = new EventWriter(window, sink, this.clock, this.notes);
  }

  line(start: number): number {
    const { bytes, columns, notes, writer } = this;
    let position = columns.again(start);
    if (position < 0 && bytes[start + COMM] === Byte.dash) {
      position = columns.read(start, start + COMM);
    }
    const end = bytes.indexOf(Byte.lineFeed, start);
    if (position < 0 && notes.read(start, end)) return end + 1;
    if (position < 0) {
      const dash = notes.taskEnd(start, end);
      if (dash >= 0) position = columns.read(start, dash);
    }
    if (position >= 0) position = this.stamp.read(position);
    if (position < 0) {
      if (!writer.afterMark) notes.unknown(start, end);
      return end + 1;
    }
    writer.cpu = columns.cpu;
    writer.tid = columns.tid;
    writer.task = columns.task;
    writer.stamp(this.stamp);
    const next = writer.event(position);
    return next >= 0 ? next : notes.body(position, columns.cpu);
  }

  end(): void {
    this.clock.end();
  }
}

const FIELDS_LINE =
  /^.{16,17}-\d{1,10}[\t ].{0,48}?\d{1,20}(?:\.\d{1,9})?: \w{1,64}: (?:[a-zA-Z_]\w{0,31}=\S{0,64}(?: \(-?\d{1,20}\))? ){0,8}?[a-zA-Z_]\w{0,31}=(?:0x[0-9a-f]{1,16} |'.')?\(-?\d{1,20}\)/m;

/** `trace` with the option `fields`. */
export const ftraceFields: TraceFormat = {
  name: 'ftrace text, option fields',
  matches: (_, text) => FIELDS_LINE.test(text),
  read: (chunks, window, sink) => readLines(chunks, window, sink, new FieldsParser(window, sink)),
};
