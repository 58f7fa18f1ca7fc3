// Bounce memory in a replay: slots for the requests that need them, copies, and the rows that tell of both.
//
// Models swiotlb_map, dma_direct_map_sg and their opposites of kernel/dma (Linux 6.12); see
// docs/models/dma-layer.md. A buffer is copied in by every map, and out by an unmap unless the device
// only read or the call says that it is not to be. Left out: coherent memory but for restricted pools.

import { Direction, Flag, type RequestBatch, type SegmentLists } from '@dmalab/trace';
import { ZonedPages } from './bounce/page-source.ts';
import { BounceChains, COHERENT } from './bounce-chains.ts';
import {
  type BounceRule,
  bounceRules,
  bouncesBehindIommu,
  bouncesDirectly,
} from './bounce-rules.ts';
import { createPolicy } from './create-policy.ts';
import type { Latency } from './latency.ts';
import type { Machine } from './machine.ts';
import { FailStage, OutcomeKind } from './outcome.ts';
import type { Gauges, OutcomeLog } from './outcome-log.ts';
import { bouncePolicy, completeChoice, type PolicyRegistry } from './policies.ts';
import {
  type BounceDevice,
  type BounceEvent,
  type BouncePool,
  type BouncePort,
  BounceSource,
  FailCause,
  NO_SLOT,
  type PageSource,
  type PolicyKit,
} from './policy.ts';
import { policyKit } from './policy-kit.ts';
import type { Timers } from './timers.ts';

const TWO_32 = 2 ** 32;
const PAGE = 4096;
const SLOT = 2048;
/** Context of a task that may sleep, in the flags column of a trace. */
const TASK_CONTEXT = 0x2e;

/** Chain number of a map that could not be bounced. */
export const BOUNCE_FAILED = -1;

/** The bounce memory of one machine. */
export class Bouncing implements BouncePort {
  readonly kit: PolicyKit = policyKit;
  readonly cpus: number;
  readonly pages: PageSource = new ZonedPages();
  readonly pool: BouncePool;
  /** Of the last map that failed. */
  stage: FailStage = FailStage.none;
  cause: FailCause = FailCause.none;
  readonly #rules: readonly BounceRule[];
  readonly #devices: readonly BounceDevice[];
  readonly #isOff: boolean;
  readonly #servesCoherent: boolean;
  readonly #chains = new BounceChains();
  readonly #timers: Timers;
  readonly #log: OutcomeLog;
  readonly #owner: number;
  readonly #lists: SegmentLists | null;
  /** Areas of the default pool, and the number of the first one's lock. */
  readonly #areas: number;
  readonly #areaLock: number;

