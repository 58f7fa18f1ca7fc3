// Rules of IOVA allocators, checked against a plain list of ranges.
//
// No overlap, aligned, inside limit and aperture, what is in use stays in use, freed space is usable
// again, occupancy adds up, the same operations give the same answers.

import {
  dryPort,
  type IovaAllocator,
  type IovaPolicy,
  NO_PFN,
  type Parameters,
  Timers,
} from '@dmalab/replay';
import { operationText, runTwice, type Suite, type Violation } from './suite.ts';

const CPUS = 3;
const FIRST_PFN = 16;
const LIMITS = [0xff, 0xfff, 0xf_ffff, 0xf_ffff, 2 ** 36 - 1];
const LOW = 0x10_0000;

/** One call of an allocator; `drain` frees everything and fills `limit` twice. */
export type IovaOperation =
  | {
      readonly op: 'alloc';
      readonly id: number;
      readonly pages: number;
      readonly limit: number;
      readonly cpu: number;
      readonly lastTry: boolean;
    }
  | { readonly op: 'free'; readonly id: number; readonly cpu: number }
  | { readonly op: 'reserve'; readonly lo: number; readonly hi: number }
  | { readonly op: 'occupy'; readonly id: number; readonly pfn: number; readonly pages: number }
  | { readonly op: 'cpu'; readonly cpu: number; readonly online: boolean }
  | { readonly op: 'drain'; readonly limit: number; readonly pages: number };

interface Live {
  readonly pfn: number;
  readonly pages: number;
  readonly taken: number;
}

/** The suite of an allocator with these parameters. */
export function iovaSuite(policy: IovaPolicy, parameters: Parameters): Suite<IovaOperation> {
  return {
    operations: (random) => {
      const made: IovaOperation[] = [];
      const steps = 40 + random.below(500);
      // Before anything is live: a reservation over a live range becomes a part of it in the kernel.
      for (let id = 1; id <= random.below(4); id++) {
        const lo = FIRST_PFN + random.below(200);
        made.push({ op: 'reserve', lo, hi: lo + random.below(40) });
      }
      for (let id = 1; id <= random.below(4); id++) {
        made.push(occupied(-id, FIRST_PFN + random.below(200), 1 + random.below(8)));
      }
      for (let id = 1; id <= steps; id++) {
        const cpu = random.below(CPUS);
        const what = random.below(100);
        if (what === 0)
          made.push({ op: 'cpu', cpu: 1 + random.below(2), online: random.below(2) === 0 });
        else if (what < 45) made.push({ op: 'free', id: 1 + random.below(id), cpu });
        else {
          made.push({
            op: 'alloc',
            id,
            pages: random.pick([1, 1, 1, 2, 3, 8, 16, 33, 100]),
            limit: random.pick(LIMITS),
            cpu,
            lastTry: random.below(2) === 0,
          });
        }
      }
      // Without alignment the remains between ranges depend on where the first one begins.
      const sizes = policy.aligned === false ? [1] : [1, 4, 16];
      made.push({ op: 'drain', limit: 0x3ff, pages: random.pick(sizes) });
      return made;
    },
    run: (operations) =>
      runTwice(operations, () => new IovaRun(policy, parameters).run(operations)),
    text: operationText,
  };
}

// Only where a request of as many pages could have been placed: caches hand a range out again as one.
function occupied(id: number, from: number, pages: number): IovaOperation {
  const align = alignment(pages);
  return { op: 'occupy', id, pfn: Math.ceil(from / align) * align, pages };
}

class IovaRun {
  readonly answers: number[] = [];
  violation: Violation | null = null;
  readonly #policy: IovaPolicy;
  readonly #iova: IovaAllocator;
  readonly #timers = new Timers(1000, 'ideal');
  readonly #live = new Map<number, Live>();
  readonly #reserved: [number, number][] = [];
  readonly #online = [true, true, true];
  #occupied = false;
  #at = 0;

