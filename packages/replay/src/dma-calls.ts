// What drivers ask of the DMA layer: maps, unmaps and syncs, with the table of what is live.
//
// A device with an IOMMU gets an address from its domain; one without keeps the physical address. Either may need a
// bounce buffer first. The machine decides which, not the recording. Rules on what a capture lacks: docs/models/replay.md.

import { Flag, Op, type RequestBatch } from '@dmalab/trace';
import { BOUNCE_FAILED, type Bouncing } from './bouncing.ts';
import type { Domain } from './domain.ts';
import type { Domains } from './domains.ts';
import type { Machine } from './machine.ts';
import { MACHINE_OWNER } from './machine-state.ts';
import { OutcomeKind } from './outcome.ts';
import type { OutcomeLog } from './outcome-log.ts';
import { offsetOf, pagesOf, pfnOf } from './pfn.ts';
import { FailCause, NO_PFN } from './policy.ts';
import { LiveState, type LiveTable } from './structures/live-table.ts';
import type { Timers } from './timers.ts';
import { type MapCalls, WaitingMaps } from './waiting-maps.ts';

/** In the place of a domain: a request without translation. */
const NO_DOMAIN = 0xffff_ffff;
/** What a `direct` row says in its value. */
const MAPPED = 1;
const UNMAPPED = 2;

/** See the head of the file. */
export class DmaCalls implements MapCalls {
  /** Maps that failed and are not given up. */
  readonly waiting: WaitingMaps;
  readonly #machine: Machine;
  readonly #timers: Timers;
  readonly #log: OutcomeLog;
  readonly #domains: Domains;
  readonly #live: LiveTable;
  /** null: nothing can bounce. The other one: only if a device is watched behind an IOMMU. */
  readonly #bouncing: Bouncing | null;
  readonly #watched: Bouncing | null;
  readonly #endHold = (cpu: number, id: number): void => this.#unmapHeld(cpu, id);

