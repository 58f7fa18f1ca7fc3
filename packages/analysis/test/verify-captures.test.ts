import { join } from 'node:path';
import { type VerifyResult, verify } from '@dmalab/analysis';
import { describe, expect, test } from 'vitest';

const traces = join(import.meta.dirname, '../../../traces');

function verifyCapture(name: string): Promise<VerifyResult> {
  return verify(join(traces, name, 'trace.txt.zst'));
}

describe('an allowed order explains every recorded address', () => {
  test.each([
    ['nvme-lazy-randread', 6226, 1],
    ['nvme-strict-randread', 6226, 1],
    ['nvme-lazy-mixed-sg', 6028, 1],
    ['nvme-lazy-seqread', 4026, 1],
    ['nvme-lazy-forcedac', 4026, 1],
    ['nvme-type-switch', 8026, 1],
    ['sas-128k', 2966, 1],
    ['hot-remove', 3678, 3],
    ['cpu-hotplug', 6026, 1],
    ['net-e1000e-lazy', 34_670, 1],
    ['net-e1000-32bit', 11_450, 2],
    ['net-virtio-blk-lazy', 42_663, 2],
    ['vblk-large-huge', 3616, 1],
    ['boot-history', 3318, 3],
    ['k61-nvme-lazy-randread', 6227, 1],
    ['k61-nvme-type-switch', 6026, 1],
  ])('%s: %d allocations in %d domains', async (name, allocations, domains) => {
    const { allocator } = await verifyCapture(name);
    expect(allocator).toMatchObject({ compared: allocations, matched: allocations, first: null });
    expect(allocator.domains.filter(({ compared }) => compared > 0)).toHaveLength(domains);
  });
});

test('the domains of a machine that has them before the trace are listed with the reason', async () => {
  const { allocator } = await verifyCapture('cpu-hotplug');
  expect(allocator.domains.map(({ compared, why }) => [compared, why])).toContainEqual([
    0,
    'its creation (init_iova_domain) is not in the capture',
  ]);
});

test('flushes follow from requests and the moments of the timers', async () => {
  const { stack } = await verifyCapture('nvme-lazy-seqread');
  expect(stack.flushes).toMatchObject({ recorded: 32, replayed: 32 });
  expect(stack.followed?.timers).toMatchObject({ compared: 31, withinJiffy: 30, late: 1 });
  expect(stack.followed?.flushes).toMatchObject({
    recorded: 32,
    replayed: 32,
    withinJiffy: 32,
    causesAgree: 32,
    releasesAgree: 32,
  });
});

test('full queues flush where the recorded ones did', async () => {
  const { stack } = await verifyCapture('net-e1000e-lazy');
  expect(stack.followed?.flushes).toMatchObject({
    recorded: 173,
    replayed: 173,
    withinJiffy: 173,
    causesAgree: 173,
  });
});

test('a strict domain has no flushes', async () => {
  const { stack } = await verifyCapture('nvme-strict-randread');
  expect(stack).toMatchObject({ compared: 6226, flushes: null, followed: null });
});

test('a bounce pool alone has nothing to verify here', async () => {
  const { allocator, stack } = await verifyCapture('swiotlb-small-full');
  expect(allocator.why).toBe('the capture has no allocation probes (alloc_iova_fast)');
  expect(stack.compared).toBe(0);
});

test('a capture with losses is not compared', async () => {
  const path = join(traces, 'lossy-small-buffer', 'trace.pipe-lost.txt.zst');
  const { allocator, stack } = await verify(path);
  expect(allocator.compared).toBe(0);
  expect(allocator.why).toMatch(/events were lost/);
  expect(stack.compared).toBe(0);
});
