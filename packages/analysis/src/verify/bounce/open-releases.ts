// When is a release certainly over?
//
// swiotlb_release_slots and swiotlb_tbl_unmap_single have an entry probe alone. A release takes effect at the latest
// before the next line of its context, or before any line that its CPU can only show once that context is over: an
// interrupt runs to its end before the CPU goes on with what it interrupted. Lines of the release itself (the copy, the
// look for a transient pool) do not count, and move its begin: the slots are given back after them.
//
// Where probes are breakpoints (6.1), the context of their lines reads 'Z': task or interrupt, nobody knows. There a
// line that cannot begin an interrupt's work is of the same context or one around it, unless another
// line came in between; else a line with a real context tells. When in doubt a release stays open.

import { Direction, type EventBatch, EventKind } from '@dmalab/trace';
import type { Release } from './bounce-calls.ts';
import { addressOf } from './event-address.ts';

interface OpenRelease {
  readonly release: Release;
  readonly cpu: number;
  readonly tid: number;
  /** 0 task, 1 soft irq, 2 hard irq; of breakpoints the deepest that it can be. */
  readonly depth: number;
  readonly breakpoint: boolean;
  /** For breakpoints: no line that may be of a deeper context came in between. */
  direct: boolean;
}

const CPUS = 65_536;
const DEEPEST = 2;
const IDLE = 0;

export class OpenReleases {
  readonly #open: OpenRelease[] = [];
  /** By CPU: thread and depth of its last line with a real context. */
  readonly #tid = new Int32Array(CPUS).fill(-1);
  readonly #depth = new Uint8Array(CPUS);

  /** Sees every line, before {@link open}: ends the releases that are over with it. */
  line(batch: EventBatch, row: number, number: number): void {
    const cpu = batch.cpu[row]!;
    const context = batch.context[row]!;
    const breakpoint = isBreakpoint(context);
    const depth = breakpoint ? -1 : depthOf(context);
    if (!breakpoint) {
      this.#tid[cpu] = batch.tid[row]!;
      this.#depth[cpu] = depth;
    }
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const open = this.#open[i]!;
      if (!isOver(open, batch, row, number, depth)) continue;
      open.release.end = number;
      this.#open.splice(i, 1);
    }
  }

  /** A release begins at `row`. */
  open(batch: EventBatch, row: number, release: Release): void {
    const cpu = batch.cpu[row]!;
    const tid = batch.tid[row]!;
    const breakpoint = isBreakpoint(batch.context[row]!);
    const known = this.#tid[cpu] === tid ? this.#depth[cpu]! : DEEPEST;
    const depth = breakpoint ? known : depthOf(batch.context[row]!);
    this.#open.push({ release, cpu, tid, depth, breakpoint, direct: true });
  }

  /** The open release of this context and address, which is taken out; null if there is none. */
  take(batch: EventBatch, row: number, address: number): Release | null {
    return this.takeWithin(batch, row, address, address + 1);
  }

  /** The same for any address from `start` to before `end`. */
  takeWithin(batch: EventBatch, row: number, start: number, end: number): Release | null {
    const at = this.#open.findLastIndex(
      ({ release: { address }, cpu, tid }) =>
        address >= start && address < end && cpu === batch.cpu[row] && tid === batch.tid[row],
    );
    return at < 0 ? null : this.#open.splice(at, 1)[0]!.release;
  }
}

function isOver(
  open: OpenRelease,
  batch: EventBatch,
  row: number,
  number: number,
  depth: number,
): boolean {
  const sameCpu = batch.cpu[row] === open.cpu;
  const sameThread = batch.tid[row] === open.tid;
  // The idle thread gives nothing back itself: that was an interrupt, which ends before another thread runs.
  if (open.breakpoint && open.tid === IDLE && sameCpu && !sameThread) return true;
  if (depth < 0) {
    if (!open.breakpoint || !sameCpu || !sameThread) return false;
    if (isStep(open, batch, row, number)) return false;
    if (open.direct && !beginsInterrupt(batch.kind[row]!)) return true;
    open.direct = false;
    return false;
  }
  if (sameCpu && sameThread && isStep(open, batch, row, number)) return false;
  if (open.breakpoint) return sameCpu && sameThread && depth <= open.depth;
  if (open.depth > 0) return sameCpu && depth <= open.depth;
  return sameThread && depth === 0;
}

/** A line of the release itself. */
function isStep(open: OpenRelease, batch: EventBatch, row: number, number: number): boolean {
  const kind = batch.kind[row]!;
  if (kind === EventKind.transientRet || kind === EventKind.poolDelete) return true;
  const isCopy = kind === EventKind.bounceCopy && batch.direction[row] === Direction.fromDevice;
  if (!isCopy && kind !== EventKind.bounceRelease) return false;
  if (addressOf(batch, row) !== open.release.address) return false;
  open.release.begin = number;
  return true;
}

/** Lines with which the work of an interrupt can begin. */
function beginsInterrupt(kind: number): boolean {
  return (
    kind === EventKind.bounceUnmap ||
    kind === EventKind.bounceCall ||
    kind === EventKind.bounceSync ||
    kind === EventKind.other
  );
}

function isBreakpoint(context: number): boolean {
  return context === 0x5a || context === 0x7a;
}

function depthOf(context: number): number {
  if (context === 0x73) return 1;
  return context === 0x68 || context === 0x48 ? 2 : 0;
}
