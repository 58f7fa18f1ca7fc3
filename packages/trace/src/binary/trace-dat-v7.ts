// The front of a trace.dat file of version 7 (trace-cmd.dat.v7.5): sections that options point to.
//
//   head | algorithm\0 version\0 | u64 offset of the first options section
//   section: u16 id, u16 flags (1 = compressed), u32 description, u64 size, body
//   compressed body: u32 compressed size, u32 size, data
//
// Left out: descriptions of sections, and sections that no option points to.

import type { EventSink } from '../event-sink.ts';
import { ByteCursor } from './byte-cursor.ts';
import { type Packing, unpack } from './page-source.ts';
import type { BufferData, CpuData, TextData, TraceDatFile } from './trace-dat-file.ts';
import { clockName, Option, readOption, recording } from './trace-dat-options.ts';
import {
  type FormatText,
  readCommandLines,
  readEventFormats,
  readFtraceFormats,
  readHeaderPage,
  readTracingHead,
} from './tracing-data.ts';

const MAX_NAME = 4096;
const MAX_SECTION = 64 * 1024 * 1024;
/** Of all sections but those of CPU data. */
const MAX_UNPACKED = 4 * MAX_SECTION;
const MAX_OPTIONS = 1 << 20;
const MAX_CPUS = 65_535;
const COMPRESSED = 1;

interface Section {
  readonly id: number;
  readonly packing: Packing;
  /** Of the body as it lies in the file. */
  readonly start: number;
  readonly end: number;
}

/** Reads the front of the file that the cursor is at the start of. */
export function readVersion7(cursor: ByteCursor, sink: EventSink): TraceDatFile {
  const reader = new Version7(cursor, sink);
  return reader.read();
}

/** The sections of one file, and what was found in them. */
class Version7 {
  private readonly cursor: ByteCursor;
  private readonly sink: EventSink;
  private readonly found = recording();
  private readonly formats: FormatText[] = [];
  private readonly buffers: BufferData[] = [];
  private readonly texts: TextData[] = [];
  /** Sections that options pointed to. */
  private readonly targets = new Set<number>();
  private unpacked = 0;
  private packing: Packing = 'none';
  private headerPage = '';
  private commandLines = '';
  private kallsyms = (): string => '';

  constructor(cursor: ByteCursor, sink: EventSink) {
    this.cursor = cursor;
    this.sink = sink;
  }

  read(): TraceDatFile {
    const { cursor } = this;
    const head = readTracingHead(cursor);
    const at = cursor.position;
    const algorithm = cursor.untilNul(MAX_NAME);
    cursor.untilNul(MAX_NAME);
    if (algorithm !== 'none' && algorithm !== 'zlib' && algorithm !== 'zstd') {
      const expected = 'expected none, zlib or zstd';
      throw cursor.error(
        at,
        `UNSUPPORTED_COMPRESSION: ${expected}, found "${algorithm.slice(0, 80)}"`,
      );
    }
    this.packing = algorithm;
    const first = cursor.u64();
    const headEnd = cursor.position;
    this.readOptions(first, headEnd);
    const { formats, commandLines, kallsyms, buffers, texts, headerPage } = this;
    const data = { formats, commandLines, kallsyms, buffers, texts, headerPage };
    return { ...head, ...data, recording: this.found, headEnd };
  }

  private readOptions(first: number, headEnd: number): void {
    const { cursor } = this;
    const seen = new Set<number>();
    let options = 0;
    for (let next = first; next !== 0; ) {
      if (next < headEnd || seen.has(next)) {
        const what = next < headEnd ? 'lie inside of the header' : 'follow themselves';
        throw cursor.error(next, `BAD_OPTIONS: options that ${what}`);
      }
      seen.add(next);
      const section = this.section(next);
      if (section.id !== Option.done) {
        throw cursor.error(
          next,
          `BAD_OPTIONS: expected options, found a section with id ${section.id}`,
        );
      }
      const body = this.body(section);
      next = 0;
      while (body.left > 0) {
        const id = body.u16();
        const size = body.length32(MAX_SECTION);
        const option = body.part(body.position, body.position + size);
        body.skip(size);
        if (++options > MAX_OPTIONS)
          throw body.error(body.position, 'BAD_OPTIONS: too many options');
        if (id !== Option.done) this.option(id, option);
        else {
          if (size === 8) next = option.u64();
          break;
        }
      }
    }
  }

