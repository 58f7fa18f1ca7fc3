import { FlushCause, type FlushQueue, flushPolicy, type Parameters, Timers } from '@dmalab/replay';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlowBoundedQueue, type SlowOptions } from './support/slow-queue.ts';
import { stillPort } from './support/still-port.ts';

const MS = 1e6;
const MIB = 256;
const causes = Object.entries(FlushCause);

interface Driven {
  readonly queue: FlushQueue;
  readonly timers: Timers;
  readonly log: string[];
}

/** A queue with its parameters, on `cpus` CPUs, that logs flushes, invalidations and frees. */
function driven(
  name: string,
  parameters: Parameters,
  cpus = 2,
  hostRoom: () => number = () => Number.POSITIVE_INFINITY,
): Driven {
  const timers = new Timers(1000, 'ideal');
  const log: string[] = [];
  const policy = flushPolicy(name);
  const defaults = Object.fromEntries(policy.parameters.map((one) => [one.name, one.default]));
  const queue = policy.create(
    { ...defaults, ...parameters },
    {
      ...stillPort(cpus, (cpu, delayMs, callback) => void timers.arm(0, cpu, delayMs, callback)),
      hostRoom,
      now: () => timers.now,
      timerAt: (cpu, ns, callback) => timers.armAt(0, cpu, ns, callback, 0),
      invalidateAll: (cause) =>
        void log.push(`${timers.now} flush ${causes.find(([, value]) => value === cause)?.[0]}`),
      invalidate: (pfn, pages) => void log.push(`${timers.now} sync ${pfn}+${pages}`),
      freeIova: (pfn, pages, cpu) => void log.push(`${timers.now} free ${pfn}+${pages} on ${cpu}`),
    },
  );
  return { queue, timers, log };
}

test('adaptive flushes at the unmap that reaches its share of the budget', () => {
  const { queue, log } = driven('adaptive', { budget: 100, share: 50 });
  queue.queue(1000, 30, 0, 1);
  queue.queue(2000, 19, 1, 2);
  expect(log).toEqual([]);
  queue.queue(3000, 1, 1, 3);
  expect(log).toEqual([
    '0 flush bound',
    '0 free 1000+30 on 1',
    '0 free 2000+19 on 1',
    '0 free 3000+1 on 1',
  ]);
  expect(queue.queuedEntries()).toBe(0);
});

test('adaptive without a budget of its own follows the room that the host has', () => {
  let room = 60;
  const { queue, log } = driven('adaptive', { budget: 0, share: 50 }, 2, () => room);
  queue.queue(1000, 30, 0, 1);
  expect(log).toEqual([]);
  // 25 pages were mapped elsewhere: of 35 free and 35 waiting, a half waits with this unmap.
  room = 35;
  queue.queue(2000, 5, 0, 2);
  expect(log[0]).toBe('0 flush bound');
  room = Number.POSITIVE_INFINITY;
  queue.queue(3000, 1_000_000, 0, 3);
  expect(queue.queuedEntries()).toBe(1);
});

test('adaptive flushes after its timeout where the unmaps are few', () => {
  const { queue, timers, log } = driven('adaptive', { timeoutMs: 100 });
  queue.queue(1000, 30, 0, 1);
  timers.advance(100 * MS);
  expect(log[0]).toBe(`${100 * MS} flush timeout`);
});

test('a bound on exposure is met to the ns, and sooner the more waits', () => {
  const { queue, timers, log } = driven('exposure-bound', { bound: 2 ** 20 });
  // 1 MiB may wait for a second: half of it is used up when a second MiB comes.
  queue.queue(0x1000, MIB, 0, 1);
  timers.advance(500 * MS);
  queue.queue(0x2000, MIB, 1, 2);
  timers.advance(750 * MS - 1);
  expect(log).toEqual([]);
  timers.advance(750 * MS);
  expect(log).toEqual([
    `${750 * MS} flush bound`,
    `${750 * MS} free ${0x1000}+${MIB} on 1`,
    `${750 * MS} free ${0x2000}+${MIB} on 1`,
  ]);
  timers.advance(10_000 * MS);
  expect(log).toHaveLength(3);
});