  /** `offset`: ns by which requests come later than they were recorded. */
  constructor(
    machine: Machine,
    timers: Timers,
    log: OutcomeLog,
    domains: Domains,
    live: LiveTable,
    bouncing: Bouncing | null,
    offset: number,
  ) {
    this.#machine = machine;
    this.#timers = timers;
    this.#log = log;
    this.#domains = domains;
    this.#live = live;
    this.#bouncing = bouncing;
    this.#watched = machine.devices.some((_, i) => bouncing?.watches(i)) ? bouncing : null;
    if (this.#watched !== null) live.onRemove = (slot) => this.#releaseSlot(slot);
    const { failedRequests } = machine;
    this.waiting = new WaitingMaps(this, timers, log, live, bouncing, failedRequests, offset);
  }

  /** Puts what was mapped before the trace in its place. */
  openStart(batch: RequestBatch, i: number): void {
    const device = batch.device[i]!;
    if (this.#isDirect(device)) return;
    const domain = this.#domains.of(batch.domain[i]!, device);
    const low = batch.addressLow[i]!;
    const pfn = pfnOf(low, batch.addressHigh[i]!, domain.granule);
    const bytes = batch.size[i]!;
    const pages = Math.max(1, pagesOf(bytes, offsetOf(low, domain.granule), domain.granule));
    const id = batch.id[i]!;
    if (domain.type === 'identity') {
      this.#remember(id, device, NO_DOMAIN, 0, 0, bytes, -1);
      return;
    }
    const placed = domain.occupy(pfn, pages, bytes, id);
    this.#remember(id, device, domain.index, placed ? pfn : NO_PFN, pages, bytes, -1);
  }

  /** False if the map failed, this time or for good. */
  map(batch: RequestBatch, i: number, cpu: number): boolean {
    const flags = batch.flags[i]!;
    if ((flags & Flag.failed) !== 0 && this.#isDropped(flags, batch.hold[i]!)) {
      this.#log.row(OutcomeKind.skipped, null, batch.id[i]!, -1, 0, batch.size[i]!, 0, 0);
      return true;
    }
    this.waiting.first();
    if (this.attempt(batch, i, cpu)) return true;
    this.waiting.failed(batch, i, cpu);
    return false;
  }

  attempt(batch: RequestBatch, i: number, cpu: number): boolean {
    const device = batch.device[i]!;
    if (this.#isDirect(device)) return this.#mapDirect(batch, i, cpu);
    const flags = batch.flags[i]!;
    const id = batch.id[i]!;
    const bytes = batch.size[i]!;
    const domain = this.#domains.of(batch.domain[i]!, device);
    if (domain.type === 'identity') return this.#mapDirect(batch, i, cpu, true);
    const { granule } = domain;
    const bounce = this.#watched === null ? 0 : this.#bounceBehind(batch, i, cpu, domain);
    if (bounce === BOUNCE_FAILED) return false;
    // A derived size is an extent in the page table, and coherent memory begins at a page.
    const whole = batch.op[i] === Op.alloc || (flags & Flag.sizeDerived) !== 0;
    let offset = whole ? 0 : offsetOf(batch.physLow[i]!, granule);
    if (bounce > 0) offset = offsetOf(this.#bouncing!.addressLow(bounce), granule);
    const pages = Math.max(1, pagesOf(bytes, offset, granule));
    const pfn = domain.map(device, pages, bytes, batch.dmaLimit[i]!, cpu, id);
    if (pfn === NO_PFN && bounce > 0) {
      this.#bouncing?.release(bounce, domain, device, id, Flag.skipCpuSync);
    }
    this.#remember(id, device, domain.index, pfn, pages, bytes, this.#timers.now);
    if (pfn === NO_PFN) return false;
    if (bounce > 0) this.#live.bounce[this.#live.find(id)] = bounce;
    if ((flags & Flag.failed) !== 0) this.#hold(domain.index, id, batch.hold[i]!, cpu);
    return true;
  }

  unmap(batch: RequestBatch, i: number, cpu: number): void {
    const id = batch.id[i]!;
    const isDirect = this.#isDirect(batch.device[i]!);
    if (isDirect && this.#bouncing === null) {
      this.#log.row(OutcomeKind.direct, null, id, -1, 0, batch.size[i]!, UNMAPPED, 0);
      return;
    }
    const slot = this.#live.find(id);
    if (slot < 0) {
      const kind = isDirect ? OutcomeKind.direct : OutcomeKind.skipped;
      this.#log.row(kind, null, id, -1, 0, batch.size[i]!, isDirect ? UNMAPPED : 0, 0);
    } else if (!this.waiting.putsOff(slot, id, cpu)) this.unmapSlot(slot, cpu, batch.flags[i]!);
  }

  unmapSlot(slot: number, cpu: number, flags: number): void {
    const live = this.#live;
    const id = live.id[slot]!;
    const bytes = live.bytes[slot]!;
    const device = live.device[slot]!;
    const isDirect = live.domain[slot] === NO_DOMAIN;
    const domain = isDirect ? null : this.#domains.at(live.domain[slot]!);
    const state = live.state[slot]!;
    const bounce = state === LiveState.mapped ? live.bounce[slot]! : 0;
    if (state === LiveState.waiting) this.waiting.giveUp(live.bounce[slot]!, domain, id, bytes);
    if (state !== LiveState.mapped || (!domain && !isDirect)) {
      this.#log.row(OutcomeKind.skipped, domain, id, -1, live.pages[slot]!, bytes, 0, 0);
    } else if (domain) {
      const since = live.time[slot]!;
      const lifetime = since < 0 ? -1 : this.#timers.now - since;
      domain.unmap(live.pfn[slot]!, live.pages[slot]!, bytes, lifetime, cpu, id);
    }
    if (bounce > 0) this.#bouncing?.release(bounce, domain, device, id, flags);
    if (isDirect && state === LiveState.mapped) {
      this.#log.answer(this.#log.row(OutcomeKind.direct, null, id, -1, 0, bytes, UNMAPPED, 0));
    }
    live.remove(slot);
    this.waiting.wake();
  }

  /** A sync for the device or the CPU copies what was bounced. */
  sync(batch: RequestBatch, i: number): void {
    const bouncing = this.#bouncing;
    if (bouncing === null) return;
    const slot = this.#live.find(batch.id[i]!);
    if (slot < 0 || this.#live.state[slot] !== LiveState.mapped) return;
    const bounce = this.#live.bounce[slot]!;
    const isForDevice = (batch.flags[i]! & Flag.forDevice) !== 0;
    if (bounce > 0) bouncing.sync(bounce, batch.size[i]!, batch.id[i]!, isForDevice);
  }

  // A buffer behind an IOMMU that bounces has its slots before it has an address.
  #bounceBehind(batch: RequestBatch, i: number, cpu: number, domain: Domain): number {
    const device = batch.device[i]!;
    const bouncing = this.#watched;
    if (batch.op[i] === Op.alloc || !bouncing?.watches(device)) return 0;
    const bounce = bouncing.mapBehindIommu(batch, i, cpu, domain);
    if (bounce === BOUNCE_FAILED) this.#failBounce(batch, i, domain);
    return bounce;
  }

  // Without translation the address is the physical one. `isKept`: the device may be translated when it unmaps.
  #mapDirect(batch: RequestBatch, i: number, cpu: number, isKept: boolean = false): boolean {
    const id = batch.id[i]!;
    const bouncing = this.#bouncing;
    let bounce = 0;
    if (bouncing !== null) {
      const isCoherent = batch.op[i] === Op.alloc;
      bounce = isCoherent ? bouncing.alloc(batch, i, cpu) : bouncing.mapDirect(batch, i, cpu);
      if (bounce === BOUNCE_FAILED) {
        this.#failBounce(batch, i, null);
        return false;
      }
    }
    this.#log.answer(this.#log.row(OutcomeKind.direct, null, id, -1, 0, batch.size[i]!, MAPPED, 0));
    if (bounce === 0 && !isKept) return true;
    this.#remember(id, batch.device[i]!, NO_DOMAIN, 0, 0, batch.size[i]!, this.#timers.now);
    this.#live.bounce[this.#live.find(id)] = bounce;
    const isFailed = (batch.flags[i]! & Flag.failed) !== 0;
    if (isFailed) this.#hold(MACHINE_OWNER, id, batch.hold[i]!, cpu);
    return true;
  }

  #failBounce(batch: RequestBatch, i: number, domain: Domain | null): void {
    const { stage, cause } = this.#bouncing!;
    const id = batch.id[i]!;
    const bytes = batch.size[i]!;
    if (cause === FailCause.throttled) this.#log.isLastTry = false;
    this.#log.failed(domain, id, 0, bytes, stage, cause, 0);
    const index = domain?.index ?? NO_DOMAIN;
    this.#remember(id, batch.device[i]!, index, NO_PFN, 0, bytes, this.#timers.now);
  }

  // A map that failed while recording has what it gets for the time that its row states.
  #hold(owner: number, id: number, ns: number, cpu: number): void {
    this.#timers.armAt(owner, cpu, this.#timers.now + ns, this.#endHold, id);
  }

  #unmapHeld(cpu: number, id: number): void {
    const slot = this.#live.find(id);
    if (slot < 0) return;
    this.#log.done();
    this.#log.timer(cpu, this.#live.device[slot]!, Flag.failed + Flag.synthetic);
    this.unmapSlot(slot, cpu, 0);
  }

  // What a domain takes with it gives its bounce buffers back.
  #releaseSlot(slot: number): void {
    const { state, bounce, device, id } = this.#live;
    if (state[slot] !== LiveState.mapped || bounce[slot] === 0) return;
    this.#bouncing?.release(bounce[slot]!, null, device[slot]!, id[slot]!, Flag.skipCpuSync);
  }

  #remember(
    id: number,
    device: number,
    domain: number,
    pfn: number,
    pages: number,
    bytes: number,
    time: number,
  ): void {
    const live = this.#live;
    const slot = live.add(id);
    live.state[slot] = pfn === NO_PFN ? LiveState.failed : LiveState.mapped;
    live.device[slot] = device;
    live.domain[slot] = domain;
    live.pfn[slot] = pfn;
    live.pages[slot] = pages;
    live.bytes[slot] = bytes;
    live.time[slot] = time;
    live.bounce[slot] = 0;
  }

  #isDirect(device: number): boolean {
    return this.#machine.devices[device]?.translated === false;
  }

  #isDropped(flags: number, hold: number): boolean {
    if ((flags & Flag.superseded) !== 0 || hold === 0) return true;
    return this.#machine.recordedFailures === 'drop';
  }
}
