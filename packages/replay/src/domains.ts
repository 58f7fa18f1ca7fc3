// The domains of a replay: made when the trace creates them, or at the first request that needs one.
//
// A request without a domain belongs to a domain of its own device, made by the pattern of domain 0.

import { Op, type RequestBatch } from '@dmalab/trace';
import { type Chosen, Domain, type DomainContext, runningCpu } from './domain.ts';
import type { HostResources } from './host-policy.ts';
import type { Latency } from './latency.ts';
import type {
  DomainType,
  DomainTypeWord,
  KernelPreset,
  Machine,
  MachineDomain,
  PolicyChoice,
} from './machine.ts';
import { OutcomeKind, QueueKind } from './outcome.ts';
import type { OutcomeLog } from './outcome-log.ts';
import { offsetOf, pagesOf, pfnOf } from './pfn.ts';
import { completeChoice, flushPolicy, iovaPolicy, type PolicyRegistry } from './policies.ts';
import type { FlushPolicy, IovaPolicy } from './policy.ts';
import type { DomainSample } from './state-sampler.ts';
import type { LiveTable } from './structures/live-table.ts';
import type { Timers } from './timers.ts';
import {
  isLive,
  keepsDomain,
  madeQueue,
  requestedQueue,
  type SwitchRequest,
  SwitchResult,
  switchResult,
} from './type-switch.ts';

const pattern: MachineDomain = {
  granule: 4096,
  startPfn: 1,
  reserved: [],
  apertureEnd: 0,
  type: 'DMA-FQ',
};

/** Makes, finds and destroys the domains of one replay. */
export class Domains {
  readonly #machine: Machine;
  readonly #context: DomainContext;
  readonly #log: OutcomeLog;
  readonly #timers: Timers;
  readonly #live: LiveTable;
  readonly #domains: (Domain | null)[];
  /** A domain in which a range waited when it was last asked. */
  #waiting = 0;
  readonly #allocator: Chosen<IovaPolicy>;
  readonly #strict: Chosen<FlushPolicy>;
  /** What a lazy domain is made with: the stored options. */
  readonly #lazy: Chosen<FlushPolicy>;
  readonly #registry: PolicyRegistry;
  /** Types that were switched to, by domain. */
  readonly #types: DomainType[] = [];
  /** The user's choice, for all domains. */
  readonly #everywhere: Chosen<FlushPolicy> | null;

