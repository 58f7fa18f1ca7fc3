// Scatter lists of dma_map_sg and its kin: {0x1000,0x3000} becomes one side of the batch's segments.
//
// A row's lists are laid side by side from the first free segment on; the rows that one list has
// more than another are zero there. The segments belong to the row only when it is closed.

import { EventKind } from '../batch.ts';
import { growSegments } from '../batch-builder.ts';
import { Byte } from '../bytes.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import { To } from './definition.ts';
import { BAD, type ValueReader } from './values.ts';

const MAX_LIST = 65_536;

/** Reads the lists of one event after the other. */
export class ListReader {
  /** Segments of the current event. */
  length = 0;
  private readonly bytes: Buffer;
  private readonly sink: EventSink;
  private readonly values: ValueReader;
  private addresses = 0;
  private sizes = 0;

  constructor(window: TextWindow, sink: EventSink, values: ValueReader) {
    this.bytes = window.bytes;
    this.sink = sink;
    this.values = values;
  }

  /** Reads one list; returns the position after it, or BAD. */
  read(side: number, start: number): number {
    const { bytes, values } = this;
    const first = this.sink.batch.segments.length;
    if (bytes[start] !== Byte.braceOpen) return BAD;
    let count = 0;
    let position = start + 1;
    while (bytes[position] !== Byte.braceClose) {
      position = values.hex(position);
      if (position === BAD || count === MAX_LIST) return BAD;
      this.put(side, first + count);
      count++;
      if (bytes[position] === Byte.comma) position++;
      else if (bytes[position] !== Byte.braceClose) return BAD;
    }
    if (side === To.addresses) this.addresses = count;
    if (side === To.sizes) this.sizes = count;
    return position + 1;
  }

  /** Gives the lists to `row`, which takes its own address and size from them. */
  close(kind: number, row: number): void {
    const { batch } = this.sink;
    const { segments } = batch;
    const first = segments.length;
    batch.listStart[row] = first;
    batch.listLength[row] = this.length;
    batch.physLow[row] = segments.physLow[first]!;
    batch.physHigh[row] = segments.physHigh[first]!;
    segments.length = first + this.length;
    if (kind === EventKind.dmaUnmapSg) batch.aux[row] = this.length;
    if (kind === EventKind.dmaMapSg || kind === EventKind.dmaSyncSg) this.mapped(kind, row);
    this.length = 0;
  }

  private mapped(kind: number, row: number): void {
    const { batch } = this.sink;
    const { segments } = batch;
    const first = batch.listStart[row]!;
    batch.addressLow[row] = segments.addressLow[first]!;
    batch.addressHigh[row] = segments.addressHigh[first]!;
    let size = 0;
    for (let i = first; i < segments.length; i++) size += segments.size[i]!;
    batch.size[row] = size;
    if (this.addresses !== this.sizes) {
      this.sink.diagnose('BAD_LIST', 'a scatter list with more addresses than sizes, or fewer');
    }
    if (kind !== EventKind.dmaMapSg) return;
    // The counts before the lists are printed by stable kernels of 2026 only.
    if (batch.aux[row] === 0) batch.aux[row] = this.length;
    if (batch.aux2[row] === 0) batch.aux2[row] = this.addresses;
  }

  private put(side: number, at: number): void {
    const { segments } = this.sink.batch;
    const { low, high } = this.values;
    if (at === segments.size.length) growSegments(segments);
    if (at === segments.length + this.length) {
      segments.addressLow[at] = 0;
      segments.addressHigh[at] = 0;
      segments.physLow[at] = 0;
      segments.physHigh[at] = 0;
      segments.size[at] = 0;
      this.length++;
    }
    if (side === To.addresses) {
      segments.addressLow[at] = low;
      segments.addressHigh[at] = high;
    } else if (side === To.physes) {
      segments.physLow[at] = low;
      segments.physHigh[at] = high;
    } else {
      segments.size[at] = this.values.wide();
    }
  }
}
