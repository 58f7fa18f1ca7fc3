// Benchmark streams of family `fq`: maps and unmaps through the DMA layer and its flush queue.
//
// Format: test/golden/bench/README.md; the operations are those of family `fq`. Timers are exact. What
// native.json does not state is the default of the generator: granule 4096, one PCI device of 64 bits.

import {
  createLinuxIova,
  DmaLayer,
  flushPolicy,
  type KernelPreset,
  type MachineDevice,
  offsetOf,
  PLAIN_DEVICE,
  type Port,
  pagesOf,
  policyKit,
  sacOfKernel,
  Timers,
} from '@dmalab/replay';
import type { BenchFamily, BenchRound, BenchStream } from './bench-family.ts';
import { decodeMaps, type MapStream, StreamOp } from './bench-maps.ts';
import type { Fields } from './scenario.ts';

const GRANULE = 4096;
// A copy: an imported binding is looked up at every use.
const { map: MAP, unmap: UNMAP } = StreamOp;

const device: MachineDevice = { ...PLAIN_DEVICE, name: 'device' };

/** Maps and unmaps, one line each. */
export const benchFq: BenchFamily = { name: 'fq', read: readFqStream };

/**
 * The operations one after the other, 32 bytes each: seen as doubles (time in ns, DMA limit) and as words
 * (id, lower half of the physical address, bytes, CPU with the kind of the operation in the highest byte).
 */
interface FqStream extends MapStream {
  readonly hz: number;
  /** Name of the flush policy. */
  readonly flush: string;
  readonly doubles: Float64Array;
  readonly words: Int32Array;
}

const DOUBLES = 4;
const WORDS = 8;

function readFqStream(file: string, bytes: Uint8Array, domain: Fields | null): BenchStream {
  const stream = decode(file, bytes, domain);
  return { ops: stream.count, prepare: (kernel) => prepareRound(stream, kernel) };
}

function decode(file: string, bytes: Uint8Array, given: Fields | null): FqStream {
  const { stream, domain, cells } = decodeMaps(file, bytes, given);
  const kind = domain.string('fq');
  const doubles = new Float64Array(stream.count * DOUBLES);
  const words = new Int32Array(doubles.buffer);
  const [time, limit, phys, size] = [
    cells('t_ns'),
    cells('dma_limit'),
    cells('phys'),
    cells('size'),
  ];
  for (let i = 0; i < stream.count; i++) {
    doubles.set([time[i]!, limit[i]!], i * DOUBLES);
    const last = (stream.op[i]! << 24) | stream.cpu[i]!;
    words.set([stream.id[i]!, phys[i]!, size[i]!, last], i * WORDS + 4);
  }
  return {
    ...stream,
    hz: domain.whole('hz', 1, 1000),
    flush: kind === 'none' ? 'strict' : kind,
    doubles,
    words,
  };
}

function prepareRound(stream: FqStream, kernel: string): BenchRound {
  const timers = new Timers(stream.hz, 'exact');
  const dma = dmaLayer(stream, kernel, timers);
  const pfns = new Float64Array(stream.count);
  let allocations = 0;
  return {
    run: () => {
      allocations = replayStream(stream, dma, timers, pfns);
    },
    pfns: () => pfns.subarray(0, allocations),
  };
}

function replayStream(stream: FqStream, dma: DmaLayer, timers: Timers, pfns: Float64Array): number {
  const { count, doubles, words } = stream;
  const livePfns = new Float64Array(stream.ids);
  const livePages = new Uint32Array(stream.ids);
  let allocations = 0;
  for (let i = 0; i < count; i++) {
    timers.advance(doubles[4 * i]!);
    const id = words[8 * i + 4]!;
    const cpu = words[8 * i + 7]! & 0xffff;
    const op = words[8 * i + 7]! >> 24;
    if (op === MAP) {
      const pages = pagesOf(words[8 * i + 6]!, offsetOf(words[8 * i + 5]!, GRANULE), GRANULE);
      const pfn = dma.map(0, pages, doubles[4 * i + 1]!, cpu);
      livePfns[id] = pfn;
      livePages[id] = pages;
      pfns[allocations++] = pfn > 0 ? pfn : 0;
    } else if (op === UNMAP) {
      const pfn = livePfns[id]!;
      if (pfn > 0) dma.unmap(pfn, livePages[id]!, cpu, id);
      livePfns[id] = 0;
    }
  }
  return allocations;
}

function dmaLayer(stream: FqStream, kernel: string, timers: Timers): DmaLayer {
  const { cpus } = stream;
  const port: Port = {
    kit: policyKit,
    cpus,
    shift: Math.log2(GRANULE),
    now: () => timers.now,
    isOnline: () => true,
    onlineCpus: () => cpus,
    timer: (cpu, delayMs, callback) => timers.arm(0, cpu, delayMs, callback),
    timerAt: (cpu, ns, callback) => timers.armAt(0, cpu, ns, callback, 0),
    invalidateAll: () => {},
    invalidate: () => {},
    freeIova: (pfn, pages, cpu) => allocator.free(pfn, pages, cpu),
    count: () => {},
  };
  const allocator = createLinuxIova({ kernel, startPfn: 1 }, port);
  const policy = flushPolicy(stream.flush);
  const defaults = policy.parameters.map(
    (parameter) => [parameter.name, parameter.default] as const,
  );
  const queue = policy.create(Object.fromEntries(defaults), port);
  const sac = sacOfKernel(kernel as KernelPreset);
  return new DmaLayer(
    { granule: GRANULE, apertureEnd: 0, sac, devices: [device] },
    allocator,
    queue,
  );
}
