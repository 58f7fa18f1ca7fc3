import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GapSearch } from '../src/structures/gap-search.ts';
import { PageRanges, pageRangesCopy } from '../src/structures/page-ranges.ts';
import { PageSearch } from '../src/structures/page-search.ts';
import { RangeTree, rangeTreeCopy } from '../src/structures/range-tree.ts';
import { type Gaps, NO_RANGE, type Ranges } from '../src/structures/ranges.ts';

/** One-page ranges. */
function filled<T extends Ranges>(ranges: T, pfns: readonly number[]): T {
  for (const pfn of pfns) ranges.insertBelow(ranges.lowestFrom(pfn), pfn, pfn);
  return ranges;
}

function inOrder(tree: Ranges): number[] {
  const pfns: number[] = [];
  for (let at = tree.lowest(); at !== tree.anchor; at = tree.above(at)) pfns.push(tree.lo(at));
  return pfns;
}

function downwards(tree: Ranges): number[] {
  const pfns: number[] = [];
  for (let at = tree.below(tree.anchor); at !== NO_RANGE; at = tree.below(at))
    pfns.push(tree.lo(at));
  return pfns;
}

/** What the kernel does: from range to range. Returns the pfn and the ranges visited. */
function walk(
  tree: Ranges,
  start: number,
  [end, low, pages, align]: readonly [number, number, number, number],
): [number, number] {
  let high = end;
  let steps = 0;
  for (let at = start; at !== NO_RANGE; at = tree.below(at)) {
    high = Math.min(high, tree.lo(at));
    steps++;
    const pfn = Math.floor((high - pages) / align) * align;
    if (pfn < low || pfn < 0) return [NO_RANGE, steps];
    const below = tree.below(at);
    if (below === NO_RANGE || tree.hi(below) < pfn) return [pfn, steps];
  }
  throw new Error('the walk has no end');
}

interface Kind {
  readonly make: () => Ranges;
  readonly search: (ranges: Ranges) => Gaps;
}

const rows: Kind = {
  make: () => new RangeTree(),
  search: (ranges) => new GapSearch(ranges as RangeTree),
};
const pages: Kind = {
  make: () => new PageRanges(),
  search: (ranges) => new PageSearch(ranges as PageRanges, new Float64Array(1)),
};

