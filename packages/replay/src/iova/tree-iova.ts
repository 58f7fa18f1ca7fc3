// An allocator that is a tree of ranges and a way to search it, without caches.
//
// The tree is that of linux-tree.ts; reservations, frees and the pages below 4 GiB are kept there, and
// the hints where the search does not use them. Left out: locks. Pfn 0 is never given out.

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
import type { Ranges } from '../structures/ranges.ts';
import { alignCapParameter, linuxTreeParameters, startPfnParameter } from './linux-parameters.ts';
import { LinuxTree } from './linux-tree.ts';

/**
 * Takes a range of `pages` that ends at or below `limitPfn` and leaves its first pfn in `tree.pfn[0]`;
 * false if there is none. Leaves `tree.steps` and `tree.cause` as LinuxTree.alloc does.
 */
export type TreeSearch = (tree: LinuxTree, pages: number, limitPfn: number) => boolean;

/** An allocator without caches. */
export class TreeIova implements IovaAllocator {
  readonly work: AllocWork = {
    path: AllocPath.failed,
    cause: FailCause.none,
    steps: 0,
    tries: 1,
    pages: 0,
  };
  readonly tree: LinuxTree;
  private readonly search: TreeSearch;

  constructor(tree: LinuxTree, search: TreeSearch) {
    this.tree = tree;
    this.search = search;
  }

  /** All ranges, with reservations. */
  get ranges(): Ranges {
    return this.tree.ranges;
  }

  alloc(pages: number, limitPfn: number, _cpu: number, _lastTry: boolean): number {
    const { work, tree } = this;
    tree.secondPass = false;
    const done = this.search(tree, pages, limitPfn);
    work.tries = 1;
    work.pages = pages;
    work.steps = tree.steps;
    work.cause = tree.cause;
    work.path = AllocPath.failed;
    if (!done) return NO_PFN;
    work.path = tree.secondPass ? AllocPath.rbtreeRetry : AllocPath.rbtree;
    return tree.pfn[0]!;
  }

  free(pfn: number, _pages: number, _cpu: number): void {
    this.tree.free(pfn);
  }

  reserve(pfnLo: number, pfnHi: number): void {
    this.tree.reserve(pfnLo, pfnHi);
  }

  occupy(pfn: number, pages: number): boolean {
    return this.tree.occupy(pfn, pfn + pages - 1);
  }

  cpuDown(_cpu: number): void {}

  cpuUp(_cpu: number): void {}

  takenPages(pages: number): number {
    return pages;
  }

  cachedPages(): number {
    return 0;
  }

  low32Pages(): number {
    return this.tree.low32Pages;
  }

  nodes(): number {
    return this.ranges.size;
  }

  freeRanges(visit: (pfnLo: number, pfnHi: number) => void): void {
    this.tree.freeRanges(visit);
  }
}

/** A policy without hints: `search` starts at the top every time. */
export function treePolicy(
  name: string,
  summary: string,
  search: (tree: LinuxTree, pages: number, limitPfn: number, bounds: TreeBounds) => boolean,
): IovaPolicy & { create(parameters: Parameters, port: Port): TreeIova } {
  return {
    kind: 'iova',
    name,
    summary,
    parameters: [startPfnParameter, alignCapParameter],
    create: (typed, port) => {
      const parameters = linuxTreeParameters(typed);
      const bounds = { startPfn: parameters.startPfn, alignCapPages: parameters.alignCapPages };
      return new TreeIova(new LinuxTree(parameters, port.shift), (tree, pages, limitPfn) =>
        search(tree, pages, limitPfn, bounds),
      );
    },
  };
}

/** Parameters of a search without hints. */
export interface TreeBounds {
  readonly startPfn: number;
  readonly alignCapPages: number;
}
