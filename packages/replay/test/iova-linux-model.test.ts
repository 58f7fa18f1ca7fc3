import { createLinuxIova, type LinuxIova, NO_PFN } from '@dmalab/replay';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../src/structures/random.ts';
import { SlowIova } from './support/slow-iova.ts';
import { stillPort } from './support/still-port.ts';

const CPUS = 3;
const DMA32 = 1048576;
const START = DMA32 - 700;

interface Step {
  readonly kind:
    | 'alloc'
    | 'allocTree'
    | 'free'
    | 'freeTree'
    | 'reserve'
    | 'flushCpu'
    | 'flushGlobal';
  readonly pages: number;
  readonly limit: number;
  readonly cpu: number;
  readonly flag: boolean;
  /** Picks one of the live ranges. */
  readonly pick: number;
}

const limit = fc.oneof(
  { weight: 4, arbitrary: fc.constant(DMA32 - 1) },
  { weight: 2, arbitrary: fc.constant(DMA32 + 300) },
  { weight: 1, arbitrary: fc.integer({ min: START - 2, max: DMA32 + 10 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 1, arbitrary: fc.constant(2 ** 52 - 1) },
);
const kind = fc.oneof(
  { weight: 12, arbitrary: fc.constant('alloc' as const) },
  { weight: 2, arbitrary: fc.constant('allocTree' as const) },
  { weight: 10, arbitrary: fc.constant('free' as const) },
  { weight: 2, arbitrary: fc.constant('freeTree' as const) },
  { weight: 1, arbitrary: fc.constantFrom('reserve', 'flushCpu', 'flushGlobal' as const) },
);
const step: fc.Arbitrary<Step> = fc.record({
  kind,
  pages: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 80 })),
  limit,
  cpu: fc.integer({ min: 0, max: CPUS - 1 }),
  flag: fc.boolean(),
  pick: fc.nat(),
});
const steps = fc.array(step, { minLength: 50, maxLength: 400, size: 'max' });

interface Live {
  readonly pfn: number;
  readonly pages: number;
}

/** Runs one step on any of the two allocators; the pfn of an allocation, else 0. */
function run(
  iova: LinuxIova | SlowIova,
  { kind, pages, limit, cpu, flag }: Step,
  live?: Live,
): number {
  if (kind === 'alloc') return iova.alloc(pages, limit, cpu, flag);
  if (kind === 'allocTree') return iova.allocTree(pages, limit, flag);
  if (kind === 'free' && live) iova.free(live.pfn, live.pages, cpu);
  if (kind === 'freeTree' && live) iova.freeTree(live.pfn);
  if (kind === 'reserve') iova.reserve(limit - pages, limit);
  if (kind === 'flushCpu') iova.flushCpu(cpu);
  if (kind === 'flushGlobal') iova.flushGlobal();
  return 0;
}

/** Takes the range out of `live` that the step frees. */
function taken(live: Live[], { kind, pick }: Step): Live | undefined {
  if (kind !== 'free' && kind !== 'freeTree') return undefined;
  return live.length === 0 ? undefined : live.splice(pick % live.length, 1)[0];
}

function hintLo(lo: number): number {
  return lo === Number.POSITIVE_INFINITY ? NO_PFN : lo;
}

function checkAgainstModel(kernel: string, depotLimit: number): void {
  const property = fc.property(steps, (steps) => {
    const iova = createLinuxIova({ kernel, startPfn: START }, stillPort(CPUS));
    const slow = new SlowIova(CPUS, START, DMA32, depotLimit);
    const live: Live[] = [];
    for (const step of steps) {
      const freed = taken(live, step);
      const pfn = run(iova, step, freed);
      expect(pfn).toBe(run(slow, step, freed));
      if (pfn > 0) live.push({ pfn, pages: step.pages });
      const { ranges } = slow;
      expect(iova.nodes()).toBe(ranges.length - 1);
      expect([iova.max32(), iova.cachedLo(), iova.cached32Lo()]).toEqual([
        slow.max32,
        hintLo(slow.cached.lo),
        hintLo(slow.cached32.lo),
      ]);
    }
    for (const { lo, hi } of slow.ranges.slice(0, -1)) {
      const node = iova.find(lo);
      expect([iova.nodeLo(node), iova.nodeHi(node)]).toEqual([lo, hi]);
    }
    const cached = slow.cachedRanges().reduce((sum, { lo, hi }) => sum + hi - lo + 1, 0);
    expect(iova.cachedPages()).toBe(cached);
  });
  fc.assert(property, { numRuns: 150, seed: 1 });
}

test('does what a sorted list with array magazines does (6.12)', () => {
  checkAgainstModel('6.12', Number.POSITIVE_INFINITY);
});

test('does what a sorted list with array magazines does (6.1)', () => {
  checkAgainstModel('6.1', 32);
});

