// A slow, obvious guest behind a host: an allocator, a queue and a host that walks its pages, one step after
// the other.
//
// Written from docs/models/ (dma-layer, flush-queue, host), to be compared with a whole replay. What happens
// is a line of its log.

import { HostAnswer as Answer, type HostAnswer, type OutOfResource } from '@dmalab/replay';
import { PageWalkHost } from '../../packages/replay/test/support/page-walk-host.ts';

const ANSWERS = Object.keys(Answer);
const LIMIT_32 = 2 ** 20 - 1;

/** The allocator of a slow guest. */
export interface SlowAllocator {
  alloc(pages: number, limit: number, cpu: number, lastTry: boolean): number;
  free(pfn: number, pages: number, cpu: number): void;
  /** Global flushes that it asked for so far; absent: it never does. */
  flushes?(): number;
  /** Only of the old s390 scheme: what was lazily freed is free. */
  releaseLazy?(): void;
}

/** strict: flushed in the unmap. percpu, single: a queue. deferred: the allocator flushes. */
export type SlowMode = 'strict' | 'percpu' | 'single' | 'deferred';

export interface SlowGuestOptions {
  readonly mode: SlowMode;
  readonly cpus: number;
  /** Entries of a ring, one of which stays free. */
  readonly size: number;
  /** ns. */
  readonly timeout: number;
  /** 32-bit addresses first, at every request. */
  readonly sac: boolean;
  readonly limit: number;
  /** null: no host limits. */
  readonly host: {
    readonly entries: number;
    readonly pages: number;
    readonly answer: OutOfResource;
  } | null;
}

interface Live {
  readonly id: number;
  readonly pfn: number;
  readonly pages: number;
}

interface Waiting extends Live {
  readonly at: number;
  readonly started: number;
}

export class SlowGuest {
  readonly log: string[] = [];
  readonly live: Map<number, Live> = new Map();
  /** ns at which the timer of the queues fires, null while it is off. */
  deadline: number | null = null;
  readonly walk: PageWalkHost | null;
  readonly #options: SlowGuestOptions;
  readonly #allocator: SlowAllocator;
  readonly #queues: Waiting[][];
  #flushes = 0;
  #timerCpu = 0;
  #answer: HostAnswer = Answer.ok;

  constructor(options: SlowGuestOptions, allocator: SlowAllocator) {
    const { host, mode, cpus } = options;
    this.#options = options;
    this.#allocator = allocator;
    this.#queues = Array.from({ length: mode === 'percpu' ? cpus : 1 }, () => []);
    this.walk =
      host && new PageWalkHost(host.entries || Number.POSITIVE_INFINITY, host.pages || Infinity);
  }

  /** Ranges that wait in queues. */
  waiting(): number {
    return this.#queues.flat().length;
  }

  map(id: number, pages: number, cpu: number): void {
    const pfn = this.#alloc(pages, cpu);
    if (pfn === -1) {
      this.log.push(`fail ${id} stage 1`);
      return;
    }
    const cause = this.#establish(pfn, pages, cpu);
    if (cause === Answer.ok) {
      this.live.set(id, { id, pfn, pages });
      this.log.push(`map ${id} at ${pfn}`);
      return;
    }
    this.#allocator.free(pfn, pages, cpu);
    this.log.push(`fail ${id} stage 3 cause ${cause === Answer.outOfEntries ? 3 : 4}`);
  }

  unmap(now: number, id: number, cpu: number): void {
    const range = this.live.get(id);
    if (range === undefined) {
      this.log.push(`skipped ${id}`);
      return;
    }
    const { pfn, pages } = range;
    this.live.delete(id);
    this.walk?.set(0, pfn, pages, false);
    switch (this.#options.mode) {
      case 'strict':
        this.log.push(`unmap ${id}`, `sync ${pfn}`);
        this.#refresh('unmap', pfn, pages);
        this.#free(range, cpu, 0);
        break;
      case 'deferred':
        this.log.push(`unmap ${id}`);
        this.#free(range, cpu, 0);
        break;
      default:
        this.#queue(now, range, cpu);
        this.log.push(`unmap ${id}`);
    }
  }

