// The bytes that text formats are made of, and the tables that classify them.

/** ASCII codes by the name of the character. */
export const Byte = {
  tab: 0x09,
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  quote: 0x22,
  hash: 0x23,
  parenOpen: 0x28,
  parenClose: 0x29,
  comma: 0x2c,
  dash: 0x2d,
  dot: 0x2e,
  slash: 0x2f,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  equals: 0x3d,
  bracketOpen: 0x5b,
  bracketClose: 0x5d,
  x: 0x78,
  braceOpen: 0x7b,
  pipe: 0x7c,
  braceClose: 0x7d,
} as const;

/** Value of a hexadecimal digit by its code, -1 for any other byte. */
export const HEX_VALUE: Int8Array = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX_VALUE[digit.charCodeAt(0)] = value;
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Value of two hexadecimal digits by their codes (first + 256 * second), -1 for other pairs. */
export const HEX_PAIR: Int16Array = new Int16Array(65_536).fill(-1);
for (let first = 0; first < 256; first++) {
  for (let second = 0; second < 256; second++) {
    const high = HEX_VALUE[first]!;
    const low = HEX_VALUE[second]!;
    if (high >= 0 && low >= 0) HEX_PAIR[first + 256 * second] = 16 * high + low;
  }
}

/** Value of two decimal digits by their codes (first + 256 * second), -1 for other pairs. */
export const DECIMAL_PAIR: Int8Array = new Int8Array(65_536).fill(-1);
for (let value = 0; value < 100; value++) {
  const first = Byte.zero + Math.floor(value / 10);
  DECIMAL_PAIR[first + 256 * (Byte.zero + (value % 10))] = value;
}

/** True for an ASCII decimal digit. */
export function isDigit(byte: number): boolean {
  return byte >= Byte.zero && byte <= Byte.nine;
}

/** Bytes as text for a message: at most 80, control and non-ASCII bytes as \xNN. */
export function printable(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes.subarray(0, 80)) {
    text +=
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}