  constructor(
    machine: Machine,
    timers: Timers,
    latency: Latency,
    log: OutcomeLog,
    live: LiveTable,
    registry: PolicyRegistry,
    host: HostResources | null,
  ) {
    const { cpus, cost, sac, devices } = machine;
    const online = new Uint8Array(cpus).fill(1);
    this.#machine = machine;
    this.#timers = timers;
    this.#log = log;
    this.#live = live;
    this.#context = { cpus, online, timers, log, latency, cost, sac, devices, host };
    this.#domains = new Array(machine.domains.length + devices.length).fill(null);
    const { name, parameters } = completeChoice('iova', machine.allocator, registry);
    this.#allocator = { policy: iovaPolicy(name, registry), parameters };
    this.#strict = chosenFlush({ name: 'strict', parameters: {} }, registry);
    const { flush, typeSwitches = [] } = machine;
    const ruled = typeSwitches.length === 0;
    const stored = ruled || flush?.name === 'strict' ? null : flush;
    this.#registry = registry;
    this.#lazy = chosenFlush(stored ?? lazyDefault(machine.kernel), registry);
    this.#everywhere = ruled && flush ? chosenFlush(flush, registry) : null;
    typeSwitches.forEach(({ at }, i) => {
      timers.armAt(this.#domains.length, 0, at, this.#onSwitch, i);
    });
  }

  /** The domain of a request, made if this is its first; `index` 0: the device's own. */
  of(index: number, device: number): Domain {
    const at = index === 0 ? this.#machine.domains.length + device : index;
    return this.#domains[at] ?? this.#make(at);
  }

  /** The domain with this index, null when it is gone. */
  at(index: number): Domain | null {
    return this.#domains[index] ?? null;
  }

  /** Does what a control row says on `cpu`; recorded CPUs that the machine lacks do not come and go. */
  control(batch: RequestBatch, i: number, cpu: number): void {
    const index = batch.domain[i]!;
    switch (batch.op[i]) {
      case Op.domainCreate:
        this.#create(index);
        break;
      case Op.domainDestroy:
        this.#destroy(index);
        break;
      case Op.reserve:
        this.#reserve(index, batch, i);
        break;
      case Op.typeSwitch:
        this.#typeSwitch(index);
        break;
      case Op.cpuDown:
        if (cpu === batch.cpu[i]) this.#setOnline(cpu, false);
        break;
      case Op.cpuUp:
        if (cpu === batch.cpu[i]) this.#setOnline(cpu, true);
        break;
      case Op.loss:
        this.#log.row(OutcomeKind.loss, null, 0, -1, 0, 0, batch.size[i]!, 0);
    }
  }

  /** True while a range waits for a flush in any domain. */
  anyQueued(): boolean {
    const { length } = this.#domains;
    // From where one waited before: to start at 0 each time would be quadratic in the domains.
    for (let i = 0; i < length; i++) {
      const at = (this.#waiting + i) % length;
      if ((this.#domains[at]?.queuedEntries() ?? 0) === 0) continue;
      this.#waiting = at;
      return true;
    }
    return false;
  }

  /** What a look at all domains visits, about. */
  stateSize(): number {
    return this.#domains.reduce((sum, domain) => sum + (domain?.stateSize() ?? 0), 0);
  }

  /** The address spaces as they are now. */
  samples(): DomainSample[] {
    return this.#domains.flatMap((domain) => domain?.sample() ?? []);
  }

  // A recorded creation: the domain starts empty.
  #create(index: number): void {
    this.#timers.cancel(index);
    this.#live.removeDomain(index);
    this.#domains[index]?.remove();
    this.#log.row(OutcomeKind.domainCreate, this.#make(index), 0, -1, 0, 0, 0, 0);
  }

  // Everything in the domain goes with it, queued ranges too.
  #destroy(index: number): void {
    this.#timers.cancel(index);
    this.#domains[index]?.remove();
    this.#log.row(OutcomeKind.domainDestroy, this.at(index), 0, -1, 0, 0, 0, 0);
    this.#domains[index] = null;
    this.#live.removeDomain(index);
  }

  // A reservation that the machine made already changes nothing.
  #reserve(index: number, batch: RequestBatch, i: number): void {
    const domain = this.of(index, batch.device[i]!);
    const low = batch.addressLow[i]!;
    const pfnLo = pfnOf(low, batch.addressHigh[i]!, domain.granule);
    const pages = pagesOf(batch.size[i]!, offsetOf(low, domain.granule), domain.granule);
    domain.reserve(pfnLo, pfnLo + pages - 1);
  }

  // A recorded switch from DMA to DMA-FQ is done unless the user chose the policy.
  #typeSwitch(index: number): void {
    const domain = this.of(index, 0);
    if (this.#everywhere === null && domain.type === 'DMA') this.#change(domain, 'DMA-FQ', true);
    else this.#log.row(OutcomeKind.typeSwitch, domain, 0, -1, 0, 0, 0, 0);
  }

  readonly #onSwitch = (_cpu: number, i: number): void => {
    const { domain: index, to, bound } = this.#machine.typeSwitches![i]!;
    const existing = index === 0 ? [...this.#domains] : [this.of(index, 0)];
    for (const domain of existing) {
      if (domain) this.#change(domain, to, bound);
    }
  };

  #change(domain: Domain, word: DomainTypeWord, bound: boolean): void {
    const { kernel, fqInitReads = 'options' } = this.#machine;
    const { index, type: from } = domain;
    const { type, groupDevices: devices = 1 } = this.#described(index);
    const to = word === 'auto' ? type : word;
    const request: SwitchRequest = { from, to, bound, kernel, devices };
    const result = switchResult(request);
    const live = isLive(request);
    const stored = queueKind(this.#lazy.policy.name);
    const done = result === SwitchResult.done && !keepsDomain(request);
    const made = done ? madeQueue(to, fqInitReads, stored, live) : queueKind(domain.queueName);
    let changed = domain;
    if (done && live) domain.becomeLazy(this.#queueOf(made));
    else if (done) changed = this.#renew(index, to, made);
    const row = this.#log.row(OutcomeKind.typeSwitch, changed, 0, -1, 0, 0, result, 0);
    this.#log.batch.path[row] = requestedQueue(to, fqInitReads, stored);
    this.#log.batch.cause[row] = made;
  }

  // Without a driver the domain is made anew: tree, caches and queues of the old one go.
  #renew(index: number, to: SwitchRequest['to'], made: QueueKind): Domain {
    this.#destroy(index);
    this.#types[index] = to === 'DMA-SQ' ? 'DMA-FQ' : to;
    return this.#make(index, made === QueueKind.none ? this.#strict : this.#queueOf(made));
  }

  #described(index: number): MachineDomain {
    const { domains } = this.#machine;
    return domains[index] ?? domains[0] ?? pattern;
  }

