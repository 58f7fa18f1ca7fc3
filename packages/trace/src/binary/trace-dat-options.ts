// Options of a trace.dat file, which versions 6 and 7 share (trace-cmd.dat.v7.5).
//
// Left out: HOOK, PROCMAPS, TRACEID, GUEST, VERSION, LAST_BOOT_INFO, which no reading needs.

import type { EventSink } from '../event-sink.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { readTimeShift, type TimeShift } from './time-shift.ts';

/** Ids of options, and of the sections they point to in version 7. */
export const Option = {
  done: 0,
  date: 1,
  cpuStat: 2,
  buffer: 3,
  traceClock: 4,
  uname: 5,
  offset: 7,
  cpuCount: 8,
  timeShift: 12,
  tscToNs: 14,
  headerInfo: 16,
  ftraceEvents: 17,
  eventFormats: 18,
  kallsyms: 19,
  commandLines: 21,
  bufferText: 22,
} as const;

const LAST_KNOWN = 25;
const MAX_CPUS = 65_535;

/** What the options say of the recording. */
export interface Recording {
  clock: string;
  hasClock: boolean;
  uname: string;
  cpus: number;
  /** Text of each CPU's stats file. */
  readonly cpuStats: string[];
  /** ns to add to every time. */
  shift: bigint;
  /** ns = ticks * mult / 2^shift. */
  tsc: { readonly mult: number; readonly shift: number } | null;
  /** The clock of the guest against that of its host. */
  guest: TimeShift | null;
}

/** A recording of which nothing is said yet. */
export function recording(): Recording {
  return {
    clock: '',
    hasClock: false,
    uname: '',
    cpus: 0,
    cpuStats: [],
    shift: 0n,
    tsc: null,
    guest: null,
  };
}

/** Reads the `cursor.left` bytes of an option into `found`. */
export function readOption(
  id: number,
  cursor: ByteCursor,
  found: Recording,
  sink: EventSink,
): void {
  const { left } = cursor;
  switch (id) {
    case Option.date:
      found.shift += 1000n * wholeNumber(text(cursor));
      return;
    case Option.offset:
      found.shift += wholeNumber(text(cursor));
      return;
    case Option.cpuStat:
      found.cpuStats.push(text(cursor));
      return;
    case Option.traceClock:
      found.hasClock = true;
      found.clock = clockName(text(cursor)) || found.clock;
      return;
    case Option.uname:
      found.uname = text(cursor);
      return;
    case Option.cpuCount:
      if (left >= 4) found.cpus = Math.min(MAX_CPUS, cursor.u32());
      return;
    case Option.tscToNs:
      if (left >= 8) found.tsc = { mult: cursor.u32(), shift: cursor.u32() };
      return;
    case Option.timeShift:
      sink.offset = cursor.position;
      found.guest = readTimeShift(cursor);
      if (found.guest === null) {
        sink.diagnose('TIME_SHIFT', 'times of a guest are kept: how to shift them is not readable');
      } else sink.diagnose('TIME_SHIFT', 'times of a guest are shifted to those of its host');
      return;
    default:
      if (id <= LAST_KNOWN) return;
      sink.offset = cursor.position;
      sink.diagnose('UNKNOWN_OPTION', 'options that are not known are passed over');
  }
}

/** The clock of a trace_clock text: the one in brackets, or all of it. */
export function clockName(clocks: string): string {
  return /\[([\w-]+)\]/.exec(clocks)?.[1] ?? (/^[\w-]+$/.test(clocks) ? clocks : '');
}

function text(cursor: ByteCursor): string {
  const whole = cursor.latin1(cursor.left);
  const nul = whole.indexOf('\0');
  return (nul < 0 ? whole : whole.slice(0, nul)).trim();
}

/** Decimal or 0x number with an optional sign; 0 where it is none. */
function wholeNumber(digits: string): bigint {
  const match = /^([+-]?)(0x[0-9a-f]{1,16}|\d{1,20})$/i.exec(digits);
  if (match === null) return 0n;
  return match[1] === '-' ? -BigInt(match[2]!) : BigInt(match[2]!);
}
