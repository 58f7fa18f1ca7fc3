// Raw pages of ring buffers (per_cpu/cpuN/trace_pipe_raw) with the descriptions beside them.
//
//   events/header_page, events/SYSTEM/EVENT/format     copied from tracefs, needed
//   saved_cmdlines, trace_clock                        names of tasks, clock
//
// The byte order is not stated: it is the one in which the first pages hold no more than fits in them. The
// files are read as parts of one, in the order of their CPUs.

import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pageLayout } from '../binary/page-layout.ts';
import { readBuffers } from '../binary/trace-dat.ts';
import type { CpuData, TraceDatFile } from '../binary/trace-dat-file.ts';
import { clockName, recording } from '../binary/trace-dat-options.ts';
import type { FormatText } from '../binary/tracing-data.ts';
import type { EventReader } from '../event-reader.ts';
import { EventSink } from '../event-sink.ts';
import { lineWindow } from '../lines.ts';
import type { RandomAccess } from '../random-access.ts';
import { TraceError } from '../trace-error.ts';
import type { CpuFile } from './cpu-files.ts';
import { type Part, readParts } from './parts.ts';

const MAX_DESCRIPTION = 64 * 1024 * 1024;
const MAX_FORMATS = 65_536;
/** Pages that are looked at to tell the byte order. */
const LOOK = 16;
const COMMIT = 0x7ff_ffff;

/** Reads the pages of all CPUs as one trace named `directory`. */
export function pagesReader(directory: string, files: readonly CpuFile[]): EventReader {
  const window = lineWindow();
  const sink = new EventSink(directory, window);
  return {
    source: directory,
    format: `pages of ring buffers, ${files.length === 1 ? 'one CPU' : `${files.length} CPUs`}`,
    compression: 'none',
    ...sink.tables,
    batches: () =>
      readParts(files, sink.counts, (parts) => {
        const found = describe(directory, parts);
        sink.counts.clock = found.recording.clock || 'local';
        return readBuffers(concatenation(directory, parts), found, window, sink);
      }),
  };
}

/** The parts one after the other. */
function concatenation(source: string, parts: readonly Part[]): RandomAccess {
  const starts: number[] = [];
  let size = 0;
  for (const { bytes } of parts) {
    starts.push(size);
    size += bytes.size;
  }
  return {
    source,
    size,
    into(bytes, position) {
      let done = 0;
      for (let i = 0; i < parts.length && done < bytes.length; i++) {
        const from = position + done - starts[i]!;
        if (from < 0 || from >= parts[i]!.bytes.size) continue;
        done += parts[i]!.bytes.into(bytes.subarray(done), from);
      }
      return done;
    },
    close() {},
  };
}

function describe(directory: string, parts: readonly Part[]): TraceDatFile {
  const root = join(directory, 'events');
  const headerPage = textOf(join(root, 'header_page'));
  const formats = formatsOf(root);
  if (headerPage === '' || formats.length === 0) {
    const missing = headerPage === '' ? 'events/header_page' : 'events/SYSTEM/EVENT/format';
    throw new TraceError(
      directory,
      null,
      `BAD_HEADER: expected ${missing} of tracefs beside the raw pages, found none; copy the folder "events" too, or turn what trace-cmd left into a file with "trace-cmd restore"`,
    );
  }
  const data = /\bdata;\s*offset:\s*(\d{1,4});\s*size:\s*(\d{1,7});/.exec(headerPage);
  const pageSize = data === null ? 4096 : Number(data[1]) + Number(data[2]);
  const little = isLittle(headerPage, pageSize, parts);
  const found = recording();
  found.clock = clockName(textOf(join(directory, 'trace_clock')).trim());
  found.cpus = parts.reduce((most, { file }) => Math.max(most, file.cpu + 1), 0);
  found.cpuStats.push(...parts.map(({ file }) => file.stats).filter((text) => text !== ''));
  const cpus: CpuData[] = [];
  let start = 0;
  for (const { file, bytes } of parts) {
    if (bytes.size > 0) cpus.push({ cpu: file.cpu, start, end: start + bytes.size });
    start += bytes.size;
  }
  return {
    version: 'tracefs',
    little,
    pageSize,
    longSize: 8,
    headerPage,
    formats,
    commandLines: textOf(join(directory, 'saved_cmdlines')),
    kallsyms: () => '',
    recording: found,
    buffers: [{ name: '', clock: found.clock, pageSize, packing: 'none', cpus }],
    texts: [],
    headEnd: 0,
  };
}

function formatsOf(root: string): FormatText[] {
  const formats: FormatText[] = [];
  for (const system of foldersOf(root)) {
    for (const event of foldersOf(join(root, system))) {
      const text = textOf(join(root, system, event, 'format'));
      if (text !== '' && formats.length < MAX_FORMATS) formats.push({ system, text, offset: 0 });
    }
  }
  return formats;
}

/** Whether the first pages make sense as little-endian; big-endian where only that does. */
function isLittle(headerPage: string, pageSize: number, parts: readonly Part[]): boolean {
  const layout = pageLayout(headerPage, true, pageSize);
  if (layout === null) return true;
  const { commitAt, dataAt, longSize } = layout;
  const bytes = Buffer.alloc(dataAt);
  const room = pageSize - dataAt;
  let little = 0;
  let big = 0;
  for (const { bytes: part } of parts) {
    for (let page = 0; page < LOOK && part.into(bytes, page * pageSize) === dataAt; page++) {
      const low = (bytes.readUInt32LE(commitAt) & COMMIT) <= room;
      const high = (bytes.readUInt32BE(commitAt + longSize - 4) & COMMIT) <= room;
      if (low && !high) little++;
      if (high && !low) big++;
    }
  }
  return little >= big;
}

function textOf(path: string): string {
  try {
    if (statSync(path).size > MAX_DESCRIPTION) return '';
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function foldersOf(path: string): string[] {
  let entries: Dirent[] = [];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
