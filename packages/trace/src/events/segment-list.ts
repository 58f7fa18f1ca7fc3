// Scatter lists of one event, laid side by side from the first free segment of the batch on.
//
// The rows that one list has more than another are zero there. The segments belong to the row only when
// it is closed; until then they can be written again.

import { EventKind } from '../batch.ts';
import { growSegments } from '../batch-builder.ts';
import type { EventSink } from '../event-sink.ts';
import { To } from './definition.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Kinds = EventKind;
const Columns = To;

const TWO_32 = 2 ** 32;

/** The lists of the current event; `length` is reset to 0 before each. */
export class SegmentList {
  /** Segments of the current event. */
  length = 0;
  private readonly sink: EventSink;
  private addresses = 0;
  private sizes = 0;

  constructor(sink: EventSink) {
    this.sink = sink;
  }

  /** Writes entry `i` of one side, To.addresses, To.physes or To.sizes. */
  put(side: number, i: number, low: number, high: number): void {
    const { segments } = this.sink.batch;
    const at = segments.length + i;
    if (at === segments.size.length) growSegments(segments);
    if (i === this.length) {
      this.clear(at);
      this.length++;
    }
    if (side === Columns.addresses) {
      segments.addressLow[at] = low;
      segments.addressHigh[at] = high;
    } else if (side === Columns.physes) {
      segments.physLow[at] = low;
      segments.physHigh[at] = high;
    } else {
      segments.size[at] = (high >>> 0) * TWO_32 + (low >>> 0);
    }
  }

  /** Writes the entries of one side from `count` words of 64 bits at `start`. */
  putAll(side: number, view: DataView, start: number, count: number, little: boolean): void {
    const { segments } = this.sink.batch;
    const first = segments.length;
    while (first + count > segments.size.length) growSegments(segments);
    for (let i = this.length; i < count; i++) this.clear(first + i);
    this.length = Math.max(this.length, count);
    const lowAt = start + (little ? 0 : 4);
    const highAt = start + (little ? 4 : 0);
    const { addressLow, addressHigh, physLow, physHigh, size } = segments;
    if (side === Columns.sizes) {
      for (let i = 0; i < count; i++) {
        const high = view.getUint32(highAt + 8 * i, little);
        size[first + i] = high * TWO_32 + view.getUint32(lowAt + 8 * i, little);
      }
      return;
    }
    const lows = side === Columns.addresses ? addressLow : physLow;
    const highs = side === Columns.addresses ? addressHigh : physHigh;
    for (let i = 0; i < count; i++) {
      lows[first + i] = view.getUint32(lowAt + 8 * i, little);
      highs[first + i] = view.getUint32(highAt + 8 * i, little);
    }
  }

  private clear(at: number): void {
    const { segments } = this.sink.batch;
    segments.addressLow[at] = 0;
    segments.addressHigh[at] = 0;
    segments.physLow[at] = 0;
    segments.physHigh[at] = 0;
    segments.size[at] = 0;
  }

  /** Notes that a side has `count` entries. */
  end(side: number, count: number): void {
    if (side === Columns.addresses) this.addresses = count;
    if (side === Columns.sizes) this.sizes = count;
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
    if (kind === Kinds.dmaUnmapSg) batch.aux[row] = this.length;
    if (kind === Kinds.dmaMapSg || kind === Kinds.dmaSyncSg) this.mapped(kind, row);
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
    if (kind !== Kinds.dmaMapSg) return;
    // The counts before the lists are recorded by stable kernels of 2026 only.
    if (batch.aux[row] === 0) batch.aux[row] = this.length;
    if (batch.aux2[row] === 0) batch.aux2[row] = this.addresses;
  }
}
