// Magazines of freed ranges in front of the tree: two per CPU and size class, and a depot per class.
//
// Models the rcache of drivers/iommu/iova.c in Linux 6.12 and 6.1; see docs/models/iova-linux.md.
// Class k holds ranges of 2^k pages. Left out: locks, failed allocations of magazines.
//
// A pfn is in at most one magazine. Only full magazines are in a depot. A CPU gets a magazine when it
// first needs one, so a domain with many CPUs is small and quick to copy.

import { powerOfTwoFrom } from '../pfn.ts';
import { fnvWord } from './fnv.ts';

/** Size classes: ranges of 1, 2, 4, 8, 16 and 32 pages. */
export const CLASSES = 6;
/** Pages of the largest ranges that are cached. */
export const MAX_CACHED_PAGES = 32;
/** Magazines that a depot of kind array32 holds. */
export const ARRAY_DEPOT = 32;

/** No magazine: magazine 0, which nobody owns. */
export const NO_MAGAZINE = 0;

// A slot belongs to a CPU and a class. Its two words are the tops of the loaded and of the previous
// magazine; the slots of a CPU are side by side. The functions of a hit, here and in linux-iova.ts, say
// these numbers as they are: a constant of a module is read and checked at every use.
const SLOT = 2;
const SLOTS = 8;
const LOADED = 0;
const PREV = 1;

/** A copy of an {@link Rcache}: filled by `save`, read by `restore`, reusable. */
export interface RcacheCopy {
  pfns: Float64Array;
  readonly tops: Int32Array;
  readonly depot: Int32Array;
  readonly depotSizes: Int32Array;
  used: number;
  freeMagazine: number;
  cachedPages: number;
}

export class Rcache {
  declare readonly cpus: number;
  declare readonly capacity: number;
  /** Pages in all magazines. */
  cachedPages = 0;
  /** Magazines in the depot of a class. */
  readonly depotSizes: Int32Array = new Int32Array(CLASSES);
  depotPushes = 0;
  depotPops = 0;
  /**
   * A magazine is an index that is a multiple of `mask + 1`. There lies the magazine under it in a stack,
   * behind it its pfns, of which the last in use is its top: `top & mask` of them are in use.
   */
  declare pfns: Float64Array;
  declare readonly mask: number;
  /** By slot: top of the loaded magazine, top of the previous one; {@link unmade} where there is none yet. */
  declare readonly tops: Int32Array;
  /**
   * Top of magazine 0 for a CPU that has not got its own yet: full for who wants to push, and of pfns
   * that no limit allows (NaN) for who wants to pop, so that neither has to look for it.
   */
  declare readonly unmade: number;

  /** By place in `pfns`: when the pfn came in, where {@link stampTop} was told; as long as it was needed. */
  private stamps: Float64Array = new Float64Array(0);
  declare private readonly scanAll: boolean;
  /** Top magazine of a class. */
  private readonly depot: Int32Array = new Int32Array(CLASSES);
  declare private used: number;
  private freeMagazine = NO_MAGAZINE;

  constructor(cpus: number, capacity: number, scanAll: boolean) {
    this.cpus = cpus;
    this.capacity = capacity;
    this.scanAll = scanAll;
    const stride = powerOfTwoFrom(capacity + 1);
    this.mask = stride - 1;
    this.used = stride;
    this.unmade = capacity;
    this.pfns = new Float64Array(16 * stride);
    this.pfns[this.unmade] = Number.NaN;
    this.tops = new Int32Array(cpus * SLOTS * SLOT).fill(this.unmade);
  }

  /** Size class of at most {@link MAX_CACHED_PAGES} pages. */
  classOf(pages: number): number {
    return pages < 1 ? 0 : 32 - Math.clz32(pages - 1);
  }

  /** The slot of a CPU and a class. */
  slotOf(sizeClass: number, cpu: number): number {
    return cpu * 16 + sizeClass * 2;
  }

  /** Puts a magazine that holds something in place of a loaded one that is empty; false if there is none. */
  refill(slot: number, sizeClass: number): boolean {
    return this.sizeAt(slot + LOADED) > 0 || this.reload(slot, sizeClass);
  }

