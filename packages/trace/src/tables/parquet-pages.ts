// The pages of a Parquet column, looked at before they are decoded: their counts have to fit the rows.
//
// hyparquet believes what a page says: a run of 2^31 values or a page of 2^31 bytes would hang it or fill the
// memory. Described in https://parquet.apache.org/docs/file-format (data pages, the RLE/bit-packed hybrid) and the
// compact protocol of Thrift.

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { ColumnMetaData, SchemaElement } from 'hyparquet';
import { unpackSnappy } from './snappy.ts';

/** Most bytes of one unpacked page. */
const MOST_BYTES = 2 ** 28;
const LIMIT = { maxOutputLength: MOST_BYTES };
/** Groups of 8 values that a writer may add to the last run. */
const PADDING = 64;
const FEW_BLOCKS = 1024;

const PageType = { data: 0, dictionary: 2, dataV2: 3 } as const;
const Encoding = {
  plainDictionary: 2,
  rle: 3,
  deltaFirst: 5,
  deltaLast: 7,
  rleDictionary: 8,
} as const;

/** Types of the compact protocol. */
const Thrift = {
  stop: 0,
  yes: 1,
  no: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  struct: 12,
} as const;

type Unpack = (packed: Uint8Array, size: number) => Uint8Array;

const UNPACK: Readonly<Record<string, Unpack>> = {
  ZSTD: (packed) => zstdDecompressSync(packed, LIMIT),
  GZIP: (packed) => gunzipSync(packed, LIMIT),
  BROTLI: (packed) => brotliDecompressSync(packed, LIMIT),
  SNAPPY: unpackSnappy,
};

/** What a page says about itself. */
interface PageHeader {
  readonly type: number;
  readonly packed: number;
  readonly values: number;
  /** Of version 2 only. */
  readonly nulls: number;
  readonly encoding: number;
  /** Bytes of levels in front of the values of a page of version 2. */
  readonly levels: readonly [repetition: number, definition: number];
  readonly isPacked: boolean;
}

/** Checks the pages of one column of a row group: those that are not packed at once, the others as they are unpacked. */
export class PageChecks {
  /** For hyparquet: unpacks and checks. */
  readonly compressors: Readonly<Record<string, Unpack>>;
  private readonly waiting: PageHeader[] = [];
  private readonly isBoolean: boolean;
  private readonly hasLevels: boolean;

  constructor(bytes: Uint8Array, rows: number, { codec }: ColumnMetaData, element: SchemaElement) {
    this.isBoolean = element.type === 'BOOLEAN';
    this.hasLevels = element.repetition_type !== 'REQUIRED';
    this.compressors = Object.fromEntries(
      Object.entries(UNPACK).map(([name, unpack]) => [
        name,
        (packed: Uint8Array, size: number) => this.unpacked(unpack(packed, size)),
      ]),
    );
    let left = rows;
    for (const reader = new Bytes(bytes); left > 0 && reader.at < bytes.length - 1; ) {
      const page = pageHeader(reader);
      const body = bytes.subarray(reader.at, reader.at + page.packed);
      reader.at += page.packed;
      const most = page.type === PageType.dictionary ? MOST_BYTES : left;
      const { values, nulls } = page;
      if (page.packed < 0 || values < 0 || values > most || nulls < 0 || nulls > values) {
        throw new Error(`a page of ${values} values, of ${left} rows`);
      }
      if (page.type !== PageType.dictionary) left -= values;
      if (page.type === PageType.dataV2) this.checkLevels(body, page);
      if (codec !== 'UNCOMPRESSED' && page.isPacked) this.waiting.push(page);
      else this.check(body.subarray(page.levels[0] + page.levels[1]), page);
    }
  }

  private unpacked(body: Uint8Array): Uint8Array {
    const page = this.waiting.shift();
    if (page !== undefined) this.check(body, page);
    return body;
  }

  /** Levels of version 2 stand before what is packed. */
  private checkLevels(body: Uint8Array, { values, levels: [before, length] }: PageHeader): void {
    if (before < 0 || length < 0) throw new Error('levels of negative length');
    if (this.hasLevels) presentIn(new Bytes(body.subarray(before, before + length)), values);
  }

