// The engine: requests in, outcome columns out. Start reading here.
//
// For each request, first the timers that are due fire, then the request is done: a map asks the DMA
// layer of its domain for a range, an unmap hands the range to the domain's flush queue. Whatever
// happens on the way is a row of the outcome. Nothing is allocated per request.
//
// Rules on what a capture lacks: docs/models/replay.md. Time runs on after the last request until
// no range waits for a flush.

import { Flag, Op, type RequestBatch, type SegmentLists } from '@dmalab/trace';
import { BOUNCE_FAILED, type Bouncing } from './bouncing.ts';
import type { Domain } from './domain.ts';
import { Domains } from './domains.ts';
import type { PinBudget } from './host-policy.ts';
import { Latency } from './latency.ts';
import { loadedSource } from './load/load.ts';
import type { Machine } from './machine.ts';
import { MACHINE_OWNER, machineState } from './machine-state.ts';
import { FailStage, type OutcomeBatch, OutcomeKind } from './outcome.ts';
import { OutcomeLog } from './outcome-log.ts';
import { offsetOf, pagesOf, pfnOf } from './pfn.ts';
import { BUILT_IN, type PolicyRegistry } from './policies.ts';
import { FailCause, NO_PFN } from './policy.ts';
import type { RequestSource } from './request-source.ts';
import { Sleepers } from './sleepers.ts';
import { type StateSample, StateSampler } from './state-sampler.ts';
import { LiveState, LiveTable } from './structures/live-table.ts';
import { type FiringRule, Timers } from './timers.ts';
import { WaitingRequests } from './waiting-requests.ts';

const NS_PER_MS = 1e6;
/** In the place of a domain: a request without translation. */
const NO_DOMAIN = 0xffff_ffff;

/**
 * Replays `source` on `machine`, under the machine's load. Each batch is valid until the next one is asked for. With a `rule`
 * timers fire when it says; their owners are the indices of the domains. Policies come from `registry`.
 */
export function* replay(
  machine: Machine,
  source: RequestSource,
  rule: FiringRule | null = null,
  registry: PolicyRegistry = BUILT_IN,
): Generator<OutcomeBatch, void, undefined> {
  const run = new Replay(machine, rule, registry, source.lists ?? null);
  const loaded = loadedSource(source, machine.load, machine.cpus);
  for (const batch of loaded.openStart()) {
    for (let i = 0; i < batch.length; i++) run.openStart(batch, i);
    yield* run.log.takeFull();
  }
  for (const batch of loaded.requests()) {
    const { length } = batch;
    for (let i = 0; i < length; i++) {
      run.request(batch, i);
      if (run.log.hasFull) yield* run.log.takeFull();
    }
  }
  while (run.waitOneTimer()) yield* run.log.takeFull();
  run.end();
  run.finish();
  yield* run.log.takeAll();
}

/** One machine in the course of its replay. */
export class Replay {
  readonly log: OutcomeLog;
  readonly #machine: Machine;
  /** ns by which its requests come later than they were recorded. */
  readonly #offset: number;
  readonly #timers: Timers;
  readonly #domains: Domains;
  readonly #live = new LiveTable();
  /** null: nothing can bounce. The other one: only if a device is watched behind an IOMMU. */
  readonly #bouncing: Bouncing | null;
  readonly #watched: Bouncing | null;
  readonly #waiting = new WaitingRequests();
  /** Maps that sleep until bounce memory is less crowded, and what became of them. */
  readonly #sleepers = new Sleepers();
  readonly #sampler: StateSampler;
  /** Tries of a map after the first. */
  readonly #retries: number;
  readonly #tryAgain = (cpu: number, place: number): void => this.#retry(cpu, place);
  readonly #endSleep = (cpu: number, id: number): void => this.#unmapLate(cpu, id);
  readonly #endHold = (cpu: number, id: number): void => this.#unmapHeld(cpu, id);

