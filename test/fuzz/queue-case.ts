// A random stream of unmaps through a lazy flush queue and through a slow, obvious one.
//
// Also holds the queue to its own rules: a ring never holds more than size - 1 entries, the timer is
// on whenever one waits, and nothing is released before a flush that started after it was queued.

import { deepEqual, equal } from 'node:assert/strict';
import { FlushCause, flushPolicy, type Port, Timers } from '@dmalab/replay';
import { stillPort } from '../../packages/replay/test/support/still-port.ts';
import type { Random } from './random.ts';
import { SlowQueue } from './slow-queue.ts';

/** Runs one stream; throws where the two differ. Returns what was done. */
export function queueCase(random: Random): string {
  return queueStream(random).text;
}

/** As {@link queueCase}, with the number of unmaps. */
export function queueStream(random: Random): { readonly text: string; readonly steps: number } {
  const name = random.pick(['percpu', 'single']);
  const cpus = random.from(1, 5);
  const size = random.pick([2, 3, 4, 7, 8, 64, 100, 256]);
  const timeoutMs = random.pick([1, 10, 100]);
  const steps = random.from(50, 3000);
  const timers = new Timers(1000, 'ideal');
  const log: string[] = [];
  const slowLog: string[] = [];
  const queue = flushPolicy(name).create(
    { size, timeoutMs, timerCpu: -1 },
    port(cpus, timers, log),
  );
  const slow = new SlowQueue(name === 'single' ? 1 : cpus, size, timeoutMs, slowLog);
  let now = 0;
  for (let id = 1; id <= steps; id++) {
    now += random.pick([0, 1000, 1e6, random.below(3e7)]);
    while (slow.deadline !== null && slow.deadline <= now) slow.timeout();
    timers.advance(now);
    const cpu = random.below(cpus);
    const pfn = random.below(2 ** 40);
    const pages = random.from(1, 64);
    queue.queue(pfn, pages, cpu, id);
    slow.queue(now, pfn, pages, cpu, id);
    if (random.chance(0.01)) {
      queue.flush(FlushCause.host, cpu);
      slow.flush(now, cpu);
    }
    deepEqual(log.splice(0), slowLog.splice(0), `unmap ${id}`);
    for (const [at, list] of slow.lists.entries()) equal(queue.length(at), list.length);
    equal(queue.queuedEntries(), slow.lists.flat().length);
    equal(timers.pending, 1);
  }
  return { text: `${name} queue of ${size}, ${cpus} CPUs, ${steps} unmaps`, steps };
}

function port(cpus: number, timers: Timers, log: string[]): Port {
  const causes = Object.entries(FlushCause);
  return {
    ...stillPort(cpus, (cpu, delayMs, callback) => {
      timers.arm(0, cpu, delayMs, callback);
    }),
    now: () => timers.now,
    invalidateAll: (cause) => {
      log.push(`${timers.now} flush ${causes.find(([, value]) => value === cause)?.[0]}`);
    },
    freeIova: (pfn, pages, cpu, queuedAt, id) => {
      const after = timers.now - queuedAt;
      log.push(`${timers.now} free ${pfn}+${pages} on ${cpu} id ${id} after ${after}`);
    },
  };
}
