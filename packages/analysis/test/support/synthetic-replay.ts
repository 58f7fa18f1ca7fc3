// A small replay of made-up traffic: consistent levels, seeded, deterministic.
//
// Maps of 1 to 64 pages arrive in bursts and live for microseconds to tens of milliseconds. Unmapped
// ranges wait in one queue that is flushed when full or by a timer; freed ranges up to 32 pages are
// cached and used again by the next map of their size.

import { AllocPath, FailCause, FailStage, FlushCause, OutcomeKind } from '@dmalab/replay';
import type { OutcomeRow } from './outcome-rows.ts';

/** The queue that is imitated. */
export interface Traffic {
  readonly flush: 'strict' | 'percpu' | 'single';
  readonly maps: number;
  readonly seed: number;
  /** Maps fail while more pages than this are taken. */
  readonly limitPages?: number;
}

const QUEUES = {
  strict: { entries: 0, timeoutNs: 0 },
  percpu: { entries: 1020, timeoutNs: 10e6 },
  single: { entries: 32_767, timeoutNs: 1000e6 },
} as const;

interface Range {
  readonly id: number;
  readonly at: number;
  readonly pfn: number;
  readonly pages: number;
}

/** The rows of a replay of `traffic`, in order of time. */
export function syntheticReplay(traffic: Traffic): OutcomeRow[] {
  return new SyntheticReplay(traffic).run();
}

class SyntheticReplay {
  readonly #traffic: Traffic;
  readonly #queue: Range[] = [];
  readonly #caches: number[][] = Array.from({ length: 6 }, () => []);
  readonly #due: { readonly at: number; readonly range: Range }[] = [];
  readonly #rows: OutcomeRow[] = [];
  #state: number;
  #time = 0;
  #timerAt = Number.POSITIVE_INFINITY;
  #nextPfn = 0xfffff;
  #liveMappings = 0;
  #livePages = 0;
  #queuedPages = 0;
  #cachedPages = 0;

  constructor(traffic: Traffic) {
    this.#traffic = traffic;
    this.#state = traffic.seed;
  }

  run(): OutcomeRow[] {
    this.#row({ kind: OutcomeKind.domainCreate });
    let next = 0;
    for (let id = 1; id <= this.#traffic.maps; id++) {
      next += this.#random() < 0.02 ? 2e6 * this.#random() : 4000 * this.#random();
      this.#runUntil(Math.round(next));
      this.#map(id);
    }
    this.#runUntil(Math.round(next) + 500e6);
    this.#runUntil(Number.MAX_SAFE_INTEGER);
    return this.#rows;
  }

  /** Unmaps and timers that are due, in order. */
  #runUntil(time: number): void {
    for (;;) {
      const unmapAt = this.#due[0]?.at ?? Number.POSITIVE_INFINITY;
      const at = Math.min(unmapAt, this.#timerAt);
      if (at > time || at === Number.POSITIVE_INFINITY) break;
      this.#time = at;
      if (this.#timerAt <= unmapAt) this.#flush(FlushCause.timeout);
      else this.#unmap(this.#due.shift()!.range);
    }
    if (time < Number.MAX_SAFE_INTEGER) this.#time = time;
  }

  #map(id: number): void {
    const pages = 2 ** Math.floor(7 * this.#random() ** 2);
    const size = Math.log2(pages);
    const bytes = pages * 4096 - 512;
    const request = { id, pages, bytes, device: 1, line: id * 2, tid: 40 };
    const taken = this.#livePages + this.#queuedPages + this.#cachedPages;
    if (taken + pages > (this.#traffic.limitPages ?? Number.POSITIVE_INFINITY)) {
      const cause = this.#random() < 0.3 ? FailCause.max32 : FailCause.noGap;
      const steps = cause === FailCause.max32 ? 0 : 900;
      const stage = FailStage.iova;
      this.#row({ kind: OutcomeKind.mapFail, ...request, stage, cause, steps, costNs: 9300 });
      return;
    }
    const cached = this.#caches[size]?.pop();
    const pfn = cached ?? this.#carve(pages);
    if (cached !== undefined) this.#cachedPages -= pages;
    this.#liveMappings++;
    this.#livePages += pages;
    const steps = cached === undefined ? 1 + Math.floor(40 * this.#random() ** 4) : 0;
    const path = cached === undefined ? AllocPath.rbtree : AllocPath.rcache;
    const costNs = 50 * pages + (cached === undefined ? 600 + 10 * steps : 50);
    this.#row({ kind: OutcomeKind.map, ...request, pfn, path, steps, costNs });
    const lifetime = Math.round(5000 * 10 ** (4 * this.#random() ** 2));
    this.#schedule({ at: this.#time + lifetime, range: { id, at: this.#time, pfn, pages } });
  }

  #unmap(range: Range): void {
    const { id, pages, pfn } = range;
    this.#liveMappings--;
    this.#livePages -= pages;
    const strict = this.#traffic.flush === 'strict';
    const { entries, timeoutNs } = QUEUES[this.#traffic.flush];
    if (!strict) {
      if (this.#queue.length === entries) this.#flush(FlushCause.full);
      this.#queue.push({ ...range, at: this.#time });
      this.#queuedPages += pages;
      if (this.#timerAt === Number.POSITIVE_INFINITY) this.#timerAt = this.#time + timeoutNs;
    }
    const value = this.#time - range.at;
    const bytes = pages * 4096 - 512;
    this.#row({
      kind: OutcomeKind.unmap,
      id,
      pfn,
      pages,
      bytes,
      value,
      device: 1,
      line: id * 2 + 1,
    });
    if (!strict) return;
    this.#row({ kind: OutcomeKind.sync, id, pfn, pages, costNs: 700 });
    this.#release({ ...range, at: this.#time });
  }

  #flush(cause: number): void {
    const released = [...this.#queue];
    const pages = released.reduce((sum, range) => sum + range.pages, 0);
    this.#row({ kind: OutcomeKind.flush, cause, value: released.length, pages, costNs: 1000 });
    if (cause === FlushCause.timeout) this.#timerAt = Number.POSITIVE_INFINITY;
    for (const range of released) {
      this.#queue.shift();
      this.#queuedPages -= range.pages;
      this.#release(range);
    }
  }

  #release({ id, at, pfn, pages }: Range): void {
    const cache = this.#caches[Math.log2(pages)];
    if (cache !== undefined) {
      cache.push(pfn);
      this.#cachedPages += pages;
    }
    this.#row({ kind: OutcomeKind.release, id, pfn, pages, value: this.#time - at });
  }

  #schedule(entry: { readonly at: number; readonly range: Range }): void {
    const at = this.#due.findLastIndex((other) => other.at <= entry.at) + 1;
    this.#due.splice(at, 0, entry);
  }

  #carve(pages: number): number {
    this.#nextPfn = Math.floor((this.#nextPfn - pages) / pages) * pages;
    return this.#nextPfn;
  }

  #row(row: OutcomeRow): void {
    this.#rows.push({
      domain: 1,
      time: this.#time,
      liveMappings: this.#liveMappings,
      livePages: this.#livePages,
      queuedEntries: this.#queue.length,
      queuedPages: this.#queuedPages,
      cachedPages: this.#cachedPages,
      low32Pages: this.#livePages + this.#queuedPages + this.#cachedPages,
      ...row,
    });
  }

  /** Park and Miller's generator: enough for made-up traffic. */
  #random(): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state / 2_147_483_647;
  }
}