  /** Swaps the pfn on top, which is too high, for the next one below it that is not; false if there is none. */
  lift(slot: number, maxPfn: number): boolean {
    const { pfns } = this;
    const top = this.tops[slot + LOADED]!;
    if (pfns[top]! <= maxPfn) return true;
    if (!this.scanAll) return false;
    const foot = top - (top & this.mask);
    let i = top - 1;
    while (i > foot && pfns[i]! > maxPfn) i--;
    if (i <= foot) return false;
    const pfn = pfns[i]!;
    pfns[i] = pfns[top]!;
    pfns[top] = pfn;
    const { stamps } = this;
    if (top < stamps.length) [stamps[i], stamps[top]] = [stamps[top]!, stamps[i]!];
    return true;
  }

  /**
   * Puts a magazine that takes a pfn in the place of a loaded one that is full; false if both are full:
   * then call {@link rotate}.
   */
  makeRoom(slot: number): boolean {
    const { tops, unmade } = this;
    if (tops[slot + LOADED] !== unmade) {
      if (this.sizeAt(slot + PREV) === this.capacity) return false;
      this.swap(slot);
    }
    if (tops[slot + LOADED] === unmade) tops[slot + LOADED] = this.takeMagazine();
    return true;
  }

  /** Gives a slot an empty loaded magazine; returns the full one, for {@link pushDepot} or {@link drop}. */
  rotate(slot: number): number {
    const full = this.tops[slot + LOADED]! - this.capacity;
    this.tops[slot + LOADED] = this.takeMagazine();
    return full;
  }

  pushDepot(sizeClass: number, magazine: number): void {
    this.pfns[magazine] = this.depot[sizeClass]!;
    this.depot[sizeClass] = magazine;
    this.depotSizes[sizeClass]!++;
    this.depotPushes++;
  }

  /** The magazine stored last, which the caller must use or drop; NO_MAGAZINE if there is none. */
  popDepot(sizeClass: number): number {
    const magazine = this.depot[sizeClass]!;
    if (magazine === NO_MAGAZINE) return NO_MAGAZINE;
    this.depot[sizeClass] = this.pfns[magazine]!;
    this.depotSizes[sizeClass]!--;
    return magazine;
  }

  /** Turns the stack of a class over, so that the magazine stored first is on top. */
  reverseDepot(sizeClass: number): void {
    let magazine = this.depot[sizeClass]!;
    let top: number = NO_MAGAZINE;
    while (magazine !== NO_MAGAZINE) {
      const below = this.pfns[magazine]!;
      this.pfns[magazine] = top;
      top = magazine;
      magazine = below;
    }
    this.depot[sizeClass] = top;
  }

  /** Loaded (0) or previous (1) magazine of `cpu`; meaningless while its size is 0. */
  magazineOf(sizeClass: number, cpu: number, which: 0 | 1): number {
    return this.tops[this.slotOf(sizeClass, cpu) + which]! & ~this.mask;
  }

  /** Pfns in the loaded (0) or previous (1) magazine of `cpu`. */
  sizeOf(sizeClass: number, cpu: number, which: 0 | 1): number {
    return this.sizeAt(this.slotOf(sizeClass, cpu) + which);
  }

  /** The first place of `tops`, from `from` to `end` - 1, whose magazine holds something; else `end`. */
  filledFrom(from: number, end: number): number {
    const { tops, mask, unmade } = this;
    let at = from;
    while (at < end && ((tops[at]! & mask) === 0 || tops[at]! === unmade)) at++;
    return at;
  }

  /** CPU and class of a place of `tops`. */
  cpuOf(at: number): number {
    return at >> 4;
  }

  classAt(at: number): number {
    return (at & 15) >> 1;
  }

  /** Pfns in the magazine at a place of `tops`. */
  sizeAt(at: number): number {
    const top = this.tops[at]!;
    return top === this.unmade ? 0 : top & this.mask;
  }

  /** Forgets the pfns of the magazine at a place of `tops`. */
  clear(at: number): void {
    const size = this.sizeAt(at);
    this.cachedPages -= size * (1 << this.classAt(at));
    this.tops[at]! -= size;
  }

  /** Forgets a full magazine that is neither with a CPU nor in a depot any more. */
  drop(sizeClass: number, magazine: number): void {
    this.cachedPages -= this.capacity * (1 << sizeClass);
    this.freeMagazineAt(magazine);
  }

