// Magazines of freed ranges in front of the tree: two per CPU and size class, and a depot per class.
//
// Models the rcache of drivers/iommu/iova.c in Linux 6.12 and 6.1; see docs/models/iova-linux.md.
// Class k holds ranges of 2^k pages. Left out: locks, failed allocations of magazines.
//
// A pfn is in at most one magazine. Only full magazines are in a depot. Magazine EMPTY is never
// filled: it stands for all magazines that a CPU has not needed yet, so a domain with many CPUs is
// small and quick to copy.

import { NO_PFN } from '../policy.ts';
import { fnvWord } from '../structures/fnv.ts';

/** Size classes: ranges of 1, 2, 4, 8, 16 and 32 pages. */
export const CLASSES = 6;
/** Pages of the largest ranges that are cached. */
export const MAX_CACHED_PAGES = 32;
/** Magazines that a depot of kind array32 holds. */
export const ARRAY_DEPOT = 32;

/** Size class of a number of pages from 0 to {@link MAX_CACHED_PAGES}. */
export const classOf: Uint8Array = Uint8Array.from({ length: MAX_CACHED_PAGES + 1 }, (_, pages) =>
  pages <= 1 ? 0 : Math.ceil(Math.log2(pages)),
);

/** Pages of the ranges of a size class. */
export const pagesOfClass: Uint8Array = Uint8Array.of(1, 2, 4, 8, 16, 32);

const EMPTY = 0;
const NONE = -1;

/** A copy of an {@link Rcache}: filled by `save`, read by `restore`, reusable. */
export interface RcacheCopy {
  pfns: Float64Array;
  sizes: Int32Array;
  below: Int32Array;
  readonly loaded: Int32Array;
  readonly prev: Int32Array;
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
  /** Gets that found a pfn, by class. */
  readonly hits: Float64Array = new Float64Array(CLASSES);
  depotPushes = 0;
  depotPops = 0;

  private readonly scanAll: boolean;
  /** Magazine m: pfns from m * capacity, `sizes[m]` of them; `below[m]` is the one under it in a stack. */
  private pfns: Float64Array;
  private sizes: Int32Array;
  private below: Int32Array;
  private used = 1;
  private freeMagazine = NONE;
  /** By CPU * CLASSES + class. */
  private readonly loaded: Int32Array;
  private readonly prev: Int32Array;
  /** Top magazine of a class. */
  private readonly depot: Int32Array = new Int32Array(CLASSES).fill(NONE);

  constructor(cpus: number, capacity: number, scanAll: boolean) {
    this.cpus = cpus;
    this.capacity = capacity;
    this.scanAll = scanAll;
    this.loaded = new Int32Array(cpus * CLASSES);
    this.prev = new Int32Array(cpus * CLASSES);
    this.pfns = new Float64Array(16 * capacity);
    this.sizes = new Int32Array(16);
    this.below = new Int32Array(16);
  }

  /** Takes a pfn of at most `maxPfn` out of the magazines that `cpu` can reach, or NO_PFN. */
  get(sizeClass: number, maxPfn: number, cpu: number): number {
    const { sizes, pfns } = this;
    const slot = cpu * CLASSES + sizeClass;
    let magazine = this.loaded[slot]!;
    let size = sizes[magazine]!;
    if (size === 0) {
      magazine = this.reload(slot, sizeClass);
      size = sizes[magazine]!;
      if (size === 0) return NO_PFN;
    }
    const first = magazine * this.capacity;
    const last = first + size - 1;
    let i = last;
    let pfn = pfns[i]!;
    while (pfn > maxPfn) {
      if (i === first || !this.scanAll) return NO_PFN;
      pfn = pfns[--i]!;
    }
    pfns[i] = pfns[last]!;
    sizes[magazine] = size - 1;
    this.hits[sizeClass]!++;
    this.cachedPages -= pagesOfClass[sizeClass]!;
    return pfn;
  }

