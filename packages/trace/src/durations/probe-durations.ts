// Durations between the entry and the return probe of a function.
//
// Pairs alloc_iova_fast, alloc_iova and swiotlb_tbl_map_single with their returns. Calls on a CPU nest
// (an interrupt may map too), so a return belongs to the newest open entry of its function and thread.
// A loss on a CPU ends what is open there. A time has the resolution of the trace, and the probes
// themselves take part of it.

import { type EventBatch, EventKind } from '../batch.ts';
import { type DurationLog, type FunctionLog, TreePart } from './duration-log.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Kinds = EventKind;
const Parts = TreePart;

const ALL_ONES = 0xffff_ffff;
/** Open entries of a CPU: deeper nesting is left out. */
const DEPTH = 16;

const RETURNS: Readonly<Record<number, number>> = {
  [Kinds.iovaAllocRet]: Kinds.iovaAlloc,
  [Kinds.treeAllocRet]: Kinds.treeAlloc,
  [Kinds.bounceMapRet]: Kinds.bounceMap,
};
const FUNCTIONS: Readonly<Record<number, string>> = {
  [Kinds.iovaAlloc]: 'alloc_iova_fast',
  [Kinds.treeAlloc]: 'alloc_iova',
  [Kinds.bounceMap]: 'swiotlb_tbl_map_single',
};

/** The open entries of one CPU. */
interface Open {
  depth: number;
  readonly kind: Uint8Array;
  readonly tid: Int32Array;
  readonly time: Float64Array;
  readonly size: Float64Array;
  readonly searched: Uint8Array;
}

/** Pairs the probes of a stream of events. */
export class ProbeDurations {
  readonly #log: DurationLog;
  /** By kind of the entry probe. */
  readonly #logs: FunctionLog[] = [];
  readonly #cpus: Open[] = [];
  /** The probe of the tree was seen: a call without it did not go there. */
  #treeProbed = false;

  constructor(log: DurationLog) {
    this.#log = log;
  }

  accumulate(batch: EventBatch): void {
    const { length, kind } = batch;
    for (let i = 0; i < length; i++) {
      switch (kind[i]) {
        case Kinds.iovaAlloc:
        case Kinds.treeAlloc:
        case Kinds.bounceMap:
          this.#enter(batch, i);
          break;
        case Kinds.iovaAllocRet:
        case Kinds.treeAllocRet:
        case Kinds.bounceMapRet:
          this.#leave(batch, i, RETURNS[kind[i]!]!);
          break;
        case Kinds.lost:
          this.#lose(batch.cpu[i]!);
          break;
        case Kinds.segment:
          // CPUs without a probe so far have no entry, and are passed over.
          this.#cpus.forEach((open) => {
            open.depth = 0;
          });
          break;
      }
    }
  }

  #enter(batch: EventBatch, i: number): void {
    const open = this.#of(batch.cpu[i]!);
    if (open.depth === DEPTH) open.depth = 0;
    const at = open.depth++;
    open.kind[at] = batch.kind[i]!;
    open.tid[at] = batch.tid[i]!;
    open.time[at] = batch.time[i]!;
    open.size[at] = batch.size[i]!;
    open.searched[at] = 0;
    if (batch.kind[i] !== Kinds.treeAlloc) return;
    this.#treeProbed = true;
    if (at > 0 && open.kind[at - 1] === Kinds.iovaAlloc) open.searched[at - 1] = 1;
  }

  #leave(batch: EventBatch, i: number, kind: number): void {
    const open = this.#of(batch.cpu[i]!);
    let at = open.depth - 1;
    while (at >= 0 && (open.kind[at] !== kind || open.tid[at] !== batch.tid[i])) at--;
    if (at < 0) return;
    open.depth = at;
    const ns = batch.time[i]! - open.time[at]!;
    if (ns < 0) return;
    // A bounce buffer that was refused was not filled.
    const size = isRefused(batch, i) ? 0 : open.size[at]!;
    const part = this.#part(kind, open.searched[at]!);
    this.#logs[kind] ??= this.#log.of(FUNCTIONS[kind]!, 'probes');
    this.#logs[kind].add(ns, size, part, batch.cpu[i]!, batch.tid[i]!);
  }

  #part(kind: number, searched: number): TreePart {
    if (kind === Kinds.treeAlloc) return Parts.searched;
    if (kind !== Kinds.iovaAlloc || !this.#treeProbed) return Parts.unknown;
    return searched === 1 ? Parts.searched : Parts.none;
  }

  #lose(cpu: number): void {
    const open = this.#cpus[cpu];
    if (open !== undefined) open.depth = 0;
  }

  #of(cpu: number): Open {
    this.#cpus[cpu] ??= {
      depth: 0,
      kind: new Uint8Array(DEPTH),
      tid: new Int32Array(DEPTH),
      time: new Float64Array(DEPTH),
      size: new Float64Array(DEPTH),
      searched: new Uint8Array(DEPTH),
    };
    return this.#cpus[cpu];
  }
}

function isRefused({ kind, addressLow, addressHigh }: EventBatch, i: number): boolean {
  const isBounce = kind[i] === Kinds.bounceMapRet;
  return isBounce && addressLow[i] === ALL_ONES && addressHigh[i] === ALL_ONES;
}
