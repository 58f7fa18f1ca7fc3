// The IOVA policy `s390-bitmap`: next fit in a bitmap, freed pages reused after one global flush.
//
// Models dma_alloc_address and dma_free_address of arch/s390/pci/pci_dma.c and iommu_area_alloc of
// lib/iommu-helper.c (Linux 6.1, the scheme up to 6.6); see docs/models/iova-s390-bitmap.md.
// The limit of a request is the model's own: the kernel looks at the aperture alone.
// Left out: locks; the answer to a hypervisor that is out of resource (see `releaseLazy`).
//
// Lazy bits are a part of the taken ones. Bits reserved are never cleared.

import {
  AllocPath,
  type AllocWork,
  FailCause,
  FlushCause,
  type IovaAllocator,
  type IovaPolicy,
  NO_PFN,
  type Parameters,
  type Port,
} from '../policy.ts';
import { Bitmap } from '../structures/bitmap.ts';
import { startPfnParameter } from './linux-parameters.ts';

/** The old allocator of s390. */
export const s390Bitmap: IovaPolicy = {
  kind: 'iova',
  name: 's390-bitmap',
  aligned: false,
  summary: 'next fit in a bitmap; lazy: one flush for every trip around the aperture (s390 to 6.6)',
  parameters: [
    startPfnParameter,
    {
      name: 'aperturePages',
      type: 'integer',
      default: 2 ** 22,
      range: [2, 2 ** 30],
      unit: 'pages',
      summary: 'size of the aperture; the kernel takes as much as there is memory',
    },
    {
      name: 'unmapMode',
      type: 'choice',
      default: 'lazy',
      choices: ['lazy', 'strict'],
      summary: 'lazy: a freed page waits for the next trip; strict: it is free at once',
    },
    {
      name: 'boundaryPages',
      type: 'integer',
      default: 2 ** 20,
      range: [1, 2 ** 52],
      powerOfTwo: true,
      unit: 'pages',
      summary: 'segment boundary that no range may cross',
    },
  ],
  create: (parameters, port) => new S390Bitmap(parameters, port),
};

/** No place. */
const NONE = -1;

/** The bitmaps of one function's address space. */
export class S390Bitmap implements IovaAllocator {
  readonly work: AllocWork = {
    path: AllocPath.failed,
    cause: FailCause.none,
    steps: 0,
    tries: 0,
    pages: 0,
  };
  /** Global flushes, one for each trip around the aperture. */
  wraps = 0;
  private readonly port: Port;
  private readonly basePfn: number;
  private readonly size: number;
  private readonly boundary: number;
  private readonly lazy: boolean;
  private readonly dma32Pfn: number;
  private readonly taken: Bitmap;
  private readonly lazyBits: Bitmap;
  /** Lazy only: after a flush that the host asked for; the search goes on where it was. */
  flushed?: () => void;
  private readonly reserved: Bitmap;
  private nextBit = 0;
  private lazyPages = 0;
  private lowPages = 0;

  constructor(parameters: Parameters, port: Port) {
    const pages = Number(parameters.aperturePages);
    this.port = port;
    // The last page is never used.
    this.size = pages - 1;
    this.basePfn = Math.max(1, Number(parameters.startPfn));
    this.boundary = Number(parameters.boundaryPages);
    this.lazy = parameters.unmapMode === 'lazy';
    this.dma32Pfn = 2 ** (32 - port.shift);
    this.taken = new Bitmap(pages);
    this.lazyBits = new Bitmap(this.lazy ? pages : 0);
    if (this.lazy) this.flushed = () => void this.releaseLazy();
    this.reserved = new Bitmap(pages);
  }

