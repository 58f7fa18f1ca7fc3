// Magazines of freed ranges in front of the tree: two per CPU and size class, and a depot per class.
//
// Models the rcache of drivers/iommu/iova.c in Linux 6.12 and 6.1; see docs/models/iova-linux.md.
// Class k holds ranges of 2^k pages. Left out: locks, failed allocations of magazines.
//
// A pfn is in at most one magazine. Only full magazines are in a depot. A CPU gets a magazine when it
// first needs one, so a domain with many CPUs is small and quick to copy.

import { fnvWord } from './fnv.ts';

/** Size classes: ranges of 1, 2, 4, 8, 16 and 32 pages. */
export const CLASSES = 6;
/** Pages of the largest ranges that are cached. */
export const MAX_CACHED_PAGES = 32;
/** Magazines that a depot of kind array32 holds. */
export const ARRAY_DEPOT = 32;

/** No magazine. */
export const NO_MAGAZINE = -1;
/** What `top` returns where it finds nothing, and `push` where there is no room; any index is above. */
export const NO_INDEX = -1;

// A slot belongs to a CPU and a class: loaded magazine, pfns in it, previous magazine, pfns in it. The
// four functions of a hit (`slotOf` to `push`) say these numbers as they are: a constant of a module
// is read and checked at every use, which made a hit a fifth slower.
const SLOT = 4;
const LOADED = 0;
const LOADED_SIZE = 1;
const PREV = 2;
const PREV_SIZE = 3;
/** Size of a magazine that the slot does not have yet: neither full nor does it hold anything. */
const UNMADE = -1;

/** A copy of an {@link Rcache}: filled by `save`, read by `restore`, reusable. */
export interface RcacheCopy {
  pfns: Float64Array;
  readonly slots: Int32Array;
  readonly depot: Int32Array;
  readonly depotSizes: Int32Array;
  used: number;
  freeMagazine: number;
  cachedPages: number;
}

export class Rcache {
  readonly cpus: number;
  readonly capacity: number;
  /** Pages in all magazines. */
  cachedPages = 0;
  /** Magazines in the depot of a class. */
  readonly depotSizes: Int32Array = new Int32Array(CLASSES);
  depotPushes = 0;
  depotPops = 0;
  /** A magazine is the index of its first pfn; behind its last one lies the magazine under it in a stack. */
  pfns: Float64Array;

  private readonly scanAll: boolean;
  private readonly slots: Int32Array;
  /** Top magazine of a class. */
  private readonly depot: Int32Array = new Int32Array(CLASSES).fill(NO_MAGAZINE);
  private used = 0;
  private freeMagazine = NO_MAGAZINE;

  constructor(cpus: number, capacity: number, scanAll: boolean) {
    this.cpus = cpus;
    this.capacity = capacity;
    this.scanAll = scanAll;
    this.pfns = new Float64Array(16 * (capacity + 1));
    this.slots = new Int32Array(cpus * CLASSES * SLOT);
    for (let at = 0; at < this.slots.length; at += SLOT) {
      this.slots[at + LOADED_SIZE] = UNMADE;
      this.slots[at + PREV_SIZE] = UNMADE;
    }
  }

  /** Size class of at most {@link MAX_CACHED_PAGES} pages. */
  classOf(pages: number): number {
    return pages <= 1 ? 0 : 32 - Math.clz32(pages - 1);
  }

  /** Pages of the ranges of a class. */
  pagesOf(sizeClass: number): number {
    return 1 << sizeClass;
  }

  /** The slot of a CPU and a class, for the calls that are made for every allocation and free. */
  slotOf(sizeClass: number, cpu: number): number {
    return (cpu * 6 + sizeClass) * 4;
  }

  /**
   * Index in `pfns` of the pfn on top of the magazines that the CPU of `slot` can reach, or
   * {@link NO_INDEX}. An index, because a double that is passed on from a call costs an object.
   */
  top(slot: number, sizeClass: number): number {
    const slots = this.slots;
    const size = slots[slot + 1]!;
    if (size > 0) return slots[slot]! + size - 1;
    return this.reload(slot, sizeClass) ? this.top(slot, sizeClass) : NO_INDEX;
  }

  /** Swaps the pfn on top, which is too high, for the next one below it that is not; false if there is none. */
  lift(slot: number, maxPfn: number): boolean {
    if (!this.scanAll) return false;
    const { pfns } = this;
    const first = this.slots[slot + LOADED]!;
    const top = first + this.slots[slot + LOADED_SIZE]! - 1;
    let i = top - 1;
    while (i >= first && pfns[i]! > maxPfn) i--;
    if (i < first) return false;
    const pfn = pfns[i]!;
    pfns[i] = pfns[top]!;
    pfns[top] = pfn;
    return true;
  }

