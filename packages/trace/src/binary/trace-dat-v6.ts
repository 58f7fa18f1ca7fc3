// The front of a trace.dat file of version 6 (trace-cmd.dat.v6.5): everything in one fixed order.
//
//   description | u32 CPUs | "options  \0" options | "flyrecord\0" or "latency  \0"
//   flyrecord:  per CPU u64 offset, u64 size; then the clock where an option announced it
//
// A BUFFER option points to the same tag and table of an instance.

import type { EventSink } from '../event-sink.ts';
import type { ByteCursor } from './byte-cursor.ts';
import type { BufferData, CpuData, TextData, TraceDatFile } from './trace-dat-file.ts';
import { clockName, Option, type Recording, readOption, recording } from './trace-dat-options.ts';
import { readTracingData } from './tracing-data.ts';

const TAG = 10;
const MAX_OPTION = 64 * 1024 * 1024;
const MAX_CPUS = 65_535;
const MAX_NAME = 4096;
const MAX_CLOCK = 65_536;
/** Rows of all tables of CPUs. */
const MAX_ROWS = 1 << 20;

interface Instance {
  readonly name: string;
  readonly offset: number;
}

/** Reads the front of the file that the cursor is at the start of. */
export function readVersion6(cursor: ByteCursor, sink: EventSink): TraceDatFile {
  const data = readTracingData(cursor);
  const found = recording();
  const at = cursor.position;
  found.cpus = cursor.u32();
  if (found.cpus > MAX_CPUS) throw cursor.error(at, `BAD_HEADER: found ${found.cpus} CPUs`);
  const instances: Instance[] = [];
  const buffers: BufferData[] = [];
  const texts: TextData[] = [];
  const isTable = readTag(cursor, found, instances, sink);
  if (isTable) buffers.push(readTable(cursor, '', found));
  else texts.push({ start: cursor.position, end: cursor.end, packing: 'none' });
  const headEnd = cursor.position;
  if (instances.length * found.cpus > MAX_ROWS) {
    const what = `${instances.length} instances of ${found.cpus} CPUs`;
    throw cursor.error(at, `BAD_OPTIONS: expected fewer than ${MAX_ROWS} buffers, found ${what}`);
  }
  for (const { name, offset } of instances) {
    if (offset < headEnd || offset >= cursor.end) {
      throw cursor.error(
        at,
        `BAD_OPTIONS: the buffer "${name}" is said to be at 0x${offset.toString(16)}`,
      );
    }
    const part = cursor.part(offset, cursor.end);
    if (readTag(part, found, [], sink)) buffers.push(readTable(part, name, found));
  }
  const { kallsyms, ...described } = data;
  return {
    ...described,
    kallsyms: () => cursor.part(kallsyms[0], kallsyms[1]).latin1(kallsyms[1] - kallsyms[0]),
    recording: found,
    buffers,
    texts,
    headEnd,
  };
}

/** Reads options and the tag after them; true for a table of CPUs, false for text. */
function readTag(
  cursor: ByteCursor,
  found: Recording,
  instances: Instance[],
  sink: EventSink,
): boolean {
  for (let sections = 0; sections < 2; sections++) {
    const at = cursor.position;
    const tag = cursor.latin1(TAG);
    if (tag === 'flyrecord\0') return true;
    if (tag === 'latency  \0') return false;
    if (tag !== 'options  \0' || sections > 0) {
      throw cursor.error(at, 'BAD_OPTIONS: expected "options", "latency" or "flyrecord"');
    }
    readOptions(cursor, found, instances, sink);
  }
  return false;
}

function readOptions(
  cursor: ByteCursor,
  found: Recording,
  instances: Instance[],
  sink: EventSink,
): void {
  for (;;) {
    const id = cursor.u16();
    if (id === Option.done) return;
    const size = cursor.length32(MAX_OPTION);
    const option = cursor.part(cursor.position, cursor.position + size);
    if (id === Option.buffer && size >= 8) {
      const offset = option.u64();
      instances.push({ offset, name: option.left > 0 ? option.untilNul(MAX_NAME) : '' });
    } else readOption(id, option, found, sink);
    cursor.skip(size);
  }
}

function readTable(cursor: ByteCursor, name: string, found: Recording): BufferData {
  const cpus: CpuData[] = [];
  for (let cpu = 0; cpu < found.cpus; cpu++) {
    const start = cursor.u64();
    const size = cursor.u64();
    if (size > 0) cpus.push({ cpu, start, end: start + size });
  }
  if (!found.hasClock) return { name, clock: '', pageSize: 0, packing: 'none', cpus };
  const clock = clockName(readClock(cursor));
  if (name === '') found.clock = clock || found.clock;
  return { name, clock, pageSize: 0, packing: 'none', cpus };
}

/** The clock after a table; a dummy pair stands in front of it where the count of CPUs was raised. */
function readClock(cursor: ByteCursor): string {
  for (let pair = 0; pair < 2; pair++) {
    if (cursor.left < 8) return '';
    const start = cursor.position;
    const size = cursor.u64();
    if (size > 0 && size <= Math.min(MAX_CLOCK, cursor.left)) {
      const clock = cursor.latin1(size).replace(/\0.*$/s, '').trim();
      if (clockName(clock) !== '') return clock;
    }
    cursor.position = Math.min(cursor.end, start + 16);
  }
  return '';
}
