import {
  AGE_BOUNDS,
  createLinuxIova,
  createStaticBounce,
  dryPort,
  FailStage,
  type FreeRegion,
  freeSpace,
  type IovaAllocator,
  iovaPolicies,
  NO_PFN,
  NO_SLOT,
  Reach,
  replay,
  type StateSample,
  seededRandom,
  USABLE_SIZES,
} from '@dmalab/replay';
import { expect, test } from 'vitest';
import { device, domain, machine } from './support/outcomes.ts';
import { map, type Row, source, unmap } from './support/requests.ts';

const LIMIT = 0x1fff;

/** A few thousand random operations; what is live afterwards, by first pfn, with its pages. */
function churn(iova: IovaAllocator, seed: number): Map<number, number> {
  const random = seededRandom(seed);
  const live = new Map<number, number>();
  for (let i = 0; i < 3000; i++) {
    if (random() < 0.55) {
      const pages = 1 + Math.floor(2 ** (7 * random()));
      const pfn = iova.alloc(pages, LIMIT, Math.floor(2 * random()), true);
      if (pfn !== NO_PFN) live.set(pfn, pages);
    } else {
      const [pfn, pages] = [...live][Math.floor(live.size * random())] ?? [0, 0];
      if (pages === 0) continue;
      live.delete(pfn);
      iova.free(pfn, pages, Math.floor(2 * random()));
    }
  }
  return live;
}

const withFreeRanges = iovaPolicies.map((policy) => [policy.name, policy] as const);

test.each(withFreeRanges)(
  '%s: every page is live, cached, reserved or free, and no two',
  (_, policy) => {
    const defaults = policy.parameters.map((one) => [one.name, one.default] as const);
    const parameters = { ...Object.fromEntries(defaults), startPfn: 16 };
    const small =
      policy.name === 's390-bitmap' ? { aperturePages: 0x1ff1, unmapMode: 'strict' } : {};
    const iova = policy.create({ ...parameters, ...small }, dryPort(2));
    iova.reserve(0x800, 0x8ff);
    const states = Array.from<string>({ length: LIMIT + 1 }).fill('');
    const mark = (state: string, lo: number, hi: number): void => {
      for (let pfn = lo; pfn <= Math.min(hi, LIMIT); pfn++) states[pfn] += state;
    };
    for (const [pfn, pages] of churn(iova, 7)) mark('live', pfn, pfn + iova.takenPages(pages) - 1);
    mark('reserved', 0x800, 0x8ff);
    iova.cachedRanges?.((pfn, pages) => mark('cached', pfn, pfn + pages - 1));
    iova.freeRanges!((lo, hi) => mark('free', lo, hi));
    expect(
      states.findIndex((state, pfn) =>
        pfn >= 16 ? !/^(live|reserved|cached|free)$/.test(state) : state !== '',
      ),
    ).toBe(-1);
    const free = freeSpace((visit) => iova.freeRanges!(visit), 16, LIMIT, 2 ** 20, true);
    expect(free.below4G.pages).toBe(states.filter((state) => state === 'free').length);
    expect(free.below4G.pages).toBeGreaterThan(100);
  },
);

/** Counts by looking at every place, page by page. */
function slowRegion(
  isFree: readonly boolean[],
  from: number,
  to: number,
  aligned: boolean,
): FreeRegion {
  const usable = new Float64Array(USABLE_SIZES);
  const runs: number[] = [];
  let pages = 0;
  for (let pfn = from; pfn < to; pfn++) {
    if (!isFree[pfn]) continue;
    pages++;
    if (pfn === from || !isFree[pfn - 1]) runs.push(0);
    runs[runs.length - 1]!++;
  }
  for (let k = 0; k < USABLE_SIZES; k++) {
    const size = 2 ** k;
    for (let pfn = from; pfn + size <= to; ) {
      const fits = isFree.slice(pfn, pfn + size).every(Boolean) && (!aligned || pfn % size === 0);
      if (fits) usable[k]! += size;
      pfn += fits ? size : 1;
    }
  }
  return { pages, gaps: runs.length, largest: Math.max(0, ...runs), usable };
}

test.each([true, false])(
  'free space is what a count of every page finds (aligned: %s)',
  (aligned) => {
    const random = seededRandom(3);
    const isFree = Array.from(
      { length: 3000 },
      (_, pfn) => Math.floor(pfn / 7) % 9 > 0 || random() < 0.3,
    );
    const ranges = (visit: (lo: number, hi: number) => void): void => {
      for (let lo = 0; lo < isFree.length; lo++) {
        if (!isFree[lo] || isFree[lo - 1]) continue;
        const hi = isFree.indexOf(false, lo);
        visit(lo, hi < 0 ? isFree.length + 5000 : hi - 1);
      }
    };
    expect(freeSpace(ranges, 20, 2900, 1000, aligned)).toEqual({
      below4G: slowRegion(isFree, 20, 1000, aligned),
      above4G: slowRegion(isFree, 1000, 2901, aligned),
    });
  },
);

