import { msToJiffies, Timers, wheelJiffy } from '@dmalab/replay';
import { expect, test } from 'vitest';

const MS = 1e6;

test('a delay is rounded up to whole jiffies', () => {
  expect(msToJiffies(10, 1000)).toBe(10);
  expect(msToJiffies(10, 250)).toBe(3);
  expect(msToJiffies(10, 100)).toBe(1);
  expect(msToJiffies(1000, 250)).toBe(250);
});

test.each([
  [0, 62, 63],
  [0, 63, 64],
  [5, 68, 72],
  [0, 503, 504],
  [0, 504, 512],
  [0, 4031, 4032],
  [0, 4032, 4096],
  [7, 7 + 32256, 32768],
])('the wheel fires a timer armed at jiffy %i for %i at %i', (now, expiry, firing) => {
  expect(wheelJiffy(now, expiry)).toBe(firing);
});

test.each([
  ['ideal', 12.5],
  ['exact', 12],
  ['wheel', 16],
] as const)('mode %s fires a 10 ms timer armed at 2.5 ms, 250 Hz, at %d ms', (mode, ms) => {
  const timers = new Timers(250, mode);
  timers.advance(2.5 * MS);
  timers.arm(0, 0, 10, () => {});
  expect(timers.next).toBe(ms * MS);
});

test('jiffies begin at the tick phase', () => {
  const timers = new Timers(250, 'wheel', 0.75 * MS);
  timers.advance(2.5 * MS);
  timers.arm(0, 0, 10, () => {});
  expect(timers.next).toBe(16.75 * MS);
});

test('timers fire by time, then by arming order, on the CPU that armed them', () => {
  const timers = new Timers(250, 'exact');
  const fired: string[] = [];
  const record = (cpu: number, argument: number) =>
    fired.push(`${argument}@${cpu} ${timers.now / MS}`);
  timers.arm(0, 3, 20, record, 1);
  timers.arm(0, 2, 10, record, 2);
  timers.arm(0, 1, 9, record, 3);
  timers.arm(0, 0, 1, record, 4);
  timers.advance(12 * MS);
  expect(fired).toEqual(['4@0 4', '2@2 12', '3@1 12']);
  expect(timers.pending).toBe(1);
});

test('what a callback arms may fire before the same request', () => {
  const timers = new Timers(1000, 'exact');
  const fired: number[] = [];
  const again = () => {
    fired.push(timers.now / MS);
    timers.arm(0, 0, 3, again);
  };
  timers.arm(0, 0, 3, again);
  timers.advance(10 * MS);
  expect(fired).toEqual([3, 6, 9]);
  expect(timers.now).toBe(10 * MS);
});

test('the clock never goes back', () => {
  const timers = new Timers(250, 'ideal');
  timers.advance(10);
  timers.advance(5);
  expect(timers.now).toBe(10);
});

test('cancelled timers have no effect', () => {
  const timers = new Timers(250, 'ideal');
  const fired: number[] = [];
  timers.arm(1, 0, 1, () => fired.push(1));
  timers.arm(2, 0, 2, () => fired.push(2));
  timers.cancel(1);
  timers.advance(5 * MS);
  expect(fired).toEqual([2]);
});

test('a thousand timers fire in order', () => {
  const timers = new Timers(1000, 'ideal');
  let last = -1;
  let count = 0;
  const check = () => {
    expect(timers.now).toBeGreaterThanOrEqual(last);
    last = timers.now;
    count++;
  };
  for (let i = 0; i < 1000; i++) timers.armAt(0, 0, (i * 7919) % 1009, check, 0);
  timers.advance(2000);
  expect(count).toBe(1000);
});

test('fires when and where a rule says, and as planned where it says nothing', () => {
  const asked: number[][] = [];
  const timers = new Timers(250, 'wheel', 0, (owner, cpu, now, delayMs, planned) => {
    asked.push([owner, cpu, now, delayMs, planned]);
    return owner === 1 ? { time: 23_000_000, cpu: 3 } : null;
  });
  const fired: number[][] = [];
  const note = (cpu: number): void => {
    fired.push([timers.now, cpu]);
  };
  timers.arm(1, 0, 10, note);
  timers.arm(2, 0, 10, note);
  timers.advance(40_000_000);
  expect(asked).toEqual([
    [1, 0, 0, 10, 16_000_000],
    [2, 0, 0, 10, 16_000_000],
  ]);
  expect(fired).toEqual([
    [16_000_000, 0],
    [23_000_000, 3],
  ]);
});
