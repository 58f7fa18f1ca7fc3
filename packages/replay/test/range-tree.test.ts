import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ANCHOR, BOTTOM, RangeTree, rangeTreeCopy } from '../src/structures/range-tree.ts';

/** A tree of one-page ranges, and the same pfns in order. */
function filled(pfns: readonly number[]): RangeTree {
  const tree = new RangeTree();
  for (const pfn of pfns) tree.insertAbove(tree.prev(tree.lowestFrom(pfn)), pfn, pfn);
  return tree;
}

function inOrder(tree: RangeTree): number[] {
  const pfns: number[] = [];
  for (let node = tree.next(BOTTOM); node !== ANCHOR; node = tree.next(node)) {
    pfns.push(tree.lo(node));
  }
  return pfns;
}

test('keeps ranges in order and finds the one that contains a pfn', () => {
  const tree = new RangeTree();
  const high = tree.insertAbove(BOTTOM, 100, 199);
  const low = tree.insertAbove(BOTTOM, 10, 19);
  expect([tree.find(10), tree.find(19), tree.find(20)]).toEqual([low, low, BOTTOM]);
  expect([tree.find(150), tree.find(2 ** 52)]).toEqual([high, BOTTOM]);
  expect([tree.lowestFrom(10), tree.lowestFrom(11), tree.lowestFrom(101)]).toEqual([
    low,
    high,
    ANCHOR,
  ]);
  expect([tree.lowestReaching(19), tree.lowestReaching(20)]).toEqual([low, high]);
});

test('insertions and removals in any order keep the order', () => {
  const pfns = fc.uniqueArray(fc.nat(5000), { minLength: 1, maxLength: 700, size: 'max' });
  fc.assert(
    fc.property(pfns, fc.nat(), (pfns, stride) => {
      const tree = filled(pfns);
      const kept = pfns.filter((_, i) => (i * 7 + stride) % 3 !== 0);
      for (const pfn of pfns) if (!kept.includes(pfn)) tree.remove(tree.find(pfn));
      const expected = kept.toSorted((a, b) => a - b);
      expect(inOrder(tree)).toEqual(expected);
      expect(tree.size).toBe(expected.length);
      for (const pfn of expected) expect(tree.lo(tree.find(pfn))).toBe(pfn);
    }),
    { numRuns: 60, seed: 1 },
  );
});

test('a copy brings back the order, the free nodes and the size', () => {
  const tree = filled([5, 3, 9, 1, 7]);
  tree.remove(tree.find(3));
  const copy = rangeTreeCopy();
  tree.save(copy);
  for (let pfn = 1000; pfn > 500; pfn--)
    tree.insertAbove(tree.prev(tree.lowestFrom(pfn)), pfn, pfn);
  for (const pfn of [1, 5, 9]) tree.remove(tree.find(pfn));
  tree.restore(copy);
  expect(inOrder(tree)).toEqual([1, 5, 7, 9]);
  expect(tree.size).toBe(4);
});