  /** Lets the timer fire. */
  timeout(): void {
    const now = this.deadline!;
    this.deadline = null;
    this.#flush(1);
    this.#releaseAll(now, this.#timerCpu);
  }

  #alloc(pages: number, cpu: number): number {
    const { sac, limit } = this.#options;
    const before = this.#allocator.flushes?.() ?? 0;
    let pfn = -1;
    if (sac && limit > LIMIT_32) pfn = this.#allocator.alloc(pages, LIMIT_32, cpu, false);
    if (pfn === -1) pfn = this.#allocator.alloc(pages, limit, cpu, true);
    if ((this.#allocator.flushes?.() ?? 0) > before) this.#flush(0);
    return pfn;
  }

  #establish(pfn: number, pages: number, cpu: number): HostAnswer {
    const { walk } = this;
    if (walk === null) return Answer.ok;
    walk.set(0, pfn, pages, true);
    const first = this.#refresh('map', pfn, pages);
    if (first === Answer.ok) return first;
    const stale = walk.stale();
    const answer = this.#respond(first, cpu);
    if (answer === Answer.ok) {
      this.log.push(`cured ${first} freed ${stale - walk.stale()}`);
      return Answer.ok;
    }
    walk.set(0, pfn, pages, false);
    this.#refresh('undo', pfn, pages);
    return answer;
  }

  #respond(first: HostAnswer, cpu: number): HostAnswer {
    this.#answer = first;
    const { mode, host } = this.#options;
    const releaseLazy = this.#allocator.releaseLazy;
    if (host!.answer === 'globalFlushRetry') {
      this.#answer = this.#refresh('global', -1, 0);
    } else if (host!.answer === 's390Legacy' && releaseLazy) {
      this.#flush(2);
      if (this.#answer === Answer.ok) releaseLazy();
    } else if (host!.answer !== 'fail' && (mode === 'percpu' || mode === 'single')) {
      this.#flush(2);
      this.#releaseAll(this.now, cpu);
    }
    return this.#answer;
  }

  /** Set by the driver: the time of the request. */
  now = 0;

  #queue(now: number, range: Live, cpu: number): void {
    const { size, timeout, mode } = this.#options;
    const at = mode === 'percpu' ? cpu : 0;
    this.#release(now, at, cpu);
    if (this.#queues[at]!.length === size - 1) {
      this.#flush(0);
      this.#release(now, at, cpu);
    }
    this.#queues[at]!.push({ ...range, at: now, started: this.#flushes });
    if (this.deadline !== null) return;
    this.deadline = now + timeout;
    this.#timerCpu = cpu;
  }

  #flush(cause: number): void {
    this.#flushes++;
    this.log.push(`flush ${cause}`);
    if (this.walk !== null) this.#answer = this.#refresh('global', -1, 0);
  }

  #releaseAll(now: number, cpu: number): void {
    for (let at = 0; at < this.#queues.length; at++) this.#release(now, at, cpu);
  }

  #release(now: number, at: number, cpu: number): void {
    const done = this.#queues[at]!.filter(({ started }) => started < this.#flushes);
    this.#queues[at] = this.#queues[at]!.filter(({ started }) => started === this.#flushes);
    for (const entry of done) this.#free(entry, cpu, now - entry.at);
  }

  #free({ pfn, pages }: Live, cpu: number, window: number): void {
    this.#allocator.free(pfn, pages, cpu);
    this.log.push(`free ${pfn} after ${window}`);
  }

  #refresh(scope: string, pfn: number, pages: number): HostAnswer {
    const { walk } = this;
    if (walk === null) return Answer.ok;
    const before = walk.entries;
    const answer = walk.refresh(0, pfn, pages, scope === 'global');
    const gained = walk.entries - before;
    this.log.push(
      `${scope} ${ANSWERS[answer]} ${gained}, ${walk.entries} held ${walk.stale()} stale`,
    );
    return answer;
  }
}
