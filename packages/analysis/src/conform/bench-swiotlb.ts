// Benchmark streams of family `swiotlb`: maps and unmaps of a static pool.
//
// Format: test/golden/bench/README.md; the operations are those of family `swiotlb`. What native.json does
// not state is the default of the generator: a pool at 256 MiB, a segment boundary of 32 bits.

import {
  type BounceDevice,
  createStaticBounce,
  FailCause,
  NO_SLOT,
  type Swiotlb,
} from '@dmalab/replay';
import type { BenchFamily, BenchRound, BenchStream } from './bench-family.ts';
import { decodeMaps, type MapStream, StreamOp } from './bench-maps.ts';
import type { Fields } from './scenario.ts';

const START = 0x1000_0000;
// A copy: an imported binding is looked up at every use.
const { map: MAP, unmap: UNMAP } = StreamOp;

/** Maps and unmaps, one line each. */
export const benchSwiotlb: BenchFamily = { name: 'swiotlb', read: readSwiotlbStream };

/** The operations in columns. */
interface SwiotlbStream extends MapStream {
  readonly slots: number;
  readonly areas: number;
  readonly orig: Float64Array;
  readonly bytes: Uint32Array;
  readonly alignMask: Uint32Array;
  /** Index into `devices`: one for each `min_align_mask`. */
  readonly device: Uint8Array;
  readonly devices: readonly BounceDevice[];
}

function readSwiotlbStream(file: string, bytes: Uint8Array, domain: Fields | null): BenchStream {
  const stream = decode(file, bytes, domain);
  return { ops: stream.count, prepare: (kernel) => prepareRound(stream, kernel) };
}

function decode(file: string, bytes: Uint8Array, given: Fields | null): SwiotlbStream {
  const { stream, domain, cells } = decodeMaps(file, bytes, given);
  const minAlign = cells('min_align_mask');
  const masks = [...new Set(minAlign)];
  return {
    ...stream,
    slots: domain.whole('nslabs', 1, 2 ** 22),
    areas: domain.whole('areas', 0, 65_536),
    orig: cells('orig_addr'),
    bytes: Uint32Array.from(cells('size')),
    alignMask: Uint32Array.from(cells('alloc_align_mask')),
    device: Uint8Array.from(minAlign, (mask) => masks.indexOf(mask)),
    devices: masks.map((minAlignMask) => ({
      index: 0,
      minAlignMask,
      segBoundary: 0xffff_ffff,
      dmaMask: 2 ** 64,
      busDmaLimit: 0,
    })),
  };
}

function prepareRound(stream: SwiotlbStream, kernel: string): BenchRound {
  const { cpus, slots, areas } = stream;
  const bounce = createStaticBounce({ slots, areas, start: START, kernel }, { cpus });
  const addresses = new Float64Array(stream.count);
  let maps = 0;
  let endless = 0;
  return {
    run: () => {
      [maps, endless] = replayStream(stream, bounce, addresses);
    },
    pfns: () => addresses.subarray(0, maps),
    counts: () => ({
      fails: addresses.subarray(0, maps).reduce((n, address) => n + (address === 0 ? 1 : 0), 0),
      used: bounce.usedSlots(),
      endless,
    }),
  };
}

/** How many maps there were, and for how many of them the kernel (6.1) would search for ever. */
function replayStream(
  stream: SwiotlbStream,
  bounce: Swiotlb,
  addresses: Float64Array,
): [maps: number, endless: number] {
  const { count, op, cpu, id, orig, bytes, alignMask, device, devices } = stream;
  const live = new Float64Array(stream.ids);
  let maps = 0;
  let endless = 0;
  for (let i = 0; i < count; i++) {
    const one = id[i]!;
    const kind = op[i];
    if (kind === MAP) {
      const owner = devices[device[i]!]!;
      const address = bounce.map(orig[i]!, bytes[i]!, alignMask[i]!, owner, cpu[i]!, false);
      live[one] = address;
      if (address === NO_SLOT && bounce.work.cause === FailCause.endlessSearch) endless++;
      addresses[maps++] = address === NO_SLOT ? 0 : address;
    } else if (kind === UNMAP) {
      const address = live[one]!;
      if (address > 0) bounce.unmap(address, devices[device[i]!]!);
      live[one] = 0;
    }
  }
  return [maps, endless];
}
