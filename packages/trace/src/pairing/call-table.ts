// The DMA API calls that are under way, by CPU, thread and context character.
//
// An interrupt runs under the thread it interrupts, but in another context: the context keeps its
// events apart from those of the interrupted call. Breakpoint probes (kernel 6.1) are recorded in the
// breakpoint handler and show 'Z' or 'z' instead of the true context: their calls are adopted by the
// first ordinary event that fits (see probe-events.ts).
//
// At most one call is open per CPU, thread and true context. Entries are reused.

import { DomainClass } from '../batch.ts';
import { NONE } from './live-set.ts';

/** What kind of call it is. */
export const Call = { map: 1, unmap: 2 } as const;
export type Call = (typeof Call)[keyof typeof Call];

/** What was seen of a call: bits of `seen`. */
export const Seen = {
  /** iommu_dma_alloc_iova. */
  allocProbe: 1,
  /** alloc_iova_fast. */
  iova: 2,
  /** iommu:map or iommu:unmap. */
  table: 4,
  /** swiotlb_bounced or a bounce probe. */
  bounce: 8,
  /** dma_unmap_sg opened it. */
  list: 16,
  /** dma_free opened it. */
  free: 32,
  /** __iommu_dma_unmap. */
  unmapProbe: 64,
  allocFailed: 128,
  bounceFailed: 256,
} as const;

const INITIAL = 64;
const NMI_IN_IRQ = 0x5a;
const NMI = 0x7a;

/** Whether a context character is that of a breakpoint handler. */
export function isNmi(context: number): boolean {
  return context === NMI_IN_IRQ || context === NMI;
}

export class CallTable {
  kind: Uint8Array = new Uint8Array(INITIAL);
  seen: Uint32Array = new Uint32Array(INITIAL);
  row: Uint32Array = new Uint32Array(INITIAL);
  /** Entry of the live set, or NONE; valid as long as its serial is the one beside it. */
  record: Int32Array = new Int32Array(INITIAL);
  serial: Uint32Array = new Uint32Array(INITIAL);
  cpu: Uint16Array = new Uint16Array(INITIAL);
  tid: Int32Array = new Int32Array(INITIAL);
  context: Uint8Array = new Uint8Array(INITIAL);
  device: Uint16Array = new Uint16Array(INITIAL);
  domain: Uint16Array = new Uint16Array(INITIAL);
  /** A DomainClass: how `domain` is known. */
  domainClass: Uint8Array = new Uint8Array(INITIAL);
  /** Tokens of the domain and its iovad, from probes. */
  domainToken: Uint32Array = new Uint32Array(INITIAL);
  /** Bytes and address of the call's probe; the address of an unmap event. */
  bytes: Float64Array = new Float64Array(INITIAL);
  limit: Float64Array = new Float64Array(INITIAL);
  addressLow: Uint32Array = new Uint32Array(INITIAL);
  addressHigh: Uint32Array = new Uint32Array(INITIAL);
  physLow: Uint32Array = new Uint32Array(INITIAL);
  physHigh: Uint32Array = new Uint32Array(INITIAL);
  direction: Uint8Array = new Uint8Array(INITIAL);
  time: Float64Array = new Float64Array(INITIAL);
  task: Uint32Array = new Uint32Array(INITIAL);
  /** First page that alloc_iova_fast returned, -1 = none yet. */
  page: Float64Array = new Float64Array(INITIAL);
  /** Ranges or slots an unmap still has to close; slots that a map has taken. */
  pending: Uint32Array = new Uint32Array(INITIAL);

  #next = new Int32Array(INITIAL);
  #heads = new Int32Array(256).fill(NONE);
  #free = NONE;
  #top = 0;

  /** One more than the highest call number in use. */
  get top(): number {
    return this.#top;
  }

