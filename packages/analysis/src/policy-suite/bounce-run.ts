// One run of operations on bounce memory, with the plain list that its answers are held to.
//
// Every live buffer is in the list with the slots that `work` told of; nothing else is in use.

import {
  type BounceDevice,
  BounceEvent,
  type BouncePolicy,
  type BouncePool,
  BounceSource,
  dryBouncePort,
  FailCause,
  NO_SLOT,
  type Parameters,
  Timers,
} from '@dmalab/replay';
import type { BounceOperation } from './bounce-suite.ts';
import { LentPages } from './lent-pages.ts';
import type { Violation } from './suite.ts';

const SLOT = 2048;
const SET_SLOTS = 128;
const TWO_32 = 2 ** 32;
const MOST_TIMERS = 100_000;

/** A plain one, one that keeps the offset in a page, one with segments of 64 KiB, one of 32 bits. */
export const BOUNCE_DEVICES: readonly BounceDevice[] = [
  { index: 0, minAlignMask: 0, segBoundary: TWO_32 - 1, dmaMask: 2 ** 64, busDmaLimit: 0 },
  { index: 1, minAlignMask: 4095, segBoundary: TWO_32 - 1, dmaMask: 2 ** 64, busDmaLimit: 0 },
  { index: 2, minAlignMask: 0, segBoundary: 0xffff, dmaMask: 2 ** 64, busDmaLimit: 0 },
  { index: 3, minAlignMask: 511, segBoundary: TWO_32 - 1, dmaMask: TWO_32 - 1, busDmaLimit: 0 },
];

interface Live {
  readonly address: number;
  readonly device: BounceDevice;
  readonly isCoherent: boolean;
  readonly pool: number;
  /** First slot, counted from address 0, and slots; padding included. */
  readonly slot: number;
  readonly slots: number;
}

interface Placed {
  readonly start: number;
  readonly slots: number;
}

export class BounceRun {
  readonly answers: number[] = [];
  violation: Violation | null = null;
  readonly #bounce: BouncePool;
  readonly #timers = new Timers(1000, 'ideal');
  readonly #pages = new LentPages((message) => this.#wrong('memory goes back', message));
  readonly #live = new Map<number, Live>();
  /** By number: the pools that an event told of, and the default pool once a buffer lay in it. */
  readonly #pools = new Map<number, Placed>();
  readonly #defaultSlots: number;
  #transient = 0;
  #hiwater = 0;
  #at = 0;

