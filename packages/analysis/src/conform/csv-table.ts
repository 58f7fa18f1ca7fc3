// A CSV file of golden vectors as a grid of cells that are decoded when they are looked at.
//
// Format: test/golden/README.md: a header row, commas, no quoting, "\n". Numbers are decimal or
// hexadecimal with 0x. Not csv-parse: at 0.03 GB/s and a string for each cell, its part of the 140 MB
// of the vectors would be most of the running time.

const COMMA = 0x2c;
const NEWLINE = 0x0a;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_X = 0x78;
const LOWER_A = 0x61;
const LOWER_F = 0x66;

export class CsvTable {
  readonly file: string;
  readonly columns: readonly string[];
  /** Rows without the header. */
  readonly rows: number;
  readonly #bytes: Uint8Array;
  /** Where the cells after the header start; one more than there are, each ends before the next's start - 1. */
  readonly #starts: Uint32Array;
  readonly #width: number;

  /** Reads the uncompressed bytes of `file`; an Error names the line of a row with too few or many cells. */
  constructor(file: string, bytes: Uint8Array) {
    const headerEnd = bytes.indexOf(NEWLINE);
    if (headerEnd <= 0) throw new Error(`${file}: expected a header row`);
    this.file = file;
    this.columns = new TextDecoder().decode(bytes.subarray(0, headerEnd)).split(',');
    this.#bytes = bytes;
    this.#width = this.columns.length;
    this.#starts = cellStarts(file, bytes, headerEnd + 1, this.#width);
    this.rows = (this.#starts.length - 1) / this.#width;
  }

  /** Index of a column; an Error names the file that lacks it. */
  column(name: string): number {
    const index = this.columns.indexOf(name);
    if (index >= 0) return index;
    throw new Error(`${this.file}: no column "${name}", found: ${this.columns.join(', ')}`);
  }

  /** The cell as a number, NaN if it is none; exact to 2^53. */
  number(row: number, column: number): number {
    const cell = row * this.#width + column;
    const bytes = this.#bytes;
    const start = this.#starts[cell]!;
    const end = this.#starts[cell + 1]! - 1;
    if (end > start + 2 && bytes[start + 1] === LOWER_X) return hexNumber(bytes, start + 2, end);
    if (end === start) return Number.NaN;
    let value = 0;
    for (let i = start; i < end; i++) {
      const digit = bytes[i]! - ZERO;
      if (digit < 0 || digit > NINE - ZERO) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  }

  /** The cell as a number that must be there; an Error names file, line and column. */
  numberAt(row: number, column: number): number {
    const value = this.number(row, column);
    if (Number.isNaN(value)) throw this.error(row, column, 'expected a number');
    return value;
  }

  isEmpty(row: number, column: number): boolean {
    const cell = row * this.#width + column;
    return this.#starts[cell]! === this.#starts[cell + 1]! - 1;
  }

  /** Whether the cell holds exactly this ASCII text. */
  is(row: number, column: number, text: string): boolean {
    const cell = row * this.#width + column;
    const start = this.#starts[cell]!;
    const { length } = text;
    if (this.#starts[cell + 1]! - 1 - start !== length) return false;
    for (let i = 0; i < length; i++) {
      if (this.#bytes[start + i] !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  text(row: number, column: number): string {
    const cell = row * this.#width + column;
    const { [cell]: start, [cell + 1]: next } = this.#starts;
    return new TextDecoder().decode(this.#bytes.subarray(start!, next! - 1));
  }

  error(row: number, column: number, problem: string): Error {
    const place = `${this.file}:${row + 2}`;
    return new Error(
      `${place}: ${this.columns[column]}: ${problem}, got "${this.text(row, column)}"`,
    );
  }
}

function cellStarts(file: string, bytes: Uint8Array, from: number, width: number): Uint32Array {
  let cells = 0;
  for (let i = from; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === COMMA || byte === NEWLINE) cells++;
  }
  const openEnd = bytes.length > from && bytes[bytes.length - 1] !== NEWLINE;
  if (openEnd) cells++;
  const starts = new Uint32Array(cells + 1);
  let cell = 0;
  let column = 0;
  starts[0] = from;
  for (let i = from; i <= bytes.length; i++) {
    const atEnd = i === bytes.length;
    if (atEnd && !openEnd) break;
    const byte = bytes[i];
    if (!atEnd && byte !== COMMA && byte !== NEWLINE) continue;
    starts[++cell] = i + 1;
    column++;
    if (byte === COMMA ? column < width : column === width) {
      if (byte !== COMMA) column = 0;
      continue;
    }
    const line = Math.floor((cell - 1) / width) + 2;
    throw new Error(`${file}:${line}: expected ${width} cells`);
  }
  return starts;
}

function hexNumber(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= ZERO && byte <= NINE) value = value * 16 + byte - ZERO;
    else if (byte >= LOWER_A && byte <= LOWER_F) value = value * 16 + byte - LOWER_A + 10;
    else return Number.NaN;
  }
  return value;
}
