// The DMA layer of one domain: limits of a request, 32-bit addresses first, queue or invalidation.
//
// Models iommu_dma_alloc_iova, __iommu_dma_map and __iommu_dma_unmap of drivers/iommu/dma-iommu.c
// (Linux 6.1, 6.6, 6.12); see docs/models/dma-layer.md. Left out: page-table work (it always
// succeeds), bouncing of untrusted devices, the padding of scatter lists at segment boundaries.

import type { MachineDevice, SacPolicy } from './machine.ts';
import { limitPfnOf } from './pfn.ts';
import { type AllocWork, type FlushQueue, type IovaAllocator, NO_PFN } from './policy.ts';

const LIMIT_32 = 0xffff_ffff;

/** What the DMA layer knows of its domain. */
export interface DmaLayerOptions {
  /** Bytes. */
  readonly granule: number;
  /** Highest usable address of the domain, 0 = none. */
  readonly apertureEnd: number;
  readonly sac: SacPolicy;
  readonly devices: readonly MachineDevice[];
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
  readonly #limit32: number;
  readonly #sticky: boolean;
  /** By device: highest pfn by bus and aperture, and by the mask as well. */
  readonly #busLimit: Float64Array;
  readonly #maskLimit: Float64Array;
  /** By device: 1 while it tries 32 bits first. */
  readonly #sacFirst: Uint8Array;

  constructor(options: DmaLayerOptions, allocator: IovaAllocator, queue: FlushQueue) {
    const { granule, devices, sac } = options;
    const aperture = pfnLimit(options.apertureEnd, granule);
    const busLimits = devices.map(({ busDmaLimit }) =>
      Math.min(aperture, pfnLimit(busDmaLimit, granule)),
    );
    this.allocator = allocator;
    this.queue = queue;
    this.granule = granule;
    this.work = allocator.work;
    this.#limit32 = limitPfnOf(LIMIT_32, granule);
    this.#sticky = sac === 'sticky';
    this.#busLimit = Float64Array.from(busLimits);
    this.#maskLimit = Float64Array.from(devices, ({ maskBits }, i) =>
      Math.min(2 ** maskBits / granule - 1, busLimits[i]!),
    );
    this.#sacFirst = Uint8Array.from(devices, ({ pci }) => (sac !== 'off' && pci ? 1 : 0));
  }

  /**
   * First pfn of a range of `pages` for `device`, or {@link NO_PFN}. `dmaLimit`: highest address the
   * call accepts, 0 for the mask of the device.
   */
  map(device: number, pages: number, dmaLimit: number, cpu: number): number {
    const { allocator } = this;
    const limit = dmaLimit === 0 ? this.#maskLimit[device]! : this.#limit(device, dmaLimit);
    this.gaveUp = false;
    if (limit <= this.#limit32 || this.#sacFirst[device] === 0) {
      return allocator.alloc(pages, limit, cpu, true);
    }
    const low = allocator.alloc(pages, this.#limit32, cpu, false);
    if (low !== NO_PFN) return low;
    if (this.#sticky) {
      this.#sacFirst[device] = 0;
      this.gaveUp = true;
    }
    const { work } = this;
    const { steps, tries } = work;
    const pfn = allocator.alloc(pages, limit, cpu, true);
    work.steps += steps;
    work.tries += tries;
    return pfn;
  }

  /** Hands a range to the flush queue, which frees it now or later. */
  unmap(pfn: number, pages: number, cpu: number, id: number): void {
    this.queue.queue(pfn, pages, cpu, id);
  }

  #limit(device: number, dmaLimit: number): number {
    return Math.min(limitPfnOf(dmaLimit, this.granule), this.#busLimit[device]!);
  }
}

function pfnLimit(address: number, granule: number): number {
  return address === 0 ? Number.POSITIVE_INFINITY : limitPfnOf(address, granule);
}
