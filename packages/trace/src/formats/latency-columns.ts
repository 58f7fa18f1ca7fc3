// The first columns of the latency layouts: comm in 8 bytes, thread id, and CPU with flags.
//
//     fio-380     0d.s2.
//
// The kernel prints them with the option latency-format, trace-cmd with report -l.

import type { ByteTable } from '../byte-table.ts';
import { Byte, isDigit } from '../bytes.ts';
import type { TextWindow } from '../text-window.ts';

/** The line does not begin with these columns. */
export const NO_LATENCY = -1;

const COMM = 8;

/** Reads the columns of one line after the other. */
export class LatencyColumns {
  /** Of the line that was read last. */
  task = 0;
  tid = 0;
  cpu = 0;
  context = 0;
  private readonly bytes: Buffer;
  private readonly tasks: ByteTable;

  constructor(window: TextWindow, tasks: ByteTable) {
    this.bytes = window.bytes;
    this.tasks = tasks;
  }

  /** Reads the columns at `start`; returns the position after the flags. */
  read(start: number): number {
    const { bytes } = this;
    if (bytes[start + COMM] !== Byte.dash || !isDigit(bytes[start + COMM + 1]!)) return NO_LATENCY;
    let comm = start;
    while (bytes[comm] === Byte.space) comm++;
    let position = start + COMM + 1;
    let tid = 0;
    while (isDigit(bytes[position]!)) tid = 10 * tid + bytes[position++]! - Byte.zero;
    if (bytes[position] !== Byte.space) return NO_LATENCY;
    while (bytes[position] === Byte.space) position++;
    const first = position;
    let cpu = 0;
    while (isDigit(bytes[position]!)) cpu = 10 * cpu + bytes[position++]! - Byte.zero;
    const flags = position;
    while (bytes[position]! > Byte.space) position++;
    if (flags === first || position - flags < 4 || position - flags > 8) return NO_LATENCY;
    this.task = this.tasks.intern(comm, start + COMM - comm);
    this.tid = tid;
    this.cpu = cpu;
    this.context = bytes[flags + 2]!;
    return position;
  }
}
