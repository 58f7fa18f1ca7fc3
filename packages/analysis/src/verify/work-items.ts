// Which depot a work item of the kernel belongs to.
//
// iova_depot_work_func shows a pointer. Each domain has one item per size class, so the first run of an
// item is matched with the trim that the models wait for and that is due closest to it; from then on
// the item is known. A better match in another domain takes the item over.

/** Size classes of the cache: ranges of 1, 2, 4, ... 32 pages. */
export const CLASS_COUNT = 6;
/** Size class of ranges that are not cached. */
export const NO_CLASS = -1;

/** Runs before it is due (clocks of CPUs differ), and how late one may be. */
const EARLY_NS = 10e6;
const LATE_NS = 2e9;

interface Owner {
  readonly domain: number;
  readonly sizeClass: number;
  readonly distance: number;
}

export class WorkItems {
  readonly #owners = new Map<number, Owner>();

  /** Size class in `domain` of the item that runs at `time`, or {@link NO_CLASS}. `dueAt`: by class. */
  classOf(item: number, domain: number, time: number, dueAt: Float64Array): number {
    const owner = this.#owners.get(item);
    if (owner?.domain === domain) return owner.sizeClass;
    let sizeClass = NO_CLASS;
    let distance = owner?.distance ?? Number.POSITIVE_INFINITY;
    for (let k = 0; k < dueAt.length; k++) {
      const late = time - dueAt[k]!;
      if (late < -EARLY_NS || late > LATE_NS || this.#isTaken(domain, k)) continue;
      if (Math.abs(late) >= distance) continue;
      distance = Math.abs(late);
      sizeClass = k;
    }
    if (sizeClass !== NO_CLASS) this.#owners.set(item, { domain, sizeClass, distance });
    return sizeClass;
  }

  /** The items of a domain are free: its pointers may be used again. */
  release(domain: number): void {
    for (const [item, owner] of this.#owners) {
      if (owner.domain === domain) this.#owners.delete(item);
    }
  }

  #isTaken(domain: number, sizeClass: number): boolean {
    for (const owner of this.#owners.values()) {
      if (owner.domain === domain && owner.sizeClass === sizeClass) return true;
    }
    return false;
  }
}

/** Size class of a request of `pages`, or {@link NO_CLASS}. */
export function classOfPages(pages: number): number {
  let size = 1;
  for (let k = 0; k < CLASS_COUNT; k++, size *= 2) if (pages <= size) return k;
  return NO_CLASS;
}