  private check(body: Uint8Array, { type, values, nulls, encoding }: PageHeader): void {
    if (type === PageType.dictionary) {
      if (values > 8 * body.length) throw new Error(`${values} values in ${body.length} bytes`);
      return;
    }
    const reader = new Bytes(body);
    let present = values - nulls;
    if (type === PageType.data && this.hasLevels) {
      const length = reader.u32();
      present = presentIn(new Bytes(body.subarray(4, 4 + length)), values);
      reader.at += length;
    }
    if (present === 0) return;
    if (encoding === Encoding.rle && this.isBoolean) {
      if (type === PageType.data) reader.u32();
      checkRuns(reader, 1, present);
    } else if (encoding === Encoding.plainDictionary || encoding === Encoding.rleDictionary) {
      const width = reader.u8();
      // Without bits there are no runs, but in version 2 the library reads them all the same.
      if (width > 0 || type === PageType.dataV2) checkRuns(reader, width, present);
    } else if (encoding >= Encoding.deltaFirst && encoding <= Encoding.deltaLast) {
      const lengths = encoding === Encoding.deltaLast ? deltas(reader, present) : null;
      if (lengths !== null) checkPrefixes(lengths, deltas(reader, present));
      else if (blockOf(reader).miniblocks > present + FEW_BLOCKS) throw tooMany();
    }
  }
}

/** Texts that begin as the one before are no longer than that one was, and all together not too long. */
function checkPrefixes(prefixes: Float64Array, suffixes: Float64Array): void {
  let before = 0;
  let all = 0;
  prefixes.forEach((prefix, i) => {
    const suffix = suffixes[i]!;
    if (prefix < 0 || suffix < 0 || prefix > before) throw new Error(`a prefix of ${prefix} bytes`);
    before = prefix + suffix;
    all += before;
  });
  if (all > MOST_BYTES) throw new Error(`texts of ${all} bytes`);
}

function blockOf(reader: Bytes): { size: number; miniblocks: number } {
  return { size: reader.varInt(), miniblocks: reader.varInt() };
}

/** `count` numbers in the delta encoding. */
function deltas(reader: Bytes, count: number): Float64Array {
  const { size, miniblocks } = blockOf(reader);
  if (miniblocks > count + FEW_BLOCKS || miniblocks === 0) throw tooMany();
  const each = size / miniblocks;
  if (each % 8 !== 0) throw new Error(`miniblocks of ${each} values`);
  reader.varInt();
  const values = new Float64Array(count);
  values[0] = reader.zigZag();
  for (let done = 1; done < count; ) {
    const least = reader.zigZag();
    const widths = Array.from({ length: miniblocks }, () => reader.u8());
    for (const width of widths) {
      if (done >= count) break;
      const start = reader.at;
      for (let i = 0; i < each && done < count; i++, done++) {
        values[done] = values[done - 1]! + least + reader.bits(start, i * width, width);
      }
      reader.at = start + (each * width) / 8;
    }
  }
  return values;
}

function tooMany(): Error {
  return new Error('more miniblocks than values');
}

/** Throws where a run is longer than the `values` that are left. */
function checkRuns(reader: Bytes, width: number, values: number): void {
  if (width > 32) throw new Error(`values of ${width} bits`);
  for (let left = values; left > 0; ) {
    const { count, isPacked } = run(reader, left);
    reader.at += isPacked ? (count * width) / 8 : Math.ceil(width / 8);
    left -= count;
  }
}

/** How many of `values` levels are 1: values that are there. */
function presentIn(reader: Bytes, values: number): number {
  let present = 0;
  for (let left = values; left > 0; ) {
    const { count, isPacked } = run(reader, left);
    if (!isPacked) present += reader.u8() % 2 === 1 ? count : 0;
    for (let i = 0; isPacked && i < count; i += 8) {
      const bits = reader
        .u8()
        .toString(2)
        .padStart(8, '0')
        .slice(-Math.min(8, left - i) || 8);
      if (i < left) present += bits.replaceAll('0', '').length;
    }
    left -= count;
  }
  return present;
}

