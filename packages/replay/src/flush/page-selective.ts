// Lazy unmapping whose flush invalidates the queued ranges one by one, and nothing else.
//
// Not in any kernel: for IOMMUs in which a flush of everything costs more than some of its parts, as
// emulated ones; see docs/models/flush-queue.md. A full ring invalidates its own ranges, the timer those
// of all rings. Whatever is invalidated is released at once.

import type { FlushCause, FlushPolicy, FlushQueue, Port } from '../policy.ts';
import { createRing, nextEntry, type Ring, ringLength } from '../structures/ring.ts';
import { lazyParameters, lazyQueueOptions, ringsParameter } from './lazy-parameters.ts';
import type { LazyQueueOptions } from './lazy-queue.ts';

/** A lazy queue with one invalidation per queued range, when full or after the timeout. */
export const pageSelective: FlushPolicy = {
  kind: 'flush',
  name: 'page-selective',
  summary: 'lazy: as single, but a flush invalidates each queued range instead of everything',
  parameters: [ringsParameter, ...lazyParameters(256, 10)],
  create: (parameters, port) =>
    new SelectiveQueue(lazyQueueOptions(parameters, parameters.rings === 'percpu'), port),
};

class SelectiveQueue implements FlushQueue {
  readonly shared: boolean;
  readonly #port: Port;
  readonly #options: LazyQueueOptions;
  readonly #rings: Ring[];
  #timerOn = false;
  #entries = 0;
  readonly #onTimeout = (cpu: number): void => {
    this.#timerOn = false;
    for (const ring of this.#rings) this.#drain(ring, cpu);
  };

  constructor(options: LazyQueueOptions, port: Port) {
    if (options.timerCpu >= port.cpus) {
      throw new RangeError(`timerCpu: got ${options.timerCpu}, expected a CPU below ${port.cpus}`);
    }
    this.shared = !options.perCpu;
    this.#port = port;
    this.#options = options;
    const rings = options.perCpu ? port.cpus : 1;
    this.#rings = Array.from({ length: rings }, () => createRing(options.size));
  }

  queue(pfn: number, pages: number, cpu: number, id: number): void {
    const ring = this.#ring(cpu);
    if (nextEntry(ring, ring.tail) === ring.head) this.#drain(ring, cpu);
    const { tail } = ring;
    ring.pfn[tail] = pfn;
    ring.pages[tail] = pages;
    ring.time[tail] = this.#port.now();
    ring.id[tail] = id;
    ring.tail = nextEntry(ring, tail);
    this.#entries++;
    if (this.#timerOn) return;
    this.#timerOn = true;
    const { timerCpu, timeoutMs } = this.#options;
    this.#port.timer(timerCpu < 0 ? cpu : timerCpu, timeoutMs, this.#onTimeout);
  }

  // Who asks for a flush at once, a host out of resources, wants that of everything.
  flush(cause: FlushCause, cpu: number): void {
    this.#port.invalidateAll(cause);
    for (const ring of this.#rings) this.#release(ring, cpu);
  }

  length(cpu: number): number {
    return ringLength(this.#ring(cpu));
  }

  queuedEntries(): number {
    return this.#entries;
  }

  #ring(cpu: number): Ring {
    return this.#rings[this.#options.perCpu ? cpu : 0]!;
  }

  #drain(ring: Ring, cpu: number): void {
    for (let i = ring.head; i !== ring.tail; i = nextEntry(ring, i)) {
      this.#port.invalidate(ring.pfn[i]!, ring.pages[i]!);
    }
    this.#release(ring, cpu);
  }

  #release(ring: Ring, cpu: number): void {
    while (ring.head !== ring.tail) {
      const { head } = ring;
      this.#entries--;
      ring.head = nextEntry(ring, head);
      const pages = ring.pages[head]!;
      this.#port.freeIova(ring.pfn[head]!, pages, cpu, ring.time[head]!, ring.id[head]!);
    }
  }
}
