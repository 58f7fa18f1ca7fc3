// Small trace.dat files of versions 6 and 7, made after the description of the format.

import { deflateSync, zstdCompressSync } from 'node:zlib';
import { ByteWriter } from './byte-writer.ts';
import { type Format, formats, type Machine } from './dat-events.ts';

/** Pages of one ring buffer, by CPU. */
export interface DatBuffer {
  readonly name?: string;
  readonly clock?: string;
  readonly cpus: Readonly<Record<number, readonly Buffer[]>>;
}

/** What a file says beside its pages. */
export interface DatFile extends Machine {
  readonly version: 6 | 7;
  readonly packing?: 'none' | 'zlib' | 'zstd';
  readonly cpuCount?: number;
  readonly commandLines?: string;
  readonly kallsyms?: string;
  readonly formats?: readonly Format[];
  /** Option id and data. */
  readonly options?: readonly (readonly [id: number, data: Uint8Array])[];
  readonly buffers: readonly DatBuffer[];
}

export const PAGE = 4096;

/** The file. */
export function datFile(file: DatFile): Buffer {
  return file.version === 6 ? version6(file) : version7(file);
}

/** What a page holds, one part after the other. */
export class Page {
  private readonly machine: Machine;
  private readonly stamp: bigint;
  private readonly data: ByteWriter;

  constructor(machine: Machine, stamp: bigint) {
    this.machine = machine;
    this.stamp = stamp;
    this.data = new ByteWriter(machine.little);
  }

  /** A record `delta` ticks after the last one; long ones get the long form. */
  event(delta: number, record: Uint8Array, long: boolean = record.length > 112): this {
    if (long)
      this.head(0, delta)
        .u32(record.length + 4)
        .bytes(record)
        .pad(4);
    else this.head(record.length / 4, delta).bytes(record);
    return this;
  }

  /** Time passes. */
  extend(delta: number): this {
    this.head(30, delta % 2 ** 27).u32(Math.floor(delta / 2 ** 27));
    return this;
  }

  /** The low 59 bits of a time. */
  absolute(stamp: bigint): this {
    const low = stamp & ((1n << 59n) - 1n);
    this.head(31, Number(low & 0x7ff_ffffn)).u32(Number(low >> 27n));
    return this;
  }

  /** An event that was discarded: its time counts. */
  discarded(delta: number, bytes: number): this {
    this.head(29, delta)
      .u32(bytes + 4)
      .bytes(Buffer.alloc(bytes));
    return this;
  }

  /** Anything. */
  raw(type: number, delta: number): this {
    this.head(type, delta);
    return this;
  }

  /** The page; `lost` events before it, null for a number that is not known. */
  done(lost?: number | null): Buffer {
    const { little, longSize } = this.machine;
    const flags = lost === undefined ? 0 : lost === null ? 0x8000_0000 : 0xc000_0000;
    const page = new ByteWriter(little)
      .u64(this.stamp)
      .long(this.data.length + flags, longSize)
      .bytes(this.data.done());
    if (typeof lost === 'number') page.long(lost, longSize);
    return page.pad(PAGE).done();
  }

  private head(type: number, delta: number): ByteWriter {
    const word = this.machine.little ? type + delta * 32 : type * 2 ** 27 + delta;
    return this.data.u32(word);
  }
}

function start({ little, longSize, version }: DatFile): ByteWriter {
  const writer = new ByteWriter(little).text('\x17\x08\x44tracing').text(`${version}\0`);
  return writer
    .u8(little ? 0 : 1)
    .u8(longSize)
    .u32(PAGE);
}

function headerInfo({ little, longSize }: DatFile): Buffer {
  const data = 8 + longSize;
  const page = [
    'field: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;',
    `field: local_t commit;\toffset:8;\tsize:${longSize};\tsigned:1;`,
    'field: int overwrite;\toffset:8;\tsize:1;\tsigned:1;',
    `field: char data;\toffset:${data};\tsize:${PAGE - data};\tsigned:1;`,
  ].join('\n\t');
  const header = `\t${page}\n`;
  return new ByteWriter(little)
    .text('header_page\0')
    .u64(header.length)
    .text(header)
    .text('header_event\0')
    .u64(4)
    .text('# x\n')
    .done();
}

function ftraceFormats(file: DatFile): Buffer {
  const own = (file.formats ?? formats(file)).filter(({ system }) => system === 'ftrace');
  const writer = new ByteWriter(file.little).u32(own.length);
  for (const { text } of own) writer.u64(text.length).text(text);
  return writer.done();
}

function eventFormats(file: DatFile): Buffer {
  const others = (file.formats ?? formats(file)).filter(({ system }) => system !== 'ftrace');
  const systems = [...new Set(others.map(({ system }) => system))];
  const writer = new ByteWriter(file.little).u32(systems.length);
  for (const name of systems) {
    const own = others.filter(({ system }) => system === name);
    writer.text(`${name}\0`).u32(own.length);
    for (const { text } of own) writer.u64(text.length).text(text);
  }
  return writer.done();
}

