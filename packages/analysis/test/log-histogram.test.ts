import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogHistogram, RELATIVE_ERROR } from '../src/structures/log-histogram.ts';

function histogramOf(values: readonly number[]): LogHistogram {
  const histogram = new LogHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

/** Nearest rank by sorting. */
function quantile(values: readonly number[], permille: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((permille * values.length) / 1000)) - 1]!;
}

test('zero is a legal value', () => {
  const histogram = histogramOf([0, 0, 0, 5]);
  expect(histogram.quantile(500)).toBe(0);
  expect(histogram.quantile(750)).toBe(0);
  expect(histogram.quantile(751)).toBe(5);
  expect(histogram.zeros).toBe(3);
});

test('the median of two values is the smaller one (nearest rank)', () => {
  expect(histogramOf([10, 20]).quantile(500)).toBe(10);
});

test('integers below 1024 are exact', () => {
  for (const value of [1, 2, 511, 512, 513, 1023]) {
    expect(histogramOf([value, value, 5000]).quantile(500)).toBe(value);
  }
});

test('fractions keep the stated error, too', () => {
  for (const value of [1.6, 258.6, 514.6, 1023.4]) {
    const reported = histogramOf([value, value, 5000]).quantile(500);
    expect(Math.abs(reported - value) / value).toBeLessThanOrEqual(RELATIVE_ERROR);
  }
});

test('the last rank is the exact maximum', () => {
  expect(histogramOf([1, 123_456_789]).quantile(999)).toBe(123_456_789);
});

test('an empty histogram has no quantile', () => {
  expect(histogramOf([]).quantile(500)).toBeNaN();
  expect(histogramOf([]).bins(32)).toEqual([]);
});

test('a quantile is within the stated relative error of the sorted one', () => {
  const values = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 48 })), {
    minLength: 1,
    maxLength: 300,
  });
  const permille = fc.constantFrom(1, 500, 900, 990, 999);
  fc.assert(
    fc.property(values, permille, (values, permille) => {
      const truth = quantile(values, permille);
      const got = histogramOf(values).quantile(permille);
      expect(Math.abs(got - truth)).toBeLessThanOrEqual(truth * RELATIVE_ERROR);
    }),
  );
});

test('bins hold every value once, zeros apart', () => {
  const histogram = histogramOf([0, 1, 1, 40, 41, 1e9]);
  expect(histogram.bins(32)).toEqual([
    { lo: 0, hi: 0, count: 1 },
    { lo: 1, hi: 1.03125, count: 2 },
    { lo: 40, hi: 41, count: 1 },
    { lo: 41, hi: 42, count: 1 },
    { lo: 989_855_744, hi: 1_006_632_960, count: 1 },
  ]);
});
