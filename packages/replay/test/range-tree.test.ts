import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GapSearch } from '../src/structures/gap-search.ts';
import { ANCHOR, NO_RANGE, RangeTree, rangeTreeCopy } from '../src/structures/range-tree.ts';

/** A tree of one-page ranges. */
function filled(pfns: readonly number[]): RangeTree {
  const tree = new RangeTree();
  for (const pfn of pfns) tree.insertBelow(tree.lowestFrom(pfn), pfn, pfn);
  return tree;
}

function inOrder(tree: RangeTree): number[] {
  const pfns: number[] = [];
  for (let at = tree.lowest(); at !== ANCHOR; at = tree.above(at)) pfns.push(tree.lo(at));
  return pfns;
}

function downwards(tree: RangeTree): number[] {
  const pfns: number[] = [];
  for (let at = tree.below(ANCHOR); at !== NO_RANGE; at = tree.below(at)) pfns.push(tree.lo(at));
  return pfns;
}

test('keeps ranges in order and finds the one that contains a pfn', () => {
  const tree = new RangeTree();
  tree.insertBelow(ANCHOR, 100, 199);
  tree.insertBelow(tree.find(100), 10, 19);
  const low = tree.lowest();
  const high = tree.above(low);
  expect([tree.find(10), tree.find(19), tree.find(20)]).toEqual([low, low, NO_RANGE]);
  expect([tree.find(150), tree.find(2 ** 52)]).toEqual([high, NO_RANGE]);
  expect([tree.lowestFrom(10), tree.lowestFrom(11), tree.lowestFrom(101)]).toEqual([
    low,
    high,
    ANCHOR,
  ]);
  expect([tree.lowestReaching(19), tree.lowestReaching(20)]).toEqual([low, high]);
});

test('insertions and removals in any order keep the order, the ranks and both directions', () => {
  const pfns = fc.uniqueArray(fc.nat(20_000), { minLength: 1, maxLength: 3000, size: 'max' });
  fc.assert(
    fc.property(pfns, fc.nat(), fc.constantFrom(2, 3, 40), (pfns, stride, keep) => {
      const tree = filled(pfns);
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

test('a copy brings back the order, the free nodes and the size', () => {
  const tree = filled([5, 3, 9, 1, 7]);
  tree.remove(tree.find(3));
  const copy = rangeTreeCopy();
  tree.save(copy);
  for (let pfn = 1000; pfn > 500; pfn--) tree.insertBelow(tree.lowestFrom(pfn), pfn, pfn);
  for (const pfn of [1, 5, 9]) tree.remove(tree.find(pfn));
  tree.restore(copy);
  expect(inOrder(tree)).toEqual([1, 5, 7, 9]);
  expect(tree.size).toBe(4);
});

/** What the kernel does: from range to range. Returns the pfn and the ranges visited. */
function walk(
  tree: RangeTree,
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
    const tree = new RangeTree();
    const gaps = new GapSearch(tree);
    let pfn = 1;
    for (const { room, pages } of ranges) {
      tree.insertBelow(ANCHOR, pfn + room, pfn + room + pages - 1);
      pfn += room + pages;
    }
    for (const { start, end, low, pages, aligned, removed } of queries) {
      for (const one of removed) {
        const at = tree.find(one % pfn);
        if (at !== NO_RANGE) tree.remove(at);
      }
      const align = aligned ? 2 ** Math.ceil(Math.log2(pages)) : 1;
      const from = start % 4 === 0 ? ANCHOR : tree.lowestFrom(start % pfn);
      const request = [end, low, pages, align] as const;
      const [found, steps] = walk(tree, from, request);
      const above = gaps.down(from, ...request);
      expect([above === NO_RANGE ? NO_RANGE : gaps.pfn[0], gaps.steps]).toEqual([found, steps]);
      if (above !== NO_RANGE) tree.insertBelow(above, found, found + pages - 1);
    }
  });
  fc.assert(property, { numRuns: 120, seed: 4 });
});
