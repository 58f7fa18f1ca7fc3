import { AllocPath, createLinuxIova, FailCause, type LinuxIova, NO_PFN } from '@dmalab/replay';
import { expect, test } from 'vitest';
import { stillPort } from './support/still-port.ts';

const T = NO_PFN;
const LIMIT_32 = 1048575;
const LIMIT_48 = 68719476735;

function domain(cpus: number, kernel = '6.12'): LinuxIova {
  return createLinuxIova({ kernel }, stillPort(cpus));
}

/** max32_alloc_size, and lo of both hints. */
function state(iova: LinuxIova): number[] {
  return [iova.max32(), iova.cachedLo(), iova.cached32Lo()];
}

test('goes down from the top, aligns to the next power of two, and reuses what its CPU freed', () => {
  const iova = domain(2);
  const max32 = 1048576;
  expect(iova.alloc(1, LIMIT_32, 0, true)).toBe(1048575);
  expect(state(iova)).toEqual([max32, T, 1048575]);
  expect(iova.alloc(3, LIMIT_32, 0, true)).toBe(1048568);
  expect(state(iova)).toEqual([max32, T, 1048568]);
  expect(iova.alloc(1, LIMIT_32, 0, true)).toBe(1048567);
  expect(state(iova)).toEqual([max32, T, 1048567]);
  expect(iova.alloc(33, LIMIT_32, 0, true)).toBe(1048512);
  expect(state(iova)).toEqual([max32, T, 1048512]);
  iova.free(1048568, 3, 0);
  expect(state(iova)).toEqual([max32, T, 1048512]);
  expect(iova.alloc(4, LIMIT_32, 1, true)).toBe(1048508);
  expect(state(iova)).toEqual([max32, T, 1048508]);
  expect(iova.alloc(4, LIMIT_32, 0, true)).toBe(1048568);
  expect(iova.work.path).toBe(AllocPath.rcache);
  iova.free(1048567, 1, 1);
  expect(state(iova)).toEqual([max32, T, 1048508]);
  expect(iova.alloc(1, LIMIT_32, 0, true)).toBe(1048507);
  expect(state(iova)).toEqual([max32, T, 1048507]);
  expect(iova.alloc(1, 1048574, 1, false)).toBe(1048567);
  expect(state(iova)).toEqual([max32, T, 1048507]);
  expect(iova.alloc(1, LIMIT_48, 0, true)).toBe(68719476735);
  expect(state(iova)).toEqual([max32, 68719476735, 1048507]);
});

test('finds gaps above the hint in a second pass, and remembers the smallest size that did not fit', () => {
  const iova = domain(1);
  const max32 = 1048576;
  expect(iova.alloc(1, LIMIT_32, 0, true)).toBe(1048575);
  expect(iova.alloc(40, LIMIT_32, 0, true)).toBe(1048512);
  expect(iova.alloc(40, LIMIT_32, 0, true)).toBe(1048448);
  expect(state(iova)).toEqual([max32, T, 1048448]);
  iova.free(1048512, 40, 0);
  expect(state(iova)).toEqual([max32, T, 1048575]);
  expect(iova.alloc(64, LIMIT_32, 0, true)).toBe(1048384);
  expect(state(iova)).toEqual([max32, T, 1048384]);
  expect(iova.alloc(40, LIMIT_32, 0, true)).toBe(1048320);
  expect(state(iova)).toEqual([max32, T, 1048320]);
  expect(iova.alloc(70, LIMIT_48, 0, true)).toBe(68719476608);
  expect(state(iova)).toEqual([max32, 68719476608, 1048320]);
  expect(iova.alloc(524288, LIMIT_32, 0, false)).toBe(NO_PFN);
  expect(iova.work.cause).toBe(FailCause.noGap);
  expect(state(iova)).toEqual([524288, 68719476608, 1048320]);
  expect(iova.alloc(600000, LIMIT_32, 0, false)).toBe(NO_PFN);
  expect(iova.work.cause).toBe(FailCause.max32);
  expect(state(iova)).toEqual([524288, 68719476608, 1048320]);
  iova.free(1048448, 40, 0);
  expect(state(iova)).toEqual([max32, 68719476608, 1048575]);
  expect(iova.alloc(524287, LIMIT_32, 0, false)).toBe(NO_PFN);
  expect(state(iova)).toEqual([524287, 68719476608, 1048575]);
  expect(iova.alloc(40, LIMIT_32, 0, false)).toBe(1048512);
  expect(state(iova)).toEqual([524287, 68719476608, 1048512]);
});

