// Tells the events of an interrupt from those of the call it interrupts, where the text has no flags (noirq-info,
// perf script, trace-cmd report before 3.3).
//
// Both have the same CPU and thread. But a map call goes on to its DMA event: until then an unmap, and another
// allocation behind the first one's page-table event, can only be those of an interrupt, which ends before the call
// goes on. An unmap of what the call has mapped itself rolls it back. Such events get the context NESTED, which keeps
// their call apart; in the requests it is unknown again.
// Left out: interrupts of interrupts; interrupts of unmaps, whose events find their mapping by its address.

import { type EventBatch, EventKind } from '../batch.ts';
import { pageOf, pagesFor } from './address.ts';

/** The context of an interrupt that was inferred; no character of the flags column. */
export const NESTED = 1;

const SLOTS = 4096;
/** What was seen of the call of a thread on a CPU: bits of `seen`. */
const Seen = { open: 1, allocated: 2, mapped: 4, nestedMap: 8 } as const;

/** What one event does to the calls of its thread; events that do nothing have 0. */
const Step = {
  probe: 1,
  alloc: 2,
  allocReturn: 3,
  tableMap: 4,
  done: 5,
  tableUnmap: 6,
  unmap: 7,
  bounce: 8,
  gap: 9,
} as const;

const STEPS: Uint8Array = new Uint8Array(256);
STEPS[EventKind.dmaAllocIova] = Step.probe;
STEPS[EventKind.iovaAlloc] = Step.alloc;
STEPS[EventKind.iovaAllocRet] = Step.allocReturn;
STEPS[EventKind.iommuMap] = Step.tableMap;
STEPS[EventKind.iommuUnmap] = Step.tableUnmap;
for (const kind of [EventKind.bounced, EventKind.bounceMap]) STEPS[kind] = Step.bounce;
for (const kind of [EventKind.lost, EventKind.segment]) STEPS[kind] = Step.gap;
for (const kind of [
  EventKind.dmaMap,
  EventKind.dmaMapSg,
  EventKind.dmaAlloc,
  EventKind.dmaMapSgErr,
]) {
  STEPS[kind] = Step.done;
}
for (const kind of [
  EventKind.dmaUnmap,
  EventKind.dmaUnmapSg,
  EventKind.dmaFree,
  EventKind.dmaUnmapCall,
  EventKind.iovaFree,
  EventKind.bounceUnmap,
  EventKind.bounceRelease,
]) {
  STEPS[kind] = Step.unmap;
}

/** The calls that are open where contexts are unknown, one for each thread and CPU. */
export class NestedContexts {
  /** Some event got the context NESTED. */
  used = false;
  /** Returns of the allocator were seen. */
  #returns = false;
  readonly #cpu = new Uint16Array(SLOTS);
  readonly #tid = new Int32Array(SLOTS);
  readonly #seen = new Uint8Array(SLOTS);
  /** Pages that the call has mapped: first, and one behind the last. */
  readonly #first = new Float64Array(SLOTS);
  readonly #end = new Float64Array(SLOTS);
  /** Pages that it allocated, 0 where that is not known. */
  readonly #wanted = new Float64Array(SLOTS);

  /** Gives the events of interrupts their context; `dmaEvents` says that calls end with an event of the DMA API. */
  infer(b: EventBatch, dmaEvents: boolean): void {
    const { length, kind, context } = b;
    for (let i = 0; i < length; i++) {
      const step = STEPS[kind[i]!]!;
      if (step === 0) continue;
      if (step === Step.gap) this.#seen.fill(0);
      else if (context[i] === 0 && this.#isNested(b, i, step, dmaEvents)) {
        context[i] = NESTED;
        this.used = true;
      } else if (context[i]! > NESTED) return;
    }
  }

  #isNested(b: EventBatch, i: number, step: number, dmaEvents: boolean): boolean {
    const at = this.#slot(b.cpu[i]!, b.tid[i]!);
    const seen = this.#seen[at]!;
    if ((seen & Seen.nestedMap) !== 0 && this.#goesOn(step, at)) return true;
    switch (step) {
      case Step.unmap:
        return (seen & Seen.open) !== 0;
      case Step.tableUnmap:
        if (!this.#isRollback(b, i, at)) return (seen & Seen.open) !== 0;
        this.#seen[at] = 0;
        return false;
      case Step.done:
        this.#seen[at] = 0;
        return false;
      case Step.alloc:
      case Step.probe:
        return this.#alloc(b, i, step, at, dmaEvents);
      case Step.allocReturn:
        this.#returns = true;
        // A try below 4 GiB that failed is followed by another.
        if (b.aux[i] === 0) this.#seen[at] = seen & ~Seen.allocated;
        return false;
      case Step.bounce:
        if (dmaEvents) this.#seen[at] = seen | Seen.open;
        return false;
      default:
        this.#map(b, i, at, dmaEvents);
        return false;
    }
  }

  /** A call that has its range, or waits for it, asks for no other one. */
  #alloc(b: EventBatch, i: number, step: number, at: number, dmaEvents: boolean): boolean {
    const seen = this.#seen[at]!;
    const hasRange = (seen & Seen.mapped) !== 0 || (this.#returns && (seen & Seen.allocated) !== 0);
    if (hasRange && dmaEvents) {
      this.#seen[at] = seen | Seen.nestedMap;
      return true;
    }
    this.#seen[at] = Seen.open | (step === Step.alloc ? Seen.allocated : 0);
    this.#wanted[at] = step === Step.alloc ? b.size[i]! : 0;
    return false;
  }

  #map(b: EventBatch, i: number, at: number, dmaEvents: boolean): void {
    const page = pageOf(b.addressLow[i]!, b.addressHigh[i]!);
    const pages = pagesFor(b.size[i]!);
    const seen = this.#seen[at]!;
    const isNext = (seen & Seen.mapped) !== 0 && page === this.#end[at];
    if (!isNext) this.#first[at] = page;
    this.#end[at] = page + pages;
    const mapped = page + pages - this.#first[at]!;
    const isWhole = !dmaEvents && ((seen & Seen.allocated) === 0 || mapped >= this.#wanted[at]!);
    this.#seen[at] = isWhole ? 0 : seen | Seen.open | Seen.mapped;
  }

  /** Whether an event belongs to the map that an interrupt has begun, which goes on to its end. */
  #goesOn(step: number, at: number): boolean {
    if (step === Step.done) this.#seen[at] = this.#seen[at]! & ~Seen.nestedMap;
    return step !== Step.unmap && step !== Step.tableUnmap;
  }

  #isRollback(b: EventBatch, i: number, at: number): boolean {
    if (b.size[i] === 0) return true;
    const isMapped = (this.#seen[at]! & Seen.mapped) !== 0;
    return isMapped && pageOf(b.addressLow[i]!, b.addressHigh[i]!) === this.#first[at];
  }

  /** Where the calls of a thread on a CPU are kept; another one that was there is forgotten. */
  #slot(cpu: number, tid: number): number {
    const mixed = Math.imul(tid ^ Math.imul(cpu, 0x85ebca6b), 0x9e3779b1);
    const at = (mixed ^ (mixed >>> 16)) & (SLOTS - 1);
    if (this.#cpu[at] !== cpu || this.#tid[at] !== tid) {
      this.#cpu[at] = cpu;
      this.#tid[at] = tid;
      this.#seen[at] = 0;
    }
    return at;
  }
}
