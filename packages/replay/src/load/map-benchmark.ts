// The load of the kernel's own benchmark: threads that map a buffer, wait as a transfer would, and unmap it.
//
// Models the loop of kernel/dma/map_benchmark.c (Linux 5.11 and later); see docs/models/load.md. Each thread
// has one buffer, mapped anew in every round. How long a map takes is up to the machine: replay it in a
// closed loop, and modelled latencies stand beside those that the kernel prints. Left out: the node on which
// threads run (here thread i is on CPU i modulo CPUs), and the spread of times in a real run.

import { BATCH_ROWS, createRequestBatch, Direction, Op, type RequestBatch } from '@dmalab/trace';
import type { RequestSource } from '../request-source.ts';

const PAGE = 4096;
const TWO_32 = 2 ** 32;
/** Buffers lie apart, above 4 GiB. */
const FIRST_BUFFER = 2 ** 32;
const BUFFER = 1024 * PAGE;

/** Parameters as the kernel's benchmark has them, and the machine's CPUs. */
export interface MapBenchmark {
  /** 1 to 1024. */
  readonly threads: number;
  /** ns of virtual time; the kernel takes up to 300 s. */
  readonly duration: number;
  /** Pages of a buffer, 1 to 1024. */
  readonly granule: number;
  /** ns of the transfer between map and unmap, up to 10 ms. */
  readonly delay: number;
  readonly direction: Direction;
  /** Width of the DMA mask in bits. */
  readonly maskBits: number;
  readonly cpus: number;
  /** ns of a round besides the delay: 1.6 us were reported for a map and an unmap of one page with 16 threads on an SMMU. */
  readonly round: number;
}

/** As the tool of the kernel tree starts it: one thread, one page, no delay; 0.1 s instead of 20. */
export const MAP_BENCHMARK: MapBenchmark = {
  threads: 1,
  duration: 0.1e9,
  granule: 1,
  delay: 0,
  direction: Direction.bidirectional,
  maskBits: 32,
  cpus: 1,
  round: 1600,
};

/** The requests of a benchmark, for device 1 of a machine; a RangeError names a parameter that the kernel would refuse. */
export function mapBenchmark(changes: Partial<MapBenchmark>): RequestSource {
  const benchmark = { ...MAP_BENCHMARK, ...changes };
  const { threads, granule, duration, delay, round } = benchmark;
  check('threads', threads, 1, 1024);
  check('granule', granule, 1, 1024);
  check('duration', duration, 0, 300e9);
  check('delay', delay, 0, 10e6);
  check('round', round, 1, 1e9);
  check('maskBits', benchmark.maskBits, 20, 64);
  return { openStart: () => [], requests: () => rounds(benchmark), lists: null };
}

function* rounds(benchmark: MapBenchmark): Generator<RequestBatch, void, undefined> {
  const { threads, duration, delay, round } = benchmark;
  const batch = createRequestBatch(BATCH_ROWS);
  batch.length = 0;
  for (let time = 0, id = 1; time < duration; time += delay + round, id += threads) {
    for (const op of [Op.map, Op.unmap]) {
      const at = op === Op.map ? time : time + delay;
      for (let thread = 0; thread < threads; thread++) {
        write(batch, benchmark, op, at, thread, id + thread);
        if (batch.length < BATCH_ROWS) continue;
        yield batch;
        batch.length = 0;
      }
    }
  }
  if (batch.length > 0) yield batch;
}

function write(
  batch: RequestBatch,
  { granule, direction, maskBits, cpus }: MapBenchmark,
  op: Op,
  time: number,
  thread: number,
  id: number,
): void {
  const row = batch.length++;
  const phys = FIRST_BUFFER + thread * BUFFER;
  batch.time[row] = time;
  batch.cpu[row] = thread % cpus;
  batch.op[row] = op;
  batch.device[row] = 1;
  batch.tid[row] = 1000 + thread;
  batch.id[row] = id;
  batch.size[row] = granule * PAGE;
  batch.physLow[row] = phys % TWO_32;
  batch.physHigh[row] = Math.floor(phys / TWO_32);
  batch.dmaLimit[row] = 2 ** maskBits - 1;
  batch.direction[row] = direction;
  batch.segments[row] = 1;
  batch.context[row] = 0x2e;
}

function check(name: keyof MapBenchmark, value: number, low: number, high: number): void {
  if (value >= low && value <= high) return;
  throw new RangeError(`${name}: got ${value}, expected a number from ${low} to ${high}`);
}
