import { expect, test } from 'vitest';
import { meterText } from '../src/progress-meter.ts';

const MB = { name: 'MB', size: 1e6 };

test('what is done, the speed, and the time for the rest', () => {
  expect(meterText('t', MB, 120e6, 480e6, 2000)).toBe('t: 120 of 480 MB, 60.0 MB/s, 6 s left');
  expect(meterText('t', MB, 1e6, 7201e6, 1000)).toBe('t: 1.00 of 7,201 MB, 1.00 MB/s, 2.0 h left');
});

test('no time without a total, no speed in the first second', () => {
  expect(meterText('t', MB, 120e6, null, 2000)).toBe('t: 120 MB, 60.0 MB/s');
  expect(meterText('t', MB, 12e6, 480e6, 500)).toBe('t: 12.0 of 480 MB');
});