/** The head of the next run of at most `left` values; packed ones are filled up to groups of 8. */
function run(reader: Bytes, left: number): { count: number; isPacked: boolean } {
  const header = reader.varInt();
  const isPacked = header % 2 === 1;
  const count = isPacked ? 8 * Math.floor(header / 2) : header / 2;
  if (count > (isPacked ? left + 8 * PADDING : left)) {
    throw new Error(`a run of ${count} values, of ${left}`);
  }
  return { count, isPacked };
}

function pageHeader(reader: Bytes): PageHeader {
  const fields = new Map<number, number>();
  reader.struct(fields, 0);
  const of = (id: number): number => {
    const value = fields.get(id);
    if (value === undefined) throw new Error('a page whose header is not complete');
    return value;
  };
  const type = of(1);
  const isV2 = type === PageType.dataV2;
  const inner = 100 * (isV2 ? 8 : type === PageType.dictionary ? 7 : 5);
  return {
    type,
    packed: of(3),
    values: of(inner + 1),
    nulls: isV2 ? of(802) : 0,
    encoding: of(inner + (isV2 ? 4 : 2)),
    levels: isV2 ? [of(806), of(805)] : [0, 0],
    isPacked: !isV2 || fields.get(807) !== 0,
  };
}

/** Values of Thrift's compact protocol. */
class Bytes {
  at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return Math.max(0, this.bytes.length - this.at);
  }

  u8(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error('the end of a page');
    return byte;
  }

  u32(): number {
    return this.u8() + 256 * (this.u8() + 256 * (this.u8() + 256 * this.u8()));
  }

  /** `width` bits that begin `from` bits after byte `start`, the low ones first. */
  bits(start: number, from: number, width: number): number {
    let value = 0;
    for (let i = 0; i < width; i++) {
      const at = from + i;
      const byte = this.bytes[start + Math.floor(at / 8)] ?? Number.NaN;
      value += (Math.floor(byte / 2 ** (at % 8)) % 2) * 2 ** i;
    }
    if (Number.isNaN(value)) throw new Error('the end of a page');
    return value;
  }

  varInt(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 63; scale *= 128) {
      const byte = this.u8();
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
    throw new Error('a number of more than 9 bytes');
  }

  zigZag(): number {
    const value = this.varInt();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Numbers of 32 bits of a struct by field; those of a struct in it by 100 times its field and their own. */
  struct(fields: Map<number, number>, outer: number): void {
    for (let id = 0; ; ) {
      const head = this.u8();
      const type = head % 16;
      if (type === Thrift.stop) return;
      id = head < 16 ? this.zigZag() : id + Math.floor(head / 16);
      // What comes twice counts as it came last.
      fields.delete(outer + id);
      for (let i = 0; outer === 0 && i < 100; i++) fields.delete(100 * id + i);
      if (type === Thrift.struct && outer === 0) this.struct(fields, 100 * id);
      else if (type === Thrift.i16 || type === Thrift.i32) fields.set(outer + id, this.zigZag());
      else if (type === Thrift.yes || type === Thrift.no) fields.set(outer + id, 2 - type);
      else this.pass(type);
    }
  }

  private pass(type: number): void {
    if (type === Thrift.byte || type === Thrift.yes || type === Thrift.no) this.u8();
    else if (type <= Thrift.i64) this.zigZag();
    else if (type === Thrift.double) this.at += 8;
    else if (type === Thrift.binary) this.at += this.varInt();
    else if (type === Thrift.list) this.list();
    else if (type === Thrift.struct) this.struct(new Map(), 100);
    else throw new Error(`a field of type ${type}`);
  }

  private list(): void {
    const head = this.u8();
    const count = head < 240 ? Math.floor(head / 16) : this.varInt();
    if (count > this.left) throw new Error(`a list of ${count} in ${this.left} bytes`);
    for (let i = 0; i < count; i++) this.pass(head % 16);
  }
}
