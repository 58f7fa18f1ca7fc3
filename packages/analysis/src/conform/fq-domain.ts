// A golden domain with flush queues: counts flushes and frees, and has each checked as an event.

import {
  FlushCause,
  type FlushQueue,
  fnvWord,
  LazyQueue,
  type Port,
  type Ring,
} from '@dmalab/replay';
import type { Checker } from './checker.ts';
import { GoldenDomain } from './golden-domain.ts';
import type { ScenarioDomain } from './scenario.ts';

const noRing = { head: 0, tail: 0 } as const;

export class FqDomain extends GoldenDomain {
  /** What the flush queue talks to: as this domain, but its timer is known. */
  readonly queuePort: Port;
  /** Firing jiffy of the flush timer, -1 when it is not pending. */
  flushJiffy = -1;
  fullFlushes = 0;
  timeoutFlushes = 0;
  syncs = 0;
  /** Ranges that came out of a queue. */
  frees = 0;

  constructor(domain: ScenarioDomain, kernel: string, checker: Checker) {
    super(domain, kernel, checker);
    this.queuePort = {
      kit: this.kit,
      cpus: this.cpus,
      shift: this.shift,
      now: () => this.now(),
      isOnline: (cpu) => this.isOnline(cpu),
      onlineCpus: () => this.onlineCpus(),
      timer: (cpu, delayMs, callback) => this.#flushTimer(cpu, delayMs, callback),
      timerAt: (cpu, ns, callback) => this.timerAt(cpu, ns, callback),
      invalidateAll: (cause) => this.invalidateAll(cause),
      invalidate: () => this.invalidate(),
      freeIova: (pfn, pages, cpu) => this.freeIova(pfn, pages, cpu),
      count: (name, n) => this.count(name, n),
    };
  }

  /** Finished flushes of the whole IOTLB. */
  get flushes(): number {
    return this.fullFlushes + this.timeoutFlushes;
  }

  override invalidateAll(cause: FlushCause): void {
    const full = cause === FlushCause.full;
    if (full) this.fullFlushes++;
    else this.timeoutFlushes++;
    this.#event(full ? 'flush_full' : 'flush_timeout', this.flushes, 0);
  }

  override invalidate(): void {
    this.syncs++;
    this.#event('sync', this.syncs, 0);
  }

  override freeIova(pfn: number, pages: number, cpu: number): void {
    this.frees++;
    this.#event('free', pfn, pages);
    this.allocator.free(pfn, pages, cpu);
  }

  /** Digest of the caches and of all queues. */
  stateDigest(queue: FlushQueue): number {
    let digest = this.allocator.cacheDigest();
    if (!(queue instanceof LazyQueue)) return digest;
    for (const ring of queue.rings()) digest = ringDigest(digest, ring);
    return digest;
  }

  #flushTimer(cpu: number, delayMs: number, callback: (cpu: number) => void): void {
    const firing = this.timers.arm(0, cpu, delayMs, (armedOn) => {
      this.cpu = armedOn;
      this.flushJiffy = -1;
      callback(armedOn);
    });
    this.flushJiffy = this.timers.jiffies(firing);
  }

  #event(name: string, a: number, b: number): void {
    this.checker.event(this.timers.now, this.cpu, name, a, b);
  }
}

function ringDigest(digest: number, ring: Ring | null): number {
  const { head, tail } = ring ?? noRing;
  let words = fnvWord(fnvWord(digest, head), tail);
  if (ring === null) return words;
  for (let i = head; i !== tail; i = i + 1 === ring.size ? 0 : i + 1) {
    words = fnvWord(words, ring.pfn[i]!);
    words = fnvWord(words, ring.pages[i]!);
    words = fnvWord(words, ring.counter[i]!);
  }
  return words;
}