  alloc(pages: number, limitPfn: number, _cpu: number, lastTry: boolean): number {
    const { work, taken } = this;
    taken.steps = 0;
    work.tries = 1;
    work.pages = pages;
    work.path = AllocPath.rbtree;
    work.cause = FailCause.none;
    const end = Math.min(this.size, limitPfn + 1 - this.basePfn);
    let bit = this.search(this.nextBit, end, pages);
    // Of two attempts (32 bits first) only the last one may flush.
    if (bit === NONE && (lastTry || !this.lazy)) {
      if (this.lazy) this.flush();
      work.tries = 2;
      work.path = AllocPath.rbtreeRetry;
      bit = this.search(0, end, pages);
    }
    work.steps = taken.steps;
    if (bit === NONE) {
      work.path = AllocPath.failed;
      work.cause = FailCause.noGap;
      return NO_PFN;
    }
    taken.set(bit, pages);
    this.nextBit = bit + pages;
    this.lowPages += this.pagesBelow4G(bit, pages);
    return this.basePfn + bit;
  }

  free(pfn: number, pages: number, _cpu: number): void {
    const bit = pfn - this.basePfn;
    if (this.lazy) {
      this.lazyBits.set(bit, pages);
      this.lazyPages += pages;
    } else {
      this.release(bit, pages);
    }
  }

  /** Frees what is lazily free, after a global flush by someone else; returns how many pages. */
  releaseLazy(): number {
    const { lazyBits, lazyPages } = this;
    const end = this.size;
    for (let bit = lazyBits.firstOne(0, end); bit < end; ) {
      const after = lazyBits.firstZero(bit, end);
      this.release(bit, after - bit);
      bit = lazyBits.firstOne(after, end);
    }
    lazyBits.words.fill(0);
    this.lazyPages = 0;
    return lazyPages;
  }

  reserve(pfnLo: number, pfnHi: number): void {
    const bit = Math.max(0, pfnLo - this.basePfn);
    const end = Math.min(this.size, pfnHi + 1 - this.basePfn);
    if (end <= bit) return;
    this.taken.set(bit, end - bit);
    this.reserved.set(bit, end - bit);
  }

  occupy(pfn: number, pages: number): boolean {
    const bit = pfn - this.basePfn;
    const end = bit + pages;
    if (bit < 0 || end > this.size || this.taken.firstOne(bit, end) < end) return false;
    this.taken.set(bit, pages);
    this.lowPages += this.pagesBelow4G(bit, pages);
    return true;
  }

  cpuDown(_cpu: number): void {}

  cpuUp(_cpu: number): void {}

  takenPages(pages: number): number {
    return pages;
  }

  /** Pages that wait for the next flush. */
  cachedPages(): number {
    return this.lazyPages;
  }

  low32Pages(): number {
    return this.lowPages;
  }

  /** Runs of clear bits: what is free lazily is not there before the next flush. */
  freeRanges(visit: (pfnLo: number, pfnHi: number) => void): void {
    const { taken, basePfn, size } = this;
    for (let bit = taken.firstZero(0, size); bit < size; ) {
      const after = taken.firstOne(bit, size);
      visit(basePfn + bit, basePfn + after - 1);
      bit = taken.firstZero(after, size);
    }
  }

  private flush(): void {
    this.wraps++;
    this.port.invalidateAll(FlushCause.full);
    this.releaseLazy();
  }

  private release(bit: number, pages: number): void {
    const end = bit + pages;
    this.lowPages -= this.pagesBelow4G(bit, pages);
    let at = bit;
    while (at < end) {
      const kept = this.reserved.firstOne(at, end);
      this.taken.clear(at, kept - at);
      at = this.reserved.firstZero(kept, end);
    }
  }

  /** `iommu_area_alloc`: the first run of free bits from `start` that keeps to the boundary. */
  private search(start: number, end: number, pages: number): number {
    const { taken, basePfn, boundary } = this;
    if (pages > boundary) return NONE;
    let from = start;
    for (;;) {
      const bit = taken.firstZero(from, end);
      const after = bit + pages;
      if (after > end) return NONE;
      const used = taken.firstOne(bit, after);
      if (used < after) {
        from = used + 1;
        continue;
      }
      const place = basePfn + bit;
      if ((place % boundary) + pages <= boundary) return bit;
      from = Math.ceil(place / boundary) * boundary - basePfn;
    }
  }

  private pagesBelow4G(bit: number, pages: number): number {
    return Math.max(0, Math.min(pages, this.dma32Pfn - this.basePfn - bit));
  }
}