  /** Takes the pfn on top away, a range of `pages`; its place keeps it until the next push. */
  pop(slot: number, pages: number): void {
    this.slots[slot + 1]!--;
    this.cachedPages -= pages;
  }

  /**
   * Index in `pfns` where the caller must put a freed pfn, or {@link NO_INDEX}: then call
   * {@link rotate} and push again.
   */
  push(slot: number, sizeClass: number): number {
    const slots = this.slots;
    const size = slots[slot + 1]!;
    if (size === this.capacity || size < 0) {
      return this.unload(slot) ? this.push(slot, sizeClass) : NO_INDEX;
    }
    slots[slot + 1] = size + 1;
    this.cachedPages += 1 << sizeClass;
    return slots[slot]! + size;
  }

  /** Gives a slot an empty loaded magazine; returns the full one, for {@link pushDepot} or {@link drop}. */
  rotate(slot: number): number {
    const full = this.slots[slot + LOADED]!;
    this.slots[slot + LOADED] = this.takeMagazine();
    this.slots[slot + LOADED_SIZE] = 0;
    return full;
  }

  pushDepot(sizeClass: number, magazine: number): void {
    this.pfns[magazine + this.capacity] = this.depot[sizeClass]!;
    this.depot[sizeClass] = magazine;
    this.depotSizes[sizeClass]!++;
    this.depotPushes++;
  }

  /** The magazine stored last, which the caller must use or drop; NO_MAGAZINE if there is none. */
  popDepot(sizeClass: number): number {
    const magazine = this.depot[sizeClass]!;
    if (magazine === NO_MAGAZINE) return NO_MAGAZINE;
    this.depot[sizeClass] = this.pfns[magazine + this.capacity]!;
    this.depotSizes[sizeClass]!--;
    return magazine;
  }

  /** Turns the stack of a class over, so that the magazine stored first is on top. */
  reverseDepot(sizeClass: number): void {
    let magazine = this.depot[sizeClass]!;
    let top: number = NO_MAGAZINE;
    while (magazine !== NO_MAGAZINE) {
      const below = this.pfns[magazine + this.capacity]!;
      this.pfns[magazine + this.capacity] = top;
      top = magazine;
      magazine = below;
    }
    this.depot[sizeClass] = top;
  }

  /** Loaded (0) or previous (1) magazine of `cpu`; meaningless while its size is 0. */
  magazineOf(sizeClass: number, cpu: number, which: 0 | 1): number {
    return this.slots[(cpu * CLASSES + sizeClass) * SLOT + 2 * which]!;
  }

  /** Pfns in the loaded (0) or previous (1) magazine of `cpu`. */
  sizeOf(sizeClass: number, cpu: number, which: 0 | 1): number {
    const at = (cpu * CLASSES + sizeClass) * SLOT + 2 * which;
    return Math.max(this.slots[at + LOADED_SIZE]!, 0);
  }

  /** True if both magazines of a slot hold nothing. */
  isEmpty(slot: number): boolean {
    return this.slots[slot + LOADED_SIZE]! <= 0 && this.slots[slot + PREV_SIZE]! <= 0;
  }

  /** Forgets the pfns of the loaded (0) or previous (1) magazine of `cpu`. */
  clear(sizeClass: number, cpu: number, which: 0 | 1): void {
    this.cachedPages -= this.sizeOf(sizeClass, cpu, which) * (1 << sizeClass);
    const at = (cpu * CLASSES + sizeClass) * SLOT + 2 * which;
    this.slots[at + LOADED_SIZE] = Math.min(this.slots[at + LOADED_SIZE]!, 0);
  }

  /** Forgets a full magazine that is neither with a CPU nor in a depot any more. */
  drop(sizeClass: number, magazine: number): void {
    this.cachedPages -= this.capacity * (1 << sizeClass);
    this.freeMagazineAt(magazine);
  }

  /** Pfns in the magazines of all CPUs. */
  cpuPfns(): number {
    let sum = 0;
    for (let at = 0; at < this.slots.length; at += SLOT) {
      sum += Math.max(this.slots[at + LOADED_SIZE]!, 0);
      sum += Math.max(this.slots[at + PREV_SIZE]!, 0);
    }
    return sum;
  }