  constructor(policy: BouncePolicy, parameters: Parameters, cpus: number) {
    this.#bounce = policy.create(parameters, {
      ...dryBouncePort(cpus),
      now: () => this.#timers.now,
      later: (delayNs, callback, argument) => {
        const fire = (_cpu: number, value: number): void => callback(value);
        this.#timers.armAt(0, 0, this.#timers.now + delayNs, fire, argument);
      },
      pages: this.#pages,
      event: (kind, pool, start, slots) => this.#event(kind, pool, start, slots),
    });
    this.#defaultSlots = this.#bounce.totalSlots();
  }

  run(operations: readonly BounceOperation[]): this {
    for (const [i, operation] of operations.entries()) {
      this.#at = i;
      this.#timers.advance(this.#timers.now + operation.gap);
      this.#step(operation);
      if (this.violation === null) this.#numbers();
      if (this.violation !== null) break;
    }
    return this;
  }

  #step(operation: BounceOperation): void {
    if (operation.op === 'release') this.#release(operation.id);
    else if (operation.op === 'drain') this.#drain();
    else if (operation.op === 'map') {
      const { id, orig, bytes, alignMask, cpu, maySleep } = operation;
      this.#map(id, orig, bytes, alignMask, BOUNCE_DEVICES[operation.device]!, cpu, maySleep);
    } else {
      const { id, bytes, cpu } = operation;
      const device = BOUNCE_DEVICES[operation.device]!;
      const address = this.#bounce.alloc(bytes, device, cpu);
      if (address !== NO_SLOT && address % 4096 !== 0)
        this.#wrong('masks', `alloc of ${bytes} bytes got ${address}, not page aligned`);
      this.#took(id, address, bytes, device, true);
    }
  }

  #map(
    id: number,
    orig: number,
    bytes: number,
    alignMask: number,
    device: BounceDevice,
    cpu: number,
    maySleep: boolean,
  ): boolean {
    const address = this.#bounce.map(orig, bytes, alignMask, device, cpu, maySleep);
    const given = this.#took(id, address, bytes, device, false);
    if (!given) return false;
    const { index, minAlignMask, segBoundary } = device;
    const what = `${bytes} bytes from ${orig} of device ${index} got ${address}`;
    const keeps = minAlignMask + 1;
    if (address % keeps !== orig % keeps)
      this.#wrong('masks', `${what}: other low bits under min_align_mask ${minAlignMask}`);
    if (minAlignMask === 0 && address % (alignMask + 1) !== 0)
      this.#wrong('masks', `${what}, not aligned by the mask ${alignMask} of the request`);
    const segment = segBoundary + 1;
    if (Math.floor(address / segment) !== Math.floor((address + bytes - 1) / segment))
      this.#wrong('masks', `${what}, over a multiple of ${segment}`);
    return true;
  }

  // Notes what was given and holds it to what `work` tells.
  #took(
    id: number,
    address: number,
    bytes: number,
    device: BounceDevice,
    isCoherent: boolean,
  ): boolean {
    const { work } = this.#bounce;
    this.answers.push(address);
    if (address === NO_SLOT) {
      if (work.cause === FailCause.none) this.#wrong('failures', 'a failure without a cause');
      return false;
    }
    const { pool, slots, padSlots } = work;
    this.answers.push(pool, work.slot, slots);
    const what = `${bytes} bytes at ${address}`;
    const slot = Math.floor(address / SLOT) - padSlots;
    if ((slot + slots) * SLOT < address + bytes)
      this.#wrong('inside the pool', `${what} reach beyond the ${slots} slots that were taken`);
    for (const live of this.#live.values()) {
      if (slot < live.slot + live.slots && live.slot < slot + slots)
        this.#wrong('no overlap', `${what} share a slot with what is live at ${live.address}`);
    }
    this.#inPool(what, slot, device, bytes, address);
    this.#live.set(id, { address, device, isCoherent, pool, slot, slots });
    return true;
  }

  #inPool(what: string, slot: number, device: BounceDevice, bytes: number, address: number): void {
    const { pool, slots, source, slot: first } = this.#bounce.work;
    const start = (slot - first) * SLOT;
    if (!this.#pools.has(pool) && pool === 0)
      this.#pools.set(0, { start, slots: this.#defaultSlots });
    const known = this.#pools.get(pool);
    if (known === undefined)
      this.#wrong('inside the pool', `${what}: no event told of pool ${pool}`);
    else if (known.start !== start)
      this.#wrong(
        'inside the pool',
        `${what}: slot ${first} of pool ${pool}, which starts at ${known.start}`,
      );
    else if (first < 0 || first + slots > known.slots)
      this.#wrong(
        'inside the pool',
        `${what}: slot ${first}+${slots} of the ${known.slots} of pool ${pool}`,
      );
    if (Math.floor(first / SET_SLOTS) !== Math.floor((first + slots - 1) / SET_SLOTS))
      this.#wrong('slot sets', `${what}: slots ${first}+${slots} cross a border of ${SET_SLOTS}`);
    if (source === BounceSource.transient && address + bytes - 1 > device.dmaMask)
      this.#wrong('inside the pool', `${what}: a transient pool beyond the mask ${device.dmaMask}`);
  }

  #release(id: number): void {
    const live = this.#live.get(id);
    if (live === undefined) return;
    this.#live.delete(id);
    const { address, device, isCoherent } = live;
    const bounce = this.#bounce;
    const free = (): boolean =>
      isCoherent ? bounce.free(address, device) : bounce.unmap(address, device);
    if (!free()) this.#wrong('released once', `the release of ${address} gave false, it is live`);
    this.#numbers();
    if (this.violation === null && free())
      this.#wrong('released once', `a second release of ${address} gave true`);
  }

  // All goes back, and the largest request finds room in what is empty then.
  #drain(): void {
    for (const id of [...this.#live.keys()]) this.#release(id);
    for (let fired = 0; fired < MOST_TIMERS && this.#timers.fireNext(); fired++);
    this.#numbers();
    const bounce = this.#bounce;
    const waiting = bounce.waitingBytes();
    if (waiting !== 0)
      this.#wrong('memory goes back', `${waiting} bytes wait, but no timer is armed`);
    for (const device of BOUNCE_DEVICES) {
      const bytes = bounce.maxMapping(device);
      if (bytes === 0 || device.segBoundary < bytes || this.violation !== null) continue;
      if (!this.#map(0, TWO_32, bytes, 0, device, 0, false))
        this.#wrong('free again', `${bytes} bytes (maxMapping) find no room in an empty pool`);
      this.#release(0);
    }
  }

  #event(kind: BounceEvent, pool: number, start: number, slots: number): void {
    this.answers.push(this.#timers.now, kind, pool, start, slots);
    if (kind === BounceEvent.poolAdd || kind === BounceEvent.transientAdd)
      this.#pools.set(pool, { start, slots });
    if (kind === BounceEvent.transientAdd) this.#transient += slots;
    if (kind === BounceEvent.transientDel) this.#transient -= slots;
    if (kind !== BounceEvent.poolFree && kind !== BounceEvent.transientDel) return;
    if ([...this.#live.values()].some((live) => live.pool === pool))
      this.#wrong('inside the pool', `pool ${pool} goes with live buffers in it`);
    this.#pools.delete(pool);
  }

  #numbers(): void {
    const bounce = this.#bounce;
    let live = 0;
    let ofDefault = 0;
    for (const { slots, pool } of this.#live.values()) {
      live += slots;
      if (pool === 0) ofDefault += slots;
    }
    const used = bounce.usedSlots();
    if (used !== live) this.#wrong('numbers', `usedSlots is ${used}, ${live} are live`);
    let inAreas = 0;
    for (let area = 0; area < bounce.areas(); area++) inAreas += bounce.areaUsed(area);
    if (inAreas !== ofDefault)
      this.#wrong(
        'numbers',
        `areas use ${inAreas} slots, ${ofDefault} of the default pool are live`,
      );
    if (bounce.transientSlots() !== this.#transient)
      this.#wrong(
        'numbers',
        `transientSlots is ${bounce.transientSlots()}, events say ${this.#transient}`,
      );
    if (used > bounce.totalSlots() + bounce.transientSlots())
      this.#wrong('numbers', `usedSlots is ${used} of ${bounce.totalSlots()} in all pools`);
    const hiwater = bounce.hiwater();
    this.#hiwater = Math.max(this.#hiwater, used);
    if (hiwater < this.#hiwater)
      this.#wrong('high water', `hiwater is ${hiwater}, ${this.#hiwater} slots were in use`);
    this.#hiwater = Math.max(this.#hiwater, hiwater);
  }

  #wrong(rule: string, message: string): void {
    this.violation ??= { rule, message, at: this.#at };
  }
}