function version6(file: DatFile): Buffer {
  const { little, kallsyms = '', commandLines = '', options = [], buffers } = file;
  const [top = { cpus: {} }, ...instances] = buffers;
  const front = start(file).bytes(headerInfo(file)).bytes(ftraceFormats(file));
  front.bytes(eventFormats(file)).u32(kallsyms.length).text(kallsyms).u32(0);
  front.u64(commandLines.length).text(commandLines);
  const cpus = cpuCountOf(file);
  front.u32(cpus).text('options  \0');
  for (const [id, data] of options) front.u16(id).u32(data.length).bytes(data);
  // The front ends with the options that name the instances, and the table of the top level.
  const named = instances.map(({ name = '' }) => 6 + 8 + name.length + 1);
  const hasClock = options.some(([id]) => id === 4);
  const tableSize = (clock: string): number =>
    10 + 16 * cpus + (hasClock ? 8 + clock.length + 2 : 0);
  const sizes = buffers.map(({ clock = 'local' }) => tableSize(clock));
  const frontSize = front.length + named.reduce((sum, size) => sum + size, 0) + 2 + (sizes[0] ?? 0);
  const tableAt: number[] = [];
  let at = frontSize;
  instances.forEach((_, i) => {
    tableAt.push(at);
    at += sizes[i + 1]!;
  });
  instances.forEach(({ name = '' }, i) => {
    front
      .u16(3)
      .u32(8 + name.length + 1)
      .u64(tableAt[i]!)
      .text(`${name}\0`);
  });
  front.u16(0);
  const pages = new ByteWriter(little);
  const data = Math.ceil(at / PAGE) * PAGE;
  for (const buffer of [top, ...instances]) {
    front.text('flyrecord\0');
    for (let cpu = 0; cpu < cpus; cpu++) {
      const own = Buffer.concat(buffer.cpus[cpu] ?? []);
      front.u64(own.length === 0 ? 0 : data + pages.length).u64(own.length);
      pages.bytes(own);
    }
    const clock = `[${buffer.clock ?? 'local'}]`;
    if (hasClock) front.u64(clock.length).text(clock);
  }
  return front.pad(PAGE).bytes(pages.done()).done();
}

function cpuCountOf({ cpuCount, buffers }: DatFile): number {
  const numbers = buffers.flatMap(({ cpus }) => Object.keys(cpus).map(Number));
  return cpuCount ?? Math.max(0, ...numbers) + 1;
}

function version7(file: DatFile): Buffer {
  const { little, packing = 'none', kallsyms = '', commandLines = '', buffers } = file;
  const head = start(file).text(`${packing}\0`).text('1.0\0');
  const front = new ByteWriter(little).bytes(head.done()).u64(0);
  const options = new ByteWriter(little);
  const section = (id: number, body: Buffer): number => {
    const at = front.length;
    const stored = packing === 'none' ? body : pack(body, packing, little);
    front
      .u16(id)
      .u16(packing === 'none' ? 0 : 1)
      .u32(0)
      .u64(stored.length)
      .bytes(stored);
    return at;
  };
  const text = (body: string, bits: 32 | 64): Buffer => {
    const writer = new ByteWriter(little);
    return (bits === 32 ? writer.u32(body.length) : writer.u64(body.length)).text(body).done();
  };
  const point = (id: number, body: Buffer): void => {
    options.u16(id).u32(8).u64(section(id, body));
  };
  point(16, headerInfo(file));
  point(17, ftraceFormats(file));
  point(18, eventFormats(file));
  point(19, text(kallsyms, 32));
  point(21, text(commandLines, 64));
  for (const [id, data] of file.options ?? []) options.u16(id).u32(data.length).bytes(data);
  for (const { name = '', clock = 'local', cpus } of buffers) {
    const at = front.length;
    front
      .u16(3)
      .u16(packing === 'none' ? 0 : 1)
      .u32(0)
      .u64(0)
      .pad(PAGE);
    const used = Object.entries(cpus);
    const body = new ByteWriter(little)
      .u64(at)
      .text(`${name}\0${clock}\0`)
      .u32(PAGE)
      .u32(used.length);
    for (const [cpu, pages] of used) {
      const stored = packing === 'none' ? Buffer.concat(pages) : chunks(pages, packing, little);
      body
        .u32(Number(cpu))
        .u64(front.length)
        .u64(stored.length - (packing === 'none' ? 0 : 4));
      front.bytes(stored).pad(PAGE);
    }
    options.u16(3).u32(body.length).bytes(body.done());
  }
  options.u16(0).u32(8).u64(0);
  const optionsAt = section(0, options.done());
  const bytes = front.done();
  new ByteWriter(little).u64(optionsAt).done().copy(bytes, head.length);
  return bytes;
}

function pack(body: Uint8Array, packing: 'zlib' | 'zstd', little: boolean): Buffer {
  const packed = packing === 'zlib' ? deflateSync(body) : zstdCompressSync(body);
  return new ByteWriter(little).u32(packed.length).u32(body.length).bytes(packed).done();
}

function chunks(pages: readonly Buffer[], packing: 'zlib' | 'zstd', little: boolean): Buffer {
  const writer = new ByteWriter(little).u32(pages.length);
  for (const page of pages) writer.bytes(pack(page, packing, little));
  return writer.done();
}
