// A random stream of operations through the allocator `linux` and through a slow, obvious one.
//
// Left out: the background trimming of depots, which the slow model does not have.

import { deepEqual, equal } from 'node:assert/strict';
import { createLinuxIova, type LinuxIova, NO_PFN } from '@dmalab/replay';
import { SlowIova } from '../../packages/replay/test/support/slow-iova.ts';
import { stillPort } from '../../packages/replay/test/support/still-port.ts';
import type { Random } from './random.ts';

interface Live {
  readonly pfn: number;
  readonly pages: number;
}

/** Runs one stream; throws where the two differ. Returns what was done. */
export function allocatorCase(random: Random): string {
  const { kernel, cpus, operations } = allocatorStream(random);
  return `allocator ${kernel}, ${cpus} CPUs, ${operations} operations`;
}

/** As {@link allocatorCase}, with what was drawn. */
export function allocatorStream(random: Random): {
  readonly kernel: string;
  readonly cpus: number;
  readonly operations: number;
} {
  const kernel = random.pick(['6.1', '6.12']);
  const cpus = random.from(1, 6);
  const shift = random.pick([12, 12, 14, 16]);
  const dma32 = 2 ** (32 - shift);
  const startPfn = random.chance(0.5) ? 1 : dma32 - random.from(100, 2000);
  const depotLimit = kernel === '6.12' ? Number.POSITIVE_INFINITY : 32;
  const iova = createLinuxIova({ kernel, startPfn }, { ...stillPort(cpus), shift });
  const slow = new SlowIova(cpus, startPfn, dma32, depotLimit);
  const most = random.pick([1, 4, 32, 300]);
  const steps = random.from(50, 3000);
  const fills = random.from(5, 9) / 10;
  const live: Live[] = [];
  for (let step = 0; step < steps; step++) {
    // Bursts of frees after bursts of allocations fill and empty the depots.
    const freeing = Math.floor(step / 400) % 2 === 1 ? fills : 1 - fills;
    operation(random, freeing, { iova, slow, live, cpus, dma32, startPfn, most });
    compare(iova, slow);
  }
  for (const { lo, hi } of slow.ranges.slice(0, -1)) {
    const node = iova.find(lo);
    deepEqual([iova.nodeLo(node), iova.nodeHi(node)], [lo, hi]);
  }
  return { kernel, cpus, operations: steps };
}

interface Both {
  readonly iova: LinuxIova;
  readonly slow: SlowIova;
  readonly live: Live[];
  readonly cpus: number;
  readonly dma32: number;
  readonly startPfn: number;
  readonly most: number;
}

function operation(random: Random, freeing: number, both: Both): void {
  const cpu = random.below(both.cpus);
  const rare = random.below(200);
  if (rare === 0) {
    both.iova.flushCpu(cpu);
    both.slow.flushCpu(cpu);
  } else if (rare === 1) {
    both.iova.flushGlobal();
    both.slow.flushGlobal();
  } else if (rare === 2) reserve(random, both);
  else if (random.chance(freeing)) free(random, cpu, both);
  else allocate(random, cpu, both);
}

function free(random: Random, cpu: number, { iova, slow, live }: Both): void {
  const [freed] = live.splice(random.below(live.length), 1);
  if (freed === undefined) return;
  const { pfn, pages } = freed;
  const intoTree = random.chance(0.1);
  for (const allocator of [iova, slow]) {
    if (intoTree) allocator.freeTree(pfn);
    else allocator.free(pfn, pages, cpu);
  }
}

function allocate(random: Random, cpu: number, { iova, slow, live, dma32, most }: Both): void {
  const pages = random.from(1, most);
  const limit = random.pick([
    dma32 - 1,
    dma32 - 1,
    dma32 - 1,
    dma32 + 300,
    2 ** 52 - 1,
    random.below(2 * dma32),
    random.below(40),
  ]);
  const lastTry = random.chance(0.5);
  const inTree = random.chance(0.1);
  const pfn = inTree
    ? iova.allocTree(pages, limit, lastTry)
    : iova.alloc(pages, limit, cpu, lastTry);
  const expected = inTree
    ? slow.allocTree(pages, limit, lastTry)
    : slow.alloc(pages, limit, cpu, lastTry);
  equal(pfn, expected, `${pages} pages up to ${limit} on CPU ${cpu}`);
  equal(iova.work.steps, slow.steps, `steps for ${pages} pages up to ${limit}`);
  if (pfn > 0) live.push({ pfn, pages });
}

function reserve(random: Random, { iova, slow, dma32, startPfn }: Both): void {
  const lo = random.from(startPfn, dma32 - 1);
  const hi = lo + random.below(50);
  iova.reserve(lo, hi);
  slow.reserve(lo, hi);
}

function compare(iova: LinuxIova, slow: SlowIova): void {
  equal(iova.nodes(), slow.ranges.length - 1, 'ranges in the tree');
  equal(iova.max32(), slow.max32, 'max32');
  equal(iova.cachedLo(), hint(slow.cached.lo), 'cached node');
  equal(iova.cached32Lo(), hint(slow.cached32.lo), 'cached32 node');
}

function hint(lo: number): number {
  return lo === Number.POSITIVE_INFINITY ? NO_PFN : lo;
}
