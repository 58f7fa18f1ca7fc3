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