test('a failed request of a narrow device makes every 32-bit request fail', () => {
  const iova = domain(1);
  iova.reserve(1, 4095);
  expect(iova.alloc(1, 4095, 0, false)).toBe(NO_PFN);
  expect(state(iova)).toEqual([1, T, T]);
  expect(iova.alloc(1, LIMIT_32, 0, false)).toBe(NO_PFN);
  expect(iova.alloc(1, LIMIT_32, 0, true)).toBe(NO_PFN);
  expect(state(iova)).toEqual([1, T, T]);
  expect(iova.alloc(1, LIMIT_48, 0, true)).toBe(68719476735);
  expect(state(iova)).toEqual([1, 68719476735, T]);
  iova.free(68719476735, 1, 0);
  expect(state(iova)).toEqual([1, 68719476735, T]);
  expect(iova.alloc(1, LIMIT_32, 0, false)).toBe(NO_PFN);
  expect(state(iova)).toEqual([1, 68719476735, T]);
});

test('counts the nodes that a search visits', () => {
  const iova = domain(1);
  iova.alloc(1, LIMIT_32, 0, true);
  expect(iova.work.steps).toBe(1);
  iova.alloc(40, LIMIT_32, 0, true);
  iova.reserve(1048000, 1048400);
  // From the hint at 1048512 below the reservation at 1048000: two nodes.
  expect(iova.alloc(128, LIMIT_32, 0, true)).toBe(1047808);
  expect(iova.work).toMatchObject({ steps: 2, tries: 1, path: AllocPath.rbtree });
});

test('a last try empties the caches of all CPUs and searches again', () => {
  const counted: [string, number][] = [];
  const port = stillPort(
    2,
    () => {},
    (name, n) => counted.push([name, n]),
  );
  const iova = createLinuxIova({ startPfn: 1048572 }, port);
  const pfns = [0, 1, 2, 3].map(() => iova.alloc(1, LIMIT_32, 0, false));
  expect(pfns).toEqual([1048575, 1048574, 1048573, 1048572]);
  for (const pfn of pfns) iova.free(pfn, 1, 1);
  expect(iova.cachedPages()).toBe(4);
  expect(iova.alloc(2, LIMIT_32, 0, false)).toBe(NO_PFN);
  expect(counted).toEqual([]);
  expect(iova.alloc(2, LIMIT_32, 0, true)).toBe(1048574);
  expect(iova.work).toMatchObject({ path: AllocPath.rbtreeAfterFlush, tries: 2 });
  expect(counted).toEqual([
    ['usefulRanges', 4],
    ['rcacheFlush', 4],
  ]);
});

test('the depot of 6.12 keeps full magazines and trims one per 100 ms down to the online CPUs', () => {
  const armed: [number, number, (cpu: number) => void][] = [];
  const port = stillPort(1, (cpu, delayMs, callback) => armed.push([cpu, delayMs, callback]));
  const iova = createLinuxIova({}, port);
  const pfns = Array.from({ length: 127 * 5 }, () => iova.alloc(2, LIMIT_48, 0, true));
  for (const pfn of pfns) iova.free(pfn, 2, 0);
  expect(iova.depotSize(1)).toBe(3);
  expect(armed).toHaveLength(1);
  expect(armed[0]!.slice(0, 2)).toEqual([0, 100]);
  armed[0]![2](0);
  expect(iova.trim).toEqual({ sizeClass: 1, ranges: 127 });
  armed[1]![2](0);
  armed[2]![2](0);
  expect(iova.trim).toEqual({ sizeClass: 1, ranges: 0 });
  expect(armed).toHaveLength(3);
  expect(iova.depotSize(1)).toBe(1);
  expect(iova.nodes()).toBe(127 * 3);
});

test('the depot of 6.1 holds 32 magazines, the next full one goes to the tree', () => {
  const iova = domain(1, '6.1');
  const pfns = Array.from({ length: 127 * 34 + 1 }, () => iova.alloc(1, LIMIT_48, 0, true));
  for (const pfn of pfns) iova.free(pfn, 1, 0);
  expect(iova.depotSize(0)).toBe(32);
  expect(iova.nodes()).toBe(127 * 33 + 1);
  expect(iova.cachedPages()).toBe(127 * 33 + 1);
});

