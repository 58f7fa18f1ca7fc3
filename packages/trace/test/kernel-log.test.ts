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
      last: 2,
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
  ['kern  :warn  : [   12.5] '],
  ['[Thu Jan  4 23:12:54 2024] '],
  ['[   12.5] host kernel: '],
  ['juil. 29 14:38:52 host kernel: '],
  ['> > [   12.5] '],
  ['&gt; [   12.5] '],
  ['- `'],
  ['* **'],
  ['\u001b[32m[   12.5] \u001b[0m\u001b[33m'],
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
    { kind: 'swiotlb-pool', line: 2, areas: null, bytes: 67_108_864 },
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
  ['i40e 0000:81:00.0: Failed to allocate iova', '0000:81:00.0', null],
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
      last: 1,
      time: null,
      driver: 'nvme',
      device: '0000:00:05.0',
      message: 'device driver frees DMA memory with different size',
      details: {
        'device address': '0x00000000fffff000',
        'map size': '4096 bytes',
        'unmap size': '512 bytes',
      },
      broken: false,
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

test.each([
  [
    'foo 1: swiotlb buffer is full (sz: 9100 bytes)',
    { kind: 'swiotlb-full', total: null, used: null },
  ],
  [
    'DMA: Out of SW-IOMMU space for 9100 bytes at device 0000:02:00.0',
    { kind: 'swiotlb-refused', device: '0000:02:00.0', size: 9100 },
  ],
  ['software IO TLB: Cannot allocate buffer', { kind: 'swiotlb-missing' }],
  [
    "foo 0000:00:02.0: Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer",
    { kind: 'swiotlb-missing', device: '0000:00:02.0' },
  ],
  [
    'software IO TLB: swiotlb_init_remap: Failed to allocate 67108864 bytes tlb structure',
    { kind: 'swiotlb-missing' },
  ],
  [
    'foo 0000:00:02.0: swiotlb addr 0x00000010fce00000+4096 overflow (mask ffffffff, bus limit ffffffffff).',
    { kind: 'mask-overflow', bounced: true, busLimit: '0xffffffffff' },
  ],
  [
    'intel_iommu_map: iommu width (39) is not sufficient for the mapped address (8800001000)',
    { kind: 'narrow-iommu', bits: 39, address: '0x8800001000' },
  ],
  [
    'ERROR: 256 KiB atomic DMA coherent pool is too small!',
    { kind: 'coherent-failed', source: 'atomic', bytes: 262_144 },
  ],
  [
    'Failed to get suitable pool for 0000:00:02.0',
    { kind: 'coherent-failed', source: 'atomic', device: '0000:00:02.0' },
  ],
  [
    'cma: __cma_alloc: reserved: alloc failed, req-size: 512 pages, ret: -12',
    { kind: 'coherent-failed', source: 'cma', bytes: 2_097_152 },
  ],
  [
    'vfio_pin_pages_remote: RLIMIT_MEMLOCK (4194304) exceeded',
    { kind: 'host-limit', limit: 'pinned', value: 4_194_304 },
  ],
  [
    'qemu-system-x86_64: vfio_dma_map(0x55d0, 0x0, 0x1000, 0x7f00) = -28 (No space left on device)',
    { kind: 'host-limit', limit: 'entries', warning: false },
  ],
  [
    'qemu-kvm: VFIO_MAP_DMA failed: Cannot allocate memory',
    { kind: 'host-limit', limit: 'pinned', value: null },
  ],
  [
    'AMD-Vi: Event logged [IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0xff6101b0 flags=0x0070]',
    { kind: 'iommu-fault', device: '05:00.0', address: '0xff6101b0' },
  ],
  [
    'Linux version 6.12.107-amd64 (build@host) #1 SMP',
    { kind: 'kernel-release', release: '6.12.107-amd64' },
  ],
  [
    'CPU: 0 PID: 1804 Comm: kworker/0:2H Tainted: G        WC        5.15.32-v7l+ #1538',
    { kind: 'kernel-release', release: '5.15.32-v7l+' },
  ],
  [
    'Kernel command line: quiet swiotlb=65535',
    { kind: 'command-line', text: 'quiet swiotlb=65535' },
  ],
  [
    'dmar_fault: 2474 callbacks suppressed',
    { kind: 'suppressed', function: 'dmar_fault', count: 2474 },
  ],
])('%s', (message, expected) => {
  expect(parseKernelLog(message)).toMatchObject([expected]);
});

test('a message that a mail program broke', () => {
  const text =
    'virtio-pci 0000:00:02.0: swiotlb buffer is full (sz: 262144 bytes),\ntotal 524288 (slots), used 523564 (slots)';
  expect(parseKernelLog(text)).toMatchObject([
    { line: 1, size: 262_144, total: 524_288, used: 523_564 },
  ]);
});

