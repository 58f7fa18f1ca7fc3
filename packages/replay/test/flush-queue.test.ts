import { FlushCause, flushPolicy, LazyQueue, type Port, policyKit, Timers } from '@dmalab/replay';
import { expect, test } from 'vitest';

const MS = 1e6;

/** A port that writes down what the queue does, with the virtual time in ms. */
function recorder(cpus: number): { port: Port; timers: Timers; log: string[] } {
  const timers = new Timers(1000, 'ideal');
  const log: string[] = [];
  const ms = () => timers.now / MS;
  const port: Port = {
    kit: policyKit,
    cpus,
    shift: 12,
    now: () => timers.now,
    isOnline: () => true,
    onlineCpus: () => cpus,
    timer: (cpu, delayMs, callback) => timers.arm(0, cpu, delayMs, callback),
    timerAt: (cpu, ns, callback) => timers.armAt(0, cpu, ns, callback, 0),
    invalidateAll: (cause: FlushCause) => log.push(`${ms()} flush ${cause}`),
    invalidate: (pfn, pages) => log.push(`${ms()} sync ${pfn}+${pages}`),
    freeIova: (pfn, pages, cpu, queuedAt) =>
      log.push(`${ms()} free ${pfn}+${pages} on ${cpu} after ${(timers.now - queuedAt) / MS}`),
    count: () => {},
  };
  return { port, timers, log };
}

function lazy(port: Port, perCpu: boolean, size = 4, timerCpu = -1): LazyQueue {
  return new LazyQueue({ perCpu, size, timeoutMs: 10, timerCpu }, port);
}

test('strict invalidates and frees at once', () => {
  const { port, log } = recorder(1);
  const queue = flushPolicy('strict').create({}, port);
  queue.queue(100, 2, 0, 1);
  expect(log).toEqual(['0 sync 100+2', '0 free 100+2 on 0 after 0']);
  expect(queue.queuedEntries()).toBe(0);
});

test('a full flush releases its own ring; others follow at their next unmap', () => {
  const { port, timers, log } = recorder(2);
  const queue = lazy(port, true);
  queue.queue(10, 1, 1, 1);
  for (let i = 0; i < 4; i++) queue.queue(20 + i, 1, 0, 2 + i);
  expect(log).toEqual([
    '0 flush 0',
    '0 free 20+1 on 0 after 0',
    '0 free 21+1 on 0 after 0',
    '0 free 22+1 on 0 after 0',
  ]);
  timers.advance(2 * MS);
  queue.queue(11, 1, 1, 6);
  expect(log.at(-1)).toBe('2 free 10+1 on 1 after 2');
  expect([queue.length(0), queue.length(1), queue.queuedEntries()]).toEqual([1, 1, 2]);
});

test('the timer flushes every ring in the order of the CPUs, on the CPU that armed it', () => {
  const { port, timers, log } = recorder(3);
  const queue = lazy(port, true);
  queue.queue(10, 1, 2, 1);
  queue.queue(20, 1, 0, 2);
  timers.advance(10 * MS);
  expect(log).toEqual(['10 flush 1', '10 free 20+1 on 2 after 10', '10 free 10+1 on 2 after 10']);
});

test('the timer can be bound to one CPU', () => {
  const { port, timers, log } = recorder(3);
  lazy(port, true, 4, 1).queue(10, 1, 2, 1);
  timers.advance(10 * MS);
  expect(log.at(-1)).toBe('10 free 10+1 on 1 after 10');
});

test('the CPU of the timer must exist', () => {
  expect(() => lazy(recorder(3).port, true, 4, 3)).toThrow(
    new RangeError('timerCpu: got 3, expected a CPU below 3'),
  );
});

test('a full flush does not cancel the timer, which flushes whatever it finds', () => {
  const { port, timers, log } = recorder(1);
  const queue = lazy(port, true);
  for (let i = 0; i < 4; i++) queue.queue(i, 1, 0, 1 + i);
  timers.advance(10 * MS);
  expect(log.filter((line) => line.includes('flush'))).toEqual(['0 flush 0', '10 flush 1']);
  expect(timers.pending).toBe(0);
  queue.queue(9, 1, 0, 9);
  expect(timers.next).toBe(20 * MS);
});

test('CPUs share a single queue', () => {
  const { port, timers, log } = recorder(2);
  const queue = lazy(port, false);
  queue.queue(10, 1, 0, 1);
  queue.queue(11, 1, 1, 2);
  expect([queue.length(0), queue.length(1)]).toEqual([2, 2]);
  timers.advance(10 * MS);
  expect(log).toEqual(['10 flush 1', '10 free 10+1 on 0 after 10', '10 free 11+1 on 0 after 10']);
});

test('a host out of resources has every ring flushed and released at once; the timer stays armed', () => {
  const { port, timers, log } = recorder(2);
  const queue = lazy(port, true);
  queue.queue(10, 1, 1, 1);
  queue.queue(20, 1, 0, 2);
  timers.advance(3 * MS);
  queue.flush(FlushCause.host, 1);
  expect(log).toEqual(['3 flush 2', '3 free 20+1 on 1 after 3', '3 free 10+1 on 1 after 3']);
  expect([queue.queuedEntries(), timers.pending]).toEqual([0, 1]);
});

test('a ring of 5 entries holds 4 and wraps', () => {
  const { port, log } = recorder(1);
  const queue = lazy(port, true, 5);
  const lengths = [];
  for (let i = 0; i < 11; i++) {
    queue.queue(i, 1, 0, 1 + i);
    lengths.push(queue.length(0));
  }
  expect(lengths).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3]);
  expect(log.filter((line) => line.includes('free'))).toHaveLength(8);
});

test.each([true, false])(
  'a queue is never longer than its size less one, a timer waits while it holds a range (per CPU: %s)',
  (perCpu) => {
    const { port, timers, log } = recorder(4);
    const queue = lazy(port, perCpu, 8);
    let random = 7;
    for (let i = 1; i <= 5000; i++) {
      random = (random * 48_271) % 2_147_483_647;
      timers.advance(timers.now + (random % 2) * MS);
      const cpu = random % 4;
      queue.queue(i, 1, cpu, i);
      expect(queue.length(cpu)).toBeLessThanOrEqual(7);
      expect(timers.pending).toBe(1);
    }
    timers.advance(timers.now + 20 * MS);
    expect(queue.queuedEntries()).toBe(0);
    expect(log.filter((line) => line.includes('free')).length).toBe(5000);
  },
);
