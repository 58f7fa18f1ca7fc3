// Deferred invalidation: unmapped ranges wait for a flush of the whole IOTLB.
//
// Models queue_iova, fq_flush_iotlb, fq_flush_timeout and fq_ring_free of drivers/iommu/dma-iommu.c
// (Linux 6.1 and 6.12); see docs/models/flush-queue.md. Left out: locks, the duration of a flush.
//
// An entry is released only by a flush that started after it was queued. The timer is armed whenever
// an entry waits, and never twice; a full flush does not cancel it.

import { FlushCause, type FlushQueue, type Port } from '../policy.ts';
import { createRing, nextEntry, type Ring, ringLength } from '../structures/ring.ts';

/** Shape of a lazy queue; `perCpu` false: one ring that all CPUs share. */
export interface LazyQueueOptions {
  readonly perCpu: boolean;
  /** Entries of a ring; one of them always stays free. */
  readonly size: number;
  /** Infinity: no timer. */
  readonly timeoutMs: number;
  /** CPU that runs the timer, -1 for the one that armed it. */
  readonly timerCpu: number;
}

/** The flush queues of one domain: a ring per CPU, or a single one. */
export class LazyQueue implements FlushQueue {
  readonly shared: boolean;
  /** Flushes of the whole IOTLB that are done. */
  flushes = 0;
  /** Pages that no flush since their unmap has covered: what a device may still reach. */
  exposedPages = 0;
  declare private readonly port: Port;
  declare private readonly perCpu: boolean;
  declare private readonly size: number;
  declare private readonly timeoutMs: number;
  declare private readonly timerCpu: number;
  /** Made at the first unmap of their CPU: a CPU that never unmaps costs nothing. */
  declare private readonly ringList: (Ring | null)[];
  private flushesStarted = 0;
  declare private timerOn: boolean;
  private entries = 0;
  private readonly onTimeout = (cpu: number): void => this.timeout(cpu);

  constructor(options: LazyQueueOptions, port: Port) {
    if (options.timerCpu >= port.cpus) {
      throw new RangeError(`timerCpu: got ${options.timerCpu}, expected a CPU below ${port.cpus}`);
    }
    this.port = port;
    this.perCpu = options.perCpu;
    this.shared = !options.perCpu;
    this.size = options.size;
    this.timeoutMs = options.timeoutMs;
    this.timerCpu = options.timerCpu;
    this.timerOn = options.timeoutMs === Number.POSITIVE_INFINITY;
    this.ringList = new Array(options.perCpu ? port.cpus : 1).fill(null);
  }

  queue(pfn: number, pages: number, cpu: number, id: number): void {
    const ring = this.ring(cpu);
    this.release(ring, cpu);
    if (nextEntry(ring, ring.tail) === ring.head) {
      this.flushAll(FlushCause.full);
      this.release(ring, cpu);
    }
    const { tail } = ring;
    ring.pfn[tail] = pfn;
    ring.pages[tail] = pages;
    ring.counter[tail] = this.flushesStarted;
    ring.time[tail] = this.port.now();
    ring.id[tail] = id;
    ring.tail = nextEntry(ring, tail);
    this.entries++;
    this.exposedPages += pages;
    if (!this.timerOn) this.armTimer(cpu);
  }

  flush(cause: FlushCause, cpu: number): void {
    this.flushAll(cause);
    this.releaseAll(cpu);
  }

  /** Releases on `cpu` what flushes have covered in any ring. */
  releaseAll(cpu: number): void {
    for (const ring of this.ringList) {
      if (ring) this.release(ring, cpu);
    }
  }

  length(cpu: number): number {
    const ring = this.ringList[this.perCpu ? cpu : 0];
    return ring ? ringLength(ring) : 0;
  }

  queuedEntries(): number {
    return this.entries;
  }

  /** The rings in the order of their CPUs, null where a CPU never queued: for state digests. */
  rings(): readonly (Ring | null)[] {
    return this.ringList;
  }

  private ring(cpu: number): Ring {
    const index = this.perCpu ? cpu : 0;
    let ring = this.ringList[index];
    if (!ring) {
      ring = createRing(this.size);
      this.ringList[index] = ring;
    }
    return ring;
  }

  private armTimer(cpu: number): void {
    this.timerOn = true;
    const timerCpu = this.timerCpu < 0 ? cpu : this.timerCpu;
    this.port.timer(timerCpu, this.timeoutMs, this.onTimeout);
  }

  private flushAll(cause: FlushCause): void {
    this.flushesStarted++;
    this.port.invalidateAll(cause);
    this.flushes++;
    this.exposedPages = 0;
  }

  // The flush is unconditional: the timer does not look whether anything waits.
  private timeout(cpu: number): void {
    this.timerOn = false;
    this.flush(FlushCause.timeout, cpu);
  }

  private release(ring: Ring, cpu: number): void {
    const finished = this.flushes;
    if (ring.seen === finished) return;
    ring.seen = finished;
    while (ring.head !== ring.tail && ring.counter[ring.head]! < finished) {
      const { head } = ring;
      const pages = ring.pages[head]!;
      this.entries--;
      // The entry leaves the ring before the port hears of it, so that what it reads is consistent.
      ring.head = nextEntry(ring, head);
      this.port.freeIova(ring.pfn[head]!, pages, cpu, ring.time[head]!, ring.id[head]!);
    }
  }
}
