// The columns between the CPU and the event name: flags and time.
//
//   d..1.   912.004381:
//
// The flags have 4 to 8 characters or are missing (noirq-info); a tgid may stand before them (4.13 to
// 4.17). Time is seconds and 1 to 9 decimals, or a bare number of ticks. The second that was read
// last is kept as text: it is the same in thousands of lines.

import { Byte, DECIMAL_PAIR } from '../bytes.ts';
import type { TextWindow } from '../text-window.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Bytes = Byte;
const DECIMAL_PAIRS = DECIMAL_PAIR;

/** The line does not go on with these columns. */
export const NO_STAMP = -1;

/** Nanoseconds of one unit of the last decimal, by the number of decimals. */
const UNIT = [0, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1] as const;

const COLON_SPACE = Bytes.colon + 256 * Bytes.space;

/** Reads the columns of one line after the other. */
export class StampColumns {
  /** The context character of the flags, 0 where there are none. */
  context = 0;
  seconds = 0;
  /** ns. */
  fraction = 0;
  /** Decimals of the time, 0 for ticks. */
  decimals = 0;
  private readonly bytes: Buffer;
  private readonly view: DataView;
  /** Last four digits of the second before the point, and the character before them. */
  private lastDigits = 0;
  private lastBefore = 0;
  private lastSeconds = 0;

  constructor(window: TextWindow) {
    this.bytes = window.bytes;
    this.view = window.view;
  }

  /** Nanoseconds of one unit of the last decimal; 0 for ticks. */
  get unit(): number {
    return UNIT[this.decimals]!;
  }

  /** Reads " d..1.   912.004381: " at `start`; returns the position after it. */
  read(start: number): number {
    const { bytes, view } = this;
    const time = start + 6;
    if (
      bytes[time + 6] === Bytes.dot &&
      view.getUint32(time + 2, true) === this.lastDigits &&
      bytes[time + 1] === this.lastBefore &&
      bytes[time] === Bytes.space &&
      this.areFlags(start)
    ) {
      const a = DECIMAL_PAIRS[view.getUint16(time + 7, true)]!;
      const b = DECIMAL_PAIRS[view.getUint16(time + 9, true)]!;
      const c = DECIMAL_PAIRS[view.getUint16(time + 11, true)]!;
      if ((a | b | c) >= 0 && view.getUint16(time + 13, true) === COLON_SPACE) {
        this.context = bytes[start + 3]!;
        this.seconds = this.lastSeconds;
        this.fraction = 1e3 * (10_000 * a + 100 * b + c);
        this.decimals = 6;
        return time + 15;
      }
    }
    return this.readAny(start);
  }

  /** Five flags with blanks around them. */
  private areFlags(start: number): boolean {
    const { bytes, view } = this;
    const word = view.getUint32(start + 1, true);
    const blanks = (word - 0x21212121) & ~word & 0x80808080;
    const first = word & 0xff;
    return (
      blanks === 0 &&
      bytes[start + 5]! > Bytes.space &&
      bytes[start] === Bytes.space &&
      (first < Bytes.zero || first > Bytes.nine)
    );
  }

  private readAny(start: number): number {
    const { bytes } = this;
    let position = this.readFlags(start);
    if (position < 0) return NO_STAMP;
    const first = position;
    let seconds = 0;
    let digit = bytes[position]! - Bytes.zero;
    while (digit >= 0 && digit <= 9) {
      seconds = seconds * 10 + digit;
      digit = bytes[++position]! - Bytes.zero;
    }
    if (position === first) return NO_STAMP;
    const point = position;
    let fraction = 0;
    if (bytes[point] === Bytes.dot) {
      digit = bytes[++position]! - Bytes.zero;
      while (digit >= 0 && digit <= 9) {
        fraction = fraction * 10 + digit;
        digit = bytes[++position]! - Bytes.zero;
      }
      if (position === point + 1 || position > point + 10) return NO_STAMP;
    }
    if (bytes[position] !== Bytes.colon) return NO_STAMP;
    this.seconds = seconds;
    this.decimals = Math.max(0, position - point - 1);
    this.fraction = fraction * UNIT[this.decimals]!;
    if (point - start === 12) this.keep(point);
    return bytes[position + 1] === Bytes.space ? position + 2 : position + 1;
  }

  /** Position of the time, behind the flags if there are some. */
  private readFlags(start: number): number {
    const { bytes } = this;
    let position = start;
    while (bytes[position] === Bytes.space) position++;
    const first = bytes[position]!;
    this.context = 0;
    if (first >= Bytes.zero && first <= Bytes.nine) return position;
    const flags = position;
    while (bytes[position]! > Bytes.space) position++;
    if (position - flags < 4 || position - flags > 8) return NO_STAMP;
    this.context = bytes[flags + 2]!;
    while (bytes[position] === Bytes.space) position++;
    return position;
  }

  private keep(point: number): void {
    this.lastDigits = this.view.getUint32(point - 4, true);
    this.lastBefore = this.bytes[point - 5]!;
    this.lastSeconds = this.seconds;
  }
}
