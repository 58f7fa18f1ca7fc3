// The kernel-exact allocator of one domain, driven by recorded calls.
//
// The model gives its own addresses, always. Where one differs from the recorded one, the frees of
// the recorded address free the model's. An allocation that failed while recording and not in the
// model is freed at once, since no driver will.
//
// Background work of the depots is not timed here but run by its recorded events. Their work items are
// pointers; which size class one stands for is learnt from the trims that the model waits for.

import {
  createLinuxIova,
  type KernelPreset,
  type LinuxIova,
  type LinuxIovaCopy,
  NO_PFN,
  type Port,
  policyKit,
} from '@dmalab/replay';
import { OperationKind, type OperationLog, UNKNOWN_PFN } from './operation-log.ts';
import type { RecordedDomain } from './recorded-domain.ts';
import { CLASS_COUNT, classOfPages, NO_CLASS, type WorkItems } from './work-items.ts';

/** The machine, as far as the allocator sees it. */
export interface ModelMachine {
  readonly kernel: KernelPreset;
  /** CPUs there may be, and those that are online unless seen going down. */
  readonly cpus: number;
}

/** The whole state of a {@link DomainModel}: filled by `save`, read by `restore`. */
export interface DomainModelCopy {
  readonly allocator: LinuxIovaCopy;
  readonly trimAt: Float64Array;
  offline: readonly number[];
  aliases: ReadonlyMap<number, number> | null;
}

/** The model's state beside a difference. */
export interface ModelState {
  /** Ranges in the tree, reservations included. */
  readonly nodes: number;
  readonly max32: number;
  /** First pfns of `cached_node` and `cached32_node`, null for the anchor. */
  readonly cached: number | null;
  readonly cached32: number | null;
  /** Ranges in the loaded and the previous magazine of the CPU, and magazines in the depot, of the size class; null where the size is not cached. */
  readonly loaded: number | null;
  readonly prev: number | null;
  readonly depot: number | null;
}

const TRIM_DELAY_NS = 100e6;
/** CPUs that the model has room for at least: a header counts those that were online when it was printed. */
const LEAST_CPUS = 256;
const NOT_ARMED: number = Number.POSITIVE_INFINITY;

export class DomainModel {
  /** What the last allocation returned (NO_PFN = failed), and how often it searched the tree. */
  pfn: number = NO_PFN;
  tries = 0;
  /** The last operation touched what CPUs share: the tree or a depot. */
  shared = false;
  readonly #allocator: LinuxIova;
  readonly #log: OperationLog;
  readonly #work: WorkItems;
  readonly #cpus: number;
  readonly #domain: number;
  /** By size class: time at which the pending trim of its depot is due. */
  readonly #trimAt = new Float64Array(CLASS_COUNT).fill(NOT_ARMED);
  #offline: Set<number>;
  /** Recorded pfn -> the model's, of live ranges where they differ; null while there are none. */
  #aliases: Map<number, number> | null = null;
  /** Size class and time of the operation under way. */
  #class: number = NO_CLASS;
  #time = 0;

  constructor(domain: RecordedDomain, machine: ModelMachine, work: WorkItems) {
    this.#log = domain.log;
    this.#work = work;
    this.#cpus = machine.cpus;
    this.#domain = domain.createdAt;
    this.#offline = new Set(domain.offline);
    const parameters = { kernel: machine.kernel, startPfn: domain.startPfn };
    this.#allocator = createLinuxIova(parameters, this.#port(Math.log2(domain.granule)));
  }

  /** Lets `operation` take effect; allocations leave their result in `pfn` and `tries`. */
  apply(operation: number): void {
    const log = this.#log;
    const i = log.at(operation);
    this.#time = log.time[i]!;
    this.#class = classOfPages(log.pages[i]!);
    switch (log.kind[i]!) {
      case OperationKind.alloc:
        this.#alloc(i);
        break;
      case OperationKind.free:
        this.#free(i);
        break;
      case OperationKind.treeAlloc:
        this.#treeAlloc(i);
        break;
      case OperationKind.treeFree:
        this.#treeFree(i);
        break;
      case OperationKind.reserve:
        this.#allocator.reserve(log.pfn[i]!, log.last[i]!);
        this.shared = true;
        return;
      case OperationKind.depotWork:
        this.#depotWork(i);
        break;
      case OperationKind.cpuFlush:
        this.#offline.add(log.pfn[i]!);
        this.#allocator.flushCpu(log.pfn[i]!);
        this.shared = true;
        return;
      default:
        this.#offline.delete(log.pfn[i]!);
        this.shared = false;
    }
  }

  /** After an allocation that differs from the recorded one: ties the two addresses together. */
  keepDifference(operation: number): void {
    const log = this.#log;
    const i = log.at(operation);
    const recorded = log.pfn[i]!;
    if (recorded === 0) {
      if (this.pfn !== NO_PFN) this.#release(this.pfn, i);
      return;
    }
    this.#aliases ??= new Map();
    this.#aliases.set(recorded, this.pfn);
  }

