// Benchmark streams of family `iova`: a binary form, replayed through the linux allocator.
//
// Format: test/golden/bench/README.md. HZ is 250, timers are exact.

import { createLinuxIova, type Port, Timers } from '@dmalab/replay';
import type { BenchFamily, BenchRound, BenchStream } from './bench-family.ts';

const MAGIC = 'IOVBEN01';
const HEADER_BYTES = 168;
const RECORD_BYTES = 16;
const LIMITS = 16;
const LIMITS_AT = 40;
const FREE = 2;
const HZ = 250;

/** Allocations and frees, one record of 16 bytes each. */
export const benchIova: BenchFamily = { name: 'iova', read: readIovaStream };

/** The records in columns. */
interface IovaStream {
  readonly count: number;
  readonly cpus: number;
  readonly slots: number;
  readonly shift: number;
  readonly startPfn: number;
  readonly time: Float64Array;
  readonly slot: Uint32Array;
  readonly pages: Uint16Array;
  readonly op: Uint8Array;
  readonly limit: Float64Array;
  readonly cpu: Uint8Array;
}

function readIovaStream(file: string, bytes: Uint8Array): BenchStream {
  const stream = decode(file, bytes);
  return { ops: stream.count, prepare: (kernel) => prepareRound(stream, kernel) };
}

function decode(file: string, bytes: Uint8Array): IovaStream {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = new TextDecoder('latin1').decode(bytes.subarray(0, MAGIC.length));
  if (bytes.length < HEADER_BYTES || magic !== MAGIC) {
    throw new Error(`${file}: expected a header that starts with ${MAGIC}`);
  }
  const count = view.getUint32(8, true);
  if (bytes.length < HEADER_BYTES + count * RECORD_BYTES) {
    throw new Error(`${file}: expected ${count} records, the file ends before`);
  }
  const stream = {
    count,
    cpus: view.getUint32(16, true),
    slots: view.getUint32(20, true),
    shift: Math.log2(Number(view.getBigUint64(24, true))),
    startPfn: Number(view.getBigUint64(32, true)),
    time: new Float64Array(count),
    slot: new Uint32Array(count),
    pages: new Uint16Array(count),
    op: new Uint8Array(count),
    limit: new Float64Array(count),
    cpu: new Uint8Array(count),
  };
  const limits = Array.from({ length: LIMITS }, (_, i) =>
    Number(view.getBigUint64(LIMITS_AT + 8 * i, true)),
  );
  let time = 0;
  for (let i = 0; i < count; i++) {
    const at = HEADER_BYTES + i * RECORD_BYTES;
    time += view.getUint32(at + 4, true);
    stream.time[i] = time;
    stream.slot[i] = view.getUint32(at, true);
    stream.pages[i] = view.getUint16(at + 8, true);
    stream.op[i] = view.getUint8(at + 10);
    stream.limit[i] = limits[view.getUint8(at + 11)] ?? 0;
    stream.cpu[i] = view.getUint8(at + 12);
  }
  return stream;
}

function prepareRound(stream: IovaStream, kernel: string): BenchRound {
  const timers = new Timers(HZ, 'exact');
  const allocator = createLinuxIova({ kernel, startPfn: stream.startPfn }, portOf(stream, timers));
  const pfns = new Float64Array(stream.count);
  const livePfns = new Float64Array(stream.slots);
  const livePages = new Float64Array(stream.slots);
  let allocations = 0;

  const run = (): void => {
    const { count, time, slot, pages, op, limit, cpu } = stream;
    let n = 0;
    for (let i = 0; i < count; i++) {
      timers.advance(time[i]!);
      const id = slot[i]!;
      if (op[i] === FREE) {
        const pfn = livePfns[id]!;
        if (pfn > 0) allocator.free(pfn, livePages[id]!, cpu[i]!);
        livePfns[id] = 0;
        continue;
      }
      const pfn = allocator.alloc(pages[i]!, limit[i]!, cpu[i]!, op[i] === 1);
      livePfns[id] = pfn;
      livePages[id] = pages[i]!;
      pfns[n++] = pfn > 0 ? pfn : 0;
    }
    allocations = n;
  };
  return { run, pfns: () => pfns.subarray(0, allocations) };
}

function portOf(stream: IovaStream, timers: Timers): Port {
  const { cpus, shift } = stream;
  return {
    cpus,
    shift,
    now: () => timers.now,
    isOnline: () => true,
    onlineCpus: () => cpus,
    timer: (cpu, delayMs, callback) => timers.arm(0, cpu, delayMs, callback),
    invalidateAll: () => {},
    invalidate: () => {},
    freeIova: () => {},
    count: () => {},
  };
}