  /** Feeds the whole cache to an FNV-1a digest, in the order of the golden vectors. */
  digest(basis: number): number {
    let digest = basis;
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      for (let cpu = 0; cpu < this.cpus; cpu++) {
        for (const which of [0, 1] as const) {
          const size = this.sizeOf(sizeClass, cpu, which);
          digest = fnvWord(digest, size);
          digest = this.digestPfns(digest, this.magazineOf(sizeClass, cpu, which), size);
        }
      }
      digest = fnvWord(digest, this.depotSizes[sizeClass]!);
      let magazine = this.depot[sizeClass]!;
      while (magazine !== NO_MAGAZINE) {
        digest = this.digestPfns(digest, magazine, this.capacity);
        magazine = this.pfns[magazine + this.capacity]!;
      }
    }
    return digest;
  }

  save(into: RcacheCopy): void {
    if (into.pfns.length < this.used) into.pfns = new Float64Array(this.pfns.length);
    into.pfns.set(this.pfns.subarray(0, this.used));
    into.slots.set(this.slots);
    into.depot.set(this.depot);
    into.depotSizes.set(this.depotSizes);
    into.used = this.used;
    into.freeMagazine = this.freeMagazine;
    into.cachedPages = this.cachedPages;
  }

  restore(from: RcacheCopy): void {
    while (this.pfns.length < from.used) this.grow();
    this.pfns.set(from.pfns.subarray(0, from.used));
    this.slots.set(from.slots);
    this.depot.set(from.depot);
    this.depotSizes.set(from.depotSizes);
    this.used = from.used;
    this.freeMagazine = from.freeMagazine;
    this.cachedPages = from.cachedPages;
  }

  /** The loaded magazine is empty: puts prev, or one of the depot, in its place; false if neither helps. */
  private reload(at: number, sizeClass: number): boolean {
    const slots = this.slots;
    if (slots[at + PREV_SIZE]! > 0) {
      this.swap(at);
      return true;
    }
    const magazine = this.popDepot(sizeClass);
    if (magazine === NO_MAGAZINE) return false;
    this.depotPops++;
    if (slots[at + LOADED_SIZE] !== UNMADE) this.freeMagazineAt(slots[at + LOADED]!);
    slots[at + LOADED] = magazine;
    slots[at + LOADED_SIZE] = this.capacity;
    return true;
  }

  /** The loaded magazine takes no more: puts one in its place that does; false if both are full. */
  private unload(at: number): boolean {
    const slots = this.slots;
    if (slots[at + LOADED_SIZE] !== UNMADE) {
      if (slots[at + PREV_SIZE] === this.capacity) return false;
      this.swap(at);
    }
    if (slots[at + LOADED_SIZE] === UNMADE) {
      slots[at + LOADED] = this.takeMagazine();
      slots[at + LOADED_SIZE] = 0;
    }
    return true;
  }

  private swap(at: number): void {
    const slots = this.slots;
    const magazine = slots[at + LOADED]!;
    const size = slots[at + LOADED_SIZE]!;
    slots[at + LOADED] = slots[at + PREV]!;
    slots[at + LOADED_SIZE] = slots[at + PREV_SIZE]!;
    slots[at + PREV] = magazine;
    slots[at + PREV_SIZE] = size;
  }

  private digestPfns(basis: number, magazine: number, size: number): number {
    let digest = basis;
    for (let i = 0; i < size; i++) digest = fnvWord(digest, this.pfns[magazine + i]!);
    return digest;
  }

  private takeMagazine(): number {
    const magazine = this.freeMagazine;
    if (magazine !== NO_MAGAZINE) {
      this.freeMagazine = this.pfns[magazine + this.capacity]!;
      return magazine;
    }
    if (this.used === this.pfns.length) this.grow();
    const made = this.used;
    this.used += this.capacity + 1;
    return made;
  }

  private freeMagazineAt(magazine: number): void {
    this.pfns[magazine + this.capacity] = this.freeMagazine;
    this.freeMagazine = magazine;
  }

  private grow(): void {
    const { pfns } = this;
    this.pfns = new Float64Array(pfns.length * 2);
    this.pfns.set(pfns);
  }
}

/** An empty copy for {@link Rcache.save} of a cache with as many CPUs. */
export function rcacheCopy(cpus: number): RcacheCopy {
  return {
    pfns: new Float64Array(0),
    slots: new Int32Array(cpus * CLASSES * SLOT),
    depot: new Int32Array(CLASSES),
    depotSizes: new Int32Array(CLASSES),
    used: 0,
    freeMagazine: NO_MAGAZINE,
    cachedPages: 0,
  };
}
