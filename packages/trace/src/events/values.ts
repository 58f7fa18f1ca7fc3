// Numbers as the kernel prints them, read from bytes: 64 bits exactly, in two words.
//
// A reader returns the position after the value, or BAD where there is none or it has more than
// 64 bits. The value itself is in the fields, which the next reading overwrites.

import { Byte, DECIMAL_PAIR, HEX_PAIR, HEX_VALUE } from '../bytes.ts';
import type { TextWindow } from '../text-window.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Bytes = Byte;
const DECIMAL_PAIRS = DECIMAL_PAIR;
const HEX_PAIRS = HEX_PAIR;
const HEX_VALUES = HEX_VALUE;

/** Not a value of the wanted kind. */
export const BAD = -1;

const TWO_32 = 2 ** 32;
const TWO_64 = 2 ** 64;
const FAULT = new TextEncoder().encode('(fault)');

/** The last number that was read. */
export class ValueReader {
  /** Signed words: a Uint32Array takes them as they are. */
  low = 0;
  high = 0;
  /** The value as a double; all ones of 64 bits reads 2^64. */
  number = 0;
  /** A pointer that is known to be null. */
  isNull = false;
  private readonly bytes: Buffer;
  private readonly view: DataView;

  constructor(window: TextWindow) {
    this.bytes = window.bytes;
    this.view = window.view;
  }

  /** Hexadecimal digits, with or without 0x. */
  hex(start: number): number {
    const { bytes, view } = this;
    let position = start;
    if (bytes[position + 1] === Bytes.x && bytes[position] === Bytes.zero) position += 2;
    const first = position;
    let low = 0;
    let high = 0;
    let pair = HEX_PAIRS[view.getUint16(position, true)]!;
    while (pair >= 0) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | pair;
      position += 2;
      pair = HEX_PAIRS[view.getUint16(position, true)]!;
    }
    const digit = HEX_VALUES[bytes[position]!]!;
    if (digit >= 0) {
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
      position++;
    }
    const digits = position - first;
    if (digits === 0 || digits > 16) return BAD;
    this.low = low;
    this.high = high;
    return position;
  }

  /** A decimal number, or a hexadecimal one with 0x; "(fault)" reads 0. */
  unsigned(start: number): number {
    const { bytes, view } = this;
    let position = start;
    let value = 0;
    let pair = DECIMAL_PAIRS[view.getUint16(position, true)]!;
    while (pair >= 0) {
      value = value * 100 + pair;
      position += 2;
      pair = DECIMAL_PAIRS[view.getUint16(position, true)]!;
    }
    const digit = bytes[position]! - Bytes.zero;
    if (digit >= 0 && digit <= 9) {
      if (position === start && digit === 0 && bytes[start + 1] === Bytes.x) {
        position = this.hex(start);
        this.number = this.wide();
        return position;
      }
      value = value * 10 + digit;
      position++;
    }
    this.number = value;
    if (position === start) return this.fault(start);
    return value <= TWO_64 ? position : BAD;
  }

  /** As `unsigned`, with an optional minus sign. */
  signed(start: number): number {
    if (this.bytes[start] !== Bytes.dash) return this.unsigned(start);
    const position = this.unsigned(start + 1);
    this.number = -this.number;
    return position;
  }

  /** Hexadecimal digits, or a word in parentheses: (____ptrval____), (nil), (null), (fault). */
  pointer(start: number): number {
    const { bytes } = this;
    if (bytes[start] !== Bytes.parenOpen) {
      const position = this.hex(start);
      this.isNull = position !== BAD && this.low === 0 && this.high === 0;
      return position;
    }
    let position = start + 1;
    while (bytes[position]! > Bytes.space && bytes[position] !== Bytes.parenClose) position++;
    if (bytes[position] !== Bytes.parenClose) return BAD;
    this.low = 0;
    this.high = 0;
    this.isNull = bytes[start + 1] === 0x6e;
    return position + 1;
  }

  /** The two words as a double. */
  wide(): number {
    return (this.high >>> 0) * TWO_32 + (this.low >>> 0);
  }

  private fault(start: number): number {
    for (let i = 0; i < FAULT.length; i++) {
      if (this.bytes[start + i] !== FAULT[i]) return BAD;
    }
    return start + FAULT.length;
  }
}