  constructor(
    machine: Machine,
    rule: FiringRule | null,
    registry: PolicyRegistry,
    lists: SegmentLists | null,
    offset: number = 0,
    shared: PinBudget | null = null,
  ) {
    this.#machine = machine;
    this.#offset = offset;
    this.#timers = new Timers(machine.hz, machine.timerMode, machine.tickPhase, rule);
    const latency = new Latency(this.#timers, machine.loop, machine.cpus);
    this.log = new OutcomeLog(this.#timers, latency, machine.cost);
    const state = machineState(machine, registry, this.#timers, this.log, latency, lists, shared);
    if (state.isActive) this.log.machine = state;
    this.#bouncing = state.bouncing;
    this.#watched = machine.devices.some((_, i) => state.bouncing?.watches(i))
      ? state.bouncing
      : null;
    this.#domains = new Domains(
      machine,
      this.#timers,
      latency,
      this.log,
      this.#live,
      registry,
      state.host,
    );
    if (this.#watched !== null) this.#live.onRemove = (slot) => this.#releaseSlot(slot);
    const domains = this.#domains;
    this.#sampler = new StateSampler({
      size: () => domains.stateSize() + state.poolSize(),
      domains: () => domains.samples(),
      pool: () => state.poolSample(),
    });
    const { mode, tries } = machine.failedRequests;
    this.#retries = mode === 'retry' ? tries : 0;
  }

  openStart(batch: RequestBatch, i: number): void {
    const device = batch.device[i]!;
    if (this.#isDirect(device)) return;
    const cpu = this.#cpu(batch.cpu[i]!);
    this.log.request(batch, i, cpu);
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

  request(batch: RequestBatch, i: number): void {
    const time = batch.time[i]! + this.#offset;
    if (this.#timers.next <= time) this.#fireTimers(time);
    this.#timers.advance(time);
    if (time >= this.#sampler.next) this.#keep(this.#sampler.look(time, this.log.rows));
    const cpu = this.#cpu(batch.cpu[i]!);
    this.log.request(batch, i, cpu);
    switch (batch.op[i]) {
      case Op.map:
      case Op.alloc:
        this.#map(batch, i, cpu);
        break;
      case Op.unmap:
      case Op.free:
        this.#unmap(batch, i, cpu);
        break;
      case Op.none:
        break;
      case Op.sync:
        this.#sync(batch, i);
        break;
      default:
        this.#domains.control(batch, i, cpu);
    }
    this.log.done();
  }

  /** The last row is written. */
  finish(): void {
    this.#keep(this.#sampler.take(this.#timers.now, 'end'));
  }

  /** Fires the next timer while any range waits for a flush, or a map to be tried again; false when none does. */
  waitOneTimer(): boolean {
    return this.isWaiting && this.#fireNext();
  }

  /** Virtual ns of the next timer, Infinity when none is pending. */
  get nextTimer(): number {
    return this.#timers.next;
  }

  /** A range waits for a flush, or a map to be tried again: only a timer goes on. */
  get isWaiting(): boolean {
    return this.#domains.anyQueued() || this.#waiting.count + this.#sleepers.pending > 0;
  }

  /** Fires the next timer. */
  fireTimer(): void {
    this.#fireNext();
  }

  #keep(sample: StateSample | null): void {
    if (sample !== null) this.log.batch.samples.push(sample);
  }

  #fireTimers(time: number): void {
    while (this.#timers.next <= time) this.#fireNext();
  }

  #fireNext(): boolean {
    this.log.timer(this.#timers.nextCpu);
    const fired = this.#timers.fireNext();
    this.log.done();
    return fired;
  }

  #map(batch: RequestBatch, i: number, cpu: number): void {
    const flags = batch.flags[i]!;
    const id = batch.id[i]!;
    if ((flags & Flag.failed) !== 0 && this.#isDropped(flags, batch.hold[i]!)) {
      this.log.row(OutcomeKind.skipped, null, id, -1, 0, batch.size[i]!, 0, 0);
      return;
    }
    const retries = this.#retries;
    this.log.isLastTry = retries === 0;
    this.log.tries = 0;
    if (this.#attempt(batch, i, cpu)) return;
    this.#keep(this.#sampler.failure(this.#timers.now, this.log.failedStage));
    if (this.log.failedCause === FailCause.throttled) this.#sleep(this.#waiting.add(batch, i), id);
    else if (retries > 0) this.#wait(this.#waiting.add(batch, i), id, cpu);
  }

  /** Maps row `i`, and remembers what became of it; false if it failed. */
  #attempt(batch: RequestBatch, i: number, cpu: number): boolean {
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
    this.log.answer(this.log.row(OutcomeKind.direct, null, id, -1, 0, batch.size[i]!, 1, 0));
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
    if (cause === FailCause.throttled) this.log.isLastTry = false;
    this.log.failed(domain, id, 0, bytes, stage, cause, 0);
    const index = domain?.index ?? NO_DOMAIN;
    this.#remember(id, batch.device[i]!, index, NO_PFN, 0, bytes, this.#timers.now);
  }

  #hold(owner: number, id: number, ns: number, cpu: number): void {
    this.#timers.armAt(owner, cpu, this.#timers.now + ns, this.#endHold, id);
  }

  // The failed request at `place` is tried again later.
  #wait(place: number, id: number, cpu: number): void {
    const slot = this.#live.find(id);
    this.#live.state[slot] = LiveState.waiting;
    this.#live.bounce[slot] = place;
    this.#waiting.stage[place] = this.log.failedStage;
    this.#waiting.cause[place] = this.log.failedCause;
    const delay = this.#machine.failedRequests.delayMs * NS_PER_MS;
    this.#timers.armAt(MACHINE_OWNER, cpu, this.#timers.now + delay, this.#tryAgain, place);
  }

  #retry(cpu: number, place: number): void {
    const { rows, tries } = this.#waiting;
    const id = rows.id[place]!;
    const slot = this.#live.find(id);
    if (slot < 0 || this.#live.state[slot] !== LiveState.waiting) {
      this.#waiting.remove(place);
      return;
    }
    this.#live.remove(slot);
    tries[place]!++;
    this.log.done();
    this.log.request(rows, place, cpu);
    this.log.tries = tries[place]!;
    this.log.isLastTry = tries[place]! >= this.#retries;
    if (this.#attempt(rows, place, cpu)) this.#wakened(place, id, cpu);
    else if (this.log.failedCause === FailCause.throttled) this.#sleep(place, id);
    else if (this.log.isLastTry) {
      this.#waiting.remove(place);
      // Its unmap has come already: nothing will ask for it again.
      if (this.#sleepers.lateOf(id) < 0) this.#live.remove(this.#live.find(id));
    } else this.#wait(place, id, cpu);
  }

  // The request at `place` sleeps until enough slots are free.
  #sleep(place: number, id: number): void {
    const slot = this.#live.find(id);
    this.#live.state[slot] = LiveState.waiting;
    this.#live.bounce[slot] = place;
    this.#waiting.stage[place] = FailStage.swiotlb;
    this.#waiting.cause[place] = FailCause.throttled;
    this.#sleepers.add(place);
  }

  // A mapping that was served late lives as long as recorded.
  #wakened(place: number, id: number, cpu: number): void {
    const late = this.#timers.now - (this.#waiting.rows.time[place]! + this.#offset);
    const isThrottled = this.#waiting.cause[place] === FailCause.throttled;
    this.#waiting.remove(place);
    if (!isThrottled) return;
    const lifetime = this.#sleepers.served(id, late);
    if (lifetime < 0) return;
    this.#unmapIn(lifetime, id, cpu);
  }