  /** Puts a pfn into a magazine of `cpu`; false if both are full: then call {@link rotate} and put again. */
  put(sizeClass: number, pfn: number, cpu: number): boolean {
    const slot = cpu * CLASSES + sizeClass;
    let magazine = this.loaded[slot]!;
    let size = this.sizes[magazine]!;
    if (size === this.capacity || magazine === EMPTY) {
      magazine = this.unload(slot, magazine);
      if (magazine === EMPTY) return false;
      size = this.sizes[magazine]!;
    }
    this.pfns[magazine * this.capacity + size] = pfn;
    this.sizes[magazine] = size + 1;
    this.cachedPages += pagesOfClass[sizeClass]!;
    return true;
  }

  /** Gives `cpu` an empty loaded magazine; returns the full one, for {@link pushDepot} or {@link drop}. */
  rotate(sizeClass: number, cpu: number): number {
    const slot = cpu * CLASSES + sizeClass;
    const full = this.loaded[slot]!;
    this.loaded[slot] = this.takeMagazine();
    return full;
  }

  pushDepot(sizeClass: number, magazine: number): void {
    this.below[magazine] = this.depot[sizeClass]!;
    this.depot[sizeClass] = magazine;
    this.depotSizes[sizeClass]!++;
    this.depotPushes++;
  }

  /** The magazine stored last, which the caller must use or drop; -1 if there is none. */
  popDepot(sizeClass: number): number {
    const magazine = this.depot[sizeClass]!;
    if (magazine === NONE) return NONE;
    this.depot[sizeClass] = this.below[magazine]!;
    this.depotSizes[sizeClass]!--;
    return magazine;
  }

  /** Turns the stack of a class over, so that the magazine stored first is on top. */
  reverseDepot(sizeClass: number): void {
    let magazine = this.depot[sizeClass]!;
    let top: number = NONE;
    while (magazine !== NONE) {
      const next = this.below[magazine]!;
      this.below[magazine] = top;
      top = magazine;
      magazine = next;
    }
    this.depot[sizeClass] = top;
  }

  /** Loaded (0) or previous (1) magazine of `cpu`. */
  magazineOf(sizeClass: number, cpu: number, which: 0 | 1): number {
    return (which === 0 ? this.loaded : this.prev)[cpu * CLASSES + sizeClass]!;
  }

  sizeOf(magazine: number): number {
    return this.sizes[magazine]!;
  }

  pfnAt(magazine: number, i: number): number {
    return this.pfns[magazine * this.capacity + i]!;
  }

  /** Forgets the pfns of a magazine. */
  clear(sizeClass: number, magazine: number): void {
    this.cachedPages -= this.sizes[magazine]! * pagesOfClass[sizeClass]!;
    this.sizes[magazine] = 0;
  }

  /** As {@link clear}, for a magazine that is neither with a CPU nor in a depot any more. */
  drop(sizeClass: number, magazine: number): void {
    this.clear(sizeClass, magazine);
    this.freeMagazineAt(magazine);
  }

  /** Pfns in the magazines of all CPUs. */
  cpuPfns(): number {
    let sum = 0;
    for (const magazine of this.loaded) sum += this.sizes[magazine]!;
    for (const magazine of this.prev) sum += this.sizes[magazine]!;
    return sum;
  }

