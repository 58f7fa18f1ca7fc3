import { comparisonText, type RunResult, summarise } from '@dmalab/analysis';
import { type MachineOverrides, machineFromFacts, replay } from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { expect, test } from 'vitest';

async function resultOf(name: string, changes: MachineOverrides = {}): Promise<RunResult> {
  const capture = await readCapture(`traces/${name}/trace.txt.zst`);
  const { report, facts } = capture;
  const machine = machineFromFacts(facts, changes);
  const result = summarise({ report, facts, machine, version: '' }, replay(machine, capture));
  capture.close();
  return result;
}

test('the figures of bounce memory are those of the recorded pool', async () => {
  const { summary, series } = await resultOf('swiotlb-sync-e1000');
  const { bounce, requests } = summary;
  // io_tlb_used_hiwater and io_tlb_nslabs of debugfs, and the number of swiotlb_bounced events.
  expect(bounce).toMatchObject({ hiwaterSlots: 325, totalSlots: 8192, buffers: 2475, failed: 0 });
  expect(bounce!.copiedInBytes).toBe(requests.mappedBytes + 3_604_126);
  expect(bounce!.waste).toBeGreaterThan(0);
  expect(requests).toMatchObject({ mapped: 0, failed: 0, successRate: 1 });
  expect(Math.max(...series.bounceUsedSlots!.max)).toBe(325);
  expect(series.bounceUsedSlots!.max).toHaveLength(series.buckets);
  expect(series.hostEntries).toBeNull();
});

test('a pool that grows says how it grew', async () => {
  const { bounce } = (await resultOf('swiotlb-dynamic-32bit')).summary;
  // 11 pools of 128 slots were added while recording; when the worker ran is not in the trace.
  expect(Math.abs(bounce!.poolsAdded - 11)).toBeLessThanOrEqual(1);
  expect(bounce!.addedSlots).toBe(128 * bounce!.poolsAdded);
  expect(bounce!.endTotalSlots).toBe(128 + bounce!.addedSlots);
  expect(bounce!.transients).toBeGreaterThan(0);
  expect(bounce!.idleByteSeconds).toBeGreaterThan(0);
});

test('host entries are live pages and unmapped ones that wait for a flush', async () => {
  const vfio = { name: 'vfio', parameters: { entries: 0 } };
  const lazy = await resultOf('nvme-lazy-randread', { host: vfio });
  const { host, occupancy, flushes } = lazy.summary;
  expect(host!.peakEntries).toBe(occupancy.peakReachablePages);
  expect(host!.refreshes.global).toBe(flushes.total);
  expect(host!.outOfResource).toBe(0);
  const limit = host!.sufficientEntries;
  const enough = { ...vfio, parameters: { entries: limit, outOfResource: 'fail' } };
  expect((await resultOf('nvme-lazy-randread', { host: enough })).summary.failures.total).toBe(0);
  const short = { ...vfio, parameters: { entries: limit - 1, outOfResource: 'fail' } };
  const refused = (await resultOf('nvme-lazy-randread', { host: short })).summary;
  expect(refused.failures.causes[0]).toMatchObject({ stage: 'syncMap', cause: 'hostEntries' });
  expect(refused.headroom.at(-1)).toMatchObject({ enforced: true, limit: limit - 1 });
  expect(comparisonText([{ label: 'short', result: { ...lazy, summary: refused } }])).toContain(
    'refused by the host',
  );
});
