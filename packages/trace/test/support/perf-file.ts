// perf.data files made of a few samples of iommu:map, in either byte order.

import { ByteWriter } from './byte-writer.ts';

/** Fields of a sample: IDENTIFIER, IP, TID, TIME, CPU, PERIOD, RAW, as perf record asks for. */
export const SAMPLE_TYPE = 0x10587;

const SAMPLE = 9;
const MAP_ID = 101;
const TRACING_DATA = 1;
const OSRELEASE = 4;
const NRCPUS = 7;
const COMPRESSED = 27;

/** How a sample differs from the usual one. */
export interface SampleOptions {
  readonly iova?: bigint;
  readonly cpu?: number;
  readonly tid?: number;
  readonly id?: number;
  readonly little?: boolean;
  readonly longSize?: 4 | 8;
  /** The length word of the raw data, where it is not the true one. */
  readonly rawSize?: number;
}

/** How a file differs from the usual one. */
export interface PerfFileOptions {
  readonly little?: boolean;
  readonly longSize?: 4 | 8;
  readonly magic?: string;
  /** attr.type, 2 = tracepoint. */
  readonly type?: number;
  readonly sampleType?: number;
  readonly withFormats?: boolean;
  /** The data size of the header, where it is not the true one. */
  readonly dataSize?: number;
  /** Kind of compression of the COMPRESSED feature. */
  readonly compression?: number;
  readonly extraFeatures?: readonly (readonly [bit: number, content: Uint8Array])[];
}

/** A record of any type. */
export function record(type: number, body: Uint8Array, little = true): Buffer {
  const bytes = new ByteWriter(little);
  return bytes
    .u32(type)
    .u16(0)
    .u16(8 + body.length)
    .bytes(body)
    .done();
}

/** A sample of iommu:map of one page at `iova`, with id 5. */
export function mapSample(time: number | bigint, options: SampleOptions = {}): Buffer {
  const { iova = 0xffff_f000n, cpu = 0, tid = 417, id = 5, little = true, longSize = 8 } = options;
  const raw = new ByteWriter(little).u16(MAP_ID).u8(1).u8(0).u32(tid).u64(iova).u64(0x1234_5000);
  if (longSize === 8) raw.u64(4096);
  else raw.u32(4096);
  const body = new ByteWriter(little)
    .u64(id)
    .u64(0)
    .u32(tid)
    .u32(tid)
    .u64(time)
    .u32(cpu)
    .u32(0)
    .u64(1);
  body
    .u32(options.rawSize ?? raw.length)
    .bytes(raw.done())
    .pad(8);
  return record(SAMPLE, body.done(), little);
}

/** A whole file with these records. */
export function perfFile(records: readonly Uint8Array[], options: PerfFileOptions = {}): Buffer {
  const { little = true, magic = 'PERFILE2' } = options;
  const data = Buffer.concat(records);
  const dataStart = 104 + 144 + 8;
  const features = featuresOf(options);
  const bits = features.reduce((sum, [bit]) => sum | (1n << BigInt(bit)), 0n);
  const file = new ByteWriter(little);
  file.text(little ? magic : [...magic].reverse().join(''));
  file.u64(104).u64(144).u64(104).u64(144);
  file.u64(dataStart).u64(options.dataSize ?? data.length);
  file.u64(0).u64(0).u64(bits).u64(0).u64(0).u64(0);
  file
    .bytes(perfAttr(options))
    .u64(104 + 144)
    .u64(8)
    .u64(5);
  file.bytes(data);
  let at = dataStart + data.length + 16 * features.length;
  for (const [, content] of features) {
    file.u64(at).u64(content.length);
    at += content.length;
  }
  for (const [, content] of features) file.bytes(content);
  return file.done();
}

/** The attribute of iommu:map. */
export function perfAttr(options: PerfFileOptions = {}): Buffer {
  const { little = true, type = 2, sampleType = SAMPLE_TYPE } = options;
  const attr = new ByteWriter(little).u32(type).u32(128).u64(MAP_ID).u64(1).u64(sampleType).u64(20);
  // sample_id_all, in the order in which each machine numbers the bits of a bit field
  attr
    .u8(0)
    .u8(0)
    .u8(little ? 0x04 : 0x20)
    .bytes(Buffer.alloc(128 - 43));
  return attr.done();
}

function featuresOf(options: PerfFileOptions): (readonly [number, Uint8Array])[] {
  const { little = true, withFormats = true, compression, extraFeatures = [] } = options;
  const features: (readonly [number, Uint8Array])[] = [];
  if (withFormats) features.push([TRACING_DATA, tracingData(options)]);
  const release = new ByteWriter(little).u32(64).text('6.12.107').pad(4).bytes(Buffer.alloc(56));
  features.push([OSRELEASE, release.done()], [NRCPUS, new ByteWriter(little).u32(4).u32(4).done()]);
  if (compression !== undefined) {
    const content = new ByteWriter(little).u32(1).u32(compression).u32(1).u32(9).u32(65_536);
    features.push([COMPRESSED, content.done()]);
  }
  return [...features, ...extraFeatures].sort(([a], [b]) => a - b);
}

/** The description of iommu:map as perf stores it. */
export function tracingData({ little = true, longSize = 8 }: PerfFileOptions = {}): Buffer {
  const bytes = new ByteWriter(little).text('\x17\x08\x44tracing0.6\0');
  bytes
    .u8(little ? 0 : 1)
    .u8(longSize)
    .u32(4096);
  bytes.text('header_page\0').u64(0).text('header_event\0').u64(0).u32(0);
  const format = `name: map
ID: ${MAP_ID}
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:u64 iova;\toffset:8;\tsize:8;\tsigned:0;
\tfield:u64 paddr;\toffset:16;\tsize:8;\tsigned:0;
\tfield:size_t size;\toffset:24;\tsize:${longSize};\tsigned:0;

print fmt: "IOMMU: iova=0x%016llx", REC->iova
`;
  bytes.u32(1).text('iommu\0').u32(1).u64(format.length).text(format);
  return bytes.u32(0).u32(0).u64(0).done();
}