  private option(id: number, option: ByteCursor): void {
    switch (id) {
      case Option.buffer:
        this.buffer(option);
        return;
      case Option.bufferText: {
        const section = this.section(option.u64());
        this.texts.push({ start: section.start, end: section.end, packing: section.packing });
        return;
      }
      case Option.headerInfo:
        this.headerPage = readHeaderPage(this.target(option));
        return;
      case Option.ftraceEvents:
        for (const format of readFtraceFormats(this.target(option))) this.formats.push(format);
        return;
      case Option.eventFormats:
        for (const format of readEventFormats(this.target(option))) this.formats.push(format);
        return;
      case Option.commandLines:
        this.commandLines += readCommandLines(this.target(option));
        return;
      case Option.kallsyms: {
        const offset = option.u64();
        this.kallsyms = () => {
          const body = this.body(this.section(offset));
          return body.latin1(body.length32(MAX_SECTION));
        };
        return;
      }
      default:
        readOption(id, option, this.found, this.sink);
    }
  }

  private buffer(option: ByteCursor): void {
    const section = this.section(option.u64());
    const name = option.untilNul(MAX_NAME);
    const clock = clockName(option.untilNul(MAX_NAME));
    const pageSize = option.u32();
    const at = option.position;
    const count = option.u32();
    if (count > MAX_CPUS) throw option.error(at, `LENGTH: found ${count} CPUs of a buffer`);
    const cpus: CpuData[] = [];
    // The stored size of compressed data leaves out the count of its chunks.
    const extra = section.packing === 'none' ? 0 : 4;
    for (let i = 0; i < count; i++) {
      const cpu = option.u32();
      const start = option.u64();
      const size = option.u64();
      if (size > 0) cpus.push({ cpu, start, end: start + size + extra });
    }
    this.buffers.push({ name, clock, pageSize, packing: section.packing, cpus });
  }

  /** The section that an option points to; no two point to the same. */
  private target(option: ByteCursor): ByteCursor {
    const at = option.position;
    const offset = option.u64();
    if (this.targets.has(offset)) {
      throw option.error(at, 'BAD_OPTIONS: two options point to one section');
    }
    this.targets.add(offset);
    return this.body(this.section(offset));
  }

  private section(offset: number): Section {
    const { cursor, packing } = this;
    if (offset >= cursor.end) {
      const size = `the file has 0x${cursor.end.toString(16)} bytes`;
      throw cursor.error(offset, `TRUNCATED_HEADER: a section is said to be there, but ${size}`);
    }
    const head = cursor.part(offset, cursor.end);
    const id = head.u16();
    const flags = head.u16();
    head.skip(4);
    const size = head.u64();
    const start = head.position;
    const packed = (flags & COMPRESSED) !== 0;
    return { id, packing: packed ? packing : 'none', start, end: start + size };
  }

  private body({ packing, start, end }: Section): ByteCursor {
    const { cursor } = this;
    if (end > cursor.end) {
      const missing = `a section of ${end - start} bytes, found ${cursor.end - start}`;
      throw cursor.error(start, `LENGTH: expected ${missing}`);
    }
    const stored = cursor.part(start, end);
    if (packing === 'none') return stored;
    const length = stored.u32();
    const size = stored.u32();
    this.unpacked += size;
    const isSane = length <= stored.left && size <= MAX_SECTION && this.unpacked <= MAX_UNPACKED;
    const bytes = isSane ? unpack(stored.bytes(length), size, packing) : null;
    if (bytes === null) {
      throw cursor.error(
        start,
        `BAD_BLOCK: expected ${size} bytes in ${length} packed by ${packing}`,
      );
    }
    return memoryCursor(bytes, `${cursor.source}@0x${start.toString(16)}, unpacked`, cursor.little);
  }
}

function memoryCursor(bytes: Buffer, source: string, little: boolean): ByteCursor {
  const readAt = (position: number, length: number): Uint8Array =>
    bytes.subarray(position, position + length);
  const cursor = new ByteCursor(readAt, source, 0, bytes.length);
  cursor.little = little;
  return cursor;
}
