// The DMA layer of one domain: limits of a request, 32-bit addresses first, queue or invalidation.
//
// Models iommu_dma_alloc_iova, __iommu_dma_map and __iommu_dma_unmap of drivers/iommu/dma-iommu.c
// (Linux 6.1, 6.6, 6.12); see docs/models/dma-layer.md. Left out: page-table work (it always
// succeeds), bouncing of untrusted devices, the padding of scatter lists at segment boundaries.

import type { MachineDevice, SacPolicy } from './machine.ts';
import { Reach } from './outcome.ts';
import { limitPfnOf } from './pfn.ts';
import {
  type AllocWork,
  FailCause,
  type FlushQueue,
  type IovaAllocator,
  NO_PFN,
} from './policy.ts';

const LIMIT_32 = 0xffff_ffff;
// Copies for the path of every map: an imported binding is looked up at every use.
const LOW: Reach = Reach.low;
const WIDE: Reach = Reach.wide;

/** What the DMA layer must know of a device. */
export type LimitedDevice = Pick<MachineDevice, 'maskBits' | 'busDmaLimit' | 'pci'>;

/** What the DMA layer knows of its domain. */
export interface DmaLayerOptions {
  /** Bytes. */
  readonly granule: number;
  /** Highest usable address of the domain, 0 = none. */
  readonly apertureEnd: number;
  readonly sac: SacPolicy;
  readonly devices: readonly LimitedDevice[];
}

/** Maps and unmaps ranges of one domain through its allocator and its flush queue. */
export class DmaLayer {
  readonly allocator: IovaAllocator;
  /** Replaced when the type of the domain changes. */
  queue: FlushQueue;
  readonly granule: number;
  /** Work of the last `map`, both attempts together: the allocator's own record. */
  readonly work: AllocWork;
  /** The last `map` was the one at which its device gave up 32-bit addresses for good. */
  gaveUp = false;
  /** Which limits the last `map` tried. */
  reach: Reach = Reach.none;
  /** Why 32 bits gave nothing, where the last `map` then tried the whole reach. */
  lowCause: FailCause = FailCause.none;
  /** The highest limit of any `map` so far, -1 before the first: what lies above is of no use. */
  highestLimit = -1;
  declare private readonly limit32: number;
  declare private readonly apertureLimit: number;
  declare private readonly sac: SacPolicy;
  declare private readonly devices: readonly LimitedDevice[];
  /** The columns below are those of the devices from here on, as far as the domain has seen any. */
  private firstDevice = 0;
  /** Highest pfn by bus and aperture, and by the mask as well. */
  private busLimit: Float64Array = new Float64Array(0);
  private maskLimit: Float64Array = new Float64Array(0);
  /** 1 while the device tries 32 bits first. */
  private sacFirst: Uint8Array = new Uint8Array(0);

  constructor(options: DmaLayerOptions, allocator: IovaAllocator, queue: FlushQueue) {
    const { granule, devices, sac } = options;
    this.allocator = allocator;
    this.queue = queue;
    this.granule = granule;
    this.work = allocator.work;
    this.limit32 = limitPfnOf(LIMIT_32, granule);
    this.apertureLimit = pfnLimit(options.apertureEnd, granule);
    this.sac = sac;
    this.devices = devices;
  }

  /**
   * First pfn of a range of `pages` for `device`, or {@link NO_PFN}. `dmaLimit`: highest address the
   * call accepts, 0 for the mask of the device.
   */
  map(device: number, pages: number, dmaLimit: number, cpu: number): number {
    const { allocator } = this;
    let at = device - this.firstDevice;
    if (at < 0 || at >= this.sacFirst.length) at = this.cover(device);
    const limit = dmaLimit === 0 ? this.maskLimit[at]! : this.limitBelow(at, dmaLimit);
    this.gaveUp = false;
    if (limit > this.highestLimit) this.highestLimit = limit;
    if (limit <= this.limit32 || this.sacFirst[at] === 0) {
      this.reach = limit <= this.limit32 ? LOW : WIDE;
      return allocator.alloc(pages, limit, cpu, true);
    }
    this.reach = LOW;
    const low = allocator.alloc(pages, this.limit32, cpu, false);
    return low >= 0 ? low : this.mapAbove(at, pages, limit, cpu);
  }

  /** Hands a range to the flush queue, which frees it now or later. */
  unmap(pfn: number, pages: number, cpu: number, id: number): void {
    this.queue.queue(pfn, pages, cpu, id);
  }

  /** The second attempt: 32 bits gave nothing. */
  private mapAbove(at: number, pages: number, limit: number, cpu: number): number {
    const { allocator, work } = this;
    this.reach = Reach.lowThenWide;
    if (this.sac === 'sticky') {
      this.sacFirst[at] = 0;
      this.gaveUp = true;
    }
    const { steps, tries } = work;
    this.lowCause = work.cause;
    const pfn = allocator.alloc(pages, limit, cpu, true);
    work.steps += steps;
    work.tries += tries;
    return pfn;
  }

  private limitBelow(at: number, dmaLimit: number): number {
    return Math.min(limitPfnOf(dmaLimit, this.granule), this.busLimit[at]!);
  }

  /** Makes the columns reach to `device` and returns its place; most domains have one device. */
  private cover(device: number): number {
    const { granule } = this;
    const old = this.sacFirst;
    const oldFirst = old.length === 0 ? device : this.firstDevice;
    const first = Math.min(oldFirst, device);
    const end = Math.max(oldFirst + old.length, device + 1);
    const devices = this.devices.slice(first, end);
    const busLimit = devices.map(({ busDmaLimit }) =>
      Math.min(this.apertureLimit, pfnLimit(busDmaLimit, granule)),
    );
    this.firstDevice = first;
    this.busLimit = Float64Array.from(busLimit);
    this.maskLimit = Float64Array.from(devices, ({ maskBits }, i) =>
      Math.min(2 ** maskBits / granule - 1, busLimit[i]!),
    );
    this.sacFirst = Uint8Array.from(devices, ({ pci }) => (this.sac !== 'off' && pci ? 1 : 0));
    this.sacFirst.set(old, oldFirst - first);
    return device - first;
  }
}

function pfnLimit(address: number, granule: number): number {
  return address === 0 ? Number.POSITIVE_INFINITY : limitPfnOf(address, granule);
}
