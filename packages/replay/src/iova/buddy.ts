// The IOVA policy `buddy`: blocks of 2^k pages, split and merged. See docs/models/iova-buddy.md.
//
// Not a kernel policy: the classic scheme as an alternative to the tree. A request takes a block of the
// next power of two, so alignment costs no search and what a size leaves of its block is lost to others.
// The block is the highest one below the limit, of the smallest order that has one.
//
// Free blocks are disjoint, and no two of them are buddies. Pfn 0 is never given out.

import { powerOfTwoFrom } from '../pfn.ts';
import {
  AllocPath,
  type AllocWork,
  FailCause,
  type IovaAllocator,
  type IovaPolicy,
  NO_PFN,
  type Parameters,
  type Port,
} from '../policy.ts';
import { ANCHOR, NO_RANGE, RangeTree } from '../structures/range-tree.ts';
import { startPfnParameter } from './linux-parameters.ts';

/** Orders of blocks: the address space has 2^52 pages of 4 KiB. */
const ORDERS = 53;
const END_PFN = 2 ** 52;

/** Powers of two, split and merged. */
export const buddy: IovaPolicy = {
  kind: 'iova',
  name: 'buddy',
  summary: 'blocks of powers of two, split and merged; the rest of a block is lost to others',
  parameters: [startPfnParameter],
  create: (parameters, port) => new Buddy(parameters, port),
};

/** The free blocks of one domain. */
export class Buddy implements IovaAllocator {
  readonly work: AllocWork = {
    path: AllocPath.failed,
    cause: FailCause.none,
    steps: 0,
    tries: 1,
    pages: 0,
  };
  /** Free blocks by order. */
  private readonly blocks: readonly RangeTree[] = Array.from(
    { length: ORDERS },
    () => new RangeTree(),
  );
  private readonly reserved: RangeTree = new RangeTree();
  /** Ranges from before the replay that are no whole block. */
  private readonly odd: RangeTree = new RangeTree();
  private readonly dma32Pfn: number;
  private lowPages = 0;

  constructor(parameters: Parameters, port: Port) {
    this.dma32Pfn = 2 ** (32 - port.shift);
    this.addFree(Math.max(1, Number(parameters.startPfn)), END_PFN - 1);
  }

  alloc(pages: number, limitPfn: number, _cpu: number, _lastTry: boolean): number {
    const { work, blocks } = this;
    const wanted = powerOfTwoFrom(pages);
    const last = limitPfn + 1 - wanted;
    const lowest = Math.log2(wanted);
    work.pages = wanted;
    for (let order = lowest; order < ORDERS && last >= 0; order++) {
      work.steps = order - lowest + 1;
      const at = blocks[order]!.atOrBelow(last);
      if (at === NO_RANGE) continue;
      const block = blocks[order]!.lo(at);
      blocks[order]!.remove(at);
      const pfn = this.split(block, order, lowest, last);
      work.path = AllocPath.rbtree;
      work.cause = FailCause.none;
      this.lowPages += this.pagesBelow4G(pfn, wanted);
      return pfn;
    }
    work.path = AllocPath.failed;
    work.cause = FailCause.noGap;
    return NO_PFN;
  }

  free(pfn: number, pages: number, _cpu: number): void {
    const odd = this.odd.find(pfn);
    const whole = odd === NO_RANGE || this.odd.lo(odd) !== pfn;
    const taken = whole ? powerOfTwoFrom(pages) : pages;
    if (!whole) this.odd.remove(odd);
    this.lowPages -= this.pagesBelow4G(pfn, taken);
    this.addFree(pfn, pfn + taken - 1);
  }

  reserve(pfnLo: number, pfnHi: number): void {
    const { reserved } = this;
    for (let order = 0; order < ORDERS; order++) this.cut(order, pfnLo, pfnHi);
    for (let from = pfnLo; from <= pfnHi; ) {
      const next = reserved.lowestReaching(from);
      const lo = reserved.lo(next);
      const hi = reserved.hi(next);
      if (from < lo) reserved.insertBelow(next, from, Math.min(pfnHi, lo - 1));
      from = hi + 1;
    }
  }

