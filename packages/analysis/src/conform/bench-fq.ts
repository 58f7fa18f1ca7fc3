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

/** The operations in columns. */
interface FqStream extends MapStream {
  readonly hz: number;
  /** Name of the flush policy. */
  readonly flush: string;
  readonly time: Float64Array;
  /** Lower half: an offset needs no more. */
  readonly phys: Uint32Array;
  readonly bytes: Float64Array;
  readonly dmaLimit: Float64Array;
}

function readFqStream(file: string, bytes: Uint8Array, domain: Fields | null): BenchStream {
  const stream = decode(file, bytes, domain);
  return { ops: stream.count, prepare: (kernel) => prepareRound(stream, kernel) };
}

function decode(file: string, bytes: Uint8Array, given: Fields | null): FqStream {
  const { stream, domain, cells } = decodeMaps(file, bytes, given);
  const kind = domain.string('fq');
  return {
    ...stream,
    hz: domain.whole('hz', 1, 1000),
    flush: kind === 'none' ? 'strict' : kind,
    time: cells('t_ns'),
    phys: Uint32Array.from(cells('phys')),
    bytes: cells('size'),
    dmaLimit: cells('dma_limit'),
  };
}

function prepareRound(stream: FqStream, kernel: string): BenchRound {
  const timers = new Timers(stream.hz, 'exact');
  const dma = dmaLayer(stream, kernel, timers);
  const pfns = new Float64Array(stream.count);
  const livePfns = new Float64Array(stream.ids);
  const livePages = new Uint32Array(stream.ids);
  let allocations = 0;

  const run = (): void => {
    const { count, time, cpu, op, id, phys, bytes, dmaLimit } = stream;
    let n = 0;
    for (let i = 0; i < count; i++) {
      timers.advance(time[i]!);
      const one = id[i]!;
      if (op[i] === MAP) {
        const pages = pagesOf(bytes[i]!, offsetOf(phys[i]!, GRANULE), GRANULE);
        const pfn = dma.map(0, pages, dmaLimit[i]!, cpu[i]!);
        livePfns[one] = pfn;
        livePages[one] = pages;
        pfns[n++] = pfn > 0 ? pfn : 0;
      } else if (op[i] === UNMAP) {
        const pfn = livePfns[one]!;
        if (pfn > 0) dma.unmap(pfn, livePages[one]!, cpu[i]!, one);
        livePfns[one] = 0;
      }
    }
    allocations = n;
  };
  return { run, pfns: () => pfns.subarray(0, allocations) };
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