  #wakeSleepers(): void {
    if (this.#bouncing?.hasRoom !== true) return;
    for (let left = this.#sleepers.count; left > 0; left--) {
      const place = this.#sleepers.next();
      this.#retry(this.#cpu(this.#waiting.rows.cpu[place]!), place);
    }
  }

  /** The requests are over: whatever still sleeps has failed. */
  end(): void {
    while (this.#sleepers.count > 0) {
      const place = this.#sleepers.next();
      const { rows } = this.#waiting;
      this.log.request(rows, place, this.#cpu(rows.cpu[place]!));
      this.#giveUp(place, null, rows.id[place]!, rows.size[place]!);
      this.log.done();
      this.#waiting.remove(place);
    }
  }

  #unmap(batch: RequestBatch, i: number, cpu: number): void {
    const id = batch.id[i]!;
    const isDirect = this.#isDirect(batch.device[i]!);
    if (isDirect && this.#bouncing === null) {
      this.log.row(OutcomeKind.direct, null, id, -1, 0, batch.size[i]!, 2, 0);
      return;
    }
    const slot = this.#live.find(id);
    if (this.#sleepers.knows > 0 && slot >= 0 && this.#isLate(slot, id, cpu)) return;
    if (slot >= 0) this.#unmapSlot(slot, cpu, batch.flags[i]!);
    else {
      const kind = isDirect ? OutcomeKind.direct : OutcomeKind.skipped;
      this.log.row(kind, null, id, -1, 0, batch.size[i]!, isDirect ? 2 : 0, 0);
    }
  }

  // The unmap of a request that sleeps, or slept, comes as late as its map.
  #isLate(slot: number, id: number, cpu: number): boolean {
    const place = this.#live.bounce[slot]!;
    const isWaiting = this.#live.state[slot] === LiveState.waiting;
    if (isWaiting && this.#waiting.cause[place] === FailCause.throttled) {
      const since = this.#waiting.rows.time[place]! + this.#offset;
      this.#sleepers.left(id, this.#timers.now - since);
      return true;
    }
    const late = this.#sleepers.lateOf(id);
    if (late <= 0) return false;
    this.#unmapIn(late, id, cpu);
    return true;
  }

