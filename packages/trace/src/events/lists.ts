// Scatter lists of dma_map_sg and its kin as text: {0x1000,0x3000} is one side of the batch's segments.

import { Byte } from '../bytes.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import { SegmentList } from './segment-list.ts';
import { BAD, type ValueReader } from './values.ts';

const MAX_LIST = 65_536;

/** Reads the lists of one event after the other. */
export class ListReader {
  private readonly bytes: Buffer;
  private readonly values: ValueReader;
  private readonly list: SegmentList;
  private count = 0;

  constructor(window: TextWindow, sink: EventSink, values: ValueReader) {
    this.bytes = window.bytes;
    this.values = values;
    this.list = new SegmentList(sink);
  }

  /** Segments of the current event. */
  get length(): number {
    return this.list.length;
  }

  set length(length: number) {
    this.list.length = length;
  }

  /** Begins a list that is read elsewhere. */
  begin(): void {
    this.count = 0;
  }

  /** Adds an entry to one side; false where the list is too long. */
  add(side: number, low: number, high: number): boolean {
    if (this.count === MAX_LIST) return false;
    this.list.put(side, this.count++, low, high);
    return true;
  }

  /** Ends the list. */
  finish(side: number): void {
    this.list.end(side, this.count);
  }

  /** Reads one list; returns the position after it, or BAD. */
  read(side: number, start: number): number {
    const { bytes, values } = this;
    if (bytes[start] !== Byte.braceOpen) return BAD;
    this.begin();
    let position = start + 1;
    while (bytes[position] !== Byte.braceClose) {
      position = values.hex(position);
      if (position === BAD || !this.add(side, values.low, values.high)) return BAD;
      if (bytes[position] === Byte.comma) position++;
      else if (bytes[position] !== Byte.braceClose) return BAD;
    }
    this.finish(side);
    return position + 1;
  }

  /** Gives the lists to `row`, which takes its own address and size from them. */
  close(kind: number, row: number): void {
    this.list.close(kind, row);
  }
}
