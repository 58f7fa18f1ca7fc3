// The DMA layer of one domain: limits of a request, 32-bit addresses first, queue or invalidation.
//
// Models iommu_dma_alloc_iova, __iommu_dma_map and __iommu_dma_unmap of drivers/iommu/dma-iommu.c
// (Linux 6.1, 6.6, 6.12); see docs/models/dma-layer.md. Left out: page-table work (it always
// succeeds), bouncing of untrusted devices, the padding of scatter lists at segment boundaries.

import type { MachineDevice, SacPolicy } from './machine.ts';
import { limitPfnOf } from './pfn.ts';
import {
  AllocPath,
  type AllocWork,
  FailCause,
  type FlushQueue,
  type IovaAllocator,
  NO_PFN,
} from './policy.ts';

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
  /** Work of the last `map`, both attempts together. */
  readonly work: AllocWork = {
    path: AllocPath.failed,
    cause: FailCause.none,
    steps: 0,
    tries: 0,
    pages: 0,
  };
  /** The last `map` was the one at which its device gave up 32-bit addresses for good. */
  gaveUp = false;
  readonly #limit32: number;
  readonly #sticky: boolean;
  readonly #apertureLimit: number;
  /** By device: highest pfn by its mask and the bus. */
  readonly #maskLimit: Float64Array;
  readonly #busLimit: Float64Array;
  /** By device: 1 while it tries 32 bits first. */
  readonly #sacFirst: Uint8Array;

  constructor(options: DmaLayerOptions, allocator: IovaAllocator, queue: FlushQueue) {
    const { granule, devices, sac } = options;
    this.allocator = allocator;
    this.queue = queue;
    this.granule = granule;
    this.#limit32 = limitPfnOf(LIMIT_32, granule);
    this.#sticky = sac === 'sticky';
    this.#apertureLimit = pfnLimit(options.apertureEnd, granule);
    this.#busLimit = Float64Array.from(devices, (device) => pfnLimit(device.busDmaLimit, granule));
    this.#maskLimit = Float64Array.from(devices, (device) => 2 ** device.maskBits / granule - 1);
    this.#sacFirst = Uint8Array.from(devices, (device) => (sac !== 'off' && device.pci ? 1 : 0));
  }

  /**
   * First pfn of a range of `pages` for `device`, or {@link NO_PFN}. `dmaLimit`: highest address the
   * call accepts, 0 for the mask of the device.
   */
  map(device: number, pages: number, dmaLimit: number, cpu: number): number {
    const limit = this.#limit(device, dmaLimit);
    this.gaveUp = false;
    if (limit <= this.#limit32 || this.#sacFirst[device] === 0) {
      const pfn = this.allocator.alloc(pages, limit, cpu, true);
      this.#setWork();
      return pfn;
    }
    const low = this.allocator.alloc(pages, this.#limit32, cpu, false);
    this.#setWork();
    if (low !== NO_PFN) return low;
    if (this.#sticky) {
      this.#sacFirst[device] = 0;
      this.gaveUp = true;
    }
    const { steps, tries } = this.work;
    const pfn = this.allocator.alloc(pages, limit, cpu, true);
    this.#setWork();
    this.work.steps += steps;
    this.work.tries += tries;
    return pfn;
  }

  /** Hands a range to the flush queue, which frees it now or later. */
  unmap(pfn: number, pages: number, cpu: number, id: number): void {
    this.queue.queue(pfn, pages, cpu, id);
  }

  #limit(device: number, dmaLimit: number): number {
    const own = dmaLimit === 0 ? this.#maskLimit[device]! : limitPfnOf(dmaLimit, this.granule);
    return Math.min(own, this.#busLimit[device]!, this.#apertureLimit);
  }

  #setWork(): void {
    const from = this.allocator.work;
    const { work } = this;
    work.path = from.path;
    work.cause = from.cause;
    work.steps = from.steps;
    work.tries = from.tries;
    work.pages = from.pages;
  }
}

function pfnLimit(address: number, granule: number): number {
  return address === 0 ? Number.POSITIVE_INFINITY : limitPfnOf(address, granule);
}
