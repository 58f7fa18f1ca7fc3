// The magazines and depots in front of a slow IOVA allocator, as plain arrays of pfns.
//
// Written from docs/models/iova-linux.md. What falls out of a cache is handed back: the caller frees it in its tree.

/** Ranges of at most 32 pages: one size class for each power of two. */
const SIZE_CLASSES = 6;

interface Magazines {
  loaded: number[];
  prev: number[];
}

export class SlowMagazines {
  /** Full magazines, by size class. */
  readonly depots: number[][][] = Array.from({ length: SIZE_CLASSES }, () => []);
  readonly #capacity: number;
  readonly #depotLimit: number;
  /** By CPU, then by size class. */
  readonly #cpus: Magazines[][];

  constructor(cpus: number, capacity: number, depotLimit: number) {
    this.#capacity = capacity;
    this.#depotLimit = depotLimit;
    this.#cpus = Array.from({ length: cpus }, () =>
      Array.from({ length: SIZE_CLASSES }, () => ({ loaded: [], prev: [] })),
    );
  }

  /** The magazine that `cpu` takes from: the loaded one, unless it is empty and another has something. */
  loaded(sizeClass: number, cpu: number): number[] {
    const magazines = this.#cpus[cpu]![sizeClass]!;
    if (magazines.loaded.length === 0) {
      if (magazines.prev.length > 0) swap(magazines);
      else magazines.loaded = this.depots[sizeClass]!.pop() ?? [];
    }
    return magazines.loaded;
  }

  /** Keeps a pfn; the pfns that find no room any more. */
  put(pfn: number, sizeClass: number, cpu: number): number[] {
    const magazines = this.#cpus[cpu]![sizeClass]!;
    let full: number[] = [];
    if (magazines.loaded.length === this.#capacity) {
      if (magazines.prev.length < this.#capacity) swap(magazines);
      else {
        full = magazines.loaded;
        magazines.loaded = [];
      }
    }
    magazines.loaded.push(pfn);
    const depot = this.depots[sizeClass]!;
    if (full.length === 0 || depot.length >= this.#depotLimit) return full;
    depot.push(full);
    return [];
  }

  /** Empties the magazines of `cpu`; what was in them. */
  takeCpu(cpu: number): number[] {
    return this.#cpus[cpu]!.flatMap((magazines) => {
      const pfns = [...magazines.loaded, ...magazines.prev];
      magazines.loaded = [];
      magazines.prev = [];
      return pfns;
    });
  }

  /** Empties the magazines of all CPUs; what was in them. */
  takeCpus(): number[] {
    return this.#cpus.flatMap((_, cpu) => this.takeCpu(cpu));
  }

  /** What magazines and depot of a size class hold. */
  all(sizeClass: number): number[] {
    const own = this.#cpus.flatMap((classes) => {
      const { loaded, prev } = classes[sizeClass]!;
      return [...loaded, ...prev];
    });
    return [...own, ...this.depots[sizeClass]!.flat()];
  }
}

/** Takes the pfn from `magazine` that was put last of those that fit; the top one comes in its place. -1: none fits. */
export function takeFitting(magazine: number[], fits: (pfn: number) => boolean): number {
  const i = magazine.findLastIndex(fits);
  if (i === -1) return -1;
  const pfn = magazine[i]!;
  const top = magazine.pop()!;
  if (i < magazine.length) magazine[i] = top;
  return pfn;
}

function swap(magazines: Magazines): void {
  [magazines.loaded, magazines.prev] = [magazines.prev, magazines.loaded];
}
