// Random streams of unmaps through flush queues and through slow, obvious ones: every flush and every release.
//
// Held to the rules of queues as well: no more entries than a list takes, nothing released before a flush
// that started after it was queued, and a timer under way while one waits.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { FlushCause, type FlushQueue, flushPolicy, type Parameters, Timers } from '@dmalab/replay';
import {
  SlowBoundedQueue,
  type SlowOptions,
} from '../../packages/replay/test/support/slow-queue.ts';
import { stillPort } from '../../packages/replay/test/support/still-port.ts';
import { queueStream } from '../fuzz/queue-case.ts';
import type { Random } from '../fuzz/random.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { SlowBatchedQueue } from './slow-batched-queue.ts';

/** The queues of the kernels, and those with a bound. */
export const queueCases: readonly ConformanceCase[] = [
  { name: 'percpu, single', run: (random) => queueStream(random).steps },
  { name: 'batched', run: batchedStream },
  { name: 'adaptive', run: (random) => boundedStream(random, 'adaptive') },
  { name: 'exposure-bound', run: (random) => boundedStream(random, 'exposure-bound') },
];

/** A queue and its log. */
interface Driven {
  readonly queue: FlushQueue;
  readonly timers: Timers;
  readonly log: string[];
  /** By CPU: 1 while it is online. */
  readonly online: number[];
}

function batchedStream(random: Random): number {
  const cpus = random.from(1, 5);
  const entries = random.pick([1, 2, 7, 32, 250]);
  const timeoutMs = random.pick([1, 10, 100]);
  const { queue, timers, log, online } = driven('batched', { entries, timeoutMs }, cpus);
  const slow = new SlowBatchedQueue(cpus, entries, timeoutMs * 1e6);
  const steps = random.from(50, 3000);
  let now = 0;
  for (let id = 1; id <= steps; id++) {
    now += random.pick([0, 1000, 1e5, random.below(2e7)]);
    slow.advance(now);
    timers.advance(now);
    const cpu = random.below(cpus);
    if (online[cpu] === 0 || (cpus > 1 && random.chance(0.01))) {
      toggle(cpu, online, queue, slow, now);
      continue;
    }
    const pfn = random.below(2 ** 40);
    const pages = random.from(1, 64);
    queue.queue(pfn, pages, cpu, id);
    slow.queue(now, pfn, pages, cpu, online);
    if (random.chance(0.01)) {
      queue.flush(FlushCause.host, cpu);
      slow.flush(now, cpu);
    }
    deepEqual(log.splice(0), slow.log.splice(0), `unmap ${id}`);
    for (const [list, waiting] of slow.lists.entries()) {
      equal(queue.length(list), waiting.length);
      ok(waiting.length <= entries && (waiting.length === 0 || timers.pending > 0));
    }
  }
  return steps;
}

/** Takes a CPU offline, or brings it back. The last one stays, and timers stay with their CPU here. */
function toggle(
  cpu: number,
  online: number[],
  queue: FlushQueue,
  slow: SlowBatchedQueue,
  now: number,
): void {
  if (online[cpu] === 0) online[cpu] = 1;
  else if (online.filter((state) => state === 1).length > 1) {
    online[cpu] = 0;
    const running = online.indexOf(1);
    queue.cpuDown?.(cpu, running);
    slow.cpuDown(now, cpu, running);
  }
}

function boundedStream(random: Random, name: string): number {
  const cpus = random.from(1, 4);
  const rings = random.pick(['single', 'percpu']);
  const size = random.pick([2, 4, 8, 64]);
  const lists = rings === 'percpu' ? cpus : 1;
  const timeoutMs = random.pick([1, 10, 100]);
  const budget = random.pick([50, 200, 1000]);
  const bound = random.pick([1, 40, 4000]);
  const isAdaptive = name === 'adaptive';
  const parameters = isAdaptive ? { budget, share: 50, timeoutMs } : { bound };
  const options: SlowOptions = {
    lists,
    size,
    timeout: isAdaptive ? timeoutMs * 1e6 : Number.POSITIVE_INFINITY,
    pages: isAdaptive ? budget / 2 : Number.POSITIVE_INFINITY,
    exposure: isAdaptive ? Number.POSITIVE_INFINITY : Math.ceil((bound * 1e9) / 4096),
    releasesAll: !isAdaptive,
  };
  const { queue, timers, log } = driven(name, { ...parameters, rings, size }, cpus);
  const slow = new SlowBoundedQueue(options);
  const steps = random.from(50, 800);
  let now = 0;
  for (let id = 1; id <= steps; id++) {
    now += random.pick([0, 1000, 1e6, random.below(3e7)]);
    slow.advance(now);
    timers.advance(now);
    const cpu = random.below(cpus);
    const pages = random.from(1, 40);
    queue.queue(1000 * id, pages, cpu, id);
    slow.queue(now, 1000 * id, pages, cpu);
    // Rings are released in any order, and of two unmaps that reach the bound at one ns either has the timer.
    const flushed = (lines: string[]): string[] =>
      isAdaptive ? lines : lines.map((line) => line.replace(/ on \d+$/, '')).sort();
    deepEqual(flushed(log.splice(0)), flushed(slow.log.splice(0)), `unmap ${id}`);
    for (const [list, waiting] of slow.lists.entries()) equal(queue.length(list), waiting.length);
  }
  return steps;
}

function driven(name: string, parameters: Parameters, cpus: number): Driven {
  const timers = new Timers(1000, 'ideal');
  const log: string[] = [];
  const online = new Array<number>(cpus).fill(1);
  const policy = flushPolicy(name);
  const defaults = Object.fromEntries(policy.parameters.map((one) => [one.name, one.default]));
  const causes = Object.keys(FlushCause);
  const queue = policy.create(
    { ...defaults, ...parameters },
    {
      ...stillPort(cpus, (cpu, delayMs, callback) => void timers.arm(0, cpu, delayMs, callback)),
      now: () => timers.now,
      isOnline: (cpu) => online[cpu] === 1,
      timerAt: (cpu, ns, callback) => timers.armAt(0, cpu, ns, callback, 0),
      invalidateAll: (cause) => void log.push(`${timers.now} flush ${causes[cause]}`),
      freeIova: (pfn, pages, cpu) => void log.push(`${timers.now} free ${pfn}+${pages} on ${cpu}`),
    },
  );
  return { queue, timers, log, online };
}
