// The kernel's text with the function_graph tracer: calls with durations, events as comments.
//
//    64.039939 |   1)     init-1     |               |  /* dma_map_page: 0000:00:04.0 dir=... attrs= */
//    64.039982 |   1)     init-1     |   6.520 us    |  }
//
// Columns are there or not by the options funcgraph-*: absolute time, relative time, CPU, task, flags,
// duration. comm is cut to 7 bytes. An event without the absolute time is counted and cannot be
// replayed. The durations of calls are measured latencies (durations/graph-durations.ts). Left out:
// return values.

import { UNKNOWN_CPU } from '../batch.ts';
import { Byte } from '../bytes.ts';
import { TraceClock } from '../clock.ts';
import { GraphDurations } from '../durations/graph-durations.ts';
import type { EventSink } from '../event-sink.ts';
import { type LineParser, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import { EventWriter } from './event-writer.ts';
import type { TraceFormat } from './format.ts';
import { FtraceNotes } from './ftrace-notes.ts';

const LOOK = 256;

/** The columns before a comment; groups: seconds, decimals, CPU, comm, tid, flags. */
const COLUMNS =
  /^(?:\s*(\d+)\.(\d+) \|)?(?:\s*[\d.]+ us \|)?(?:\s*(\d+)\))?(?:\s*([^|\s][^|]*?)-(\d+)\s*\|)?(?:\s*([^\s|]{4,8})\s*\|)?[^|]*\|\s*\/\* (?=\w+: )/s;
const CALL = /^[^|]*\d+\)|\|/;
const SWITCH = /^\s*-{20,}\s*$|^\s*(?:\d+\))?.*=>/;

class GraphParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly clock: TraceClock;
  private readonly notes: FtraceNotes;
  private readonly writer: EventWriter;
  private readonly durations: GraphDurations;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.sink = sink;
    this.clock = new TraceClock(sink);
    this.durations = new GraphDurations(sink.durations);
    this.notes = new FtraceNotes(window, sink, this.clock);
    this.writer = new EventWriter(window, sink, this.clock, this.notes);
  }

  line(start: number): number {
    const { bytes, sink, notes } = this;
    const end = bytes.indexOf(Byte.lineFeed, start);
    const text = bytes.toString('latin1', start, Math.min(end, start + LOOK));
    const columns = COLUMNS.exec(text);
    if (columns !== null) return this.comment(columns, start, end);
    if (notes.read(start, end)) return end + 1;
    if (SWITCH.test(text)) {
      this.durations.taskChanged(text);
      return end + 1;
    }
    if (CALL.test(text)) {
      sink.diagnose(
        'FUNCTION_GRAPH',
        'calls of the function_graph tracer: their durations are measured latencies, they are no requests',
      );
      this.durations.line(text);
    } else if (!this.writer.afterMark) notes.unknown(start, end);
    return end + 1;
  }

  end(): void {
    this.clock.end();
  }

  private comment(columns: RegExpExecArray, start: number, end: number): number {
    const { bytes, sink, writer, notes } = this;
    const [all, seconds, decimals, cpu, comm, tid, flags] = columns;
    const position = start + all.length;
    // The payload ends before the end of the comment, which a line that was cut has not.
    let last = end;
    while (last > position && bytes[last - 1] === Byte.space) last--;
    if (bytes[last - 1] === Byte.slash && bytes[last - 2] === 0x2a) {
      bytes[last - 2] = Byte.lineFeed;
      if (bytes[last - 3] === Byte.space) bytes[last - 3] = Byte.lineFeed;
    }
    const name = writer.name(position);
    if (name < 0) {
      notes.body(position, UNKNOWN_CPU);
      return end + 1;
    }
    if (decimals === undefined) {
      writer.count(name);
      sink.diagnose(
        'NO_TIME',
        'events without a time cannot be replayed: record with "echo nop > current_tracer"',
      );
      return end + 1;
    }
    const from = comm === undefined ? start : start + all.indexOf(`${comm}-`);
    writer.cpu = cpu === undefined ? UNKNOWN_CPU : Number(cpu);
    writer.tid = tid === undefined ? -1 : Number(tid);
    writer.task = sink.tasks.intern(from, comm?.length ?? 0);
    writer.context = flags === undefined ? 0 : flags.charCodeAt(2);
    writer.seconds = Number(seconds);
    writer.fraction = Number(decimals.padEnd(9, '0'));
    writer.decimals = decimals.length;
    writer.row(name, position + sink.names.lengthAt(name, position) + 1);
    return end + 1;
  }
}

const HEADER = /^# tracer: function_graph/m;
const LINE =
  /^(?:[\t ]*[\d.]{1,20} \|)?[\t ]*\d{1,5}\) [^|\n]{0,64}\|(?:[^|\n]{0,32}\|)?[^\n]{0,200}?(?:\(\);|\(\) \{|\}|\/\* )/m;

/** `trace` and `trace_pipe` with the function_graph tracer. */
export const functionGraph: TraceFormat = {
  name: 'ftrace text, function_graph',
  matches: (_, text) => HEADER.test(text) || LINE.test(text),
  read: (chunks, window, sink) => readLines(chunks, window, sink, new GraphParser(window, sink)),
};
