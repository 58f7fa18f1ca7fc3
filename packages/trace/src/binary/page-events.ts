// Walks the events of one CPU's ring buffer (kernel/trace/ring_buffer.c, include/linux/ring_buffer.h).
//
//   page:  u64 timestamp | long commit | events up to commit
//   event: type_len in 5 bits, time_delta in 27; payload of 4 * type_len bytes, or u32 length first
//
// The time is that of the page plus the deltas, in ticks since a base that all CPUs share, so it is
// exact as a double. A page that contradicts itself is left at that point; what follows is a gap.
// No length is trusted: an event lies between the header and the commit of its page.

import type { EventSink } from '../event-sink.ts';
import type { PageLayout } from './page-layout.ts';
import type { PageSource } from './page-source.ts';

/** Nothing was lost before the event. */
export const NO_LOSS = -1;

const TYPE_PADDING = 29;
const TYPE_EXTEND = 30;
const TYPE_STAMP = 31;
const DELTA = 2 ** 27;
const TWO_32 = 2 ** 32;
/** Bits of commit: valid bytes, a stored count of lost events, events were lost. */
const COMMIT = 0x7ff_ffff;
const STORED = 0x4000_0000;
const MISSED = 0x8000_0000;

/** The events of one CPU, one after the other. */
export class PageEvents {
  readonly cpu: number;
  /** Of the current event: ticks since the base, place of its record in `view`, length in bytes. */
  time = 0;
  start = 0;
  length = 0;
  view: DataView;
  /** Events lost before the current one: NO_LOSS, or how many, 0 where that is unknown. */
  lost: number = NO_LOSS;
  /** Timestamp of the first page. */
  firstHigh = 0;
  firstLow = 0;
  private readonly pages: PageSource;
  private readonly layout: PageLayout;
  private readonly sink: EventSink;
  private position = 0;
  private end = 0;
  private nextPage = 0;
  private baseHigh = 0;
  private baseLow = 0;
  /** Top five bits of the last full timestamp, which an absolute stamp does not have. */
  private topBits = 0;

  constructor(cpu: number, pages: PageSource, layout: PageLayout, sink: EventSink) {
    this.cpu = cpu;
    this.pages = pages;
    this.layout = layout;
    this.sink = sink;
    this.view = pages.view;
  }

  /** Goes to the first page; false where there is none. */
  open(): boolean {
    if (!this.page()) return false;
    const { view, layout } = this;
    const at = this.position - layout.dataAt;
    this.firstHigh = view.getUint32(layout.little ? at + 4 : at, layout.little);
    this.firstLow = view.getUint32(layout.little ? at : at + 4, layout.little);
    return true;
  }

  /** Sets the base of all times and goes to the first event. */
  begin(baseHigh: number, baseLow: number): boolean {
    this.baseHigh = baseHigh;
    this.baseLow = baseLow;
    this.time = this.since(this.firstHigh, this.firstLow);
    return this.next();
  }

  /** Offset in the file of the current event, or of the compressed chunk that holds it. */
  get offset(): number {
    return this.pages.offset + this.start;
  }

  /** Goes to the next event; false at the end. */
  next(): boolean {
    const { little } = this.layout;
    for (;;) {
      const { view, position } = this;
      if (position >= this.end) {
        if (!this.page()) return false;
        continue;
      }
      const left = this.end - position;
      const word = left < 4 ? 0 : view.getUint32(position, little);
      const type = little ? word & 31 : word >>> 27;
      const delta = little ? word >>> 5 : word & 0x7ff_ffff;
      if (type > 0 && type < TYPE_PADDING) {
        const size = 4 * type;
        if (size + 4 > left) {
          this.bad();
          continue;
        }
        this.time += delta;
        this.start = position + 4;
        this.length = size;
        this.position = position + 4 + size;
        return true;
      }
      if (type === TYPE_PADDING && delta === 0) {
        this.position = this.end;
        continue;
      }
      const size = left < 8 ? 0 : view.getUint32(position + 4, little);
      if (left < 8 || (type < TYPE_EXTEND && (size < 4 || size > left - 4))) this.bad();
      else if (type === TYPE_EXTEND) {
        this.time += size * DELTA + delta;
        this.position = position + 8;
      } else if (type === TYPE_STAMP) {
        this.stamp(size, delta);
        this.position = position + 8;
      } else {
        this.time += delta;
        this.position = Math.min(this.end, position + 4 + Math.ceil(size / 4) * 4);
        if (type === TYPE_PADDING) continue;
        this.start = position + 8;
        this.length = size - 4;
        return true;
      }
    }
  }

  /** An absolute time without its top bits. */
  private stamp(high: number, low: number): void {
    const word = ((high << 27) | low) >>> 0;
    const upper = (high >>> 5) & 0x7ff_ffff;
    const before = this.time;
    const time = this.since(((this.topBits << 27) | upper) >>> 0, word);
    if (this.topBits !== 0 && time < before) this.topBits = (this.topBits + 1) & 31;
    this.time = this.since(((this.topBits << 27) | upper) >>> 0, word);
  }

  private since(high: number, low: number): number {
    return (high - this.baseHigh) * TWO_32 + (low - this.baseLow);
  }

  /** Goes to the next page with data; false at the end. */
  private page(): boolean {
    const { pages, layout } = this;
    const { little, commitAt, dataAt, pageSize, longSize } = layout;
    for (;;) {
      if (this.nextPage + pageSize > pages.length) {
        this.nextPage = 0;
        if (!pages.fill()) {
          pages.length = 0;
          this.end = 0;
          this.position = 0;
          this.gap(pages.gap);
          return false;
        }
        this.view = pages.view;
        this.gap(pages.gap);
        pages.gap = false;
        continue;
      }
      const at = this.nextPage;
      this.nextPage += pageSize;
      const { view } = this;
      const high = view.getUint32(little ? at + 4 : at, little);
      const low = view.getUint32(little ? at : at + 4, little);
      const commit = view.getUint32(at + commitAt + (little ? 0 : longSize - 4), little);
      if (commit === 0 && high === 0 && low === 0) continue;
      const size = commit & COMMIT;
      this.position = at + dataAt;
      this.end = this.position + size;
      if (size > pageSize - dataAt) {
        this.bad();
        continue;
      }
      this.topBits = high >>> 27;
      this.time = this.since(high, low);
      if ((commit & MISSED) !== 0) this.missed(commit, at + pageSize);
      if (size > 0) return true;
    }
  }

  /** Notes the losses before a page; their number may follow the data. */
  private missed(commit: number, pageEnd: number): void {
    const { little, longSize } = this.layout;
    let count = 0;
    if ((commit & STORED) !== 0 && this.end + longSize <= pageEnd) {
      const { view, end } = this;
      count = view.getUint32(little || longSize === 4 ? end : end + 4, little);
      if (longSize === 8) count += view.getUint32(little ? end + 4 : end, little) * TWO_32;
      if (count > Number.MAX_SAFE_INTEGER) count = 0;
    }
    this.lost = Math.max(this.lost, 0) + count;
  }

  private gap(isGap: boolean): void {
    if (isGap) this.lost = Math.max(this.lost, 0);
  }

  private bad(): void {
    this.sink.offset = this.pages.offset + this.position;
    this.sink.diagnose('BAD_PAGE', 'a page that contradicts itself: the rest of it is lost');
    this.position = this.end;
    this.gap(true);
  }
}
