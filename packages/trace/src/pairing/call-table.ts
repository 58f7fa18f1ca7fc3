// The DMA API calls that are under way, by CPU, thread and context character.
//
// An interrupt runs under the thread it interrupts, but in another context: the context keeps its
// events apart from those of the interrupted call. Breakpoint probes (kernel 6.1) are recorded in the
// breakpoint handler and show 'Z' or 'z' instead of the true context: their calls are adopted by the
// first ordinary event that fits (see probe-events.ts).
//
// At most one call is open per CPU, thread and true context. Their objects are reused: there are as many as were ever open at once.

import { Direction, DomainClass } from '../batch.ts';
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

const SLOTS = 256;
const NMI_IN_IRQ = 0x5a;
const NMI = 0x7a;

/** Whether a context character is that of a breakpoint handler. */
export function isNmi(context: number): boolean {
  return context === NMI_IN_IRQ || context === NMI;
}

/** A call that is under way. The object of one that is closed is taken for the next. */
export class OpenCall {
  /** A {@link Call}; 0 where the call is closed. */
  kind: Call | 0 = 0;
  /** Bits of {@link Seen}. */
  seen = 0;
  row = 0;
  /** Entry of the live set, or NONE; valid as long as its serial is the one beside it. */
  record: number = NONE;
  serial = 0;
  cpu = 0;
  tid = 0;
  context = 0;
  device = 0;
  domain = 0;
  /** How `domain` is known. */
  domainClass: DomainClass = DomainClass.none;
  /** Tokens of the domain and its iovad, from probes. */
  domainToken = 0;
  /** Bytes and address of the call's probe; the address of an unmap event. */
  bytes = 0;
  limit = 0;
  addressLow = 0;
  addressHigh = 0;
  physLow = 0;
  physHigh = 0;
  direction: number = Direction.unknown;
  time = 0;
  task = 0;
  /** First page that alloc_iova_fast returned, -1 = none yet. */
  page = -1;
  /** Ranges or slots an unmap still has to close; slots that a map has taken. */
  pending = 0;
  /** Buffers for which a map asked bounce memory: the first `asked` physical addresses and bytes. */
  readonly askedPhys: number[] = [];
  readonly askedBytes: number[] = [];
  asked = 0;
  /** The next older call of its slot, or the next free one. */
  next: OpenCall | null = null;

  /** Forgets what an earlier call left. */
  begin(kind: Call, row: number, cpu: number, tid: number, context: number): void {
    this.kind = kind;
    this.row = row;
    this.cpu = cpu;
    this.tid = tid;
    this.context = context;
    this.seen = 0;
    this.record = NONE;
    this.device = 0;
    this.domain = 0;
    this.domainClass = DomainClass.none;
    this.domainToken = 0;
    this.bytes = 0;
    this.limit = 0;
    this.addressLow = 0;
    this.addressHigh = 0;
    this.physLow = 0;
    this.physHigh = 0;
    this.direction = Direction.unknown;
    this.time = 0;
    this.task = 0;
    this.page = -1;
    this.pending = 0;
    this.asked = 0;
  }

  /** Notes that the call asks bounce memory for a buffer. */
  ask(phys: number, bytes: number): void {
    this.askedPhys[this.asked] = phys;
    this.askedBytes[this.asked++] = bytes;
  }

  /** Says in which domain the call is, and how that is known. */
  place(domain: number, domainClass: DomainClass): void {
    this.domain = domain;
    this.domainClass = domain === 0 ? DomainClass.none : domainClass;
  }
}

export class CallTable {
  /** All calls there ever were at once, the closed ones (kind 0) among them. */
  readonly all: OpenCall[] = [];
  /** By slot: its newest open call. */
  readonly #heads: (OpenCall | null)[] = new Array<OpenCall | null>(SLOTS).fill(null);
  #free: OpenCall | null = null;

  open(kind: Call, row: number, cpu: number, tid: number, context: number): OpenCall {
    const call = this.#free ?? this.#add();
    this.#free = call.next;
    call.begin(kind, row, cpu, tid, context);
    const slot = slotOf(cpu, tid);
    call.next = this.#heads[slot] ?? null;
    this.#heads[slot] = call;
    return call;
  }

  close(call: OpenCall): void {
    const slot = slotOf(call.cpu, call.tid);
    let at = this.#heads[slot] as OpenCall;
    if (at === call) this.#heads[slot] = call.next;
    else {
      while (at.next !== call) at = at.next!;
      at.next = call.next;
    }
    call.kind = 0;
    call.next = this.#free;
    this.#free = call;
  }

  /** The open call of exactly this context. */
  find(cpu: number, tid: number, context: number): OpenCall | null {
    let call = this.#heads[slotOf(cpu, tid)] ?? null;
    while (call !== null && (call.context !== context || call.cpu !== cpu || call.tid !== tid)) {
      call = call.next;
    }
    return call;
  }

  /** The newest open call of this kind that was opened by a breakpoint probe, after `from` if given. */
  findNmi(cpu: number, tid: number, kind: Call, from: OpenCall | null = null): OpenCall | null {
    let call = from === null ? (this.#heads[slotOf(cpu, tid)] ?? null) : from.next;
    while (
      call !== null &&
      (call.kind !== kind || call.cpu !== cpu || call.tid !== tid || !isNmi(call.context))
    ) {
      call = call.next;
    }
    return call;
  }

  #add(): OpenCall {
    const call = new OpenCall();
    this.all.push(call);
    return call;
  }
}

function slotOf(cpu: number, tid: number): number {
  const mixed = Math.imul(tid ^ Math.imul(cpu, 0x85ebca6b), 0x9e3779b1);
  return (mixed ^ (mixed >>> 16)) & (SLOTS - 1);
}