  /** Feeds the whole cache to an FNV-1a digest, in the order of the golden vectors. */
  digest(basis: number): number {
    let digest = basis;
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      for (let cpu = 0; cpu < this.cpus; cpu++) {
        digest = this.digestMagazine(digest, this.magazineOf(sizeClass, cpu, 0), true);
        digest = this.digestMagazine(digest, this.magazineOf(sizeClass, cpu, 1), true);
      }
      digest = fnvWord(digest, this.depotSizes[sizeClass]!);
      let magazine = this.depot[sizeClass]!;
      for (; magazine !== NONE; magazine = this.below[magazine]!) {
        digest = this.digestMagazine(digest, magazine, false);
      }
    }
    return digest;
  }

  save(into: RcacheCopy): void {
    const { used, capacity } = this;
    if (into.sizes.length < used) {
      into.pfns = new Float64Array(this.pfns.length);
      into.sizes = new Int32Array(this.sizes.length);
      into.below = new Int32Array(this.below.length);
    }
    into.pfns.set(this.pfns.subarray(0, used * capacity));
    into.sizes.set(this.sizes.subarray(0, used));
    into.below.set(this.below.subarray(0, used));
    into.loaded.set(this.loaded);
    into.prev.set(this.prev);
    into.depot.set(this.depot);
    into.depotSizes.set(this.depotSizes);
    into.used = used;
    into.freeMagazine = this.freeMagazine;
    into.cachedPages = this.cachedPages;
  }

  restore(from: RcacheCopy): void {
    while (this.sizes.length < from.used) this.grow();
    this.pfns.set(from.pfns.subarray(0, from.used * this.capacity));
    this.sizes.set(from.sizes.subarray(0, from.used));
    this.below.set(from.below.subarray(0, from.used));
    this.loaded.set(from.loaded);
    this.prev.set(from.prev);
    this.depot.set(from.depot);
    this.depotSizes.set(from.depotSizes);
    this.used = from.used;
    this.freeMagazine = from.freeMagazine;
    this.cachedPages = from.cachedPages;
  }

  /** The loaded magazine is empty: puts prev, or one of the depot, in its place if that is better. */
  private reload(slot: number, sizeClass: number): number {
    const empty = this.loaded[slot]!;
    const prev = this.prev[slot]!;
    if (this.sizes[prev] !== 0) {
      this.prev[slot] = empty;
      this.loaded[slot] = prev;
      return prev;
    }
    const magazine = this.popDepot(sizeClass);
    if (magazine === NONE) return EMPTY;
    this.depotPops++;
    this.freeMagazineAt(empty);
    this.loaded[slot] = magazine;
    return magazine;
  }

  /** The loaded magazine takes no more: returns one that does, or EMPTY if both are full. */
  private unload(slot: number, loaded: number): number {
    if (loaded === EMPTY) {
      const magazine = this.takeMagazine();
      this.loaded[slot] = magazine;
      return magazine;
    }
    const prev = this.prev[slot]!;
    if (this.sizes[prev] === this.capacity) return EMPTY;
    const magazine = prev === EMPTY ? this.takeMagazine() : prev;
    this.prev[slot] = loaded;
    this.loaded[slot] = magazine;
    return magazine;
  }

  private digestMagazine(basis: number, magazine: number, withSize: boolean): number {
    const size = this.sizes[magazine]!;
    let digest = withSize ? fnvWord(basis, size) : basis;
    for (let i = 0; i < size; i++) digest = fnvWord(digest, this.pfnAt(magazine, i));
    return digest;
  }

  private takeMagazine(): number {
    const magazine = this.freeMagazine;
    if (magazine !== NONE) {
      this.freeMagazine = this.below[magazine]!;
      return magazine;
    }
    if (this.used === this.sizes.length) this.grow();
    return this.used++;
  }

  private freeMagazineAt(magazine: number): void {
    if (magazine === EMPTY) return;
    this.below[magazine] = this.freeMagazine;
    this.freeMagazine = magazine;
  }

  private grow(): void {
    const magazines = this.sizes.length * 2;
    const { pfns, sizes, below } = this;
    this.pfns = new Float64Array(magazines * this.capacity);
    this.pfns.set(pfns);
    this.sizes = new Int32Array(magazines);
    this.sizes.set(sizes);
    this.below = new Int32Array(magazines);
    this.below.set(below);
  }
}

/** An empty copy for {@link Rcache.save} of a cache with as many CPUs. */
export function rcacheCopy(cpus: number): RcacheCopy {
  return {
    pfns: new Float64Array(0),
    sizes: new Int32Array(0),
    below: new Int32Array(0),
    loaded: new Int32Array(cpus * CLASSES),
    prev: new Int32Array(cpus * CLASSES),
    depot: new Int32Array(CLASSES),
    depotSizes: new Int32Array(CLASSES),
    used: 0,
    freeMagazine: NONE,
    cachedPages: 0,
  };
}
