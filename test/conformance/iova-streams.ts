// Random streams of operations through an IOVA allocator and through a slow, obvious one.
//
// Every answer is compared, and held to the invariants of the allocator: inside the domain, at or below
// the limit, aligned where the allocator aligns, and disjoint from all that is live.

import { deepEqual, equal, ok } from 'node:assert/strict';
import {
  createLinuxIova,
  type IovaAllocator,
  iovaPolicy,
  NO_PFN,
  type Parameters,
} from '@dmalab/replay';
import { SlowBuddy, SlowPages } from '../../packages/replay/test/support/slow-blocks.ts';
import { SlowEarlyIova } from '../../packages/replay/test/support/slow-early-iova.ts';
import { SlowIova } from '../../packages/replay/test/support/slow-iova.ts';
import {
  highestPlace,
  roundUp,
  SlowRanges,
  smallestGap,
} from '../../packages/replay/test/support/slow-tree.ts';
import { stillPort } from '../../packages/replay/test/support/still-port.ts';
import { allocatorStream } from '../fuzz/allocator-case.ts';
import type { Random } from '../fuzz/random.ts';
import type { ConformanceCase } from './conformance-case.ts';

const DMA32 = 2 ** 20;

/** The allocators of the package beside their references. */
export const iovaCases: readonly ConformanceCase[] = [
  { name: 'linux', run: (random) => allocatorStream(random).operations },
  { name: 'linux 4.15', run: (random) => earlyStream(random, '4.15') },
  { name: 'linux 4.9', run: (random) => earlyStream(random, '4.9') },
  { name: 'linux-rbtree', run: linuxRbtreeStream },
  { name: 'first-fit', run: (random) => searchStream(random, 'first-fit', true) },
  { name: 'augmented', run: (random) => searchStream(random, 'augmented', false) },
  { name: 'maple', run: (random) => searchStream(random, 'maple', false) },
  { name: 'best-fit', run: (random) => searchStream(random, 'best-fit', true) },
  { name: 's390-bitmap', run: bitmapStream },
  { name: 'buddy', run: buddyStream },
];

/** What a stream needs of a reference. */
interface Reference {
  alloc(pages: number, limit: number, lastTry: boolean, cpu: number): number;
  free(pfn: number, pages: number, cpu: number): void;
  /** Nothing where the stream reserves nothing. */
  reserve?(lo: number, hi: number): void;
  /** After every allocation. */
  check?(): void;
}

interface Stream {
  readonly iova: IovaAllocator;
  readonly slow: Reference;
  readonly startPfn: number;
  readonly most: number;
  /** 1 where absent. */
  readonly cpus?: number;
  /** Ranges out of caches may end beyond the limit. */
  readonly mayPassLimit?: boolean;
  /** Highest pfns that requests accept. */
  readonly limits: readonly number[];
  /** Pages of a request to the multiple at which it may start. */
  align(pages: number): number;
}

interface Live {
  readonly pfn: number;
  readonly pages: number;
}

function earlyStream(random: Random, kernel: '4.9' | '4.15'): number {
  const startPfn = startOf(random);
  const cpus = random.from(1, 4);
  const parameters = { kernel, startPfn };
  const iova = createLinuxIova(parameters, stillPort(cpus));
  const slow = new SlowEarlyIova(kernel, cpus, startPfn, DMA32 - 1);
  const hint = (range: { readonly lo: number } | null): number => range?.lo ?? NO_PFN;
  return play(random, {
    ...bounds(random, startPfn),
    cpus,
    // 4.9 looks at the first page only, and both let a limit below the size wrap around.
    mayPassLimit: true,
    iova,
    slow: {
      alloc: (pages, limit, lastTry, cpu) => slow.alloc(pages, limit, cpu, lastTry),
      free: (pfn, pages, cpu) => slow.free(pfn, pages, cpu),
      reserve: (lo, hi) => slow.reserve(lo, hi),
      check: () => {
        equal(iova.nodes(), slow.ranges.length, 'ranges in the tree');
        equal(iova.cached32Lo(), hint(slow.hint32), 'hint below 4 GiB');
        if (kernel === '4.15') equal(iova.cachedLo(), hint(slow.hint64), 'hint above');
      },
    },
    align: roundUp,
  });
}

function linuxRbtreeStream(random: Random): number {
  const startPfn = startOf(random);
  const iova = create('linux-rbtree', { startPfn });
  const slow = new SlowIova(1, startPfn, DMA32, 0);
  return play(random, {
    ...bounds(random, startPfn),
    iova,
    slow: {
      alloc: (pages, limit) => slow.allocTree(pages, limit, true),
      free: (pfn) => slow.freeTree(pfn),
      reserve: (lo, hi) => slow.reserve(lo, hi),
      check: () => equal(iova.work.steps, slow.steps, 'steps'),
    },
    align: roundUp,
  });
}

function searchStream(random: Random, name: string, walks: boolean): number {
  const startPfn = startOf(random);
  const iova = create(name, { startPfn });
  const slow = new SlowRanges(startPfn, name === 'best-fit' ? smallestGap : highestPlace);
  const check = (): void => {
    if (walks) equal(iova.work.steps, slow.steps, 'steps');
  };
  return play(random, {
    ...bounds(random, startPfn),
    iova,
    slow: {
      alloc: (pages, limit) => slow.alloc(pages, limit),
      free: (pfn) => slow.free(pfn),
      reserve: (lo, hi) => slow.reserve(lo, hi),
      check,
    },
    align: roundUp,
  });
}