  constructor(policy: IovaPolicy, parameters: Parameters) {
    this.#policy = policy;
    this.#iova = policy.create(parameters, {
      ...dryPort(CPUS),
      now: () => this.#timers.now,
      isOnline: (cpu) => this.#online[cpu] === true,
      onlineCpus: () => this.#online.filter((online) => online).length,
      timer: (cpu, delayMs, callback) => void this.#timers.arm(0, cpu, delayMs, callback),
      timerAt: (cpu, ns, callback) => this.#timers.armAt(0, cpu, ns, callback, 0),
    });
  }

  run(operations: readonly IovaOperation[]): this {
    for (const [i, operation] of operations.entries()) {
      this.#at = i;
      this.#timers.advance(i * 1e6);
      this.#step(operation);
      if (this.violation === null) this.#occupancy();
      if (this.violation !== null) break;
    }
    return this;
  }

  #step(operation: IovaOperation): void {
    switch (operation.op) {
      case 'alloc':
        this.#alloc(
          operation.id,
          operation.pages,
          operation.limit,
          operation.cpu,
          operation.lastTry,
        );
        break;
      case 'free':
        this.#free(operation.id, operation.cpu);
        break;
      case 'reserve':
        this.#iova.reserve(operation.lo, operation.hi);
        this.#reserved.push([operation.lo, operation.hi]);
        break;
      case 'occupy':
        this.#occupy(operation.id, operation.pfn, operation.pages);
        break;
      case 'cpu':
        if (this.#online[operation.cpu] === operation.online) break;
        this.#online[operation.cpu] = operation.online;
        if (operation.online) this.#iova.cpuUp(operation.cpu);
        else this.#iova.cpuDown(operation.cpu);
        break;
      case 'drain':
        this.#drain(operation.limit, operation.pages);
    }
  }

  /** True if a range was given. */
  #alloc(id: number, pages: number, limit: number, on: number, lastTry: boolean): boolean {
    const { work } = this.#iova;
    const pfn = this.#iova.alloc(pages, limit, this.#cpu(on), lastTry);
    this.answers.push(pfn);
    if (pfn === NO_PFN) return false;
    const what = `${pages} pages up to ${limit} got pfn ${pfn}`;
    if (!Number.isInteger(pfn) || pfn < FIRST_PFN)
      this.#wrong('inside the aperture', `${what}, which begins at ${FIRST_PFN}`);
    if (pfn + pages - 1 > limit)
      this.#wrong('inside the limit', `${what}, which ends at ${pfn + pages - 1}`);
    const align = alignment(pages);
    if (this.#policy.aligned !== false && pfn % align !== 0) {
      this.#wrong('aligned', `${what}, not a multiple of ${align}`);
    }
    const taken = this.#iova.takenPages(pages);
    if (taken < pages) this.#wrong('occupancy', `takenPages(${pages}) is ${taken}`);
    if (work.pages < pages)
      this.#wrong('occupancy', `work.pages is ${work.pages} after an alloc of ${pages}`);
    this.#noOverlap(what, pfn, taken);
    this.#live.set(id, { pfn, pages, taken });
    return true;
  }

  #free(id: number, on: number): void {
    const live = this.#live.get(id);
    if (live === undefined) return;
    this.#live.delete(id);
    this.#iova.free(live.pfn, live.pages, this.#cpu(on));
  }

  #occupy(id: number, pfn: number, pages: number): void {
    const lives = [...this.#live.values()];
    const isLive = (length: number): boolean =>
      lives.some((live) => pfn < live.pfn + live.taken && live.pfn < pfn + length);
    // What the range takes once it is rounded up may reach farther than its pages.
    const taken = Math.max(pages, this.#iova.takenPages(pages));
    const reserved = this.#reserved.some(([lo, hi]) => pfn <= hi && lo < pfn + taken);
    const placed = this.#iova.occupy(pfn, pages);
    if (placed && isLive(pages))
      this.#wrong('no overlap', `occupy(${pfn}, ${pages}) gave true over a live range`);
    if (!placed && !isLive(taken) && !reserved)
      this.#wrong('occupy', `occupy(${pfn}, ${pages}) gave false, nothing is there`);
    this.#occupied = true;
    if (placed) this.#live.set(id, { pfn, pages, taken: pages });
  }

  // What was free once must be free again: the second filling finds as many ranges as the first.
  #drain(limit: number, pages: number): void {
    const counts = [0, 0];
    for (let round = 0; round < 2; round++) {
      for (const id of [...this.#live.keys()]) this.#free(id, 0);
      this.#occupancy();
      while (
        this.violation === null &&
        this.#alloc(2 ** 40 + counts[round]!, pages, limit, 0, true)
      )
        counts[round]!++;
    }
    if (counts[0] !== counts[1]) {
      this.#wrong(
        'reusable after free',
        `ranges of ${pages} pages up to ${limit}: ${counts[0]} found room, and after all were freed ${counts[1]}`,
      );
    }
    if (counts[0] === 0)
      this.#wrong(
        'reusable after free',
        `no range of ${pages} pages up to ${limit} found room although all were freed`,
      );
  }

  #noOverlap(what: string, pfn: number, taken: number): void {
    for (const live of this.#live.values()) {
      if (pfn >= live.pfn + live.taken || live.pfn >= pfn + taken) continue;
      this.#wrong('no overlap', `${what} over the live range ${live.pfn}+${live.pages}`);
    }
    for (const [lo, hi] of this.#reserved) {
      if (pfn <= hi && lo < pfn + taken)
        this.#wrong('no overlap', `${what} over the reservation ${lo}-${hi}`);
    }
  }

  #occupancy(): void {
    const low = [...this.#live.values()].filter(({ pfn }) => pfn < LOW);
    const live = low.reduce((sum, { taken }) => sum + taken, 0);
    const cached = this.#iova.cachedPages();
    const told = this.#iova.low32Pages();
    if (cached < 0 || told < live || (!this.#occupied && told > live + cached)) {
      this.#wrong(
        'occupancy',
        `low32Pages is ${told}, cachedPages ${cached}, but ${live} pages are live below 4 GiB`,
      );
    }
  }

  /** The CPU itself while it is online: others run nothing. */
  #cpu(cpu: number): number {
    return this.#online[cpu] ? cpu : 0;
  }

  #wrong(rule: string, message: string): void {
    this.violation ??= { rule, message, at: this.#at };
  }
}

function alignment(pages: number): number {
  let align = 1;
  while (align < pages) align *= 2;
  return align;
}
