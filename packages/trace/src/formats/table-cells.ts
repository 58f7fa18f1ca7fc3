// Numbers, addresses and times as tables write them.
//
// Decimal or 0x hexadecimal, 64 bits exact; no separators. Bare hexadecimal only where the table says so.
// What a spreadsheet made of a number (1.23E+12, a leading quote, a date) is told apart from other
// damage, because its digits are gone.

/** The cell holds no number. */
export const BAD_CELL: number = Number.NaN;

/** A 64-bit number in two words. */
export interface Words {
  low: number;
  high: number;
}

/** Reads an address into `out`; false where the cell holds none. */
export function readAddress(cell: string, isHex: boolean, out: Words): boolean {
  if (/^0[xX][0-9a-fA-F]{1,16}$/.test(cell)) return hexWords(cell.slice(2), out);
  if (isHex && /^[0-9a-fA-F]{1,16}$/.test(cell)) return hexWords(cell, out);
  if (!/^\d{1,20}$/.test(cell)) return false;
  if (cell.length < 16) {
    const value = Number(cell);
    out.low = value % 2 ** 32;
    out.high = Math.floor(value / 2 ** 32);
    return true;
  }
  const value = BigInt(cell);
  return value < 2n ** 64n && hexWords(value.toString(16), out);
}

function hexWords(digits: string, out: Words): boolean {
  out.low = Number.parseInt(digits.slice(-8), 16);
  out.high = digits.length > 8 ? Number.parseInt(digits.slice(0, -8), 16) : 0;
  return true;
}

/** A number that a double can hold, with or without a sign; NaN where the cell holds none. */
export function readNumber(cell: string, isHex = false): number {
  if (/^[+-]?\d+(\.\d+)?$/.test(cell) && !isHex) return Number(cell);
  if (/^0[xX][0-9a-fA-F]{1,16}$/.test(cell)) return Number(cell);
  return isHex && /^[0-9a-fA-F]{1,16}$/.test(cell) ? Number.parseInt(cell, 16) : BAD_CELL;
}

/** Splits a time into seconds and ns; `power` decimals of its unit make a ns. False where the cell holds none. */
export function readTime(
  cell: string,
  power: number,
  out: { seconds: number; fraction: number },
): boolean {
  const match = /^(\d{1,19})(?:\.(\d{1,18}))?$/.exec(cell);
  if (match === null) return false;
  const [, whole = '', part = ''] = match;
  const digits = whole + part.slice(0, power).padEnd(power, '0');
  out.seconds = Number(digits.slice(0, -9));
  out.fraction = Number(digits.slice(-9));
  return true;
}

/** What a spreadsheet does to numbers and times. */
export function isMangled(cell: string): boolean {
  if (/^[+-]?\d+([.,]\d+)?E[+-]?\d+$/i.test(cell)) return true;
  return cell.startsWith("'") || /^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b/.test(cell);
}
