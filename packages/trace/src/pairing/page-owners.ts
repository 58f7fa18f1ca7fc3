// Which domain a thread last had a physical page in: evidence of class E for a page that nothing else attributes.
//
// A direct-mapped cache: a new entry takes the place of an old one, so memory is fixed and what is found
// is always the last one seen. Only classes A and B are entered.

import { NONE } from './live-set.ts';

const SLOTS = 1 << 14;
const PAGE = 4096;

export class PageOwners {
  readonly domain: Uint16Array = new Uint16Array(SLOTS);
  readonly device: Uint16Array = new Uint16Array(SLOTS);
  readonly #tid = new Int32Array(SLOTS);
  readonly #low = new Uint32Array(SLOTS);
  readonly #high = new Uint32Array(SLOTS);

  /** Remembers that a thread had a page in a domain, for a device (0 = not known). */
  note(tid: number, physLow: number, physHigh: number, domain: number, device: number): void {
    const low = physLow - (physLow % PAGE);
    const slot = slotOf(tid, low, physHigh);
    this.#tid[slot] = tid;
    this.#low[slot] = low;
    this.#high[slot] = physHigh;
    this.domain[slot] = domain;
    this.device[slot] = device;
  }

  /** The slot of a thread and page, or NONE. Page 0 stands for a page that is not known. */
  find(tid: number, physLow: number, physHigh: number): number {
    const low = physLow - (physLow % PAGE);
    const slot = slotOf(tid, low, physHigh);
    if (low === 0 && physHigh === 0) return NONE;
    const isIt =
      this.domain[slot] !== 0 &&
      this.#tid[slot] === tid &&
      this.#low[slot] === low &&
      this.#high[slot] === physHigh;
    return isIt ? slot : NONE;
  }
}

function slotOf(tid: number, low: number, high: number): number {
  const mixed = Math.imul(low ^ Math.imul(tid, 0x85ebca6b) ^ high, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & (SLOTS - 1);
}