  #unmapIn(ns: number, id: number, cpu: number): void {
    this.#sleepers.pending++;
    this.#timers.armAt(MACHINE_OWNER, cpu, this.#timers.now + ns, this.#endSleep, id);
  }

  #unmapLate(cpu: number, id: number): void {
    this.#sleepers.pending--;
    const slot = this.#live.find(id);
    if (slot < 0) return;
    this.log.done();
    this.log.timer(cpu, this.#live.device[slot]!, Flag.synthetic);
    this.#unmapSlot(slot, cpu, 0);
  }

  #unmapHeld(cpu: number, id: number): void {
    const slot = this.#live.find(id);
    if (slot < 0) return;
    this.log.done();
    this.log.timer(cpu, this.#live.device[slot]!, Flag.failed + Flag.synthetic);
    this.#unmapSlot(slot, cpu, 0);
  }

  #unmapSlot(slot: number, cpu: number, flags: number): void {
    const live = this.#live;
    const id = live.id[slot]!;
    const bytes = live.bytes[slot]!;
    const device = live.device[slot]!;
    const isDirect = live.domain[slot] === NO_DOMAIN;
    const domain = isDirect ? null : this.#domains.at(live.domain[slot]!);
    const state = live.state[slot]!;
    const bounce = state === LiveState.mapped ? live.bounce[slot]! : 0;
    if (state === LiveState.waiting) this.#giveUp(live.bounce[slot]!, domain, id, bytes);
    if (state !== LiveState.mapped || (!domain && !isDirect)) {
      this.log.row(OutcomeKind.skipped, domain, id, -1, live.pages[slot]!, bytes, 0, 0);
    } else if (domain) {
      const since = live.time[slot]!;
      const lifetime = since < 0 ? -1 : this.#timers.now - since;
      domain.unmap(live.pfn[slot]!, live.pages[slot]!, bytes, lifetime, cpu, id);
    }
    if (bounce > 0) this.#bouncing?.release(bounce, domain, device, id, flags);
    if (isDirect && state === LiveState.mapped) {
      this.log.answer(this.log.row(OutcomeKind.direct, null, id, -1, 0, bytes, 2, 0));
    }
    live.remove(slot);
    if (this.#sleepers.count > 0) this.#wakeSleepers();
  }

  // What a domain takes with it gives its bounce buffers back.
  #releaseSlot(slot: number): void {
    const { state, bounce, device, id } = this.#live;
    if (state[slot] !== LiveState.mapped || bounce[slot] === 0) return;
    this.#bouncing?.release(bounce[slot]!, null, device[slot]!, id[slot]!, Flag.skipCpuSync);
  }

  // The driver unmaps what it has not got yet: it will not be tried again.
  #giveUp(place: number, domain: Domain | null, id: number, bytes: number): void {
    const { tries, stage, cause } = this.#waiting;
    this.log.isLastTry = true;
    this.log.tries = tries[place]!;
    const [at, why] = [stage[place] as FailStage, cause[place] as FailCause];
    this.log.failed(domain, id, 0, bytes, at, why, 0);
  }

  #sync(batch: RequestBatch, i: number): void {
    const bouncing = this.#bouncing;
    if (bouncing === null) return;
    const slot = this.#live.find(batch.id[i]!);
    if (slot < 0 || this.#live.state[slot] !== LiveState.mapped) return;
    const bounce = this.#live.bounce[slot]!;
    const isForDevice = (batch.flags[i]! & Flag.forDevice) !== 0;
    if (bounce > 0) bouncing.sync(bounce, batch.size[i]!, batch.id[i]!, isForDevice);
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

  /** The machine decides, not the recording: a directly mapped workload can be put behind an IOMMU. */
  #isDirect(device: number): boolean {
    return this.#machine.devices[device]?.translated === false;
  }

  #isDropped(flags: number, hold: number): boolean {
    if ((flags & Flag.superseded) !== 0 || hold === 0) return true;
    return this.#machine.recordedFailures === 'drop';
  }

  /** A machine with fewer CPUs than the recorded one shares them out. */
  #cpu(recorded: number): number {
    const { cpus } = this.#machine;
    return recorded < cpus ? recorded : recorded % cpus;
  }
}