  /** The state as the operation sees it. */
  state(operation: number): ModelState {
    const log = this.#log;
    const i = log.at(operation);
    const allocator = this.#allocator;
    const sizeClass = log.kind[i] === OperationKind.alloc ? classOfPages(log.pages[i]!) : NO_CLASS;
    const cached = sizeClass !== NO_CLASS;
    const fill = (which: 0 | 1): number | null => {
      const { rcache } = allocator;
      return cached ? rcache.sizeOf(sizeClass, log.cpu[i]!, which) : null;
    };
    return {
      nodes: allocator.nodes(),
      max32: allocator.max32(),
      cached: orNull(allocator.cachedLo()),
      cached32: orNull(allocator.cached32Lo()),
      loaded: fill(0),
      prev: fill(1),
      depot: cached ? allocator.depotSize(sizeClass) : null,
    };
  }

  /** An empty copy for {@link save}. */
  emptyCopy(): DomainModelCopy {
    const trimAt = new Float64Array(CLASS_COUNT);
    return { allocator: this.#allocator.emptyCopy(), trimAt, offline: [], aliases: null };
  }

  save(into: DomainModelCopy): void {
    this.#allocator.save(into.allocator);
    into.trimAt.set(this.#trimAt);
    into.offline = [...this.#offline];
    into.aliases = this.#aliases === null ? null : new Map(this.#aliases);
  }

  restore(from: DomainModelCopy): void {
    this.#allocator.restore(from.allocator);
    this.#trimAt.set(from.trimAt);
    this.#offline = new Set(from.offline);
    this.#aliases = from.aliases === null ? null : new Map(from.aliases);
  }

  #alloc(i: number): void {
    const log = this.#log;
    const { rcache } = this.#allocator;
    const pops = rcache.depotPops;
    this.pfn = this.#allocator.alloc(
      log.pages[i]!,
      log.limit[i]!,
      log.cpu[i]!,
      log.lastTry[i] === 1,
    );
    this.tries = this.#allocator.work.tries;
    this.shared = this.tries > 0 || rcache.depotPops !== pops;
  }

  #free(i: number): void {
    const log = this.#log;
    const pfn = this.#ownPfn(log.pfn[i]!);
    this.shared = true;
    if (pfn === NO_PFN) return;
    const pages = log.pages[i]!;
    const { rcache } = this.#allocator;
    const pushes = rcache.depotPushes;
    const removed = this.#allocator.tree.removed;
    this.#allocator.free(pfn, pages, log.cpu[i]!);
    this.shared = rcache.depotPushes !== pushes || this.#allocator.tree.removed !== removed;
  }

  #treeAlloc(i: number): void {
    const log = this.#log;
    this.pfn = this.#allocator.allocTree(log.pages[i]!, log.limit[i]!, log.lastTry[i] === 1);
    this.tries = 1;
    this.shared = true;
  }

  #treeFree(i: number): void {
    const pfn = this.#ownPfn(this.#log.pfn[i]!);
    this.shared = true;
    if (pfn !== NO_PFN) this.#allocator.freeTree(pfn);
  }

  #depotWork(i: number): void {
    const log = this.#log;
    this.shared = false;
    const sizeClass = this.#work.classOf(log.pfn[i]!, this.#domain, log.time[i]!, this.#trimAt);
    if (sizeClass === NO_CLASS) return;
    this.#class = sizeClass;
    this.#trimAt[sizeClass] = NOT_ARMED;
    this.#allocator.depotWork(sizeClass, log.cpu[i]!);
    this.shared = true;
  }

  #release(pfn: number, i: number): void {
    const log = this.#log;
    if (log.kind[i] === OperationKind.treeAlloc) this.#allocator.freeTree(pfn);
    else this.#allocator.free(pfn, log.pages[i]!, log.cpu[i]!);
  }

  /** The model's pfn of a range that is recorded as `pfn`; its alias ends. */
  #ownPfn(pfn: number): number {
    const own = this.#aliases?.get(pfn);
    if (own === undefined) return pfn;
    this.#aliases!.delete(pfn);
    return own;
  }

  #port(shift: number): Port {
    const cpus = this.#cpus;
    return {
      kit: policyKit,
      cpus: Math.max(cpus, LEAST_CPUS),
      shift,
      now: () => this.#time,
      isOnline: (cpu) => !this.#offline.has(cpu),
      onlineCpus: () => cpus - this.#offline.size,
      timer: () => {
        this.#trimAt[this.#class] = this.#time + TRIM_DELAY_NS;
      },
      timerAt: () => {},
      invalidateAll: () => {},
      invalidate: () => {},
      freeIova: () => {},
      count: () => {},
    };
  }
}

/** True if the model's result is what the trace shows. */
export function isRecorded(log: OperationLog, i: number, pfn: number): boolean {
  const recorded = log.pfn[i]!;
  return recorded === UNKNOWN_PFN || (pfn === NO_PFN ? recorded === 0 : recorded === pfn);
}

function orNull(pfn: number): number | null {
  return pfn === NO_PFN ? null : pfn;
}