  /** The pfn that `cpu` pushed last came in at `ns`. */
  stampTop(sizeClass: number, cpu: number, ns: number): void {
    const place = this.tops[this.slotOf(sizeClass, cpu) + LOADED]!;
    if (place >= this.stamps.length) {
      const { stamps } = this;
      this.stamps = new Float64Array(this.pfns.length);
      this.stamps.set(stamps);
    }
    this.stamps[place] = ns;
  }

  /** When the pfn at a place came in; 0 where nothing was told. */
  stampAt(place: number): number {
    return this.stamps[place] ?? 0;
  }

  /** Visits the magazines of a class that hold something, their pfns behind them; `cpu` is -1 for those of the depot. */
  eachMagazine(
    sizeClass: number,
    visit: (magazine: number, size: number, cpu: number) => void,
  ): void {
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      for (const which of [0, 1] as const) {
        const size = this.sizeOf(sizeClass, cpu, which);
        if (size > 0) visit(this.magazineOf(sizeClass, cpu, which), size, cpu);
      }
    }
    for (let magazine = this.depot[sizeClass]!; magazine !== NO_MAGAZINE; ) {
      visit(magazine, this.capacity, -1);
      magazine = this.pfns[magazine]!;
    }
  }

  /** Pfns in the magazines of all CPUs. */
  cpuPfns(): number {
    let sum = 0;
    for (let at = 0; at < this.tops.length; at++) sum += this.sizeAt(at);
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
        magazine = this.pfns[magazine]!;
      }
    }
    return digest;
  }

  save(into: RcacheCopy): void {
    if (into.pfns.length < this.used) into.pfns = new Float64Array(this.pfns.length);
    into.pfns.set(this.pfns.subarray(0, this.used));
    into.tops.set(this.tops);
    into.depot.set(this.depot);
    into.depotSizes.set(this.depotSizes);
    into.used = this.used;
    into.freeMagazine = this.freeMagazine;
    into.cachedPages = this.cachedPages;
  }

  restore(from: RcacheCopy): void {
    while (this.pfns.length < from.used) this.grow();
    this.pfns.set(from.pfns.subarray(0, from.used));
    this.tops.set(from.tops);
    this.depot.set(from.depot);
    this.depotSizes.set(from.depotSizes);
    this.used = from.used;
    this.freeMagazine = from.freeMagazine;
    this.cachedPages = from.cachedPages;
  }

  /** The loaded magazine is empty: puts prev, or one of the depot, in its place; false if neither helps. */
  private reload(slot: number, sizeClass: number): boolean {
    const { tops } = this;
    if (this.sizeAt(slot + PREV) > 0) {
      this.swap(slot);
      return true;
    }
    const magazine = this.popDepot(sizeClass);
    if (magazine === NO_MAGAZINE) return false;
    this.depotPops++;
    if (tops[slot + LOADED] !== this.unmade) this.freeMagazineAt(tops[slot + LOADED]!);
    tops[slot + LOADED] = magazine + this.capacity;
    return true;
  }

  private swap(slot: number): void {
    const { tops } = this;
    const top = tops[slot + LOADED]!;
    tops[slot + LOADED] = tops[slot + PREV]!;
    tops[slot + PREV] = top;
  }

  private digestPfns(basis: number, magazine: number, size: number): number {
    let digest = basis;
    for (let i = 1; i <= size; i++) digest = fnvWord(digest, this.pfns[magazine + i]!);
    return digest;
  }

  private takeMagazine(): number {
    const magazine = this.freeMagazine;
    if (magazine !== NO_MAGAZINE) {
      this.freeMagazine = this.pfns[magazine]!;
      return magazine;
    }
    if (this.used === this.pfns.length) this.grow();
    const made = this.used;
    this.used += this.mask + 1;
    return made;
  }

  private freeMagazineAt(magazine: number): void {
    this.pfns[magazine] = this.freeMagazine;
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
    tops: new Int32Array(cpus * SLOTS * SLOT),
    depot: new Int32Array(CLASSES),
    depotSizes: new Int32Array(CLASSES),
    used: 0,
    freeMagazine: NO_MAGAZINE,
    cachedPages: 0,
  };
}
