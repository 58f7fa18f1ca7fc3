// The description of a kernel's events that trace.dat begins with and perf.data has as TRACING_DATA
// (trace-cmd.dat.v6.5; tools/perf/util/trace-event-read.c): byte order, page layout, event formats,
// names of the tasks.
//
// perf writes version 0.5 (no task names) or 0.6. Left out: kallsyms and printk formats, which no
// event of ours needs.

import type { ByteCursor } from './byte-cursor.ts';
import { MAX_FORMAT } from './format-description.ts';

/** The text of one event's format file. */
export interface FormatText {
  /** The group, "ftrace" for the kernel's own. */
  readonly system: string;
  readonly text: string;
  /** Byte offset of the text in the file. */
  readonly offset: number;
}

/** What the description holds; everything is text as the kernel wrote it. */
export interface TracingData {
  /** "6" in trace.dat, "0.5" or "0.6" in perf.data. */
  readonly version: string;
  readonly little: boolean;
  /** Bytes of a long in user space: 4 or 8. */
  readonly longSize: number;
  readonly pageSize: number;
  /** Fields of the header of a ring buffer page. */
  readonly headerPage: string;
  readonly formats: readonly FormatText[];
  /** Where the kernel's symbols stand, "ADDRESS TYPE NAME" a line. */
  readonly kallsyms: readonly [start: number, end: number];
  /** Lines of a thread id and a name, one character a byte. */
  readonly commandLines: string;
}

/** What stands in front of the description. */
export type TracingHead = Pick<TracingData, 'version' | 'little' | 'longSize' | 'pageSize'>;

const MAGIC = '\x17\x08\x44tracing';
const MAX_NAME = 4096;
const MAX_SYSTEMS = 65_536;
const MAX_EVENTS = 65_536;
const MAX_TEXT = 64 * 1024 * 1024;
const HEADER_PAGE = 'header_page\0';
const HEADER_EVENT = 'header_event\0';

/** Reads the description, and sets the byte order of the cursor to the one that it states. */
export function readTracingData(cursor: ByteCursor): TracingData {
  const start = readTracingHead(cursor);
  const headerPage = readHeaderPage(cursor);
  const formats = [...readFtraceFormats(cursor), ...readEventFormats(cursor)];
  const symbols = cursor.length32(MAX_TEXT);
  const kallsyms = [cursor.position, cursor.position + symbols] as const;
  cursor.skip(symbols);
  cursor.skip(cursor.length32(MAX_TEXT));
  const commandLines = start.version === '0.5' ? '' : readCommandLines(cursor);
  return { ...start, headerPage, formats, kallsyms, commandLines };
}

/** Reads the layout of a page; what is said of the header of an event is always the same. */
export function readHeaderPage(cursor: ByteCursor): string {
  const headerPage = readTagged(cursor, HEADER_PAGE);
  readTagged(cursor, HEADER_EVENT);
  return headerPage;
}

/** Reads the formats of the kernel's own events. */
export function readFtraceFormats(cursor: ByteCursor): FormatText[] {
  const formats: FormatText[] = [];
  readSystem(cursor, 'ftrace', formats);
  return formats;
}

/** Reads the formats of all other systems. */
export function readEventFormats(cursor: ByteCursor): FormatText[] {
  const formats: FormatText[] = [];
  const systems = count(cursor, MAX_SYSTEMS);
  for (let i = 0; i < systems; i++) readSystem(cursor, cursor.untilNul(MAX_NAME), formats);
  return formats;
}

/** Reads the names of the tasks. */
export function readCommandLines(cursor: ByteCursor): string {
  return cursor.latin1(cursor.length64(MAX_TEXT));
}

/** Reads the magic, the version, byte order and sizes, and sets the byte order of the cursor. */
export function readTracingHead(cursor: ByteCursor): TracingHead {
  const at = cursor.position;
  if (cursor.left < MAGIC.length || cursor.latin1(MAGIC.length) !== MAGIC) {
    throw cursor.error(at, 'BAD_MAGIC: expected 17 08 44 "tracing" in front of the event formats');
  }
  const version = cursor.untilNul(16);
  const order = cursor.u8();
  if (order > 1) throw cursor.error(cursor.position - 1, badHead('0 or 1 as byte order', order));
  cursor.little = order === 0;
  const longSize = cursor.u8();
  if (longSize !== 4 && longSize !== 8) {
    throw cursor.error(cursor.position - 1, badHead('4 or 8 as size of a long', longSize));
  }
  const pageSize = cursor.u32();
  if (pageSize < 4096 || pageSize > 1 << 20 || !Number.isInteger(Math.log2(pageSize))) {
    throw cursor.error(cursor.position - 4, badHead('a page of 4 KiB to 1 MiB', pageSize));
  }
  return { version, little: cursor.little, longSize, pageSize };
}

function badHead(expected: string, found: number): string {
  return `BAD_HEADER: expected ${expected}, found ${found}`;
}

function readTagged(cursor: ByteCursor, tag: string): string {
  const at = cursor.position;
  if (cursor.latin1(tag.length) !== tag) {
    throw cursor.error(at, `BAD_HEADER: expected "${tag.slice(0, -1)}"`);
  }
  return cursor.latin1(cursor.length64(MAX_FORMAT));
}

function readSystem(cursor: ByteCursor, system: string, formats: FormatText[]): void {
  const events = count(cursor, MAX_EVENTS);
  for (let i = 0; i < events; i++) {
    const length = cursor.length64(MAX_FORMAT);
    formats.push({ system, offset: cursor.position, text: cursor.latin1(length) });
  }
}

function count(cursor: ByteCursor, limit: number): number {
  const at = cursor.position;
  const found = cursor.u32();
  if (found <= limit) return found;
  throw cursor.error(at, `LENGTH: expected a count of at most ${limit}, found ${found}`);
}
