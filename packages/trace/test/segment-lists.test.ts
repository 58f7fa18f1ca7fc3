import { Flag } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { SegmentStore } from '../src/segment-store.ts';
import { capture, words } from './support/text-trace.ts';

const list =
  'fio-7 0 . 10 dma_map_sg: 0000:00:05.0 dir=FROM_DEVICE dma_addrs={0x10800,0x18000} sizes={0x800,0x200} phys_addrs={0x10800,0x18000} attrs=';
const cut =
  'fio-7 0 . 20 dma_map_sg: 0000:00:05.0 dir=FROM_DEVICE dma_addrs={0x20000} sizes={0x2000} phys_addrs={0x20000,0x21000} attrs=';

test('a list that was mapped directly keeps its segments', async () => {
  const read = await capture([list, cut]);
  const [batch] = read.requests();
  const [first, merged] = batch!.list;
  expect([read.lists!.phys(first!), read.lists!.bytes(first!)]).toEqual([0x10800, 2048]);
  expect([read.lists!.phys(first! + 1), read.lists!.bytes(first! + 1)]).toEqual([0x18000, 512]);
  // Two buffers in one mapped segment: how they share it is not recorded.
  expect(merged).toBe(0);
  read.close();
});

test('segments come back from disk', () => {
  const store = new SegmentStore('test');
  const count = 50_000;
  for (let i = 1; i <= count; i++) expect(store.append(2 ** 40 + i, i)).toBe(i);
  for (let i = count; i > 0; i -= 37) expect(store.phys(i) - store.bytes(i)).toBe(2 ** 40);
  for (let i = 1; i <= count; i++) expect(store.bytes(i)).toBe(i);
  store.close();
});

test('attributes and syncs say what is copied', async () => {
  const read = await capture([
    'a-1 0 . 1 dma_map_page: 0000:00:05.0 dir=FROM_DEVICE dma_addr=10000 size=64 phys_addr=10000 attrs=SKIP_CPU_SYNC',
    'a-1 0 . 2 dma_sync_single_for_cpu: 0000:00:05.0 dir=FROM_DEVICE dma_addr=10000 size=64',
    'a-1 0 . 3 dma_sync_single_for_device: 0000:00:05.0 dir=FROM_DEVICE dma_addr=10000 size=64',
    'a-1 0 . 4 dma_unmap_page: 0000:00:05.0 dir=FROM_DEVICE dma_addr=10000 size=64 attrs=SKIP_CPU_SYNC',
  ]);
  const [batch] = read.requests();
  const kept = Flag.skipCpuSync | Flag.forDevice;
  expect([...batch!.flags.subarray(0, 4)].map((flags) => flags & kept)).toEqual([
    Flag.skipCpuSync,
    0,
    Flag.forDevice,
    Flag.skipCpuSync,
  ]);
  expect(words(read.requests())).toHaveLength(4);
  read.close();
});
