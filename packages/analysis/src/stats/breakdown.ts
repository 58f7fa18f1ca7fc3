// What became of the requests by device, by CPU, by task and by size.
//
// A size class is the power of two at or above the bytes asked for. What a request caused counts with it.

import { AllocPath, type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import type { CpuFigures, GroupFigures, SizeFigures, TaskFigures } from '../figures/groups.ts';
import { COARSE_ERROR, CoarseHistogram, coarseBucket } from '../structures/coarse-histogram.ts';
import { powerAtOrAbove } from '../structures/size-class.ts';
import { askedForAddress, CACHE_CLASSES } from './allocations.ts';
import { share } from './share.ts';

/** Tasks that are named. */
const MOST_TASKS = 32;
/** Tasks that are told apart at a time: memory stays bounded. */
const MOST_KEPT = 2048;
/** Pages of the largest requests that caches hold. */
const MOST_CACHED = 2 ** (CACHE_CLASSES - 1);
const RECENT = 64;
const NO_TID = -(2 ** 31);
const FROM_CACHE: number = AllocPath.rcache;

/** Requests that have something in common. */
class Group {
  mapped = 0;
  failed = 0;
  unmapped = 0;
  directMaps = 0;
  bytes = 0;
  cacheable = 0;
  cacheHits = 0;
  readonly latency = new CoarseHistogram();

  served(bytes: number, ns: number, bucket: number): void {
    this.mapped++;
    this.bytes += bytes;
    this.latency.add(ns, bucket);
  }

  refused(ns: number, bucket: number): void {
    this.failed++;
    this.latency.add(ns, bucket);
  }

  /** A map without translation. */
  direct(bytes: number): void {
    this.directMaps++;
    this.bytes += bytes;
  }

  askedCache(isHit: boolean): void {
    this.cacheable++;
    if (isHit) this.cacheHits++;
  }

  figures(): GroupFigures {
    const { mapped, failed, unmapped, directMaps, bytes, cacheable, cacheHits, latency } = this;
    return {
      mapped,
      failed,
      unmapped,
      directMaps,
      bytes,
      cacheable,
      cacheHits,
      cacheHitRate: share(cacheHits, cacheable),
      modelledMap: {
        modelled: true,
        mean: share(latency.sum, latency.count),
        p50: latency.quantile(500),
        p99: latency.quantile(990),
        max: latency.count > 0 ? latency.max : null,
        relativeError: COARSE_ERROR,
      },
    };
  }
}

/** See the head of the file. */
export class Breakdown {
  readonly #devices: (Group | undefined)[] = [];
  readonly #cpus: (Group | undefined)[] = [];
  readonly #sizes: (Group | undefined)[] = [];
  /** By thread. */
  readonly #tasks = new Map<number, Group>();
  /** The tasks seen last, by the low bits of their threads: a look into the map is slow. */
  readonly #recentTids = new Int32Array(RECENT).fill(NO_TID);
  readonly #recentTasks: Group[] = [];
  #taskCount = 0;

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, device, cpu, tid, bytes, latencyNs } = batch;
    for (let i = 0; i < length; i++) {
      const what = kind[i]!;
      if (what > OutcomeKind.unmap && what !== OutcomeKind.direct) continue;
      const size = bytes[i]!;
      const ofDevice = groupAt(this.#devices, device[i]!);
      const ofCpu = groupAt(this.#cpus, cpu[i]!);
      const ofTask = this.#task(tid[i]!);
      const ofSize = groupAt(this.#sizes, powerAtOrAbove(size));
      if (what === OutcomeKind.unmap) {
        ofDevice.unmapped++;
        ofCpu.unmapped++;
        ofTask.unmapped++;
        ofSize.unmapped++;
        continue;
      }
      if (what === OutcomeKind.direct) {
        if (batch.value[i] !== 1) continue;
        ofDevice.direct(size);
        ofCpu.direct(size);
        ofTask.direct(size);
        ofSize.direct(size);
        continue;
      }
      const ns = latencyNs[i]!;
      const bucket = coarseBucket(ns);
      if (what === OutcomeKind.map) {
        ofDevice.served(size, ns, bucket);
        ofCpu.served(size, ns, bucket);
        ofTask.served(size, ns, bucket);
        ofSize.served(size, ns, bucket);
      } else {
        ofDevice.refused(ns, bucket);
        ofCpu.refused(ns, bucket);
        ofTask.refused(ns, bucket);
        ofSize.refused(ns, bucket);
      }
      if (batch.pages[i]! > MOST_CACHED || !askedForAddress(batch.stage[i]!)) continue;
      const isHit = what === OutcomeKind.map && batch.path[i] === FROM_CACHE;
      ofDevice.askedCache(isHit);
      ofCpu.askedCache(isHit);
      ofTask.askedCache(isHit);
      ofSize.askedCache(isHit);
    }
  }

  device(index: number): GroupFigures {
    return (this.#devices[index] ?? new Group()).figures();
  }

  cpus(): CpuFigures[] {
    return this.#cpus.flatMap((group, cpu) => (group ? { cpu, requests: group.figures() } : []));
  }

  sizes(): SizeFigures[] {
    return this.#sizes.flatMap((group, k) =>
      group ? { upToBytes: 2 ** k, requests: group.figures() } : [],
    );
  }

  /** The tasks with most maps, the busiest first. */
  tasks(): TaskFigures[] {
    return this.#busiest(MOST_TASKS).map(([tid, group]) => ({ tid, requests: group.figures() }));
  }

  /** All tasks, also those that {@link tasks} leaves out. */
  get taskCount(): number {
    return this.#taskCount;
  }

  #busiest(most: number): [tid: number, group: Group][] {
    return [...this.#tasks]
      .toSorted(([a, left], [b, right]) => mapsOf(right) - mapsOf(left) || a - b)
      .slice(0, most);
  }

  /** Forgets the half of the tasks that has fewest maps; one that comes again begins at 0. */
  #giveUpIdle(): void {
    const kept = this.#busiest(MOST_KEPT / 2);
    this.#tasks.clear();
    for (const [tid, group] of kept) this.#tasks.set(tid, group);
    this.#recentTids.fill(NO_TID);
  }

  #task(tid: number): Group {
    const at = Math.abs(tid) % RECENT;
    if (this.#recentTids[at] === tid) return this.#recentTasks[at]!;
    let task = this.#tasks.get(tid);
    if (task === undefined) {
      if (this.#tasks.size === MOST_KEPT) this.#giveUpIdle();
      task = new Group();
      this.#tasks.set(tid, task);
      this.#taskCount++;
    }
    this.#recentTids[at] = tid;
    this.#recentTasks[at] = task;
    return task;
  }
}

function mapsOf({ mapped, failed, directMaps }: Group): number {
  return mapped + failed + directMaps;
}

function groupAt(groups: (Group | undefined)[], at: number): Group {
  const group = groups[at];
  if (group !== undefined) return group;
  const made = new Group();
  groups[at] = made;
  return made;
}