test('a range at pfn 0 is a failure that keeps its place', () => {
  const iova = createLinuxIova({ startPfn: 0 }, stillPort(1));
  expect(iova.alloc(33, 32, 0, true)).toBe(NO_PFN);
  expect(iova.nodes()).toBe(1);
});

test('a reservation that overlaps live ranges lets them grow downwards', () => {
  const iova = domain(1);
  iova.alloc(2, 999, 0, true);
  expect(iova.nodeLo(iova.find(998))).toBe(998);
  iova.reserve(990, 1005);
  expect([iova.nodeLo(iova.find(998)), iova.nodeHi(iova.find(998))]).toEqual([990, 999]);
  expect([iova.nodeLo(iova.find(1000)), iova.nodeHi(iova.find(1000))]).toEqual([1000, 1005]);
  expect(iova.low32Pages()).toBe(10);
});

test('a range that was live before the replay must not overlap', () => {
  const iova = domain(1);
  iova.reserve(100, 200);
  expect(iova.occupy(96, 4)).toBe(true);
  expect(iova.occupy(200, 1)).toBe(false);
  expect(iova.occupy(96, 1)).toBe(false);
  expect(iova.low32Pages()).toBe(4);
  iova.free(96, 4, 0);
  expect(iova.alloc(4, LIMIT_32, 0, true)).toBe(96);
});

test('kernels before 5.11 do not look above the hint, 4.9 always flushes', () => {
  for (const [kernel, pfn] of [
    ['4.15', NO_PFN],
    ['6.12', 1048574],
  ] as const) {
    const iova = createLinuxIova({ kernel, startPfn: 1048568 }, stillPort(1));
    for (let i = 0; i < 8; i++) iova.allocTree(1, LIMIT_32, true);
    iova.freeTree(1048574);
    iova.freeTree(1048568);
    iova.allocTree(1, 1048568, true);
    expect(iova.alloc(1, LIMIT_32, 0, false)).toBe(pfn);
  }
  const old = createLinuxIova({ kernel: '4.9', startPfn: 1048574 }, stillPort(2));
  old.free(old.alloc(1, LIMIT_32, 0, false), 1, 0);
  expect(old.alloc(1, LIMIT_32, 1, false)).toBe(1048575);
});

test('an unknown kernel is refused with the known ones', () => {
  expect(() => createLinuxIova({ kernel: '5.0' }, stillPort(1))).toThrow(
    'Unknown kernel "5.0" for an IOVA policy, expected one of: 6.12, 6.6, 6.1, 4.15, 4.9',
  );
});

test('kernel 4.9 rounds every size, keeps off the lowest place, and looks at the first page of cached ranges only', () => {
  const iova = domain(1, '4.9');
  expect(iova.alloc(33, LIMIT_32, 0, true)).toBe(LIMIT_32 - 63);
  expect(iova.takenPages(33)).toBe(64);
  const small = createLinuxIova({ kernel: '4.9', startPfn: LIMIT_32 - 1 }, stillPort(1));
  expect(small.alloc(1, LIMIT_32, 0, true)).toBe(LIMIT_32);
  expect(small.alloc(1, LIMIT_32, 0, true)).toBe(NO_PFN);
  const pfn = iova.alloc(4, LIMIT_32, 0, true);
  iova.free(pfn, 4, 0);
  // The range ends three pages beyond the limit. One that begins at the limit is left alone.
  expect(iova.alloc(4, pfn, 0, true)).not.toBe(pfn);
  expect(iova.alloc(4, pfn + 1, 0, true)).toBe(pfn);
});

test('kernel 4.9 goes back to the top when a 64-bit range is freed', () => {
  const iova = domain(1, '4.9');
  const high = iova.alloc(64, LIMIT_48, 0, true);
  const [a] = [iova.alloc(64, LIMIT_32, 0, true), iova.alloc(64, LIMIT_32, 0, true)];
  iova.free(a!, 64, 0);
  iova.alloc(64, LIMIT_32, 0, true);
  expect(iova.cached32Lo()).toBe(a);
  iova.free(high, 64, 0);
  expect(iova.cached32Lo()).toBe(NO_PFN);
});
