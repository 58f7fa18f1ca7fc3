// What the events of swiotlb (kernel/dma/swiotlb.c, 6.1 and 6.12) show about its pools and its users.
//
// The default pool is in place before any trace begins. A kernel with CONFIG_SWIOTLB_DYNAMIC searches the
// newest pool first: the first pool that any trace shows is the default one unless others were added before.

import { type EventBatch, EventKind } from '../batch.ts';
import { isMappingError } from './address.ts';

const TWO_32 = 2 ** 32;
const PAGE_OFFSET = 4096;
const SLOT = 2048;

/** What the bounces of a capture show. */
export class BounceEvidence {
  /** Attempts to bounce, and those that were forced (not needed by the address). */
  attempts = 0;
  forced = 0;
  /** A probe that only kernels with dynamic pools have was seen. */
  dynamic = false;
  /** First byte of the first pool that was searched; -1 where no search was recorded. */
  poolStart = -1;
  /** The first slot that was handed out: its address (-1 = none) and the CPU. */
  firstAddress = -1;
  firstCpu = 0;
  /** Lowest and highest slot address. */
  lowest: number = Number.POSITIVE_INFINITY;
  highest = -1;
  /** Slots of all pools in the first line of debugfs that the user wrote into the trace; 0 = none. */
  sampledSlots = 0;
  /** By device index: bounces of an odd slot offset that kept the place in the page, and that did not. */
  readonly kept: number[] = [];
  readonly moved: number[] = [];
  /** By CPU: thread, original address and device of the last map that was entered. */
  readonly #tid: number[] = [];
  readonly #origin: number[] = [];
  readonly #device: number[] = [];

  /** swiotlb_bounced. */
  bounced(b: EventBatch, i: number): void {
    this.attempts++;
    if (b.aux2[i] === 1) this.forced++;
  }

  /** swiotlb_tbl_map_single. */
  map(b: EventBatch, i: number): void {
    const cpu = b.cpu[i]!;
    this.#tid[cpu] = b.tid[i]!;
    this.#origin[cpu] = b.physLow[i]! % PAGE_OFFSET;
    this.#device[cpu] = b.device[i]!;
  }

  /** swiotlb_tbl_map_single returned. */
  mapReturn(b: EventBatch, i: number): void {
    const low = b.addressLow[i]!;
    const high = b.addressHigh[i]!;
    if (isMappingError(low, high, 0)) return;
    const address = high * TWO_32 + low;
    const cpu = b.cpu[i]!;
    if (this.firstAddress < 0) {
      this.firstAddress = address;
      this.firstCpu = cpu;
    }
    if (address < this.lowest) this.lowest = address;
    if (address > this.highest) this.highest = address;
    const origin = this.#origin[cpu];
    if (origin === undefined || this.#tid[cpu] !== b.tid[i] || origin % SLOT === 0) return;
    const list = origin === low % PAGE_OFFSET ? this.kept : this.moved;
    const device = this.#device[cpu]!;
    list[device] = (list[device] ?? 0) + 1;
  }

  /** Searches, pools that come and go, and numbers of debugfs. */
  other(b: EventBatch, i: number, kind: number): void {
    if (kind === EventKind.mark) {
      if (this.sampledSlots === 0) this.sampledSlots = b.size[i]!;
    } else if (kind === EventKind.bounceSearch) {
      if (this.poolStart < 0) this.poolStart = b.addressHigh[i]! * TWO_32 + b.addressLow[i]!;
    } else if (kind === EventKind.poolAlloc || kind === EventKind.poolGrowth) {
      this.dynamic = true;
    }
  }
}
