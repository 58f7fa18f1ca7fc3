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
import { CsvTable } from './csv-table.ts';
import type { Fields } from './scenario.ts';

const GRANULE = 4096;
const NOTHING = 0;
const MAP = 1;
const UNMAP = 2;

const device: MachineDevice = { ...PLAIN_DEVICE, name: 'device' };

/** Maps and unmaps, one line each. */
export const benchFq: BenchFamily = { name: 'fq', read: readFqStream };

/** The operations in columns. */
interface FqStream {
  readonly count: number;
  readonly cpus: number;
  readonly hz: number;
  /** Name of the flush policy. */
  readonly flush: string;
  readonly time: Float64Array;
  readonly cpu: Uint16Array;
  readonly op: Uint8Array;
  readonly id: Uint32Array;
  /** Lower half: an offset needs no more. */
  readonly phys: Uint32Array;
  readonly bytes: Float64Array;
  readonly dmaLimit: Float64Array;
  readonly ids: number;
}

function readFqStream(file: string, bytes: Uint8Array, domain: Fields | null): BenchStream {
  const stream = decode(file, bytes, domain);
  return { ops: stream.count, prepare: (kernel) => prepareRound(stream, kernel) };
}

function decode(file: string, bytes: Uint8Array, domain: Fields | null): FqStream {
  if (domain === null) throw new Error(`${file}: expected its domain in native.json`);
  const table = new CsvTable(file, bytes);
  const cells = (name: string): Float64Array => {
    const column = table.column(name);
    return Float64Array.from({ length: table.rows }, (_, row) => table.number(row, column) || 0);
  };
  const opAt = table.column('op');
  const id = Uint32Array.from(cells('id'));
  const kind = domain.string('fq');
  return {
    count: table.rows,
    cpus: domain.whole('cpus', 1, 65_536),
    hz: domain.whole('hz', 1, 1000),
    flush: kind === 'none' ? 'strict' : kind,
    time: cells('t_ns'),
    cpu: Uint16Array.from(cells('cpu')),
    op: Uint8Array.from({ length: table.rows }, (_, row) => {
      if (table.is(row, opAt, 'map')) return MAP;
      return table.is(row, opAt, 'unmap') ? UNMAP : NOTHING;
    }),
    id,
    phys: Uint32Array.from(cells('phys')),
    bytes: cells('size'),
    dmaLimit: cells('dma_limit'),
    ids: id.reduce((most, one) => Math.max(most, one), 0) + 1,
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
