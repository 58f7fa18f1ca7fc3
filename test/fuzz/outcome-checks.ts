// Holds the rows of a replay to what must be true of every replay.
//
// Live and queued ranges of a domain, as taken, are disjoint; gauges are those of the rows; time does not go
// back; nothing is released before it was unmapped; strict domains never queue.

import { fail, ok } from 'node:assert/strict';
import { type OutcomeBatch, OutcomeKind } from '@dmalab/replay';

interface Range {
  readonly lo: number;
  readonly hi: number;
}

/** What is taken in one domain: ranges in ascending order, and by id. */
class Space {
  readonly ranges: Range[] = [];
  readonly live = new Map<number, Range>();
  readonly queued = new Map<number, Range>();
  livePages = 0;
  queuedPages = 0;

  take(range: Range): void {
    const at = this.#place(range.lo);
    const before = this.ranges[at - 1];
    const after = this.ranges[at];
    ok(before === undefined || before.hi < range.lo, 'overlaps the range below');
    ok(after === undefined || range.hi < after.lo, 'overlaps the range above');
    this.ranges.splice(at, 0, range);
  }

  giveBack(range: Range): void {
    const at = this.#place(range.lo);
    ok(this.ranges[at] === range, 'gives back what is not taken');
    this.ranges.splice(at, 1);
  }

  /** Index of the first range at or above `pfn`. */
  #place(pfn: number): number {
    let [low, high] = [0, this.ranges.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.ranges[middle]!.lo < pfn) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const GAUGES = [
  'liveMappings',
  'livePages',
  'queuedEntries',
  'queuedPages',
  'cachedPages',
  'low32Pages',
] as const;

/** Checks the batches of one replay as they pass. */
export class OutcomeChecks {
  rows = 0;
  readonly #strict: boolean;
  readonly #spaces = new Map<number, Space>();
  #time = 0;

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  /** The same batches, each one checked. */
  *watch(batches: Iterable<OutcomeBatch>): Generator<OutcomeBatch, void, undefined> {
    for (const batch of batches) {
      for (let i = 0; i < batch.length; i++) this.#row(batch, i);
      yield batch;
    }
  }

  #row(batch: OutcomeBatch, i: number): void {
    this.rows++;
    try {
      this.#numbers(batch, i);
      this.#ranges(batch, i);
    } catch (error) {
      const row = Object.entries(batch).map(
        ([name, column]) => `${name}=${typeof column === 'object' ? column[i] : column}`,
      );
      throw new Error(`outcome row ${this.rows}: ${(error as Error).message}\n${row.join(' ')}`);
    }
  }

  #numbers(batch: OutcomeBatch, i: number): void {
    const { time, pages, bytes, value, costNs } = batch;
    ok(time[i]! >= this.#time && Number.isFinite(time[i]), `time ${time[i]} after ${this.#time}`);
    this.#time = time[i]!;
    for (const gauge of GAUGES) ok(batch[gauge][i]! >= 0, `${gauge} ${batch[gauge][i]}`);
    ok(pages[i]! >= 0 && bytes[i]! >= 0 && value[i]! >= -1 && costNs[i]! >= 0, 'a negative figure');
    if (this.#strict) ok(batch.queuedEntries[i] === 0, 'strict, but an entry waits');
  }

  #ranges(batch: OutcomeBatch, i: number): void {
    const kind = batch.kind[i]!;
    const space = this.#space(batch.domain[i]!);
    const id = batch.id[i]!;
    const pfn = batch.pfn[i]!;
    const range = { lo: pfn, hi: pfn + taken(batch.pages[i]!) - 1 };
    switch (kind) {
      case OutcomeKind.openStart:
        if (batch.value[i] === 1) break;
        this.#map(space, id, range);
        break;
      case OutcomeKind.map:
        this.#map(space, id, range);
        this.#gauges(batch, i, space);
        break;
      case OutcomeKind.unmap:
        this.#unmap(space, id, range);
        if (this.#strict) break;
        this.#gauges(batch, i, space);
        break;
      case OutcomeKind.release:
        this.#release(space, id);
        break;
      case OutcomeKind.domainCreate:
      case OutcomeKind.domainDestroy:
        this.#spaces.delete(batch.domain[i]!);
    }
  }

  #map(space: Space, id: number, range: Range): void {
    space.take(range);
    ok(!space.live.has(id), `id ${id} is live already`);
    space.live.set(id, range);
    space.livePages += range.hi - range.lo + 1;
  }

  #unmap(space: Space, id: number, { lo, hi }: Range): void {
    const range = space.live.get(id) ?? fail(`unmaps id ${id}, which is not live`);
    ok(range.lo === lo && range.hi === hi, 'unmaps another range than was mapped');
    space.live.delete(id);
    space.queued.set(id, range);
    space.livePages -= hi - lo + 1;
    space.queuedPages += hi - lo + 1;
  }

  #release(space: Space, id: number): void {
    const range = space.queued.get(id) ?? fail(`releases id ${id}, which was not unmapped`);
    space.queued.delete(id);
    space.queuedPages -= range.hi - range.lo + 1;
    space.giveBack(range);
  }

  // In a domain that switches its type, a strict unmap stands before its own release.
  #gauges(batch: OutcomeBatch, i: number, space: Space): void {
    const { liveMappings, livePages, queuedEntries, queuedPages } = batch;
    const own = batch.kind[i] === OutcomeKind.unmap ? 1 : 0;
    ok(liveMappings[i] === space.live.size, `${space.live.size} mappings are live`);
    ok(livePages[i] === space.livePages, `${space.livePages} pages are live`);
    const late = space.queued.size - queuedEntries[i]!;
    ok(late === 0 || late === own, `${space.queued.size} ranges are queued`);
    const latePages = late === 0 ? 0 : taken(batch.pages[i]!);
    ok(queuedPages[i]! + latePages === space.queuedPages, `${space.queuedPages} pages are queued`);
  }

  #space(domain: number): Space {
    let space = this.#spaces.get(domain);
    if (space === undefined) {
      space = new Space();
      this.#spaces.set(domain, space);
    }
    return space;
  }
}

/** The caches round small ranges up. */
function taken(pages: number): number {
  return pages > 32 ? pages : 2 ** Math.ceil(Math.log2(pages));
}