test.each([
  ['a: swiotlb\nbuffer is full (sz: 9 bytes), total 8 (slots), used 7 (slots)', 2],
  ['> foo a: swiotlb buffer is full (sz:\n> 9 bytes), total 8 (slots), used 7\n> (slots)', 2],
  ['foo a1:\nswiotlb buffer is full (sz: 9 bytes), total 8\n(slots), used 7 (slots)', 3],
  ['foo a: swiotlb buffer is full (sz: 9 b=\nytes),\ntotal=20\n8 (slots), used 7', 4],
])('a message that was broken elsewhere: %j', (text, last) => {
  expect(parseKernelLog(text)).toMatchObject([{ line: 1, last, size: 9 }]);
});

test('lines that are messages by themselves are not joined', () => {
  const full = 'swiotlb buffer is full (sz: 9 bytes), total 8 (slots), used 7 (slots)';
  const text = `I see this:\n${full}\nfoo a1: ${full}\n[    1.0] foo a1: swiotlb\n[    2.0] b: ${full}`;
  expect(parseKernelLog(text)).toMatchObject([
    { line: 2, last: 2, device: '' },
    { line: 3, last: 3, device: 'a1' },
    { line: 5, last: 5, device: 'b' },
  ]);
});

test('times of the calendar stand in where the log has none since boot', () => {
  const full = 'a: swiotlb buffer is full (sz: 9 bytes)';
  const times = (...stamps: string[]): (number | null)[] =>
    parseKernelLog(stamps.map((stamp) => `${stamp} ${full}`).join('\n')).map(({ time }) => time);
  const [first, second] = times('Nov 28 06:25:01 host kernel:', 'Nov 28 06:27:01 host kernel:');
  expect(second! - first!).toBe(120);
  expect(times('Nov 28 06:25:01 host kernel: [ 5.0]', 'Nov 28 06:25:01 host kernel:')).toEqual([
    5,
    null,
  ]);
});

test('a log of other things tells nothing, whatever its bytes', () => {
  expect(parseKernelLog(`\0\ufffd\n[ 1.0] usb 1-1: new device\n${'x'.repeat(1e6)}\n`)).toEqual([]);
});

test('faults in the words of other IOMMUs', () => {
  const lines = [
    'ipmmu-vmsa febd0000.iommu: Unhandled fault: status 0x00000003 iova 0x7f000000',
    'apple-dart 382f00000.iommu: translation fault: status:0x80000002 stream:0 code:0x2 (NO PTE FOR IOVA) at 0x7f000000',
    'sun50i-iommu 30f0000.iommu: Page fault for 0x7f000000 (master 0, dir rd)',
    'tegra-mc 70019000.memory-controller: vicw: write @0x7f000000: Invalid SMMU page (Page fault [ -W])',
    'omap-iommu 55082000.mmu: 55082000.mmu: errs:0x00000002 da:0x7f000000 pgd:0xed0a7800 *pgd:0x00000000',
    'riscv,iommu 0000:00:01.0: Fault 13 devid: 0x18 iotval: 7f000000 iotval2: 0',
  ];
  const found = parseKernelLog(lines.join('\n'));
  expect(found).toHaveLength(lines.length);
  for (const line of found)
    expect(line).toMatchObject({ kind: 'iommu-fault', address: '0x7f000000' });
});

test('an address above the mask, as kernels up to 5.2 and the oldest ones print it', () => {
  const lines = [
    '[    1.000000] pci 0000:00:1a.0: dma_direct_map_page: overflow 0x000000026bcb5002+110 of device mask ffffffff bus mask 0',
    '[    1.000001] e1000 0000:00:03.0: dma_direct_map_page: overflow 0x000000011fd470da+54 of device mask ffffffff',
    '[    1.000002] nommu_map_sg: overflow 11b8a9000+4096 of device mask ffffffff',
  ];
  const shared = { kind: 'mask-overflow', mask: '0xffffffff' };
  expect(parseKernelLog(lines.join('\n'))).toMatchObject([
    { ...shared, device: '0000:00:1a.0', afterFull: true },
    { ...shared, device: '0000:00:03.0', afterFull: false },
    { ...shared, device: '', address: '0x11b8a9000', size: 4096 },
  ]);
});

test('the source of messages, as in a patch, is none', () => {
  const lines = [
    '\tdev_err_ratelimited(dev, "DMA: Out of SW-IOMMU space for %zu bytes\\n",',
    '\t"swiotlb buffer is full (sz: %zd bytes), total %lu (slots), used %lu (slots)\\n",',
    '\t\tpanic("Can not allocate SWIOTLB buffer earlier and can\'t now provide you with the DMA bounce buffer");',
    '\t\tpr_err("%s: Failed to allocate iova.\\n", __func__);',
  ];
  expect(parseKernelLog(lines.join('\n'))).toEqual([]);
});
