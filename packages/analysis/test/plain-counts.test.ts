// Figures of real captures against plain counts, range by range: nothing here uses the statistics.

import { type Summary, summarise } from '@dmalab/analysis';
import {
  costOfWork,
  type MachineOverrides,
  machineFromFacts,
  type OutcomeBatch,
  OutcomeKind,
  replay,
} from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { expect, test } from 'vitest';

/** What a range went through; ns. */
interface Range {
  readonly domain: number;
  readonly pages: number;
  readonly mapped: number;
  unmapped: number;
  released: number;
}

interface Counted {
  readonly summary: Summary;
  readonly ranges: Range[];
  /** Times of the flushes of each domain. */
  readonly flushes: Map<number, number[]>;
}

async function count(name: string, changes: MachineOverrides): Promise<Counted> {
  const capture = await readCapture(`traces/${name}/trace.txt.zst`);
  const { report, facts } = capture;
  const machine = machineFromFacts(facts, changes);
  const ranges: Range[] = [];
  const open = new Map<string, Range>();
  const flushes = new Map<number, number[]>();
  const note = (b: OutcomeBatch, i: number): void => {
    const [domain, time] = [b.domain[i]!, b.time[i]!];
    const key = `${domain} ${b.pfn[i]}`;
    switch (b.kind[i]) {
      case OutcomeKind.map: {
        const range = { domain, pages: b.pages[i]!, mapped: time, unmapped: -1, released: -1 };
        ranges.push(range);
        open.set(key, range);
        break;
      }
      case OutcomeKind.unmap:
        open.get(key)!.unmapped = time;
        break;
      case OutcomeKind.release:
        open.get(key)!.released = time;
        break;
      case OutcomeKind.flush:
        flushes.set(domain, [...(flushes.get(domain) ?? []), time]);
    }
  };
  function* noted(): Generator<OutcomeBatch> {
    for (const batch of replay(machine, capture)) {
      for (let i = 0; i < batch.length; i++) note(batch, i);
      yield batch;
    }
  }
  const { summary } = summarise({ report, facts, machine, version: '' }, noted());
  capture.close();
  return { summary, ranges, flushes };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Highest sum of the changes, those of one moment in the order in which they are given. */
function highest(changes: (readonly [time: number, by: number])[]): number {
  let [level, most] = [0, 0];
  for (const [, by] of changes.sort(([a], [b]) => a - b)) {
    level += by;
    most = Math.max(most, level);
  }
  return most;
}

const rounded = (pages: number): number => (pages > 32 ? pages : 2 ** Math.ceil(Math.log2(pages)));

// Network buffers of 1 to 7 pages, some of which the caches round up.
test.each(['percpu', 'single'])(
  'exposure and occupancy of a network capture with %s equal a count of its ranges',
  async (policy) => {
    const flush = { name: policy, parameters: {} };
    const { summary, ranges, flushes } = await count('net-e1000e-lazy', { flush });
    const { end } = summary.time;
    const until = (time: number): number => (time < 0 ? end : time);
    const staleEnd = ({ domain, unmapped, released }: Range): number =>
      Math.min(until(released), flushes.get(domain)?.find((time) => time > unmapped) ?? end);
    const unmapped = ranges.filter((range) => range.unmapped >= 0);
    const byteSeconds = (of: readonly Range[]): number =>
      sum(of.map((r) => r.pages * 4096 * (staleEnd(r) - r.unmapped))) / 1e9;
    const { exposure, occupancy, domains } = summary;
    expect(exposure.byteSeconds).toBeCloseTo(byteSeconds(unmapped), 3);
    for (const domain of domains) {
      const own = unmapped.filter((range) => range.domain === domain.index);
      const windows = own.filter((r) => r.released >= 0).map((r) => staleEnd(r) - r.unmapped);
      expect(domain.exposure.byteSeconds).toBeCloseTo(byteSeconds(own), 3);
      expect(domain.exposure.released).toBe(windows.length);
      expect(domain.exposure.max).toBe(Math.max(...windows));
      expect(domain.exposure.mean).toBeCloseTo(sum(windows) / windows.length, 3);
    }
    const live = ranges.map((r) => rounded(r.pages) * (until(r.unmapped) - r.mapped));
    expect(occupancy.mean.live).toBeCloseTo((sum(live) * 4096) / end, 3);
    const queued = unmapped.map((r) => rounded(r.pages) * (until(r.released) - r.unmapped));
    expect(occupancy.mean.queued).toBeCloseTo((sum(queued) * 4096) / end, 3);
    const reached = ranges.flatMap(({ pages, mapped, released }) => [
      [mapped, pages] as const,
      ...(released < 0 ? [] : [[released, -pages] as const]),
    ]);
    expect(occupancy.peakReachablePages).toBe(highest(reached));
  },
);

test('work times cost is the modelled cost where maps fail for want of slots and are tried again', async () => {
  const { summary } = await count('swiotlb-small-full', {
    failedRequests: { mode: 'retry', delayMs: 2, tries: 5 },
  });
  const { modelledCost, modelledWork, machine, requests } = summary;
  expect(requests.failed + requests.retries).toBeGreaterThan(100);
  expect(costOfWork(modelledWork, machine.cost) / modelledCost.total).toBeCloseTo(1, 9);
  const { cost } = machine;
  const searched = modelledWork.bounceSearch * cost.bounceSearch;
  expect(modelledCost.map).toBeGreaterThan(searched + modelledWork.bounceProbe * cost.bounceProbe);
});

test('requests below 4 GiB that the remembered size refused count as early exits, also where the device then got an address above', async () => {
  const reserved = [[1, 0x7_ffff] as const, [0x8_0010, 0xf_ffff] as const];
  const { summary } = await count('nvme-lazy-randread', {
    sac: 'always',
    domains: [{}, { reserved }],
  });
  const { tree, addresses, requests } = summary;
  expect(requests.failed).toBe(0);
  expect(addresses.dacFallbacks).toBeGreaterThan(100);
  expect(tree.earlyExits).toBeGreaterThan(100);
  expect(tree.earlyExits).toBeLessThanOrEqual(addresses.dacFallbacks);
});
