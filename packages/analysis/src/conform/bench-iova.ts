// Benchmark streams of family `iova`: a binary form, replayed through the linux allocator.
//
// Format: test/golden/bench/README.md. HZ is 250, timers are exact.

import { createLinuxIova, type LinuxIova, type Port, policyKit, Timers } from '@dmalab/replay';
import type { BenchFamily, BenchRound, BenchStream } from './bench-family.ts';

const MAGIC = 'IOVBEN01';
const HEADER_BYTES = 168;
const RECORD_BYTES = 16;
const LIMITS = 16;
const LIMITS_AT = 40;
const FREE = 2;
const HZ = 250;
/** Doubles and words of a record in memory, and where its words are. */
const TIMES = 2;
const WORDS = 4;
const ID = 2;
const CALL = 3;
/** A free, in place of the limit and the flush of a call. */
const FREE_CALL = 2 * LIMITS;

/** Allocations and frees, one record of 16 bytes each. */
export const benchIova: BenchFamily = { name: 'iova', read: readIovaStream };

/**
 * The records as the loop wants them, 16 bytes each as in the file, seen as doubles (the time in ns) and as
 * words: id, and a call: pages in its lower half, then a byte for the CPU and one for twice the index of
 * the limit, plus 1 with a flush; {@link FREE_CALL} there is a free.
 */
interface IovaStream {
  readonly count: number;
  readonly cpus: number;
  readonly slots: number;
  readonly shift: number;
  readonly startPfn: number;
  readonly times: Float64Array;
  readonly words: Int32Array;
  /** Limits by the highest byte of a call, whose lowest bit says whether a last try empties the caches. */
  readonly limits: Float64Array;
  /** Filled by a round: the pfn of each allocation. */
  readonly pfns: Float64Array;
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
  const end = HEADER_BYTES + count * RECORD_BYTES;
  if (bytes.length < end)
    throw new Error(`${file}: expected ${count} records, the file ends before`);
  const slots = view.getUint32(20, true);
  const times = new Float64Array(count * TIMES);
  const words = new Int32Array(times.buffer);
  fillRecords(view, slots, times, words);
  return {
    count,
    cpus: view.getUint32(16, true),
    slots,
    shift: Math.log2(Number(view.getBigUint64(24, true))),
    startPfn: Number(view.getBigUint64(32, true)),
    times,
    words,
    limits: Float64Array.from({ length: 2 * LIMITS }, (_, call) =>
      Number(view.getBigUint64(LIMITS_AT + 8 * Math.floor(call / 2), true)),
    ),
    pfns: new Float64Array(count),
  };
}

function fillRecords(view: DataView, slots: number, times: Float64Array, words: Int32Array): void {
  const pagesOf = new Uint16Array(slots);
  let time = 0;
  for (let i = 0; i * TIMES < times.length; i++) {
    const at = HEADER_BYTES + i * RECORD_BYTES;
    const id = view.getUint32(at, true);
    const op = view.getUint8(at + 10);
    time += view.getUint32(at + 4, true);
    // A range is freed with the size that was asked for.
    if (op !== FREE) pagesOf[id] = view.getUint16(at + 8, true);
    times[i * TIMES] = time;
    words[i * WORDS + ID] = id;
    const kind = op === FREE ? FREE_CALL : 2 * view.getUint8(at + 11) + op;
    words[i * WORDS + CALL] = (kind << 24) | (view.getUint8(at + 12) << 16) | pagesOf[id]!;
  }
}

function prepareRound(stream: IovaStream, kernel: string): BenchRound {
  const timers = new Timers(HZ, 'exact');
  const allocator = createLinuxIova({ kernel, startPfn: stream.startPfn }, portOf(stream, timers));
  let allocations = 0;
  return {
    run: () => {
      allocations = replayStream(stream, allocator, timers);
    },
    pfns: () => stream.pfns.subarray(0, allocations),
  };
}

function replayStream(stream: IovaStream, allocator: LinuxIova, timers: Timers): number {
  const { count, times, words, limits, pfns } = stream;
  const live = new Float64Array(stream.slots);
  let allocations = 0;
  // Numbers, not names, in this loop: a constant of a module is read and checked at every use.
  for (let i = 0; i < count; i++) {
    const id = words[4 * i + 2]!;
    const call = words[4 * i + 3]!;
    const pages = call & 0xffff;
    const cpu = (call >> 16) & 0xff;
    const kind = call >> 24;
    timers.advance(times[2 * i]!);
    if (kind === 32) {
      const pfn = live[id]!;
      if (pfn > 0) allocator.free(pfn, pages, cpu);
      live[id] = 0;
    } else {
      const pfn = allocator.alloc(pages, limits[kind]!, cpu, (kind & 1) === 1);
      live[id] = pfn;
      pfns[allocations++] = pfn > 0 ? pfn : 0;
    }
  }
  return allocations;
}

function portOf(stream: IovaStream, timers: Timers): Port {
  const { cpus, shift } = stream;
  return {
    kit: policyKit,
    cpus,
    shift,
    now: () => timers.now,
    isOnline: () => true,
    onlineCpus: () => cpus,
    timer: (cpu, delayMs, callback) => timers.arm(0, cpu, delayMs, callback),
    timerAt: (cpu, ns, callback) => timers.armAt(0, cpu, ns, callback, 0),
    invalidateAll: () => {},
    invalidate: () => {},
    freeIova: () => {},
    count: () => {},
  };
}
