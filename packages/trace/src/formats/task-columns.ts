// The first columns of an event line: comm, thread id, tgid and CPU.
//
//   fio-2831    (   2800) [002]
//
// A CPU mostly goes on with the task it had, so the last columns of each CPU are kept: where they
// stand again, byte for byte, nothing is parsed.

import type { ByteTable } from '../byte-table.ts';
import { Byte, isDigit } from '../bytes.ts';
import type { TextWindow } from '../text-window.ts';

/** The line does not begin with these columns. */
export const NO_COLUMNS = -1;

const SPACES = 0x20202020;
/** Columns up to the CPU that are kept: 48 bytes, as doubles to compare eight at a time. */
const PAIRS = 6;
const KEPT_CPUS = 256;

/** Reads the columns of one line after the other. */
export class TaskColumns {
  /** Of the line that was read last. */
  task = 0;
  tid = 0;
  cpu = 0;
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly tasks: ByteTable;
  /** Offset of the "[" in the lines that are kept. */
  private bracket = 25;
  private readonly kept: Float64Array = new Float64Array(KEPT_CPUS * PAIRS);
  private readonly keptTask: Uint32Array = new Uint32Array(KEPT_CPUS);
  private readonly keptTid: Int32Array = new Int32Array(KEPT_CPUS);

  constructor(window: TextWindow, tasks: ByteTable) {
    this.bytes = window.bytes;
    this.view = window.view;
    this.tasks = tasks;
  }

  /** Position after the CPU column where the columns are those of an earlier line, else NO_COLUMNS. */
  again(start: number): number {
    const { bytes, view, kept } = this;
    let position = start + this.bracket;
    if (bytes[position] !== Byte.bracketOpen) return NO_COLUMNS;
    position = this.readCpu(position);
    const { cpu } = this;
    if (position < 0 || cpu >= KEPT_CPUS) return NO_COLUMNS;
    let pair = cpu * PAIRS;
    const last = start + this.bracket - 7;
    for (let at = start; at < last; at += 8) {
      if (view.getFloat64(at, true) !== kept[pair++]) return NO_COLUMNS;
    }
    if (view.getFloat64(last, true) !== kept[pair]) return NO_COLUMNS;
    this.task = this.keptTask[cpu]!;
    this.tid = this.keptTid[cpu]!;
    return position;
  }

  /** Reads the columns of a line whose comm ends at `dash`; returns the position after the CPU column. */
  read(start: number, dash: number): number {
    const { bytes, view } = this;
    let position = start;
    while (view.getUint32(position, true) === SPACES) position += 4;
    while (bytes[position] === Byte.space) position++;
    const task = this.intern(position, dash - position);
    if (task < 0) return NO_COLUMNS;
    position = dash + 1;
    if (!isDigit(bytes[position]!)) return NO_COLUMNS;
    let tid = 0;
    while (isDigit(bytes[position]!)) tid = tid * 10 + bytes[position++]! - Byte.zero;
    position = this.afterTgid(position);
    if (bytes[position] !== Byte.bracketOpen) return NO_COLUMNS;
    const bracket = position - start;
    position = this.readCpu(position);
    if (position < 0) return NO_COLUMNS;
    this.task = task;
    this.tid = tid;
    if (dash === start + 16) this.keep(start, bracket);
    return position;
  }

  /** Position after blanks and, where there is one, "(  123) " or "(-------) ". */
  afterTgid(start: number): number {
    const { bytes } = this;
    let position = start;
    while (bytes[position] === Byte.space) position++;
    if (bytes[position] !== Byte.parenOpen) return position;
    position++;
    while (isDigit(bytes[position]!) || bytes[position] === Byte.space) position++;
    while (bytes[position] === Byte.dash) position++;
    if (bytes[position] !== Byte.parenClose) return start;
    position++;
    while (bytes[position] === Byte.space) position++;
    return position;
  }

  private readCpu(open: number): number {
    const { bytes } = this;
    let position = open + 1;
    let cpu = 0;
    let digit = bytes[position]! - Byte.zero;
    while (digit >= 0 && digit <= 9) {
      cpu = cpu * 10 + digit;
      digit = bytes[++position]! - Byte.zero;
    }
    this.cpu = cpu;
    if (bytes[position] !== Byte.bracketClose || position === open + 1) return NO_COLUMNS;
    return position + 1;
  }

  /** Index of a task name, or -1 where its bytes belong to more than one line. */
  private intern(start: number, length: number): number {
    if (length <= 0) return length;
    const known = this.tasks.find(start, length);
    if (known >= 0) return known;
    const end = this.bytes.indexOf(Byte.lineFeed, start);
    return end < start + length ? -1 : this.tasks.intern(start, length);
  }

  private keep(start: number, bracket: number): void {
    const { view, kept, cpu } = this;
    if (bracket >= 8 * PAIRS || cpu >= KEPT_CPUS) return;
    if (bracket !== this.bracket) {
      kept.fill(0);
      this.bracket = bracket;
    }
    // The last eight bytes end with the bracket and may overlap those before.
    const last = start + bracket - 7;
    let pair = cpu * PAIRS;
    for (let at = start; at < last; at += 8) kept[pair++] = view.getFloat64(at, true);
    kept[pair] = view.getFloat64(last, true);
    this.keptTask[cpu] = this.task;
    this.keptTid[cpu] = this.tid;
  }
}