test('does what a sorted list does where small ranges fill all there is, and large ones come later', () => {
  const startPfn = DMA32 - 4096;
  const iova = createLinuxIova({ startPfn }, stillPort(CPUS));
  const slow = new SlowIova(CPUS, startPfn, DMA32, Number.POSITIVE_INFINITY);
  const random = seededRandom(7);
  const live: Live[] = [];
  const copy = iova.emptyCopy();
  const structures = new Set<string>();
  for (let i = 0; i < 9000; i++) {
    const cpu = i % CPUS;
    if (i === 1500) iova.reserve(DMA32 - 50, DMA32 + 50);
    if (i === 1500) slow.reserve(DMA32 - 50, DMA32 + 50);
    if (random() < (i < 6000 ? 0.6 : 0.4)) {
      const pages = i < 6000 ? 2 ** Math.floor(random() * 4) : 33 + Math.floor(random() * 30);
      const pfn = iova.alloc(pages, DMA32 - 1, cpu, true);
      expect(pfn).toBe(slow.alloc(pages, DMA32 - 1, cpu, true));
      if (pfn > 0) live.push({ pfn, pages });
    } else if (live.length > 0) {
      const [freed] = live.splice(Math.floor(random() * live.length), 1);
      iova.free(freed!.pfn, freed!.pages, cpu);
      slow.free(freed!.pfn, freed!.pages, cpu);
    }
    expect([iova.max32(), iova.cachedLo(), iova.cached32Lo(), iova.nodes()]).toEqual([
      slow.max32,
      hintLo(slow.cached.lo),
      hintLo(slow.cached32.lo),
      slow.ranges.length - 1,
    ]);
    structures.add(iova.tree.ranges.constructor.name);
    if (i % 500 === 0) {
      iova.save(copy);
      iova.restore(copy);
    }
  }
  expect([...structures]).toEqual(['RangeTree', 'PageRanges']);
  expect(iova.tree.ranges.constructor.name).toBe('RangeTree');
});

test('fills and empties depots as the model does', () => {
  for (const [kernel, depotLimit] of [
    ['6.12', Number.POSITIVE_INFINITY],
    ['6.1', 32],
  ] as const) {
    const iova = createLinuxIova({ kernel }, stillPort(CPUS));
    const slow = new SlowIova(CPUS, 1, DMA32, depotLimit);
    for (let round = 0; round < 3; round++) {
      const pfns = Array.from({ length: 6000 }, (_, i) => {
        const pfn = iova.alloc(2, DMA32 - 1, i % CPUS, true);
        expect(pfn).toBe(slow.alloc(2, DMA32 - 1, i % CPUS, true));
        return pfn;
      });
      for (const [i, pfn] of pfns.entries()) {
        iova.free(pfn, 2, i % 2);
        slow.free(pfn, 2, i % 2);
      }
      expect(iova.depotSize(1)).toBe(slow.depots[1]!.length);
      expect(iova.nodes()).toBe(slow.ranges.length - 1);
    }
    iova.flushGlobal();
    slow.flushGlobal();
    expect(iova.cached32Lo()).toBe(hintLo(slow.cached32.lo));
    expect(iova.nodes()).toBe(slow.ranges.length - 1);
  }
});

test('live and cached ranges are disjoint, and what is allocated keeps to its bounds', () => {
  const property = fc.property(steps, (steps) => {
    const iova = createLinuxIova({ startPfn: START }, stillPort(CPUS));
    const live: Live[] = [];
    for (const step of steps.filter(({ kind }) => kind !== 'reserve' && kind !== 'allocTree')) {
      const pfn = run(iova, step, taken(live, step));
      if (pfn <= 0) continue;
      const { pages } = iova.work;
      expect(pfn).toBeGreaterThanOrEqual(START);
      // A limit below the size wraps in the cache and lets any cached range through.
      if (step.limit + 1 >= pages) expect(pfn + pages - 1).toBeLessThanOrEqual(step.limit);
      if (pages <= 32) expect(pfn % pages).toBe(0);
      for (const other of live) {
        const reaches = other.pages <= 32 ? roundUp(other.pages) : other.pages;
        expect(pfn + pages <= other.pfn || other.pfn + reaches <= pfn).toBe(true);
      }
      live.push({ pfn, pages: step.pages });
    }
    for (const { pfn } of live) expect(iova.nodeLo(iova.find(pfn))).toBe(pfn);
    const depots = [0, 1, 2, 3, 4, 5].reduce((sum, k) => sum + iova.depotSize(k), 0);
    expect(iova.nodes()).toBe(live.length + iova.rcache.cpuPfns() + 127 * depots);
  });
  fc.assert(property, { numRuns: 60, seed: 2 });
});

test('after a restore the future is the same, in this allocator and in another one', () => {
  const property = fc.property(steps, steps, (past, future) => {
    const iova = createLinuxIova({ startPfn: START }, stillPort(CPUS));
    const other = createLinuxIova({ startPfn: START }, stillPort(CPUS));
    const live: Live[] = [];
    play(iova, past, live);
    const copy = iova.emptyCopy();
    iova.save(copy);
    const first = play(iova, future, [...live]);
    iova.restore(copy);
    expect(play(iova, future, [...live])).toEqual(first);
    other.restore(copy);
    expect(play(other, future, [...live])).toEqual(first);
    iova.save(copy);
    expect([iova.treeDigest(), iova.cacheDigest(), iova.low32Pages(), iova.cachedPages()]).toEqual([
      other.treeDigest(),
      other.cacheDigest(),
      other.low32Pages(),
      other.cachedPages(),
    ]);
  });
  fc.assert(property, { numRuns: 60, seed: 3 });
});

/** All pfns and the state of the hints after each step. */
function play(iova: LinuxIova, steps: readonly Step[], live: Live[]): number[] {
  return steps.flatMap((step) => {
    const pfn = run(iova, step, taken(live, step));
    if (pfn > 0) live.push({ pfn, pages: step.pages });
    return [pfn, iova.max32(), iova.cachedLo(), iova.cached32Lo(), iova.nodes()];
  });
}

function roundUp(pages: number): number {
  return 2 ** Math.ceil(Math.log2(pages));
}
