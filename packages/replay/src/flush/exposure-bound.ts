// Lazy unmapping with a bound on exposure: the integral of bytes times the time they stay reachable.
//
// Not in any kernel: instead of a timeout, the moment at which what waits will reach the bound. That
// moment is known exactly and moves forward with each unmap, so that a high-resolution timer is armed
// anew; one that was armed for a later moment finds that it is not the moment. See
// docs/models/flush-queue.md.
//
// Between two flushes the integral never exceeds the bound by more than one ns of what waits.

import { FlushCause, type FlushPolicy, type FlushQueue, type Port } from '../policy.ts';
import { lazyQueueOptions, ringParameters, ringsParameter } from './lazy-parameters.ts';
import { LazyQueue, type LazyQueueOptions } from './lazy-queue.ts';

const NS_PER_SECOND = 1e9;

/** A lazy queue that is flushed when its exposure reaches a bound, or when full. */
export const exposureBound: FlushPolicy = {
  kind: 'flush',
  name: 'exposure-bound',
  summary: 'lazy: flushed when the bytes that wait, times the time they waited, reach a bound',
  parameters: [
    ringsParameter,
    ...ringParameters(32_768),
    {
      name: 'bound',
      type: 'number',
      default: 65_536,
      range: [0.001, 1e15],
      unit: 'byte seconds',
      summary: 'integral of unmapped bytes over the time until a flush; 65536: 6.5 MB for 10 ms',
    },
  ],
  create: (parameters, port) => {
    const pageNs = (Number(parameters.bound) * NS_PER_SECOND) / 2 ** port.shift;
    const options = lazyQueueOptions(parameters, parameters.rings === 'percpu');
    return new ExposureQueue(options, pageNs, port);
  },
};

class ExposureQueue implements FlushQueue {
  readonly shared: boolean;
  readonly #queue: LazyQueue;
  readonly #port: Port;
  readonly #timerCpu: number;
  /** Pages times ns. */
  readonly #bound: number;
  /** The integral since the last flush, up to the time `since`. */
  #exposure = 0;
  #since = 0;
  /** When the bound is reached if nothing more comes. */
  #deadline = Number.POSITIVE_INFINITY;
  readonly #onTimer = (cpu: number): void => {
    if (this.#port.now() === this.#deadline) this.flush(FlushCause.bound, cpu);
  };

  constructor(options: LazyQueueOptions, bound: number, port: Port) {
    this.#queue = new LazyQueue(options, port);
    this.shared = !options.perCpu;
    this.#port = port;
    this.#timerCpu = options.timerCpu;
    this.#bound = bound;
  }

  queue(pfn: number, pages: number, cpu: number, id: number): void {
    const queue = this.#queue;
    const now = this.#port.now();
    const { flushes } = queue;
    this.#exposure += queue.exposedPages * (now - this.#since);
    this.#since = now;
    queue.queue(pfn, pages, cpu, id);
    if (queue.flushes !== flushes) {
      // Nothing but this timer would come for what a full ring of one CPU covered in those of others.
      this.#exposure = 0;
      queue.releaseAll(cpu);
    }
    this.#arm(now, cpu);
  }

  flush(cause: FlushCause, cpu: number): void {
    this.#exposure = 0;
    this.#since = this.#port.now();
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#queue.flush(cause, cpu);
  }

  length(cpu: number): number {
    return this.#queue.length(cpu);
  }

  queuedEntries(): number {
    return this.#queue.queuedEntries();
  }

  #arm(now: number, cpu: number): void {
    const left = (this.#bound - this.#exposure) / this.#queue.exposedPages;
    this.#deadline = now + Math.max(1, Math.ceil(left));
    this.#port.timerAt(this.#timerCpu < 0 ? cpu : this.#timerCpu, this.#deadline, this.#onTimer);
  }
}
