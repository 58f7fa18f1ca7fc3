// Numbers as the kernel prints them, read from bytes: 64 bits exactly, in two words.
//
// A reader returns the position after the value, or BAD where there is none or it has more than
// 64 bits. The value itself is in the fields, which the next reading overwrites.

import { Byte, HEX_VALUE } from '../bytes.ts';
import type { TextWindow } from '../text-window.ts';

/** Not a value of the wanted kind. */
export const BAD = -1;

const TWO_32 = 2 ** 32;
const TWO_64 = 2 ** 64;
const FAULT = new TextEncoder().encode('(fault)');

/** The last number that was read. */
export class ValueReader {
  low = 0;
  high = 0;
  /** The value as a double; all ones of 64 bits reads 2^64. */
  number = 0;
  /** A pointer that is known to be null. */
  isNull = false;
  private readonly bytes: Buffer;

  constructor(window: TextWindow) {
    this.bytes = window.bytes;
  }

  /** Hexadecimal digits, with or without 0x. */
  hex(start: number): number {
    const { bytes } = this;
    let position = start;
    if (bytes[position] === Byte.zero && bytes[position + 1] === Byte.x) position += 2;
    const first = position;
    let low = 0;
    let high = 0;
    for (
      let digit = HEX_VALUE[bytes[position]!]!;
      digit >= 0;
      digit = HEX_VALUE[bytes[position]!]!
    ) {
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
      position++;
    }
    const digits = position - first;
    if (digits === 0 || digits > 16) return BAD;
    this.low = low >>> 0;
    this.high = high >>> 0;
    return position;
  }

  /** A decimal number, or a hexadecimal one with 0x; "(fault)" reads 0. */
  unsigned(start: number): number {
    const { bytes } = this;
    if (bytes[start] === Byte.zero && bytes[start + 1] === Byte.x) {
      const position = this.hex(start);
      this.number = this.high * TWO_32 + this.low;
      return position;
    }
    let position = start;
    let value = 0;
    for (let digit = bytes[position]! - Byte.zero; digit >= 0 && digit <= 9; ) {
      value = value * 10 + digit;
      position++;
      digit = bytes[position]! - Byte.zero;
    }
    this.number = value;
    if (position === start) return this.fault(start);
    return value <= TWO_64 ? position : BAD;
  }

  /** As `unsigned`, with an optional minus sign. */
  signed(start: number): number {
    if (this.bytes[start] !== Byte.dash) return this.unsigned(start);
    const position = this.unsigned(start + 1);
    this.number = -this.number;
    return position;
  }

  /** Hexadecimal digits, or a word in parentheses: (____ptrval____), (nil), (null), (fault). */
  pointer(start: number): number {
    const { bytes } = this;
    if (bytes[start] !== Byte.parenOpen) {
      const position = this.hex(start);
      this.isNull = position !== BAD && this.low === 0 && this.high === 0;
      return position;
    }
    let position = start + 1;
    while (bytes[position]! > Byte.space && bytes[position] !== Byte.parenClose) position++;
    if (bytes[position] !== Byte.parenClose) return BAD;
    this.low = 0;
    this.high = 0;
    this.isNull = bytes[start + 1] === 0x6e;
    return position + 1;
  }

  private fault(start: number): number {
    for (let i = 0; i < FAULT.length; i++) {
      if (this.bytes[start + i] !== FAULT[i]) return BAD;
    }
    return start + FAULT.length;
  }
}
