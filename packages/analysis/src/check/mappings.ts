// The mappings that are live during a check, and those that ended lately.
//
// Slots in typed arrays, in two chained hash tables: by request id, and by the page of the first
// byte. A chain starts with the newest. A mapping that ended stays in its slot until `remember` others
// have ended after it, so memory follows the number of live mappings.

import type { RequestBatch } from '@dmalab/trace';

/** No slot. */
export const NONE = -1;

const INITIAL = 1024;
const PAGE_BITS = 12;
const PAGES_IN_HIGH = 0x100000;

/** A numeric column that can grow. */
type Column = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array;

export class Mappings {
  time: Float64Array = new Float64Array(INITIAL);
  size: Float64Array = new Float64Array(INITIAL);
  id: Uint32Array = new Uint32Array(INITIAL);
  task: Uint32Array = new Uint32Array(INITIAL);
  line: Uint32Array = new Uint32Array(INITIAL);
  flags: Uint32Array = new Uint32Array(INITIAL);
  addressLow: Uint32Array = new Uint32Array(INITIAL);
  addressHigh: Uint32Array = new Uint32Array(INITIAL);
  segments: Uint32Array = new Uint32Array(INITIAL);
  /** Losses before it was mapped. */
  losses: Uint32Array = new Uint32Array(INITIAL);
  /** Requests before it. */
  order: Float64Array = new Float64Array(INITIAL);
  device: Uint16Array = new Uint16Array(INITIAL);
  domain: Uint16Array = new Uint16Array(INITIAL);
  cpu: Uint16Array = new Uint16Array(INITIAL);
  op: Uint8Array = new Uint8Array(INITIAL);
  direction: Uint8Array = new Uint8Array(INITIAL);
  /** 1 while live, 2 once it ended, 0 where the slot is free. */
  state: Uint8Array = new Uint8Array(INITIAL);
  /** 1 once its address was mapped again; 2: see maps.ts. */
  doubled: Uint8Array = new Uint8Array(INITIAL);
  /** Id of the live mapping that it was made over, 0 = none. */
  over: Uint32Array = new Uint32Array(INITIAL);
  /** Of one that ended. */
  endTime: Float64Array = new Float64Array(INITIAL);
  endLine: Uint32Array = new Uint32Array(INITIAL);
  endCpu: Uint16Array = new Uint16Array(INITIAL);
  endLosses: Uint32Array = new Uint32Array(INITIAL);
  /** Slots in use or once used are below it. */
  top = 0;

  readonly #ended: Int32Array;
  #endedAt = 0;
  #free = NONE;
  #nextOfId = new Int32Array(INITIAL);
  #nextOfPage = new Int32Array(INITIAL);
  #ids = new Int32Array(INITIAL).fill(NONE);
  #pages = new Int32Array(INITIAL).fill(NONE);

  constructor(remember = 16_384) {
    this.#ended = new Int32Array(remember).fill(NONE);
  }

  /** A slot for row `i`, filled from it. */
  add(b: RequestBatch, i: number, losses: number, order: number): number {
    let slot = this.#free;
    if (slot !== NONE) this.#free = this.#nextOfId[slot]!;
    else {
      if (this.top === this.id.length) this.#grow();
      slot = this.top++;
    }
    this.time[slot] = b.time[i]!;
    this.size[slot] = b.size[i]!;
    this.id[slot] = b.id[i]!;
    this.task[slot] = b.task[i]!;
    this.line[slot] = b.line[i]!;
    this.flags[slot] = b.flags[i]!;
    this.addressLow[slot] = b.addressLow[i]!;
    this.addressHigh[slot] = b.addressHigh[i]!;
    this.segments[slot] = b.segments[i]!;
    this.losses[slot] = losses;
    this.order[slot] = order;
    this.device[slot] = b.device[i]!;
    this.domain[slot] = b.domain[i]!;
    this.cpu[slot] = b.cpu[i]!;
    this.op[slot] = b.op[i]!;
    this.direction[slot] = b.direction[i]!;
    this.state[slot] = 1;
    this.doubled[slot] = 0;
    this.over[slot] = 0;
    this.#index(slot);
    return slot;
  }

  /** The live mapping with this id, or NONE. */
  find(id: number): number {
    let slot = this.#ids[this.#home(id)]!;
    while (slot !== NONE && (this.id[slot] !== id || this.state[slot] !== 1)) {
      slot = this.#nextOfId[slot]!;
    }
    return slot;
  }

  /** The mapping with this id that ended, while it is remembered; else NONE. */
  findEnded(id: number): number {
    let slot = this.#ids[this.#home(id)]!;
    while (slot !== NONE && (this.id[slot] !== id || this.state[slot] !== 2)) {
      slot = this.#nextOfId[slot]!;
    }
    return slot;
  }

