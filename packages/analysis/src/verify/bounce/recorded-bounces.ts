// Finds the calls of swiotlb in the events of a capture: maps with their searches, releases, pools that come and go.
//
// Events: the probes on kernel/dma/swiotlb.c (docs/recording.md). A map spans swiotlb_tbl_map_single to its return in
// the same CPU, thread and context; interrupts nest, so returns pair with the latest entry (open-work.ts). What is
// seen of the same context in between belongs to the map.

import type { SlotPool } from '@dmalab/replay';
import { Direction, type EventBatch, EventKind, Flag } from '@dmalab/trace';
import {
  type AreaStep,
  FAILED,
  type GrowthRun,
  type MapCall,
  type PoolRequest,
  type RecordedPool,
  type Release,
  type SlotRequest,
  type TransientEnd,
  UNKNOWN,
  type UsageSample,
} from './bounce-calls.ts';
import { addressOf, physOf } from './event-address.ts';
import { OpenReleases } from './open-releases.ts';
import { OpenWorks } from './open-work.ts';
import { RecordedPools } from './recorded-pools.ts';

const NO_REQUEST: SlotRequest = { size: 0, offset: 0, pad: 0 };

/** The calls so far, in the order in which they began. */
export class RecordedBounces {
  readonly calls: MapCall[] = [];
  readonly releases: Release[] = [];
  readonly runs: GrowthRun[] = [];
  readonly samples: UsageSample[] = [];
  /** Every pool that the capture shows; the first is the default pool. */
  readonly pools: readonly RecordedPool[];
  /** Unmaps of addresses in transient pools, which end with them. */
  readonly transientEnds: TransientEnd[] = [];
  /** Transient pools that could not serve their request and were given back at once. */
  useless = 0;
  /** Releases of slots that no recorded map took. */
  orphans = 0;
  /** A search in a pool that the capture does not introduce, and its line; null: none. */
  strangerLine: number | null = null;
  /** Events so far: the number of the next. */
  events = 0;
  readonly #open = new OpenWorks();
  readonly #openReleases = new OpenReleases();
  readonly #pools: RecordedPools;
  /** By address: the map that has it. */
  readonly #holders = new Map<number, MapCall>();
  #lastMark = 0;

  constructor(defaultPool: SlotPool) {
    this.#pools = new RecordedPools(defaultPool);
    this.pools = this.#pools.all;
  }

  /** Takes in the events of a batch. */
  add(batch: EventBatch): void {
    for (let row = 0; row < batch.length; row++) this.#event(batch, row);
  }

