// The engine: requests in, outcome columns out. Start reading here.
//
// For each request, first the timers that are due fire, then the request is done (dma-calls.ts): a map asks
// the DMA layer of its domain for a range, an unmap hands the range to the domain's flush queue. Whatever
// happens on the way is a row of the outcome. Nothing is allocated per request.
//
// Rules on what a capture lacks: docs/models/replay.md. Time runs on after the last request until
// no range waits for a flush.

import { Op, type RequestBatch, type SegmentLists } from '@dmalab/trace';
import { DmaCalls } from './dma-calls.ts';
import { Domains } from './domains.ts';
import type { PinBudget } from './host-policy.ts';
import { Latency } from './latency.ts';
import { loadedSource } from './load/load.ts';
import type { Machine } from './machine.ts';
import { machineState } from './machine-state.ts';
import type { OutcomeBatch } from './outcome.ts';
import { OutcomeLog } from './outcome-log.ts';
import { BUILT_IN, type PolicyRegistry } from './policies.ts';
import type { RequestSource } from './request-source.ts';
import { type StateSample, StateSampler } from './state-sampler.ts';
import { LiveTable } from './structures/live-table.ts';
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
  /** CPUs of the machine. */
  readonly #cpus: number;
  /** ns by which its requests come later than they were recorded. */
  readonly #offset: number;
  readonly #timers: Timers;
  readonly #domains: Domains;
  readonly #calls: DmaCalls;
  readonly #sampler: StateSampler;

  constructor(
    machine: Machine,
    rule: FiringRule | null,
    registry: PolicyRegistry,
    lists: SegmentLists | null,
    offset: number = 0,
    shared: PinBudget | null = null,
  ) {
    this.#cpus = machine.cpus;
    this.#offset = offset;
    const timers = new Timers(machine.hz, machine.timerMode, machine.tickPhase, rule);
    const latency = new Latency(timers, machine.loop, machine.cpus);
    const log = new OutcomeLog(timers, latency, machine.cost);
    const state = machineState(machine, registry, timers, log, latency, lists, shared);
    if (state.isActive) log.machine = state;
    const live = new LiveTable();
    const domains = new Domains(machine, timers, latency, log, live, registry, state.host);
    this.#timers = timers;
    this.log = log;
    this.#domains = domains;
    this.#calls = new DmaCalls(machine, timers, log, domains, live, state.bouncing, offset);
    this.#sampler = new StateSampler({
      size: () => domains.stateSize() + state.poolSize(),
      domains: () => domains.samples(),
      pool: () => state.poolSample(),
    });
  }

  /** Puts row `i` of what was mapped before the trace in its place. */
  openStart(batch: RequestBatch, i: number): void {
    this.log.request(batch, i, this.#cpu(batch.cpu[i]!));
    this.#calls.openStart(batch, i);
  }

  /** Fires the timers that are due before request `i`, then does it. */
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
        if (!this.#calls.map(batch, i, cpu)) this.#keepFailure();
        break;
      case Op.unmap:
      case Op.free:
        this.#calls.unmap(batch, i, cpu);
        break;
      case Op.none:
        break;
      case Op.sync:
        this.#calls.sync(batch, i);
        break;
      default:
        this.#domains.control(batch, i, cpu);
    }
    this.log.done();
  }

  /** The requests are over: what still waits for room has failed. */
  end(): void {
    this.#calls.waiting.end();
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
    return this.#domains.anyQueued() || this.#calls.waiting.any;
  }

  /** Fires the next timer. */
  fireTimer(): void {
    this.#fireNext();
  }

  #keep(sample: StateSample | null): void {
    if (sample !== null) this.log.batch.samples.push(sample);
  }

  #keepFailure(): void {
    this.#keep(this.#sampler.failure(this.#timers.now, this.log.failedStage));
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

  /** A machine with fewer CPUs than the recorded one shares them out. */
  #cpu(recorded: number): number {
    const cpus = this.#cpus;
    return recorded < cpus ? recorded : recorded % cpus;
  }
}
