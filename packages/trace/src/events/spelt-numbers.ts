// Numbers as tools spell them where they print the fields of a record by name.
//
//   0x1000          (nil)          4096          (4096)          'a'(97)          -22          0xffffffea (-22)
//
// A bare number is hexadecimal where the printed form of its event is, but decimal in a fallback. The trace option
// `fields` repeats a number as a signed one.

import { Byte, isDigit } from '../bytes.ts';
import type { TextWindow } from '../text-window.ts';
import { As } from './definition.ts';
import { MALFORMED } from './head.ts';
import { ValueReader } from './values.ts';

const TWO_32 = 2 ** 32;
const APOSTROPHE = 0x27;
const LETTER_N = 0x6e;

/** The number that was read last, and the reader of the next. */
export class SpeltNumbers {
  /** Bare numbers are decimal. */
  isFallback = false;
  /** The number as two words, and as a double with its sign. */
  low = 0;
  high = 0;
  number = 0;
  private readonly bytes: Buffer;
  private readonly values: ValueReader;

  constructor(window: TextWindow) {
    this.bytes = window.bytes;
    this.values = new ValueReader(window);
  }

  /** Reads a number in any of the spellings; returns the position after it, or MALFORMED. `how`: see `As`. */
  read(start: number, how: number): number {
    const { bytes, values } = this;
    let position = start;
    // One byte that can be printed: 'a'(97); one that cannot: (1).
    if (bytes[position] === APOSTROPHE) position += 3;
    const inParentheses = bytes[position] === Byte.parenOpen;
    if (inParentheses) position++;
    if (inParentheses && bytes[position] === LETTER_N) {
      this.store(0, 0);
      return this.afterWord(start);
    }
    const isHex =
      (bytes[position] === Byte.zero && bytes[position + 1] === Byte.x) ||
      (!this.isFallback && !inParentheses && isPrintedAsHex(how));
    if (isHex) {
      position = values.hex(position);
      this.store(values.low >>> 0, values.high >>> 0);
    } else position = this.decimal(position);
    if (position < 0) return MALFORMED;
    if (inParentheses) return bytes[position] === Byte.parenClose ? position + 1 : MALFORMED;
    if (bytes[position]! > Byte.space) return MALFORMED;
    return this.afterSigned(position, how);
  }

  private afterWord(start: number): number {
    let position = start;
    while (this.bytes[position]! > Byte.space) position++;
    return position;
  }

  /** The option `fields` repeats a number as a signed one: 0xffffffea (-22). */
  private afterSigned(start: number, how: number): number {
    const { bytes } = this;
    const next = bytes[start + 2]!;
    if (bytes[start + 1] !== Byte.parenOpen || !(isDigit(next) || next === Byte.dash)) return start;
    const end = bytes.indexOf(Byte.parenClose, start);
    if (how === As.signed) {
      const { low, high, number } = this;
      if (this.decimal(start + 2) !== end) this.store(low, high);
      if (next !== Byte.dash) this.number = number;
    }
    return end + 1;
  }

  /** A decimal number of up to 64 bits, with or without a sign. */
  private decimal(start: number): number {
    const { bytes } = this;
    const isNegative = bytes[start] === Byte.dash;
    const first = isNegative ? start + 1 : start;
    let position = first;
    let low = 0;
    let high = 0;
    while (isDigit(bytes[position]!)) {
      low = low * 10 + bytes[position]! - Byte.zero;
      high = high * 10 + Math.floor(low / TWO_32);
      low %= TWO_32;
      position++;
    }
    if (position === first || high >= TWO_32) return MALFORMED;
    this.store(low, high);
    if (isNegative) this.number = -this.number;
    return position;
  }

  private store(low: number, high: number): void {
    this.low = low;
    this.high = high;
    this.number = high * TWO_32 + low;
  }
}

function isPrintedAsHex(how: number): boolean {
  return how === As.hex || how === As.range || how === As.pointer;
}