test('a cached range knows when it came, whatever its magazine went through', () => {
  const iova = createLinuxIova({ kernel: '6.1', magazineSize: 4 } as never, dryPort(2));
  const freedAt = new Map<number, number>();
  const random = seededRandom(5);
  const live: number[] = [];
  for (let ns = 1; ns < 4000; ns++) {
    const cpu = Math.floor(2 * random());
    if (random() < 0.5 || live.length === 0) {
      // Limits differ, so that a magazine is searched below its top.
      const pfn = iova.alloc(2, random() < 0.3 ? 0xff000 : 0xfffff, cpu, true);
      live.push(pfn);
      freedAt.delete(pfn);
    } else {
      const [pfn] = live.splice(Math.floor(live.length * random()), 1);
      iova.free(pfn!, 2, cpu);
      iova.noteCached(2, cpu, ns);
      freedAt.set(pfn!, ns);
    }
  }
  let ranges = 0;
  let inDepot = 0;
  iova.cachedRanges((pfn, pages, cpu, ns) => {
    expect([pages, ns]).toEqual([2, freedAt.get(pfn)]);
    ranges++;
    if (cpu < 0) inDepot++;
  });
  expect(ranges * 2).toBe(iova.cachedPages());
  expect(inDepot).toBeGreaterThan(0);
});

test('runs of free slots end with their set of 128', () => {
  const bounce = createStaticBounce(
    { slots: 512, areas: 1, start: 67_108_864, kernel: '6.12' },
    { cpus: 1 },
  );
  const owner = {
    index: 0,
    minAlignMask: 0,
    segBoundary: 0xffff_ffff,
    dmaMask: 2 ** 64,
    busDmaLimit: 0,
  };
  const runs = (): number[] => {
    const found: number[] = [];
    bounce.freeRuns((slots) => found.push(slots));
    return found;
  };
  expect(runs()).toEqual([128, 128, 128, 128]);
  const [, second] = Array.from({ length: 3 }, () => bounce.map(0, 2048 * 10, 0, owner, 0, false));
  expect(runs()).toEqual([98, 128, 128, 128]);
  bounce.unmap(second!, owner);
  expect(runs()).toEqual([10, 98, 128, 128, 128]);
  while (bounce.map(0, 2048, 0, owner, 0, false) !== NO_SLOT);
  expect(runs()).toEqual([]);
});

function samples(rows: readonly Row[], changes: Parameters<typeof machine>[0] = {}): StateSample[] {
  return Array.from(replay(machine(changes), source(rows)), ({ samples }) => [...samples]).flat();
}

test('a look at the end tells what is free, cached and queued, and for how long', () => {
  // Three maps of a page; one unmap is flushed after 10 ms, one waits.
  const rows = [map(1, 0), map(2, 10), map(3, 20), unmap(1, 1e6), map(4, 100e6, { size: 8192 })];
  const [end] = samples([...rows, unmap(2, 200e6)]).slice(-1);
  const own = end!.domains[0]!;
  expect(end).toMatchObject({ time: 210e6, reason: 'end', pool: null });
  expect(own).toMatchObject({ domain: 1, nodes: 4, low32Pages: 5, queuedLow32Pages: 0 });
  const { below4G } = own.free!;
  expect(below4G).toMatchObject({ pages: 0x100000 - 1 - 5, gaps: 2, largest: 0xffff9 });
  expect(own.cached).toMatchObject({ cpuRanges: 2, depotRanges: 0, pages: 2, low32Ranges: 2 });
  const ages = [...own.cached!.ages];
  expect(ages.map((count, k) => [AGE_BOUNDS[k], count]).filter(([, count]) => count !== 0)).toEqual(
    [
      [1e6, 1],
      [1e9, 1],
    ],
  );
});

test('the first failure for want of an address is looked at, with nothing free for it', () => {
  const rows = Array.from({ length: 40 }, (_, i) => map(i + 1, i, { size: 65_536 }));
  const space = domain({ apertureEnd: 0x7ffff });
  const found = samples(rows, { domains: [space, space] }).filter(
    ({ reason }) => reason === 'failure',
  );
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ time: 7, stage: FailStage.iova });
  // 127 pages hold seven of 16, and 15 below the first multiple of 16.
  expect(found[0]!.domains[0]!.free!.below4G).toMatchObject({ pages: 15, gaps: 1, largest: 15 });
  expect([...found[0]!.domains[0]!.free!.below4G.usable].slice(0, 5)).toEqual([15, 14, 12, 8, 0]);
});

test('a map tells which limits it tried', () => {
  const reaches = (maskBits: number, rows: readonly Row[], pci = true): number[] => {
    const devices = [device({}), device({ name: 'a', maskBits, pci })];
    const run = replay(machine({ devices }), source(rows));
    return Array.from(run, ({ reach, length }) => [...reach.slice(0, length)]).flat();
  };
  const large = 2 ** 31;
  expect(reaches(32, [map(1, 0)])).toEqual([Reach.low]);
  expect(reaches(64, [map(1, 0)])).toEqual([Reach.low]);
  expect(reaches(64, [map(1, 0)], false)).toEqual([Reach.wide]);
  expect(
    reaches(
      64,
      [1, 2].map((id) => map(id, id, { size: large })),
    ),
  ).toEqual([Reach.low, Reach.none, Reach.lowThenWide]);
});