  #event(batch: EventBatch, row: number): void {
    const number = this.events++;
    const kind = batch.kind[row]!;
    this.#openReleases.line(batch, row, number);
    this.#pools.line(batch, row, number);
    switch (kind) {
      case EventKind.bounceMap:
        this.#map(batch, row, number);
        break;
      case EventKind.bounceMapRet:
        this.#mapReturn(batch, row, number);
        break;
      case EventKind.bounceCopy:
        this.#copy(batch, row, number);
        break;
      case EventKind.bounceSearch:
        this.#search(batch, row, number);
        break;
      case EventKind.bounceSearchRet:
        this.#searchReturn(batch, row, number);
        break;
      case EventKind.bounceUnmap:
      case EventKind.bounceRelease:
        this.#release(batch, row, number);
        break;
      case EventKind.poolDelete:
        this.#deleteTransient(batch, row, number);
        break;
      case EventKind.poolGrowth:
        this.#growth(batch, row, number);
        break;
      case EventKind.poolGrowthRet:
        this.#growthReturn(batch, row, number);
        break;
      case EventKind.poolAlloc:
        this.#request(batch, row, number);
        break;
      case EventKind.poolAllocRet:
        this.#requestReturn(batch, row, number);
        break;
      case EventKind.poolMemory:
        this.#open
          .at(batch, row)
          ?.request?.attempts.push({ bytes: batch.size[row]!, served: null });
        break;
      case EventKind.poolMemoryRet:
        this.#memoryReturn(batch, row);
        break;
      case EventKind.poolAdd:
        this.#addPool(batch, row, number);
        break;
      case EventKind.poolFree:
        if (batch.aux[row] === 0) this.useless++;
        break;
      case EventKind.mark:
        this.#mark(batch, row, number);
        break;
      default:
    }
  }

  #map(batch: EventBatch, row: number, number: number): void {
    const call: MapCall = {
      line: batch.line[row]!,
      resultLine: 0,
      time: batch.time[row]!,
      begin: number,
      end: Number.POSITIVE_INFINITY,
      cpu: batch.cpu[row]!,
      endCpu: batch.cpu[row]!,
      device: batch.device[row]!,
      tid: batch.tid[row]!,
      orig: physOf(batch, row),
      bytes: batch.size[row]!,
      alignMask: batch.aux[row]!,
      result: UNKNOWN,
      searchedBy: Number.POSITIVE_INFINITY,
      steps: [],
      searchesSeen: false,
      transient: null,
      request: NO_REQUEST,
    };
    this.calls.push(call);
    this.#open.begin(batch, row, call, null);
  }

  #mapReturn(batch: EventBatch, row: number, number: number): void {
    const call = this.#open.end(batch, row, (work) => work.call !== null)?.call;
    if (call === undefined || call === null) return;
    const address = addressOf(batch, row);
    call.end = number;
    call.endCpu = batch.cpu[row]!;
    call.resultLine = batch.line[row]!;
    call.searchedBy = Math.min(call.searchedBy, number);
    call.result = hasFailed(batch, row) ? FAILED : address;
    if (call.result !== FAILED) this.#holders.set(address, call);
  }

  // The slots are filled as soon as they are found: the search was over before.
  #copy(batch: EventBatch, row: number, number: number): void {
    if (batch.direction[row] !== Direction.toDevice) return;
    const call = this.#open.at(batch, row)?.call ?? null;
    if (call === null || call.searchedBy !== Number.POSITIVE_INFINITY) return;
    call.searchedBy = number;
  }

  #search(batch: EventBatch, row: number, number: number): void {
    const work = this.#open.at(batch, row);
    if (work === undefined || work.call === null) return;
    const { call } = work;
    const pool = this.#pools.searched(batch, row);
    if (pool === null) {
      this.strangerLine ??= batch.line[row]!;
      return;
    }
    const area = batch.aux2[row]!;
    const end = Number.POSITIVE_INFINITY;
    const step: AreaStep = {
      call,
      pool,
      area,
      begin: number,
      end,
      slot: UNKNOWN,
      expected: -1,
      taken: -1,
    };
    call.searchesSeen = true;
    call.steps.push(step);
    work.step = step;
  }

  #searchReturn(batch: EventBatch, row: number, number: number): void {
    const work = this.#open.at(batch, row);
    if (work === undefined || work.step === null) return;
    work.step.end = number;
    work.step.slot = batch.aux[row]!;
    work.step = null;
  }

  #release(batch: EventBatch, row: number, number: number): void {
    const address = addressOf(batch, row);
    if (batch.kind[row] === EventKind.bounceRelease) {
      const open = this.#openReleases.take(batch, row, address);
      if (open !== null) {
        open.begin = number;
        this.#openReleases.open(batch, row, open);
        return;
      }
    }
    const holder = this.#holders.get(address);
    if (holder === undefined) this.orphans++;
    this.#holders.delete(address);
    const release: Release = {
      begin: number,
      end: Number.POSITIVE_INFINITY,
      line: batch.line[row]!,
      address,
      call: holder ?? null,
    };
    this.releases.push(release);
    this.#openReleases.open(batch, row, release);
  }

  // The pool of the address that this context unmaps: its slots need no release.
  #deleteTransient(batch: EventBatch, row: number, number: number): void {
    const start = addressOf(batch, row);
    const release = this.#openReleases.takeWithin(batch, row, start, physOf(batch, row));
    this.#pools.delete(batch, row);
    if (release === null) return;
    this.releases.splice(this.releases.lastIndexOf(release), 1);
    const slots = batch.size[row]!;
    this.transientEnds.push({ begin: release.begin, deleted: number, release, slots });
    this.#openReleases.open(batch, row, release);
  }

  #growth(batch: EventBatch, row: number, number: number): void {
    const line = batch.line[row]!;
    const end = Number.POSITIVE_INFINITY;
    const run: GrowthRun = { line, begin: number, end, request: null, added: false };
    this.runs.push(run);
    this.#open.begin(batch, row, null, run);
  }

  #growthReturn(batch: EventBatch, row: number, number: number): void {
    const run = this.#open.end(batch, row, (work) => work.run !== null)?.run;
    if (run) run.end = number;
  }

  #request(batch: EventBatch, row: number, number: number): void {
    const work = this.#open.at(batch, row);
    if (work === undefined) return;
    const request: PoolRequest = {
      line: batch.line[row]!,
      begin: number,
      end: Number.POSITIVE_INFINITY,
      growth: work.run !== null,
      minSlots: batch.aux[row]!,
      slots: batch.size[row]!,
      areas: batch.aux2[row]!,
      attempts: [],
      made: null,
      returned: false,
    };
    work.request = request;
    if (work.run !== null) work.run.request = request;
    else if (work.call !== null) work.call.transient = request;
  }

  #requestReturn(batch: EventBatch, row: number, number: number): void {
    const work = this.#open.at(batch, row);
    if (work === undefined || work.request === null) return;
    const { request } = work;
    work.request = null;
    request.end = number;
    request.returned = true;
    const slots = batch.size[row]!;
    if (slots === 0) return;
    request.made = { start: addressOf(batch, row), slots, areas: batch.aux2[row]! };
    if (!request.growth) this.#pools.addTransient(batch, row, number);
  }

  #memoryReturn(batch: EventBatch, row: number): void {
    const attempt = this.#open.at(batch, row)?.request?.attempts.at(-1);
    if (attempt !== undefined) attempt.served = !hasFailed(batch, row);
  }

  #addPool(batch: EventBatch, row: number, number: number): void {
    const run = this.#open.at(batch, row)?.run;
    if (run) run.added = true;
    this.#pools.addGrown(batch, row, number);
  }

  #mark(batch: EventBatch, row: number, number: number): void {
    const begin = this.#lastMark;
    this.#lastMark = number;
    if (batch.size[row] === 0) return;
    this.samples.push({
      line: batch.line[row]!,
      begin,
      end: number,
      slots: batch.size[row]!,
      used: batch.aux[row]!,
      hiwater: batch.aux2[row]!,
      transient: batch.addressLow[row]!,
    });
  }
}

function hasFailed(batch: EventBatch, row: number): boolean {
  return (batch.flags[row]! & Flag.failed) !== 0;
}
