// Calls that show no return: when are they certainly over?
//
// A free (and depot work, and the flush of a CPU's caches) has an entry probe alone. It is over at the
// next line of its CPU, thread and context, unless that line is a step of the call itself
// (free_iova, remove_iova, iova_magazine_free_pfns).
//
// Where probes are breakpoints (6.1), the context of their lines reads 'Z': task or interrupt, nobody
// knows. There a line that cannot begin a call is of the same context, since an interrupt begins with
// the first line of a call; after such a first line only a real context that is not deeper ends the
// free. When in doubt it stays open longer: that allows more orders, never fewer.

import { type EventBatch, EventKind } from '@dmalab/trace';
import { contextKey, threadKey } from './context-key.ts';
import { OperationKind, type OperationLog } from './operation-log.ts';

interface OpenCall {
  readonly log: OperationLog;
  readonly operation: number;
}

interface OpenContext {
  readonly calls: OpenCall[];
  /** For breakpoints: no line that may be of an interrupt came in between. */
  direct: boolean;
  /** For breakpoints: depth of the last real context. */
  readonly depth: number;
}

const CPUS = 65_536;

export class OpenFrees {
  readonly #open = new Map<number, OpenContext>();
  readonly #openBreakpoint = new Map<number, OpenContext>();
  /** By CPU: thread and depth of its last line with a real context. */
  readonly #tid = new Int32Array(CPUS).fill(-1);
  readonly #depth = new Uint8Array(CPUS);

  /** Sees every line, before {@link open}: ends the calls that are over with it. */
  line(batch: EventBatch, row: number, number: number): void {
    const breakpoint = isBreakpoint(batch.context[row]!);
    if (this.#openBreakpoint.size > 0) this.#lineAmongBreakpoints(batch, row, number, breakpoint);
    if (!breakpoint) {
      const cpu = batch.cpu[row]!;
      this.#tid[cpu] = batch.tid[row]!;
      this.#depth[cpu] = depthOf(batch.context[row]!);
    }
    if (this.#open.size === 0) return;
    const key = contextKey(batch, row);
    const context = this.#open.get(key);
    if (context === undefined || isStep(context, batch, row)) return;
    closeAll(context, number);
    this.#open.delete(key);
  }

  /** A call begins at `row`. Several may begin with the same line. */
  open(batch: EventBatch, row: number, log: OperationLog, operation: number): void {
    const breakpoint = isBreakpoint(batch.context[row]!);
    const key = breakpoint ? threadKey(batch, row) : contextKey(batch, row);
    const map = breakpoint ? this.#openBreakpoint : this.#open;
    const context = map.get(key);
    if (context?.direct) context.calls.push({ log, operation });
    else
      map.set(key, { calls: [{ log, operation }], direct: true, depth: this.#depthAt(batch, row) });
  }

  /** True for a line that is a step of an open call. */
  isInside(batch: EventBatch, row: number): boolean {
    const context = this.#contextOf(batch, row);
    return context !== undefined && isStep(context, batch, row);
  }

  /** Counts one more magazine for the open calls of this context. */
  countInner(batch: EventBatch, row: number): void {
    const context = this.#contextOf(batch, row);
    if (context === undefined) return;
    for (const { log, operation } of context.calls) log.countInner(operation);
  }

  #contextOf(batch: EventBatch, row: number): OpenContext | undefined {
    return isBreakpoint(batch.context[row]!)
      ? this.#openBreakpoint.get(threadKey(batch, row))
      : this.#open.get(contextKey(batch, row));
  }

  #depthAt(batch: EventBatch, row: number): number {
    const cpu = batch.cpu[row]!;
    return this.#tid[cpu] === batch.tid[row] ? this.#depth[cpu]! : DEEPEST;
  }

  #lineAmongBreakpoints(batch: EventBatch, row: number, number: number, breakpoint: boolean): void {
    const key = threadKey(batch, row);
    const context = this.#openBreakpoint.get(key);
    if (context === undefined || (breakpoint && isStep(context, batch, row))) return;
    const over = breakpoint
      ? context.direct && !beginsCall(batch.kind[row]!)
      : depthOf(batch.context[row]!) <= context.depth;
    if (!over) {
      context.direct = false;
      return;
    }
    closeAll(context, number);
    this.#openBreakpoint.delete(key);
  }
}

const DEEPEST = 3;

function closeAll(context: OpenContext, number: number): void {
  for (const { log, operation } of context.calls) log.close(operation, number);
}

function isBreakpoint(context: number): boolean {
  return context === 0x5a || context === 0x7a;
}

/** 0 task, 1 soft irq, 2 hard irq. */
function depthOf(context: number): number {
  if (context === 0x73) return 1;
  return context === 0x68 || context === 0x48 ? 2 : 0;
}

function isStep(context: OpenContext, batch: EventBatch, row: number): boolean {
  const kind = batch.kind[row]!;
  if (kind === EventKind.treeRemove || kind === EventKind.magazineFree) return true;
  if (kind !== EventKind.treeFree) return false;
  const { log, operation } = context.calls[0]!;
  if (operation < log.base) return false;
  const i = log.at(operation);
  return log.kind[i] === OperationKind.free && log.pfn[i] === batch.aux[row];
}

/** Lines with which the work of an interrupt can begin. */
function beginsCall(kind: number): boolean {
  return (
    kind === EventKind.dmaUnmapCall ||
    kind === EventKind.dmaAllocIova ||
    kind === EventKind.iovaAlloc ||
    kind === EventKind.fqTimeout ||
    kind === EventKind.depotWork ||
    kind === EventKind.cpuCacheFlush ||
    kind === EventKind.other
  );
}
