// The engine: requests in, outcome columns out. Start reading here.
//
// For each request, first the timers that are due fire, then the request is done: a map asks the DMA
// layer of its domain for a range, an unmap hands the range to the domain's flush queue. Whatever
// happens on the way is a row of the outcome. Nothing is allocated per request.
//
// Rules on what a capture lacks: docs/models/replay.md. Time runs on after the last request until
// no range waits for a flush.

import { Flag, Op, type RequestBatch } from '@dmalab/trace';
import { Domains } from './domains.ts';
import { Latency } from './latency.ts';
import { loadedSource } from './load/load.ts';
import type { Machine } from './machine.ts';
import { machineState } from './machine-state.ts';
import { type OutcomeBatch, OutcomeKind } from './outcome.ts';
import { OutcomeLog } from './outcome-log.ts';
import { offsetOf, pagesOf, pfnOf } from './pfn.ts';
import { BUILT_IN, type PolicyRegistry } from './policies.ts';
import { NO_PFN } from './policy.ts';
import type { RequestSource } from './request-source.ts';
import { LiveState, LiveTable } from './structures/live-table.ts';
import { type FiringRule, Timers } from './timers.ts';

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
  const run = new Replay(machine, rule, registry);
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
  yield* run.log.takeAll();
}

class Replay {
  readonly log: OutcomeLog;
  readonly #machine: Machine;
  readonly #timers: Timers;
  readonly #domains: Domains;
  readonly #live = new LiveTable();
  readonly #endHold = (cpu: number, id: number): void => this.#unmapHeld(cpu, id);

  constructor(machine: Machine, rule: FiringRule | null, registry: PolicyRegistry) {
    this.#machine = machine;
    this.#timers = new Timers(machine.hz, machine.timerMode, machine.tickPhase, rule);
    const latency = new Latency(this.#timers, machine.loop, machine.cpus);
    this.log = new OutcomeLog(this.#timers, latency);
    const state = machineState(machine, registry);
    if (state.isActive) this.log.machine = state;
    this.#domains = new Domains(
      machine,
      this.#timers,
      latency,
      this.log,
      this.#live,
      registry,
      state.host,
    );
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
    const placed = domain.occupy(pfn, pages, bytes, id);
    this.#remember(id, device, domain.index, placed ? pfn : NO_PFN, pages, bytes, -1);
  }

  request(batch: RequestBatch, i: number): void {
    const time = batch.time[i]!;
    if (this.#timers.next <= time) this.#fireTimers(time);
    this.#timers.advance(time);
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
      case Op.sync:
        break;
      default:
        this.#domains.control(batch, i, cpu);
    }
    this.log.done();
  }

  /** Fires the next timer while any range waits for a flush; false when none does. */
  waitOneTimer(): boolean {
    return this.#domains.anyQueued() && this.#fireNext();
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
    const device = batch.device[i]!;
    const id = batch.id[i]!;
    const bytes = batch.size[i]!;
    const hold = batch.hold[i]!;
    const failed = (flags & Flag.failed) !== 0;
    if (failed && this.#isDropped(flags, hold)) {
      this.log.row(OutcomeKind.skipped, null, id, -1, 0, bytes, 0, 0);
      return;
    }
    if (this.#isDirect(device)) {
      this.log.row(OutcomeKind.direct, null, id, -1, 0, bytes, 1, 0);
      return;
    }
    const domain = this.#domains.of(batch.domain[i]!, device);
    const { granule } = domain;
    // A derived size is an extent in the page table, and coherent memory begins at a page.
    const whole = batch.op[i] === Op.alloc || (flags & Flag.sizeDerived) !== 0;
    const offset = whole ? 0 : offsetOf(batch.physLow[i]!, granule);
    const pages = Math.max(1, pagesOf(bytes, offset, granule));
    const pfn = domain.map(device, pages, bytes, batch.dmaLimit[i]!, cpu, id);
    this.#remember(id, device, domain.index, pfn, pages, bytes, this.#timers.now);
    if (failed) this.#timers.armAt(domain.index, cpu, this.#timers.now + hold, this.#endHold, id);
  }

  #unmap(batch: RequestBatch, i: number, cpu: number): void {
    const id = batch.id[i]!;
    if (this.#isDirect(batch.device[i]!)) {
      this.log.row(OutcomeKind.direct, null, id, -1, 0, batch.size[i]!, 2, 0);
      return;
    }
    const slot = this.#live.find(id);
    if (slot < 0) this.log.row(OutcomeKind.skipped, null, id, -1, 0, batch.size[i]!, 0, 0);
    else this.#unmapSlot(slot, cpu);
  }

  #unmapHeld(cpu: number, id: number): void {
    const slot = this.#live.find(id);
    if (slot < 0) return;
    this.log.done();
    this.log.timer(cpu, this.#live.device[slot]!, Flag.failed + Flag.synthetic);
    this.#unmapSlot(slot, cpu);
  }

  #unmapSlot(slot: number, cpu: number): void {
    const live = this.#live;
    const id = live.id[slot]!;
    const bytes = live.bytes[slot]!;
    const domain = this.#domains.at(live.domain[slot]!);
    if (live.state[slot] === LiveState.failed || !domain) {
      this.log.row(OutcomeKind.skipped, domain, id, -1, live.pages[slot]!, bytes, 0, 0);
    } else {
      const since = live.time[slot]!;
      const lifetime = since < 0 ? -1 : this.#timers.now - since;
      domain.unmap(live.pfn[slot]!, live.pages[slot]!, bytes, lifetime, cpu, id);
    }
    live.remove(slot);
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
