// The kernel's text without what a replay needs: the options nocontext-info, raw and hex.
//
//   map: IOMMU: iova=0x00000000fffff000 - ...          no task, CPU and time
//   1 2 8198535411 type: 1260                          no names and fields
//   00000001 00000002 00000001e8abb8f3 type: 1260
//
// Events are counted by name where they have one. No row is made of any.

import { Byte } from '../bytes.ts';
import { TraceClock } from '../clock.ts';
import type { EventSink } from '../event-sink.ts';
import { type LineParser, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import { EventWriter } from './event-writer.ts';
import type { TraceFormat } from './format.ts';
import { FtraceNotes } from './ftrace-notes.ts';

const LOOK = 128;

/** A line of raw or hex text; of events there is the type alone with nocontext-info. */
const RAW =
  /^(?:(?:-?\d+ \d+ \d+|[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16}) (?:type: \d+|# ?[0-9a-f]* .*|[0-9a-f# ].*)?|type: \d+)$/;
const UNKNOWN_TYPE = /^UNKNOWN TYPE \d+$/;

class BareParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly notes: FtraceNotes;
  private readonly writer: EventWriter;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.sink = sink;
    const clock = new TraceClock(sink);
    this.notes = new FtraceNotes(window, sink, clock);
    this.writer = new EventWriter(window, sink, clock, this.notes);
  }

  line(start: number): number {
    const { bytes, sink, notes, writer } = this;
    const end = bytes.indexOf(Byte.lineFeed, start);
    if (notes.read(start, end)) return end + 1;
    const text = bytes.toString('latin1', start, Math.min(end, start + LOOK));
    if (RAW.test(text)) {
      sink.diagnose(
        'RAW_TEXT_UNSUPPORTED',
        'raw or hex text has no field values: record again with "echo noraw > trace_options; echo nohex > trace_options"',
      );
      return end + 1;
    }
    const name = writer.name(start);
    if (name >= 0) {
      writer.count(name);
      sink.diagnose(
        'NO_TIME',
        'events without task, CPU and time cannot be replayed: record with "echo context-info > trace_options"',
      );
    } else if (UNKNOWN_TYPE.test(text)) {
      sink.diagnose('UNKNOWN_EVENT', 'events of a type that the kernel could not print');
    } else if (!writer.afterMark) notes.unknown(start, end);
    return end + 1;
  }

  end(): void {}
}

const RAW_LINE = /^(?:(?:-?\d+ \d+ \d+|[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16}) )?type: \d+$/m;
/** Names of the events that are read, at the begin of a line. */
const BARE_LINE =
  /^(?:(?:map|unmap|attach_device_to_domain|add_device_to_group|remove_device_from_group): IOMMU: |(?:dma_(?:un)?map_\w+|dma_alloc|dma_free|dma_sync_\w+): \S+ dir=|swiotlb_bounced: dev_name: |\w+: (?:\(\w+\+0x|\(0x[0-9a-f]{4,16}\)|__probe_(?:ip|func)=0x|device=\S+ (?:addr|phys_addr|full_nents)=)|(?:un)?map: iova=0x)/m;

/** `trace` with the option nocontext-info, raw or hex. */
export const ftraceBare: TraceFormat = {
  name: 'ftrace text without context',
  matches: (_, text) => RAW_LINE.test(text) || BARE_LINE.test(text),
  read: (chunks, window, sink) => readLines(chunks, window, sink, new BareParser(window, sink)),
};
