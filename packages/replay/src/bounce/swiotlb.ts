// Bounce memory of a machine: the pools, which of them serves a request, and what is counted.
//
// Models io_tlb_mem and the map path of kernel/dma/swiotlb.c (Linux 6.1 to 6.12); see
// docs/models/swiotlb.md. Left out: locks and copies.
//
// Used slots are those of all areas of all pools, transient pools included. The high water never falls.

import { powerOfTwoFrom } from '../pfn.ts';
import {
  type BounceDevice,
  type BouncePool,
  BounceSource,
  type BounceWork,
  FailCause,
  NO_SLOT,
  type Throttle,
} from '../policy.ts';
import { FNV_BASIS } from '../structures/fnv.ts';
import { SET_SLOTS } from '../structures/slot-map.ts';
import { ENDLESS, NOT_FOUND, SearchRule, SlotSearch } from '../structures/slot-search.ts';
import { maskedBits, roundedUp, slotsOf, wholeSlots } from '../structures/slot-table.ts';
import type { Growth } from './growth.ts';
import { PoolSearch } from './pool-search.ts';
import { refusal } from './refusal.ts';
import { SLOT_BYTES, type SlotPool } from './slot-pool.ts';

const PAGE_SIZE = 4096;
const SLOT_MASK = SLOT_BYTES - 1;
const LARGEST = SET_SLOTS * SLOT_BYTES;

/** How the kernel of a replay looks for slots. */
export interface SwiotlbRules {
  readonly rule: SearchRule;
  /** With several pools: an area of each pool, then the next area (6.8 and later), or pool by pool. */
  readonly areasOutermost: boolean;
  /** The caller rounds a size to its alignment, before the offset comes on top of it (to 6.8); or the search, with the offset. */
  readonly callerRounds: boolean;
  /** What is longer than a slot set is refused before any pool grows. */
  readonly refusesLong: boolean;
}

/** The pools and their counters. */
export class Swiotlb implements BouncePool {
  readonly work: BounceWork = {
    cause: FailCause.none,
    source: BounceSource.none,
    pool: 0,
    area: 0,
    slot: 0,
    slots: 0,
    padSlots: 0,
    probes: 0,
    areasTried: 0,
    convertedBytes: 0,
  };
  readonly throttle: Throttle | null;
  /** The pool that was made at boot. */
  readonly defaultPool: SlotPool;
  /** Pools but transient ones, newest first: the order in which they are searched. */
  readonly list: SlotPool[];
  /** Transient pools of all devices, newest first. */
  readonly transients: SlotPool[] = [];
  readonly search: SlotSearch;
  readonly #searched: PoolSearch;
  readonly #rules: SwiotlbRules;
  readonly #growth: Growth | null;
  #used = 0;
  #hiwater = 0;
  #total: number;
  #transientSlots = 0;
  #made = 1;

  constructor(
    rules: SwiotlbRules,
    defaultPool: SlotPool,
    growth: Growth | null = null,
    throttle: Throttle | null = null,
  ) {
    this.throttle = throttle;
    this.#rules = rules;
    this.search = new SlotSearch(rules.rule);
    this.#searched = new PoolSearch(this.search, rules.areasOutermost, defaultPool, this.work);
    this.defaultPool = defaultPool;
    this.list = [defaultPool];
    this.#total = defaultPool.slots;
    this.#growth = growth;
    growth?.attach(this);
  }