describe.each([
  ['rows', rows],
  ['bits of pages', pages],
] as const)('ranges as %s', (_, { make, search }) => {
  test('keeps ranges in order and finds the one that contains a pfn', () => {
    const tree = make();
    tree.insertBelow(tree.anchor, 100, 199);
    tree.insertBelow(tree.find(100), 10, 19);
    const low = tree.lowest();
    const high = tree.above(low);
    expect([tree.find(10), tree.find(19), tree.find(20)]).toEqual([low, low, NO_RANGE]);
    expect([tree.find(150), tree.find(2 ** 52)]).toEqual([high, NO_RANGE]);
    expect([tree.lowestFrom(10), tree.lowestFrom(11), tree.lowestFrom(101)]).toEqual([
      low,
      high,
      tree.anchor,
    ]);
    expect([tree.lowestReaching(19), tree.lowestReaching(20)]).toEqual([low, high]);
  });

  test('insertions and removals in any order keep the order, the ranks and both directions', () => {
    const pfns = fc.uniqueArray(fc.nat(20_000), { minLength: 1, maxLength: 3000, size: 'max' });
    fc.assert(
      fc.property(pfns, fc.nat(), fc.constantFrom(2, 3, 40), (pfns, stride, keep) => {
        const tree = filled(make(), pfns);
        const kept = new Set(pfns.filter((_, i) => (i * 7 + stride) % keep === 0));
        for (const pfn of pfns) if (!kept.has(pfn)) tree.remove(tree.find(pfn));
        const expected = [...kept].sort((a, b) => a - b);
        expect(inOrder(tree)).toEqual(expected);
        expect(downwards(tree)).toEqual(expected.toReversed());
        expect(tree.size).toBe(expected.length);
        for (const [i, pfn] of expected.entries()) {
          expect(tree.lo(tree.find(pfn))).toBe(pfn);
          expect(tree.rank(tree.find(pfn))).toBe(expected.length - i);
        }
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  test('a search finds what a walk finds, and counts the ranges of the walk', () => {
    const range = fc.record({ room: fc.nat(20), pages: fc.integer({ min: 1, max: 20 }) });
    const ranges = fc.array(range, { minLength: 1, maxLength: 4000, size: 'max' });
    const query = fc.record({
      start: fc.nat(),
      end: fc.nat(60_000),
      low: fc.nat(20_000),
      pages: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(2, 4, 8, 16, 32, 3000)),
      aligned: fc.boolean(),
      removed: fc.array(fc.nat(), { maxLength: 30 }),
    });
    const property = fc.property(ranges, fc.array(query, { maxLength: 60 }), (ranges, queries) => {
      const tree = make();
      const gaps = search(tree);
      let pfn = 1;
      for (const { room, pages } of ranges) {
        tree.insertBelow(tree.anchor, pfn + room, pfn + room + pages - 1);
        pfn += room + pages;
      }
      for (const { start, end, low, pages, aligned, removed } of queries) {
        for (const one of removed) {
          const at = tree.find(one % pfn);
          if (at !== NO_RANGE) tree.remove(at);
        }
        const align = aligned ? 2 ** Math.ceil(Math.log2(pages)) : 1;
        const from = start % 4 === 0 ? tree.anchor : tree.lowestFrom(start % pfn);
        const request = [end, low, pages, align] as const;
        const [found, steps] = walk(tree, from, request);
        const above = gaps.down(from, ...request);
        expect([above === NO_RANGE ? NO_RANGE : gaps.pfn[0], gaps.steps]).toEqual([found, steps]);
        // Not every place that is found is taken.
        if (above !== NO_RANGE && start % 5 > 0) gaps.fill(above, found, found + pages - 1);
      }
    });
    fc.assert(property, { numRuns: 80, seed: 4 });
  });
});

test('a copy of rows brings back the order, the free nodes and the size', () => {
  const tree = filled(new RangeTree(), [5, 3, 9, 1, 7]);
  tree.remove(tree.find(3));
  const copy = rangeTreeCopy();
  tree.save(copy);
  for (let pfn = 1000; pfn > 500; pfn--) tree.insertBelow(tree.lowestFrom(pfn), pfn, pfn);
  for (const pfn of [1, 5, 9]) tree.remove(tree.find(pfn));
  tree.restore(copy);
  expect(inOrder(tree)).toEqual([1, 5, 7, 9]);
  expect(tree.size).toBe(4);
});

test('a copy of bits brings back the order, the regions and the size', () => {
  const tree = filled(new PageRanges(), [5, 3, 9, 1, 7]);
  tree.remove(tree.find(3));
  const copy = pageRangesCopy();
  tree.save(copy);
  for (let pfn = 1_000_000; pfn > 500_000; pfn -= 999)
    tree.insertBelow(tree.lowestFrom(pfn), pfn, pfn);
  for (const pfn of [1, 5, 9]) tree.remove(tree.find(pfn));
  tree.restore(copy);
  expect(inOrder(tree)).toEqual([1, 5, 7, 9]);
  expect(tree.size).toBe(4);
});

test('a range over many regions takes no memory but at its ends', () => {
  const ranges = new PageRanges();
  const gaps = new PageSearch(ranges, new Float64Array(1));
  ranges.insertBelow(ranges.anchor, 5000, 2 ** 40);
  ranges.insertBelow(ranges.anchor, 2 ** 41, 2 ** 41 + 9);
  expect(ranges.regions.length).toBe(3);
  expect([ranges.find(2 ** 30), ranges.find(2 ** 40 + 1)]).toEqual([5000, NO_RANGE]);
  expect([ranges.hi(5000), ranges.rank(5000)]).toEqual([2 ** 40, 2]);
  expect(gaps.down(5000, 2 ** 39, 0, 8, 8)).not.toBe(NO_RANGE);
  expect(gaps.pfn[0]).toBe(4992);
  expect(gaps.down(ranges.anchor, 2 ** 41, 2 ** 40, 2 ** 20, 2 ** 20)).not.toBe(NO_RANGE);
  expect([gaps.pfn[0], gaps.steps]).toEqual([2 ** 41 - 2 ** 20, 2]);
  ranges.remove(5000);
  expect([ranges.find(2 ** 30), ranges.lowest()]).toEqual([NO_RANGE, 2 ** 41]);
});
