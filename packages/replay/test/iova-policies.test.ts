import {
  AllocPath,
  FailCause,
  type IovaAllocator,
  iovaPolicy,
  NO_PFN,
  type Parameters,
  type Port,
} from '@dmalab/replay';
import { expect, test } from 'vitest';
import { domain, machine, type Outcome, ofKind, outcomes } from './support/outcomes.ts';
import { map, unmap } from './support/requests.ts';
import { stillPort } from './support/still-port.ts';

const LIMIT_32 = 0xfffff;

function create(
  name: string,
  parameters: Parameters = {},
  port: Port = stillPort(1),
): IovaAllocator {
  const policy = iovaPolicy(name);
  const defaults = policy.parameters.map((one) => [one.name, one.default] as const);
  return policy.create({ ...Object.fromEntries(defaults), ...parameters }, port);
}

/** Allocates ranges of these sizes below 4 GiB. */
function fill(iova: IovaAllocator, sizes: readonly number[]): number[] {
  return sizes.map((pages) => iova.alloc(pages, LIMIT_32, 0, true));
}

test('linux-rbtree rounds nothing up, and searches for what a cache would have given', () => {
  const iova = create('linux-rbtree');
  expect(fill(iova, [3, 1, 1])).toEqual([0xffffc, 0xffffb, 0xffffa]);
  expect(iova.takenPages(3)).toBe(3);
  iova.free(0xffffb, 1, 0);
  expect(iova.alloc(1, LIMIT_32, 0, true)).toBe(0xffffb);
  expect(iova.work).toMatchObject({ path: AllocPath.rbtree, steps: 1 });
});

test('an alignment cap lets large requests lie closer', () => {
  expect(fill(create('linux-rbtree'), [33, 33])).toEqual([0xfffc0, 0xfff80]);
  const capped = create('linux-rbtree', { alignCapPages: 1 });
  expect(fill(capped, [33, 33])).toEqual([0xfffdf, 0xfffbe]);
  expect(fill(create('linux', { alignCapPages: 16 }), [33, 33])).toEqual([0xfffd0, 0xfffa0]);
});

test('first-fit and augmented take the highest place, the kernel the one below its hint', () => {
  const places = ['linux-rbtree', 'first-fit', 'augmented'].map((name) => {
    const iova = create(name);
    fill(iova, [64, 64, 64]);
    iova.free(0xfff80, 64, 0);
    fill(iova, [128]);
    return iova.alloc(64, LIMIT_32, 0, true);
  });
  expect(places).toEqual([0xffe40, 0xfff80, 0xfff80]);
});

test('augmented goes straight to the gap that first-fit finds range by range', () => {
  const walk = create('first-fit');
  const index = create('augmented');
  const sizes = Array.from({ length: 1000 }, () => 1);
  expect(fill(walk, sizes)).toEqual(fill(index, sizes));
  expect([walk.work.steps, index.work.steps]).toEqual([1000, 11]);
});

test('best-fit takes the smallest gap, and ends at one of exactly the size', () => {
  const iova = create('best-fit');
  const [, a, , b] = fill(iova, [64, 64, 64, 32, 32]);
  iova.free(a!, 64, 0);
  iova.free(b!, 32, 0);
  expect(iova.alloc(16, LIMIT_32, 0, true)).toBe(b! + 16);
  expect(iova.alloc(64, LIMIT_32, 0, true)).toBe(a);
  expect(iova.work.steps).toBe(2);
});

test('s390-bitmap goes up, and one flush for a trip makes what was freed usable again', () => {
  const flushes: number[] = [];
  const port = { ...stillPort(1), invalidateAll: (cause: number) => flushes.push(cause) };
  const iova = create('s390-bitmap', { startPfn: 16, aperturePages: 9 }, port);
  expect(fill(iova, [2, 2, 2])).toEqual([16, 18, 20]);
  for (const pfn of [16, 18]) iova.free(pfn, 2, 0);
  expect([iova.cachedPages(), iova.alloc(1, LIMIT_32, 0, true), flushes]).toEqual([4, 22, []]);
  // One page is left, and it is the last one, which is never used.
  expect([iova.alloc(3, LIMIT_32, 0, false), flushes.length]).toEqual([NO_PFN, 0]);
  expect([iova.alloc(3, LIMIT_32, 0, true), flushes.length]).toEqual([16, 1]);
  expect([iova.cachedPages(), iova.alloc(2, LIMIT_32, 0, true)]).toEqual([0, NO_PFN]);
  expect(iova.work.cause).toBe(FailCause.noGap);
});

test('s390-bitmap crosses no segment boundary, and in strict mode reuses at the next trip', () => {
  const iova = create('s390-bitmap', {
    startPfn: 1,
    aperturePages: 33,
    boundaryPages: 16,
    unmapMode: 'strict',
  });
  expect(fill(iova, [12, 12])).toEqual([1, 16]);
  iova.free(1, 12, 0);
  expect(fill(iova, [4, 12])).toEqual([28, 1]);
});

test('buddy takes the highest block of the smallest order that has one, and merges halves', () => {
  const iova = create('buddy');
  expect(fill(iova, [3, 1, 1])).toEqual([4, 1, 3]);
  expect([iova.takenPages(3), iova.low32Pages()]).toEqual([4, 6]);
  expect(iova.alloc(1, 2 ** 52 - 1, 0, true)).toBe(2);
  for (const pfn of [1, 3, 2]) iova.free(pfn, 1, 0);
  iova.free(4, 3, 0);
  expect(iova.alloc(512, LIMIT_32, 0, true)).toBe(512);
  expect(iova.low32Pages()).toBe(512);
});

test('buddy keeps what is reserved, also under a live block', () => {
  const iova = create('buddy', { startPfn: 8 });
  expect(iova.alloc(8, 15, 0, true)).toBe(8);
  iova.reserve(10, 11);
  iova.free(8, 8, 0);
  expect([1, 2, 3, 4].map(() => iova.alloc(2, 15, 0, true))).toEqual([8, 14, 12, NO_PFN]);
});

test('every allocator places what was live before, and frees it', () => {
  for (const name of ['linux-rbtree', 'first-fit', 'best-fit', 'augmented', 'buddy']) {
    const iova = create(name);
    expect([iova.occupy(33, 5), iova.occupy(37, 1)]).toEqual([true, false]);
    iova.free(33, 5, 0);
    expect(iova.occupy(37, 1)).toBe(true);
  }
});

test('the case of 2017: 32 bits are full, and caches full of 64-bit ranges are emptied in vain', () => {
  const rows = (rcacheFlush: string): Outcome[] =>
    outcomes(
      machine({
        sac: 'always',
        allocator: { name: 'linux', parameters: { kernel: '4.15', rcacheFlush } },
        domains: [domain(), domain({ type: 'DMA', reserved: [[1, 0xffffd]] })],
      }),
      [
        ...[1, 2, 3, 4, 5].map((id) => map(id, id)),
        ...[3, 4, 5].map((id) => unmap(id, id + 10)),
        map(6, 20, { size: 8192 }),
      ],
    );
  const flushed = ofKind('rcacheFlush', rows('always'));
  // Three ranges beyond 4 GiB thrown away, none of them of use to a request below.
  expect(flushed.at(-1)).toMatchObject({ value: 3, steps: 0 });
  expect(ofKind('rcacheFlush', rows('lastChance'))).toEqual([]);
  expect(ofKind('map', rows('always')).at(-1)?.pfn).toBeGreaterThan(LIMIT_32);
});