function bitmapStream(random: Random): number {
  const startPfn = random.pick([1, 16, DMA32 - 300]);
  const aperturePages = random.from(40, 2500);
  const boundaryPages = 2 ** random.from(6, 12);
  const unmapMode = random.pick(['lazy', 'strict']);
  let flushes = 0;
  const port = { ...stillPort(1), invalidateAll: () => flushes++ };
  const iova = iovaPolicy('s390-bitmap').create(
    { startPfn, aperturePages, boundaryPages, unmapMode },
    port,
  );
  const slow = new SlowPages(startPfn, aperturePages, unmapMode === 'lazy', boundaryPages);
  return play(random, {
    ...bounds(random, startPfn),
    limits: [2 ** 52 - 1, 2 ** 52 - 1, startPfn + random.below(aperturePages), DMA32 - 1],
    iova,
    slow: {
      alloc: (pages, limit, lastTry) => slow.alloc(pages, limit, lastTry),
      free: (pfn, pages) => slow.free(pfn, pages),
      reserve: (lo, hi) => slow.reserve(lo, hi),
      check: () => {
        equal(flushes, slow.flushes, 'global flushes');
        equal(iova.cachedPages(), slow.lazyPages, 'lazy pages');
      },
    },
    align: () => 1,
  });
}

function buddyStream(random: Random): number {
  const startPfn = startOf(random);
  const slow = new SlowBuddy(startPfn, 2 ** 52);
  return play(random, {
    ...bounds(random, startPfn),
    iova: create('buddy', { startPfn }),
    slow: {
      alloc: (pages, limit) => slow.alloc(pages, limit),
      free: (pfn, pages) => slow.free(pfn, pages),
    },
    align: roundUp,
  });
}

function create(name: string, parameters: Parameters): IovaAllocator {
  const policy = iovaPolicy(name);
  const defaults = policy.parameters.map((one) => [one.name, one.default] as const);
  return policy.create({ ...Object.fromEntries(defaults), ...parameters }, stillPort(1));
}

function startOf(random: Random): number {
  return random.chance(0.4) ? 1 : DMA32 - random.from(100, 4000);
}

function bounds(random: Random, startPfn: number): Pick<Stream, 'startPfn' | 'most' | 'limits'> {
  return {
    startPfn,
    most: random.pick([1, 4, 32, 300]),
    limits: [
      DMA32 - 1,
      DMA32 - 1,
      DMA32 - 1,
      DMA32 + 300,
      2 ** 52 - 1,
      startPfn + random.below(3000),
      random.below(2 * DMA32),
      random.below(40),
    ],
  };
}

/** Runs one stream; bursts of frees follow bursts of allocations. */
function play(random: Random, stream: Stream): number {
  // Now and then a long stream: thousands of live ranges.
  const long = random.chance(0.05);
  const operations = long ? random.from(8000, 16_000) : random.from(500, 4000);
  const fills = random.from(5, 9) / 10;
  const burst = long ? 6000 : random.pick([100, 400, 1500]);
  const live: Live[] = [];
  for (let i = 0; i < operations; i++) {
    const freeing = Math.floor(i / burst) % 2 === 1 ? fills : 1 - fills;
    if (random.below(300) === 0) reserve(random, stream);
    else if (random.chance(freeing)) free(random, stream, live);
    else allocate(random, stream, live);
  }
  checkDisjoint(stream, live);
  return operations;
}

function reserve(random: Random, { iova, slow, startPfn }: Stream): void {
  if (!slow.reserve) return;
  const lo = random.from(startPfn, startPfn + 4000);
  const hi = lo + random.below(50);
  iova.reserve(lo, hi);
  slow.reserve(lo, hi);
}

function free(random: Random, { iova, slow, cpus = 1 }: Stream, live: Live[]): void {
  const i = random.below(live.length);
  const freed = live[i];
  if (freed === undefined) return;
  const cpu = cpus > 1 ? random.below(cpus) : 0;
  live[i] = live.at(-1)!;
  live.pop();
  iova.free(freed.pfn, freed.pages, cpu);
  slow.free(freed.pfn, freed.pages, cpu);
}

function allocate(random: Random, stream: Stream, live: Live[]): void {
  const { iova, slow, most, limits, startPfn, cpus = 1 } = stream;
  const pages = random.from(1, most);
  const limit = random.pick(limits);
  const lastTry = random.chance(0.7);
  const cpu = cpus > 1 ? random.below(cpus) : 0;
  const pfn = iova.alloc(pages, limit, cpu, lastTry);
  equal(pfn, slow.alloc(pages, limit, lastTry, cpu), `${pages} pages up to ${limit}`);
  slow.check?.();
  if (pfn === NO_PFN) return;
  const last = pfn + iova.takenPages(pages) - 1;
  ok(pfn >= startPfn && (last <= limit || stream.mayPassLimit), 'outside the domain');
  equal(pfn % stream.align(pages), 0, 'not aligned');
  live.push({ pfn, pages });
}

function checkDisjoint({ iova }: Stream, live: readonly Live[]): void {
  const sorted = live.toSorted((a, b) => a.pfn - b.pfn);
  const overlaps = sorted.filter(({ pfn }, i) => {
    const before = sorted[i - 1];
    return before !== undefined && before.pfn + iova.takenPages(before.pages) > pfn;
  });
  deepEqual(overlaps, [], 'live ranges overlap');
}
