// The dump of live mappings that dma-debug prints (kernel/dma/debug.c; debugfs file dma-api/dump), 5.x to 6.18.
//
//   6.12 and newer  DRIVER DEVICE TYPE idx 12 P=0x0000000012345000 D=fffff000 L=1000 cln=0x... DMA_TO_DEVICE STATE
//   before 6.12     DRIVER DEVICE TYPE idx 12 P=12345000 N=12345 D=fffff000 L=1000 cln=... DMA_TO_DEVICE STATE
//   6.1 and older   DEVICE DRIVER TYPE idx 12 P=12345000 N=12345 D=fffff000 L=1000 DMA_TO_DEVICE STATE
//
// All numbers but idx are hexadecimal, the length too. Each entry becomes a map at time 0. A scatter list has one
// entry for each element. The same lines in the kernel log (driver unload check) begin with their own prefix.

import { EventKind } from '../batch.ts';
import { Byte } from '../bytes.ts';
import type { EventSink } from '../event-sink.ts';
import { directionOf } from '../events/words.ts';
import { type LineParser, readLines } from '../lines.ts';
import type { TextWindow } from '../text-window.ts';
import type { TraceFormat } from './format.ts';
import { readAddress, type Words } from './table-cells.ts';

const ENTRY =
  /^(.*) (single|scatter-gather|scather-gather|coherent|noncoherent|resource|page) idx \d+ P=(?:0x)?([0-9a-f]{1,16}) (?:N=[0-9a-f]+ )?D=(?:0x)?([0-9a-f]{1,16}) L=(?:0x)?([0-9a-f]{1,13}) (?:(cln)=(?:0x)?[0-9a-f]+ )?DMA_(\w+)\b/;

/** Name of the format, as shown by `info`. */
export const DMA_DEBUG = 'dma-debug dump';

/** The mappings that were live when the file was read. */
export const dmaDebug: TraceFormat = {
  name: DMA_DEBUG,
  matches: (_, text) => text.split('\n', 20).some((line) => ENTRY.test(line)),
  read: (chunks, window, sink) => readLines(chunks, window, sink, new DumpParser(window, sink)),
};

class DumpParser implements LineParser {
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly words: Words = { low: 0, high: 0 };

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.sink = sink;
  }

  line(start: number): number {
    const end = this.bytes.indexOf(Byte.lineFeed, start);
    const text = this.bytes.toString('latin1', start, end);
    const entry = ENTRY.exec(text);
    if (entry !== null) this.entry(start, entry);
    else if (text.trim() !== '') {
      this.sink.unparsed('MALFORMED_SNAPSHOT', 'lines that are no mapping of a dump are left out');
    }
    return end + 1;
  }

  end(): void {}

  private entry(start: number, entry: RegExpExecArray): void {
    const { sink, words } = this;
    const [, names = '', type = '', phys = '', address = '', size = '', cln, direction = ''] =
      entry;
    const { batch } = sink;
    const row = sink.note(EventKind.dmaMap, 0);
    const [from, to] = deviceIn(names, cln !== undefined);
    batch.device[row] = sink.devices.intern(start + from, to - from);
    batch.name[row] = sink.names.intern(start + names.length + 1, type.length);
    const name = batch.name[row]!;
    sink.counts.byName[name] = (sink.counts.byName[name] ?? 0) + 1;
    readAddress(`0x${address}`, true, words);
    batch.addressLow[row] = words.low;
    batch.addressHigh[row] = words.high;
    readAddress(`0x${phys}`, true, words);
    batch.physLow[row] = words.low;
    batch.physHigh[row] = words.high;
    batch.size[row] = Number.parseInt(size, 16);
    batch.direction[row] = directionOf(direction);
  }
}

/** Where the device stands in "DRIVER DEVICE" (entries with cln=) or "DEVICE DRIVER"; a driver may be empty or have spaces. */
function deviceIn(names: string, isLast: boolean): [number, number] {
  if (isLast) return [names.lastIndexOf(' ') + 1, names.length];
  const space = names.indexOf(' ');
  return [0, space < 0 ? names.length : space];
}
