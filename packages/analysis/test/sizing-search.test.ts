import { parseGoal } from '@dmalab/analysis';
import { describe, expect, test } from 'vitest';
import { descending, powersOfTwo, steps } from '../src/sizing/grid.ts';
import { type Found, searchGrid } from '../src/sizing/search.ts';

interface Outcome extends Found {
  readonly tries: number;
}

function search(
  grid: ReturnType<typeof steps>,
  start: number,
  passes: (value: number) => boolean,
  guess: number | null = null,
): Outcome {
  const tried = new Set<number>();
  const found = searchGrid(grid, grid.indexFrom(start), 14, (index) => {
    expect(tried.has(index)).toBe(false);
    tried.add(index);
    return { passes: passes(grid.at(index)), isHopeless: false, guess, excess: null };
  });
  return { ...found, tries: tried.size };
}

describe('search', () => {
  test('finds every limit among the powers of two, and the value before it', () => {
    const grid = powersOfTwo(128, 2 ** 20);
    for (let limit = 1; limit < grid.length; limit++) {
      const { answer, below, tries } = search(grid, 32_768, (slots) => slots >= grid.at(limit));
      expect([answer, below]).toEqual([limit, limit - 1]);
      expect(tries).toBeLessThan(12);
    }
  });

  test('a good guess makes it short: the answer, the value before it, and two beyond', () => {
    const { answer, tries } = search(powersOfTwo(128, 2 ** 20), 32_768, (n) => n >= 4096, 3296);
    expect([answer, tries]).toEqual([5, 5]);
  });

  test('the first value of the grid has none before it', () => {
    const found = search(powersOfTwo(128, 2 ** 20), 32_768, () => true);
    expect(found).toMatchObject({ answer: 0, below: null });
  });

  test('no answer where even the last value fails', () => {
    const found = search(powersOfTwo(128, 2 ** 20), 32_768, () => false);
    expect(found).toMatchObject({ answer: null, below: 13 });
  });

  test('an answer next to a value that fails is given up for one beyond', () => {
    // 4096 and 8192 would do, if 16384 did not fail.
    const passes = (slots: number): boolean => slots >= 4096 && slots !== 16_384;
    const grid = powersOfTwo(128, 2 ** 20);
    const found = search(grid, 32_768, passes, 4096);
    expect(found).toMatchObject({ isMonotone: false });
    expect(grid.at(found.answer!)).toBe(32_768);
    expect(grid.at(found.below!)).toBe(16_384);
  });

  test('an answer with one that fails beyond it is better than none', () => {
    const grid = powersOfTwo(128, 2 ** 20);
    const found = search(grid, 32_768, (slots) => slots === 4096 || slots === 8192, 4096);
    expect(found).toMatchObject({ answer: null });
    const near = search(grid, 4096, (slots) => slots === 4096 || slots === 8192);
    expect(near).toMatchObject({ answer: 5, below: 4, isMonotone: false });
  });

  test('a fine grid is searched to the last entry as far as the tries reach', () => {
    const grid = steps(1, 2 ** 30, 1);
    for (const limit of [1, 2, 77, 213, 4000, 65_535]) {
      const { answer, below, tries } = search(grid, 65_535, (n) => n >= limit);
      expect(tries).toBeLessThanOrEqual(14);
      expect(grid.at(answer!)).toBeGreaterThanOrEqual(limit);
      expect(grid.at(answer!) / limit).toBeLessThan(1.05);
      if (below !== null) expect(grid.at(below)).toBeLessThan(limit);
    }
  });

  test('the largest value is the first of the descending grid', () => {
    const grid = descending(powersOfTwo(2, 1024));
    const { answer, below } = search(grid, 256, (size) => size <= 64);
    expect([grid.at(answer!), grid.at(below!)]).toEqual([64, 128]);
  });
});

describe('goals', () => {
  test.each([
    ['no-failures', 'failures', 0],
    ['failures<=50ppm', 'failures', 50e-6],
    ['failures <= 0.01%', 'failures', 1e-4],
    ['hiwater<=80%', 'hiwater', 0.8],
    ['p99<=20us', 'p99', 20_000],
    ['invalidations<=5', 'invalidations', 5],
  ])('%s', (typed, figure, bound) => {
    expect(parseGoal(typed)).toMatchObject({ figure, bound });
  });

  test.each(['', 'fails<=1', 'hiwater<=80', 'p99<=20', 'p99>20us', 'failures<=x'])(
    '"%s" is refused',
    (typed) => {
      expect(() => parseGoal(typed)).toThrow(RangeError);
    },
  );
});