test('a bound on exposure begins anew with each flush', () => {
  const { queue, timers, log } = driven('exposure-bound', { bound: 2 ** 20 });
  queue.queue(0x1000, MIB, 0, 1);
  timers.advance(900 * MS);
  queue.flush(FlushCause.host, 0);
  queue.queue(0x2000, MIB, 0, 2);
  timers.advance(1900 * MS - 1);
  expect(log).toHaveLength(2);
  timers.advance(1900 * MS);
  expect(log[2]).toBe(`${1900 * MS} flush bound`);
});

test('a page-selective flush invalidates each range that waits, and nothing else', () => {
  const { queue, timers, log } = driven('page-selective', { rings: 'percpu', size: 3 });
  queue.queue(10, 1, 0, 1);
  queue.queue(20, 2, 0, 2);
  queue.queue(30, 1, 1, 3);
  queue.queue(40, 1, 0, 4);
  expect(log).toEqual(['0 sync 10+1', '0 sync 20+2', '0 free 10+1 on 0', '0 free 20+2 on 0']);
  timers.advance(10 * MS);
  expect(log.slice(4).map((line) => line.split(' ').slice(1).join(' '))).toEqual([
    'sync 40+1',
    'free 40+1 on 0',
    'sync 30+1',
    'free 30+1 on 0',
  ]);
});

const unmaps = fc.array(
  fc.record({
    gap: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 3000 }),
      fc.integer({ max: 4 * MS, min: 0 }),
    ),
    pages: fc.integer({ min: 1, max: 40 }),
    cpu: fc.integer({ min: 0, max: 2 }),
  }),
  { maxLength: 120 },
);

function sameAsSlow(
  name: string,
  shape: (rings: number) => { parameters: Parameters; slow: Omit<SlowOptions, 'lists'> },
): void {
  fc.assert(
    fc.property(fc.constantFrom('single', 'percpu'), unmaps, (rings, steps) => {
      const lists = rings === 'single' ? 1 : 3;
      const { parameters, slow: options } = shape(lists);
      const { queue, timers, log } = driven(name, { ...parameters, rings }, 3);
      const slow = new SlowBoundedQueue({ ...options, lists });
      let now = 0;
      for (const [i, { gap, pages, cpu }] of steps.entries()) {
        now += gap;
        slow.advance(now);
        timers.advance(now);
        queue.queue(100 * i, pages, cpu, i + 1);
        slow.queue(now, 100 * i, pages, cpu);
        expect(slow.exposure(now)).toBeLessThan(options.exposure);
        expect(log).toEqual(slow.log);
        expect(queue.length(cpu)).toBe(slow.lists[cpu % lists]!.length);
        expect(queue.queuedEntries()).toBe(slow.lists.flat().length);
      }
      slow.advance(now + 1e12);
      timers.advance(now + 1e12);
      expect(log).toEqual(slow.log);
      expect(queue.queuedEntries()).toBe(0);
    }),
    { seed: 20_261_126, numRuns: 150 },
  );
}

test('adaptive does what a slow queue does that sums its pages anew at each unmap', () => {
  sameAsSlow('adaptive', () => ({
    parameters: { size: 9, timeoutMs: 5, budget: 200, share: 40 },
    slow: { size: 9, timeout: 5 * MS, pages: 80, exposure: Infinity, releasesAll: false },
  }));
});

test('exposure-bound does what a slow queue does that sums its exposure anew at each ns', () => {
  sameAsSlow('exposure-bound', () => ({
    parameters: { size: 9, bound: 4096 * 0.05 },
    slow: { size: 9, timeout: Infinity, pages: Infinity, exposure: 0.05e9, releasesAll: true },
  }));
});