  open(kind: Call, row: number, cpu: number, tid: number, context: number): number {
    let call = this.#free;
    if (call !== NONE) this.#free = this.#next[call]!;
    else {
      if (this.#top === this.kind.length) this.#grow();
      call = this.#top++;
    }
    this.#clear(call);
    this.kind[call] = kind;
    this.row[call] = row;
    this.cpu[call] = cpu;
    this.tid[call] = tid;
    this.context[call] = context;
    const slot = slotOf(cpu, tid);
    this.#next[call] = this.#heads[slot]!;
    this.#heads[slot] = call;
    return call;
  }

  /** Says in which domain a call is, and how that is known. */
  place(call: number, domain: number, domainClass: DomainClass): void {
    this.domain[call] = domain;
    this.domainClass[call] = domain === 0 ? DomainClass.none : domainClass;
  }

  close(call: number): void {
    const slot = slotOf(this.cpu[call]!, this.tid[call]!);
    let at = this.#heads[slot]!;
    if (at === call) this.#heads[slot] = this.#next[call]!;
    else {
      while (this.#next[at] !== call) at = this.#next[at]!;
      this.#next[at] = this.#next[call]!;
    }
    this.kind[call] = 0;
    this.#next[call] = this.#free;
    this.#free = call;
  }

  /** The open call of exactly this context. */
  find(cpu: number, tid: number, context: number): number {
    let call = this.#heads[slotOf(cpu, tid)]!;
    while (
      call !== NONE &&
      (this.context[call] !== context || this.cpu[call] !== cpu || this.tid[call] !== tid)
    ) {
      call = this.#next[call]!;
    }
    return call;
  }

  /** The newest open call of this kind that was opened by a breakpoint probe, after `from` if given. */
  findNmi(cpu: number, tid: number, kind: Call, from: number = NONE): number {
    let call = from === NONE ? this.#heads[slotOf(cpu, tid)]! : this.#next[from]!;
    while (
      call !== NONE &&
      (this.kind[call] !== kind ||
        this.cpu[call] !== cpu ||
        this.tid[call] !== tid ||
        !isNmi(this.context[call]!))
    ) {
      call = this.#next[call]!;
    }
    return call;
  }

  #clear(call: number): void {
    this.seen[call] = 0;
    this.record[call] = NONE;
    this.device[call] = 0;
    this.domain[call] = 0;
    this.domainClass[call] = 0;
    this.domainToken[call] = 0;
    this.bytes[call] = 0;
    this.limit[call] = 0;
    this.addressLow[call] = 0;
    this.addressHigh[call] = 0;
    this.physLow[call] = 0;
    this.physHigh[call] = 0;
    this.direction[call] = 255;
    this.time[call] = 0;
    this.task[call] = 0;
    this.page[call] = -1;
    this.pending[call] = 0;
  }

  #grow(): void {
    const length = this.kind.length * 2;
    this.kind = longer(this.kind, new Uint8Array(length));
    this.seen = longer(this.seen, new Uint32Array(length));
    this.row = longer(this.row, new Uint32Array(length));
    this.record = longer(this.record, new Int32Array(length));
    this.serial = longer(this.serial, new Uint32Array(length));
    this.cpu = longer(this.cpu, new Uint16Array(length));
    this.tid = longer(this.tid, new Int32Array(length));
    this.context = longer(this.context, new Uint8Array(length));
    this.device = longer(this.device, new Uint16Array(length));
    this.domain = longer(this.domain, new Uint16Array(length));
    this.domainClass = longer(this.domainClass, new Uint8Array(length));
    this.domainToken = longer(this.domainToken, new Uint32Array(length));
    this.bytes = longer(this.bytes, new Float64Array(length));
    this.limit = longer(this.limit, new Float64Array(length));
    this.addressLow = longer(this.addressLow, new Uint32Array(length));
    this.addressHigh = longer(this.addressHigh, new Uint32Array(length));
    this.physLow = longer(this.physLow, new Uint32Array(length));
    this.physHigh = longer(this.physHigh, new Uint32Array(length));
    this.direction = longer(this.direction, new Uint8Array(length));
    this.time = longer(this.time, new Float64Array(length));
    this.task = longer(this.task, new Uint32Array(length));
    this.page = longer(this.page, new Float64Array(length));
    this.pending = longer(this.pending, new Uint32Array(length));
    this.#next = longer(this.#next, new Int32Array(length));
  }
}

function slotOf(cpu: number, tid: number): number {
  const mixed = Math.imul(tid ^ Math.imul(cpu, 0x85ebca6b), 0x9e3779b1);
  return (mixed ^ (mixed >>> 16)) & 0xff;
}

function longer<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