  constructor(
    machine: Machine,
    registry: PolicyRegistry,
    timers: Timers,
    log: OutcomeLog,
    owner: number,
    lists: SegmentLists | null,
    latency: Latency,
  ) {
    this.cpus = machine.cpus;
    this.#timers = timers;
    this.#log = log;
    this.#owner = owner;
    this.#lists = lists;
    this.#rules = bounceRules(machine);
    this.#devices = machine.devices.map(
      ({ minAlignMask, segBoundary, maskBits, busDmaLimit }, index) => ({
        index,
        minAlignMask,
        segBoundary,
        dmaMask: maskBits === 64 ? 2 ** 64 : 2 ** maskBits - 1,
        busDmaLimit,
      }),
    );
    this.#isOff = machine.swiotlb === 'noforce';
    this.#servesCoherent = machine.bounce.name === 'restricted';
    const { name, parameters } = completeChoice('bounce', machine.bounce, registry);
    this.pool = createPolicy(bouncePolicy(name, registry), parameters, this);
    this.#areas = Math.max(1, this.pool.areas());
    this.#areaLock = latency.addLocks(this.#areas);
  }

  now(): number {
    return this.#timers.now;
  }

  later(delayNs: number, callback: (argument: number) => void, argument: number): void {
    const fire = (_cpu: number, value: number): void => callback(value);
    this.#timers.armAt(this.#owner, 0, this.#timers.now + delayNs, fire, argument);
  }

  event(kind: BounceEvent, pool: number, start: number, slots: number, areas: number): void {
    const pfn = start > 0 ? Math.floor(start / PAGE) : -1;
    const row = this.#log.row(
      OutcomeKind.bounceEvent,
      null,
      pool,
      pfn,
      slots,
      slots * SLOT,
      areas,
      0,
    );
    this.#log.batch.path[row] = kind;
  }

  /** True where buffers of this device may bounce in spite of an IOMMU. */
  watches(device: number): boolean {
    const rule = this.#rules[device];
    return rule !== undefined && (rule.untrusted || rule.kmallocAlign > 0);
  }

  /**
   * Bounces what must of map `i` of a device without translation, segment by segment: the number of its
   * chain, 0 if nothing had to bounce, or {@link BOUNCE_FAILED}.
   */
  mapDirect(batch: RequestBatch, i: number, cpu: number): number {
    const phys = batch.physHigh[i]! * TWO_32 + batch.physLow[i]!;
    const segments = Math.max(1, batch.segments[i]!);
    if (segments === 1) return this.#mapPart(batch, i, cpu, phys, batch.size[i]!, 0);
    const list = batch.list[i]!;
    const part = Math.ceil(batch.size[i]! / segments);
    let chain = 0;
    for (let s = 0; s < segments; s++) {
      const kept = list === 0 ? null : this.#lists;
      const bytes = kept?.bytes(list + s) ?? Math.min(part, batch.size[i]! - s * part);
      if (bytes <= 0) break;
      const found = this.#mapPart(
        batch,
        i,
        cpu,
        kept?.phys(list + s) ?? phys + s * part,
        bytes,
        chain,
      );
      if (found === BOUNCE_FAILED) {
        this.release(chain, null, batch.device[i]!, batch.id[i]!, Flag.skipCpuSync);
        return found;
      }
      chain = found;
    }
    return chain;
  }

  /** As {@link mapDirect} for a buffer behind an IOMMU; a list counts as one buffer. */
  mapBehindIommu(
    batch: RequestBatch,
    i: number,
    cpu: number,
    domain: Gauges & { readonly granule: number },
  ): number {
    const rule = this.#rules[batch.device[i]!]!;
    const { granule } = domain;
    const low = batch.physLow[i]!;
    const bytes = batch.size[i]!;
    if (!bouncesBehindIommu(rule, low, bytes, batch.direction[i]!, granule)) return 0;
    const phys = batch.physHigh[i]! * TWO_32 + low;
    return this.#take(batch, i, cpu, phys, bytes, granule - 1, 0, domain);
  }

  /** Coherent memory of a restricted pool; 0 where memory does not come from one. */
  alloc(batch: RequestBatch, i: number, cpu: number): number {
    if (!this.#servesCoherent) return 0;
    const bytes = batch.size[i]!;
    const address = this.pool.alloc(bytes, this.#devices[batch.device[i]!]!, cpu);
    if (address === NO_SLOT) return this.#fail(FailStage.swiotlb, this.pool.work.cause);
    return this.#taken(batch.id[i]!, address, 0, COHERENT, 0, null);
  }

  /** Lower half of the bounce address of a chain of one buffer. */
  addressLow(chain: number): number {
    return this.#chains.address[chain]! % TWO_32;
  }

  /** Gives the slots of a chain back, copied out unless the device only read or `flags` of the unmap forbid it. */
  release(chain: number, domain: Gauges | null, device: number, id: number, flags: number): void {
    const chains = this.#chains;
    const owner = this.#devices[device]!;
    const mayCopy = (flags & Flag.skipCpuSync) === 0;
    for (let buffer = chain; buffer !== 0; ) {
      const address = chains.address[buffer]!;
      const bytes = chains.bytes[buffer]!;
      const slots = chains.slots[buffer]!;
      const direction = chains.direction[buffer]!;
      buffer = chains.pop(buffer);
      if (direction === COHERENT) this.pool.free(address, owner);
      else this.pool.unmap(address, owner);
      const copied = mayCopy && isWritten(direction) ? bytes : 0;
      const pfn = Math.floor(address / PAGE);
      const kind = OutcomeKind.bounceUnmap;
      const row = this.#log.row(kind, domain, id, pfn, slots, copied, bytes, 0);
      this.#log.batch.updates[row] = this.#defaultArea();
      this.#log.charge(row);
    }
  }

  /** A sync of up to `bytes` of a chain, for the CPU (out) or the device (in). */
  sync(chain: number, bytes: number, id: number, isForDevice: boolean): void {
    const chains = this.#chains;
    let copied = 0;
    for (let buffer = chain; buffer !== 0; buffer = chains.next[buffer]!) {
      const direction = chains.direction[buffer]!;
      const isCopied = isForDevice ? isRead(direction) : isWritten(direction);
      if (isCopied) copied += chains.bytes[buffer]!;
    }
    copied = Math.min(copied, bytes);
    if (copied === 0) return;
    const kind = OutcomeKind.bounceSync;
    this.#log.charge(this.#log.row(kind, null, id, -1, 0, copied, isForDevice ? 1 : 0, 0));
  }

  /** Requests that sleep may go on. */
  get hasRoom(): boolean {
    const { throttle } = this.pool;
    if (!throttle) return true;
    return this.pool.usedSlots() < throttle.low * this.pool.totalSlots();
  }

  #isCrowded(): boolean {
    const { throttle } = this.pool;
    if (!throttle) return false;
    return this.pool.usedSlots() > throttle.high * this.pool.totalSlots();
  }

  // One buffer, or one segment of a list.
  #mapPart(
    batch: RequestBatch,
    i: number,
    cpu: number,
    phys: number,
    bytes: number,
    chain: number,
  ): number {
    const rule = this.#rules[batch.device[i]!]!;
    if (!bouncesDirectly(rule, phys, bytes, batch.direction[i]!)) return chain;
    const found = this.#take(batch, i, cpu, phys, bytes, 0, chain, null);
    if (found === BOUNCE_FAILED) return found;
    if (this.#chains.address[found]! + bytes - 1 <= rule.reach) return found;
    // The slot is no better than the buffer.
    const { device, id } = batch;
    const rest = this.#chains.next[found]!;
    this.#chains.next[found] = 0;
    this.release(found, null, device[i]!, id[i]!, Flag.skipCpuSync);
    this.release(rest, null, device[i]!, id[i]!, Flag.skipCpuSync);
    return this.#fail(FailStage.dmaCapable, FailCause.unreachable);
  }

  #take(
    batch: RequestBatch,
    i: number,
    cpu: number,
    phys: number,
    bytes: number,
    alignMask: number,
    chain: number,
    domain: Gauges | null,
  ): number {
    if (this.#isOff) return this.#fail(FailStage.swiotlb, FailCause.bounceOff);
    const device = this.#devices[batch.device[i]!]!;
    const maySleep = batch.context[i] === TASK_CONTEXT;
    if (maySleep && chain === 0 && this.#isCrowded()) {
      return this.#fail(FailStage.swiotlb, FailCause.throttled);
    }
    const address = this.pool.map(phys, bytes, alignMask, device, cpu, maySleep);
    const { convertedBytes, cause } = this.pool.work;
    if (convertedBytes > 0) {
      const kind = OutcomeKind.convert;
      this.#log.charge(this.#log.row(kind, domain, batch.id[i]!, -1, 0, convertedBytes, 0, 0));
    }
    if (address === NO_SLOT) return this.#fail(FailStage.swiotlb, cause);
    return this.#taken(batch.id[i]!, address, bytes, batch.direction[i]!, chain, domain);
  }

  #taken(
    id: number,
    address: number,
    bytes: number,
    direction: number,
    chain: number,
    domain: Gauges | null,
  ): number {
    const { slots, probes, source, areasTried } = this.pool.work;
    const pfn = Math.floor(address / PAGE);
    const kind = OutcomeKind.bounceMap;
    const row = this.#log.row(kind, domain, id, pfn, slots, bytes, areasTried, 0);
    this.#log.batch.steps[row] = probes;
    this.#log.batch.path[row] = source;
    this.#log.batch.updates[row] = this.#defaultArea();
    const isShared = source !== BounceSource.transient;
    this.#log.charge(row, isShared ? this.#areaLock + (this.pool.work.area % this.#areas) : -1);
    return this.#chains.push(chain, address, bytes, slots, direction);
  }

  // 1 + area of the default pool in which the last call took or gave slots, 0 for another pool.
  #defaultArea(): number {
    const { pool, area } = this.pool.work;
    return pool === 0 ? 1 + area : 0;
  }

  #fail(stage: FailStage, cause: FailCause): number {
    this.stage = stage;
    this.cause = cause;
    return BOUNCE_FAILED;
  }
}

// Where the direction was not recorded both may have happened.
function isWritten(direction: number): boolean {
  return direction !== Direction.toDevice && direction !== COHERENT;
}

function isRead(direction: number): boolean {
  return direction !== Direction.fromDevice && direction !== COHERENT;
}