  map(
    orig: number,
    bytes: number,
    allocAlignMask: number,
    device: BounceDevice,
    cpu: number,
    maySleep: boolean,
  ): number {
    const { rule, callerRounds } = this.#rules;
    const kept = rule === SearchRule.v6_12 ? allocAlignMask | SLOT_MASK : SLOT_MASK;
    const offset = maskedBits(maskedBits(orig, device.minAlignMask), kept);
    const size = callerRounds
      ? roundedUp(bytes, allocAlignMask) + offset
      : roundedUp(bytes + offset, allocAlignMask);
    const pad = wholeSlots(offset);
    return this.#find(
      orig,
      size,
      allocAlignMask,
      offset - pad * SLOT_BYTES,
      pad,
      device,
      cpu,
      maySleep,
    );
  }

  alloc(bytes: number, device: BounceDevice, cpu: number): number {
    const mask = this.#rules.rule === SearchRule.v6_12 ? pageOrderBytes(bytes) - 1 : 0;
    const address = this.#find(-1, bytes, mask, 0, 0, device, cpu, false);
    if (address === NO_SLOT || address % PAGE_SIZE === 0) return address;
    this.unmap(address, device);
    this.work.cause = FailCause.alignment;
    return NO_SLOT;
  }

  unmap(address: number, device: BounceDevice): boolean {
    const { list } = this;
    for (let i = 0; i < list.length; i++) {
      const pool = list[i]!;
      if (pool.contains(address)) return this.#release(pool, address);
    }
    const at = this.#transientAt(address, device.index);
    if (at < 0) return false;
    const pool = this.transients[at]!;
    if (!this.#release(pool, address)) return false;
    this.transients.splice(at, 1);
    this.#transientSlots -= pool.slots;
    this.#growth?.endTransient(pool);
    return true;
  }

  free(address: number, device: BounceDevice): boolean {
    return this.unmap(address, device);
  }

  maxMapping(device: BounceDevice): number {
    const { minAlignMask } = device;
    return LARGEST - (minAlignMask === 0 ? 0 : Math.ceil(minAlignMask / SLOT_BYTES) * SLOT_BYTES);
  }

  usedSlots(): number {
    return this.#used;
  }

  hiwater(): number {
    return this.#hiwater;
  }

  totalSlots(): number {
    return this.#total;
  }

  transientSlots(): number {
    return this.#transientSlots;
  }

  pools(): number {
    return this.list.length;
  }

  areas(): number {
    return this.defaultPool.areas;
  }

  areaUsed(area: number): number {
    return this.defaultPool.used[area]!;
  }

  waitingBytes(): number {
    return this.#growth?.waitingBytes ?? 0;
  }

  freeRuns(visit: (slots: number) => void): void {
    for (const pool of this.list) pool.map.eachRun(visit);
  }

  /** Puts a pool in front of the list. */
  addPool(pool: SlotPool): void {
    pool.number = this.#made++;
    this.list.unshift(pool);
    this.#total += pool.slots;
  }

  /** Adds a pool for one request of a device. */
  addTransient(pool: SlotPool, device: number): void {
    pool.number = this.#made++;
    pool.owner = device;
    this.transients.unshift(pool);
    this.#transientSlots += pool.slots;
  }

  /** Takes an idle pool out of the list. */
  removePool(pool: SlotPool): void {
    this.list.splice(this.list.indexOf(pool), 1);
    this.#total -= pool.slots;
  }

  /** The pool, transient or not, that holds `address`; null if none does. */
  poolAt(address: number): SlotPool | null {
    const holds = (pool: SlotPool): boolean => pool.contains(address);
    return this.list.find(holds) ?? this.transients.find(holds) ?? null;
  }

  /** Digest of all pools as the golden vectors define it. */
  digest(): number {
    let digest = FNV_BASIS;
    for (const pool of this.list) digest = pool.digest(digest);
    for (const pool of this.transients) digest = pool.digest(digest);
    return digest;
  }

  // `orig` -1: there is no original, and any slots of the right alignment will do.
  #find(
    orig: number,
    size: number,
    alignMask: number,
    offset: number,
    pad: number,
    device: BounceDevice,
    cpu: number,
    maySleep: boolean,
  ): number {
    const { work } = this;
    const n = slotsOf(size);
    const from = orig < 0 ? 0 : orig;
    work.cause = FailCause.none;
    work.source = BounceSource.none;
    work.slots = n;
    work.padSlots = pad;
    work.probes = 0;
    work.areasTried = 0;
    work.convertedBytes = 0;
    const growth = this.#growth;
    if (growth !== null && n > SET_SLOTS && this.#rules.refusesLong) {
      work.cause = FailCause.tooLarge;
      return NO_SLOT;
    }
    let slot = this.#searched.inList(this.list, from, size, alignMask, device, cpu);
    if (slot < 0) {
      if (slot === ENDLESS) {
        work.cause = FailCause.endlessSearch;
        return NO_SLOT;
      }
      if (growth?.canGrow !== true) {
        work.cause = refusal(this.list, this.search, from, size, alignMask, device);
        return NO_SLOT;
      }
      slot = this.#grow(growth, n, from, size, alignMask, device, cpu, maySleep);
      if (slot < 0) return NO_SLOT;
    }
    const pool = this.#searched.hit;
    pool.take(slot, size, offset, pad, orig);
    this.#used += n;
    if (this.#used > this.#hiwater) this.#hiwater = this.#used;
    if (growth !== null) growth.used(this.#used, this.#total);
    work.source = this.#sourceOf(pool);
    work.pool = pool.number;
    work.slot = slot;
    work.area = pool.areaOf(slot);
    return pool.start + (slot + pad) * SLOT_BYTES + offset;
  }

  // Nothing is free: a full pool at once where the caller may sleep and the policy lets it, else a
  // pool for this request alone, and a full one in the background.
  #grow(
    growth: Growth,
    n: number,
    orig: number,
    size: number,
    alignMask: number,
    device: BounceDevice,
    cpu: number,
    maySleep: boolean,
  ): number {
    const searched = this.#searched;
    const { work } = this;
    if (maySleep && growth.sleeps) {
      const why = refusal(this.list, this.search, orig, size, alignMask, device);
      const pool = why === FailCause.tooLarge ? null : growth.addPool();
      work.convertedBytes = pool === null ? 0 : growth.convertedBytes;
      work.cause = pool === null && why !== FailCause.tooLarge ? FailCause.noMemory : why;
      if (pool === null) return NOT_FOUND;
      const slot = searched.inPool(pool, orig, size, alignMask, device, cpu);
      if (slot >= 0) work.cause = FailCause.none;
      return slot;
    }
    growth.schedule();
    const pool = growth.makeTransient(n, device);
    work.convertedBytes = growth.convertedBytes;
    if (pool === null) {
      work.cause = growth.cause;
      return NOT_FOUND;
    }
    const slot = searched.inPool(pool, orig, size, alignMask, device, 0);
    if (slot < 0) {
      growth.discard(pool);
      work.cause = FailCause.transientUseless;
      return NOT_FOUND;
    }
    this.addTransient(pool, device.index);
    growth.announce(pool);
    return slot;
  }

  #sourceOf(pool: SlotPool): BounceSource {
    if (pool === this.defaultPool) return BounceSource.default;
    return pool.owner < 0 ? BounceSource.grown : BounceSource.transient;
  }

  #release(pool: SlotPool, address: number): boolean {
    const padSlots = pool.padOf(address);
    const n = pool.release(address);
    if (n === 0) return false;
    const slot = pool.released;
    const { work } = this;
    work.padSlots = padSlots;
    this.#used -= n;
    work.pool = pool.number;
    work.slot = slot;
    work.slots = n;
    work.area = pool.areaOf(slot);
    work.convertedBytes = 0;
    if (pool !== this.defaultPool && pool.owner < 0) this.#growth?.released(pool);
    return true;
  }

  #transientAt(address: number, device: number): number {
    const { transients } = this;
    for (let i = 0; i < transients.length; i++) {
      const pool = transients[i]!;
      if (pool.contains(address) && pool.owner === device) return i;
    }
    return -1;
  }
}

// Bytes of the smallest power of two of pages that holds `bytes`.
function pageOrderBytes(bytes: number): number {
  return powerOfTwoFrom(Math.ceil(bytes / PAGE_SIZE)) * PAGE_SIZE;
}
