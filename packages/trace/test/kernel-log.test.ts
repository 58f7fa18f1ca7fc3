// Lines of the kernel log that tell of DMA.

import { parseKernelLog } from '@dmalab/trace';
import { expect, test } from 'vitest';

test('a full bounce buffer, with the line and the time of the message', () => {
  const text =
    '[    4.075573]   Run /init as init process\n' +
    '[   12.549897] nvme 0000:00:04.0: swiotlb buffer is full (sz: 65536 bytes), total 2048 (slots), used 1980 (slots)\n';
  expect(parseKernelLog(text)).toEqual([
    {
      kind: 'swiotlb-full',
      line: 2,
      time: 12.549897,
      driver: 'nvme',
      device: '0000:00:04.0',
      size: 65_536,
      total: 2048,
      used: 1980,
    },
  ]);
});

test.each([
  ['<4>'],
  ['Nov 21 10:00:00 host kernel: '],
  ['2026-11-21T10:00:00+0000 host kernel: [   12.5] '],
  ['[T417] '.replace('[', '[   12.5][ ')],
])('what a log tool puts before the message (%s)', (prefix) => {
  const [found] = parseKernelLog(
    `${prefix}e1000e 0000:00:03.0: swiotlb buffer is full (sz: 1 bytes), total 2 (slots), used 3 (slots)`,
  );
  expect(found).toMatchObject({ kind: 'swiotlb-full', driver: 'e1000e', device: '0000:00:03.0' });
});

test('the pool at boot, and one that could not grow', () => {
  const text = `software IO TLB: area num 4.
software IO TLB: mapped [mem 0x000000007bfe0000-0x000000007ffe0000] (64MB)
software IO TLB: Failed to allocate new pool
PCI-DMA: Using software bounce buffering for IO (SWIOTLB)`;
  expect(parseKernelLog(text)).toMatchObject([
    { kind: 'swiotlb-pool', line: 1, areas: 4, bytes: null, growthFailed: false },
    { kind: 'swiotlb-pool', line: 2, areas: null, bytes: 67_108_865 },
    { kind: 'swiotlb-pool', line: 3, growthFailed: true },
  ]);
});

test.each([
  ['DMAR: Allocating 33-page iova for 0000:00:05.0 failed', '0000:00:05.0', 33],
  [
    'ipr 0001:00:01.0: iommu_alloc failed, tbl 00000000abcd vaddr 00000000ef npages 16',
    '0001:00:01.0',
    16,
  ],
  ['nvme 0000:00:05.0: iommu alloc failed', '0000:00:05.0', null],
])('an exhausted address space: %s', (message, device, pages) => {
  expect(parseKernelLog(message)).toMatchObject([{ kind: 'iova-failed', device, pages }]);
});

test('a device that goes over to high addresses', () => {
  expect(parseKernelLog('mlx5_core 0000:41:00.0: Using 64-bit DMA addresses')).toMatchObject([
    { kind: 'wide-addresses', device: '0000:41:00.0', bits: 64 },
  ]);
});

test('an address beyond the mask of the device', () => {
  expect(
    parseKernelLog(
      'foo 0000:00:06.0: overflow 0x0000000180000000+4096 of DMA mask ffffffff bus limit 0',
    ),
  ).toMatchObject([
    {
      kind: 'mask-overflow',
      device: '0000:00:06.0',
      address: '0x0000000180000000',
      size: 4096,
      mask: '0xffffffff',
      busLimit: '0x0',
    },
  ]);
});

test('a warning of dma-debug with its numbers', () => {
  const text =
    'DMA-API: nvme 0000:00:05.0: device driver frees DMA memory with different size [device address=0x00000000fffff000] [map size=4096 bytes] [unmap size=512 bytes]';
  expect(parseKernelLog(text)).toEqual([
    {
      kind: 'dma-api',
      line: 1,
      time: null,
      driver: 'nvme',
      device: '0000:00:05.0',
      message: 'device driver frees DMA memory with different size',
      details: {
        'device address': '0x00000000fffff000',
        'map size': '4096 bytes',
        'unmap size': '512 bytes',
      },
    },
  ]);
  expect(parseKernelLog('DMA-API: debugging out of memory - disabling')).toMatchObject([
    { kind: 'dma-api', device: '', message: 'debugging out of memory - disabling' },
  ]);
});

test('a fault of the IOMMU', () => {
  expect(
    parseKernelLog(
      'DMAR: [DMA Write NO_PASID] Request device [00:05.0] fault addr 0xfffff000 [fault reason 0x05] PTE Write access is not set',
    ),
  ).toMatchObject([{ kind: 'iommu-fault', device: '00:05.0', address: '0xfffff000' }]);
});

test('a log of other things tells nothing, whatever its bytes', () => {
  expect(parseKernelLog(`\0\ufffd\n[ 1.0] usb 1-1: new device\n${'x'.repeat(1e6)}\n`)).toEqual([]);
});