  /** The stored options where they are of this kind, else the kernel's defaults of it. */
  #queueOf(kind: QueueKind): Chosen<FlushPolicy> {
    if (queueKind(this.#lazy.policy.name) === kind) return this.#lazy;
    const name = kind === QueueKind.single ? 'single' : 'percpu';
    return chosenFlush({ name, parameters: {} }, this.#registry);
  }

  // The caches of a CPU that goes are returned in every domain.
  #setOnline(cpu: number, online: boolean): void {
    const { online: states } = this.#context;
    if ((states[cpu] === 1) === online) return;
    states[cpu] = online ? 1 : 0;
    if (!online) this.#timers.migrate(cpu, runningCpu(states, cpu));
    for (const domain of this.#domains) {
      if (online) domain?.cpuUp(cpu);
      else domain?.cpuDown(cpu);
    }
    const kind = online ? OutcomeKind.cpuUp : OutcomeKind.cpuDown;
    this.#log.row(kind, null, 0, -1, 0, 0, 0, 0);
  }

  #make(index: number, queue: Chosen<FlushPolicy> | null = null): Domain {
    const described = this.#described(index);
    const strict = isAlwaysStrict(described, this.#machine.kernel);
    const wanted = this.#types[index] ?? described.type;
    const type = strict && wanted === 'DMA-FQ' ? 'DMA' : wanted;
    const options = { ...described, type };
    const recorded = type === 'DMA-FQ' ? this.#lazy : this.#strict;
    const flush = strict ? this.#strict : (queue ?? this.#everywhere ?? recorded);
    const domain = new Domain(index, options, this.#allocator, flush, this.#context);
    this.#domains[index] = domain;
    return domain;
  }
}

/** The capability is looked at when a domain is set up, not by the live switch; 6.1 does not look. */
function isAlwaysStrict({ deferredFlush }: MachineDomain, kernel: KernelPreset): boolean {
  return deferredFlush === false && ['6.6', '6.12'].includes(kernel);
}

/** The queue of a lazy domain where nothing is chosen. */
function lazyDefault(kernel: KernelPreset): PolicyChoice {
  return { name: kernel === '4.9' ? 'batched' : 'percpu', parameters: {} };
}

function queueKind(name: string): QueueKind {
  if (name === 'strict') return QueueKind.none;
  if (name === 'percpu') return QueueKind.percpu;
  return name === 'single' ? QueueKind.single : QueueKind.other;
}

function chosenFlush(choice: PolicyChoice, registry: PolicyRegistry): Chosen<FlushPolicy> {
  const { name, parameters } = completeChoice('flush', choice, registry);
  return { policy: flushPolicy(name, registry), parameters };
}