  /** The whole block if the range is the start of a free one, else exactly the range. */
  occupy(pfn: number, pages: number): boolean {
    const block = powerOfTwoFrom(pages);
    const whole = pfn % block === 0 && this.isFree(pfn, pfn + block - 1);
    const taken = whole ? block : pages;
    const pfnHi = pfn + taken - 1;
    if (!whole && !this.isFree(pfn, pfnHi)) return false;
    for (let order = 0; order < ORDERS; order++) this.cut(order, pfn, pfnHi);
    if (!whole) this.odd.insertBelow(this.odd.lowestFrom(pfn), pfn, pfnHi);
    this.lowPages += this.pagesBelow4G(pfn, taken);
    return true;
  }

  cpuDown(_cpu: number): void {}

  cpuUp(_cpu: number): void {}

  takenPages(pages: number): number {
    return powerOfTwoFrom(pages);
  }

  cachedPages(): number {
    return 0;
  }

  low32Pages(): number {
    return this.lowPages;
  }

  nodes(): number {
    return this.blocks.reduce((sum, { size }) => sum + size, 0);
  }

  /** Blocks: no request is given parts of two. */
  freeRanges(visit: (pfnLo: number, pfnHi: number) => void): void {
    for (const tree of this.blocks) {
      for (let at = tree.lowest(); at !== ANCHOR; at = tree.above(at))
        visit(tree.lo(at), tree.hi(at));
    }
  }

  /** Halves a block until it has the order `wanted`; the part kept is the highest that starts at or below `last`. */
  private split(block: number, order: number, wanted: number, last: number): number {
    let pfn = block;
    for (let k = order - 1; k >= wanted; k--) {
      const upper = pfn + 2 ** k;
      if (upper <= last) {
        this.insert(pfn, k);
        pfn = upper;
      } else {
        this.insert(upper, k);
      }
    }
    return pfn;
  }

  /** Frees what is not reserved of [lo, hi]. */
  private addFree(lo: number, hi: number): void {
    const { reserved } = this;
    let from = lo;
    while (from <= hi) {
      const hole = reserved.lowestReaching(from);
      const end = Math.min(hi + 1, reserved.lo(hole));
      if (end > from) this.addBlocks(from, end);
      if (hole === ANCHOR) return;
      from = reserved.hi(hole) + 1;
    }
  }

  /** Frees [from, end) as aligned blocks. */
  private addBlocks(from: number, end: number): void {
    let pfn = from;
    while (pfn < end) {
      let order = 0;
      while (pfn % 2 ** (order + 1) === 0 && pfn + 2 ** (order + 1) <= end) order++;
      this.merge(pfn, order);
      pfn += 2 ** order;
    }
  }

  private merge(block: number, order: number): void {
    let pfn = block;
    let k = order;
    for (; k < ORDERS - 1; k++) {
      const pages = 2 ** k;
      const other = (pfn / pages) % 2 === 0 ? pfn + pages : pfn - pages;
      const at = this.blocks[k]!.find(other);
      if (at === NO_RANGE) break;
      this.blocks[k]!.remove(at);
      pfn = Math.min(pfn, other);
    }
    this.insert(pfn, k);
  }

  private insert(block: number, order: number): void {
    const tree = this.blocks[order]!;
    tree.insertBelow(tree.lowestFrom(block), block, block + 2 ** order - 1);
  }

  /** Takes [lo, hi] out of the free blocks of an order; what they have beside it becomes smaller blocks. */
  private cut(order: number, lo: number, hi: number): void {
    const tree = this.blocks[order]!;
    for (let at = tree.lowestReaching(lo); tree.lo(at) <= hi; at = tree.lowestReaching(lo)) {
      const first = tree.lo(at);
      const last = tree.hi(at);
      tree.remove(at);
      if (first < lo) this.addBlocks(first, lo);
      if (last > hi) this.addBlocks(hi + 1, last + 1);
    }
  }

  private isFree(lo: number, hi: number): boolean {
    let from = lo;
    while (from <= hi) {
      const next = this.freeTo(from);
      if (next === from) return false;
      from = next;
    }
    return true;
  }

  /** End of the free block that contains `pfn`, or `pfn`. */
  private freeTo(pfn: number): number {
    for (const tree of this.blocks) {
      const at = tree.find(pfn);
      if (at !== NO_RANGE) return tree.hi(at) + 1;
    }
    return pfn;
  }

  private pagesBelow4G(pfn: number, pages: number): number {
    return Math.max(0, Math.min(pages, this.dma32Pfn - pfn));
  }
}