  /** The first slot, live or ended, whose page is that of the address; newest first. */
  firstAt(low: number, high: number): number {
    return this.#skip(this.#pages[this.#home(pageOf(low, high))]!, low, high);
  }

  nextAt(slot: number, low: number, high: number): number {
    return this.#skip(this.#nextOfPage[slot]!, low, high);
  }

  /** A mapping ends by row `i`; it is remembered for a while. */
  end(slot: number, b: RequestBatch, i: number, losses: number): void {
    this.state[slot] = 2;
    this.endTime[slot] = b.time[i]!;
    this.endLine[slot] = b.line[i]!;
    this.endCpu[slot] = b.cpu[i]!;
    this.endLosses[slot] = losses;
    const oldest = this.#ended[this.#endedAt]!;
    if (oldest !== NONE) this.#release(oldest);
    this.#ended[this.#endedAt] = slot;
    this.#endedAt = (this.#endedAt + 1) % this.#ended.length;
  }

  #skip(from: number, low: number, high: number): number {
    const page = pageOf(low, high);
    let slot = from;
    while (slot !== NONE && pageOf(this.addressLow[slot]!, this.addressHigh[slot]!) !== page) {
      slot = this.#nextOfPage[slot]!;
    }
    return slot;
  }

  #home(key: number): number {
    const mixed = Math.imul(key >>> 0, 0x9e3779b1) ^ Math.imul(key / 2 ** 32, 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & (this.#ids.length - 1);
  }

  #index(slot: number): void {
    const byId = this.#home(this.id[slot]!);
    this.#nextOfId[slot] = this.#ids[byId]!;
    this.#ids[byId] = slot;
    const byPage = this.#home(pageOf(this.addressLow[slot]!, this.addressHigh[slot]!));
    this.#nextOfPage[slot] = this.#pages[byPage]!;
    this.#pages[byPage] = slot;
  }

  #release(slot: number): void {
    const page = pageOf(this.addressLow[slot]!, this.addressHigh[slot]!);
    unchain(this.#ids, this.#nextOfId, this.#home(this.id[slot]!), slot);
    unchain(this.#pages, this.#nextOfPage, this.#home(page), slot);
    this.state[slot] = 0;
    this.#nextOfId[slot] = this.#free;
    this.#free = slot;
  }

  #grow(): void {
    const length = this.id.length * 2;
    this.time = longer(this.time, new Float64Array(length));
    this.size = longer(this.size, new Float64Array(length));
    this.id = longer(this.id, new Uint32Array(length));
    this.task = longer(this.task, new Uint32Array(length));
    this.line = longer(this.line, new Uint32Array(length));
    this.flags = longer(this.flags, new Uint32Array(length));
    this.addressLow = longer(this.addressLow, new Uint32Array(length));
    this.addressHigh = longer(this.addressHigh, new Uint32Array(length));
    this.segments = longer(this.segments, new Uint32Array(length));
    this.losses = longer(this.losses, new Uint32Array(length));
    this.order = longer(this.order, new Float64Array(length));
    this.device = longer(this.device, new Uint16Array(length));
    this.domain = longer(this.domain, new Uint16Array(length));
    this.cpu = longer(this.cpu, new Uint16Array(length));
    this.op = longer(this.op, new Uint8Array(length));
    this.direction = longer(this.direction, new Uint8Array(length));
    this.state = longer(this.state, new Uint8Array(length));
    this.doubled = longer(this.doubled, new Uint8Array(length));
    this.over = longer(this.over, new Uint32Array(length));
    this.endTime = longer(this.endTime, new Float64Array(length));
    this.endLine = longer(this.endLine, new Uint32Array(length));
    this.endCpu = longer(this.endCpu, new Uint16Array(length));
    this.endLosses = longer(this.endLosses, new Uint32Array(length));
    this.#nextOfId = new Int32Array(length);
    this.#nextOfPage = new Int32Array(length);
    this.#ids = new Int32Array(length).fill(NONE);
    this.#pages = new Int32Array(length).fill(NONE);
    // No slot is free here. A chain starts with the newest, so the oldest goes in first.
    const inUse = Array.from({ length: this.top }, (_, slot) => slot);
    inUse.sort((a, b) => this.order[a]! - this.order[b]!);
    for (const slot of inUse) this.#index(slot);
  }
}

function pageOf(low: number, high: number): number {
  return high * PAGES_IN_HIGH + (low >>> PAGE_BITS);
}

function unchain(heads: Int32Array, next: Int32Array, home: number, slot: number): void {
  let at = heads[home]!;
  if (at === slot) {
    heads[home] = next[slot]!;
    return;
  }
  while (next[at] !== slot) at = next[at]!;
  next[at] = next[slot]!;
}

function longer<T extends Column>(from: T, to: T): T {
  to.set(from as never);
  return to;
}
