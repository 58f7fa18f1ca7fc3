import { describe, expect, test } from 'vitest';
import { capture, mapPage } from './support/text-trace.ts';

const MAP = mapPage('fio-7 2 .', 1, 'fffff').map((line) => line.replace('dev0', '0000:00:04.0'));

describe('facts of a capture', () => {
  test('are stated defaults where nothing is known', async () => {
    const { facts } = await capture(MAP);
    expect(facts).toMatchObject({
      kernel: null,
      cpus: { value: 3, source: 'inferred' },
      hz: { value: 250, source: 'default' },
      forcedac: { value: false, source: 'default' },
    });
    expect(facts.devices[1]).toEqual({
      name: '0000:00:04.0',
      maskBits: { value: 64, source: 'default' },
      pci: { value: true, source: 'inferred' },
      translated: { value: true, source: 'trace' },
      minAlignMask: { value: 0, source: 'default' },
    });
    expect(facts.bounce).toBeNull();
    expect(facts.domains[1]).toMatchObject({
      token: 'virtual:1',
      granule: { value: 4096, source: 'default' },
      startPfn: { value: 1, source: 'default' },
      type: { value: 'DMA-FQ', source: 'default' },
      createdAt: null,
    });
  });

  test('come from meta.json beside the trace', async () => {
    const meta = {
      kernel: 'Linux (none) 6.12.107+deb13-amd64 #1 SMP Debian x86_64 GNU/Linux',
      cmdline: 'quiet iommu.strict=1 iommu.forcedac=1',
      machine: { cpus: 4 },
      iommu_granule: 16384,
      trace_clock: 'mono',
      after: {
        devices: [
          { bdf: '0000:00:04.0', dma_mask_bits: 48, consistent_dma_mask_bits: 32, iommu_group: 2 },
        ],
        iommu_groups: {
          2: { type: 'DMA', reserved_regions: [{ start: '0xfee00000', end: '0xfeefffff' }] },
        },
      },
    };
    const { facts } = await capture(MAP, {}, JSON.stringify(meta));
    expect(facts).toMatchObject({
      kernel: { value: '6.12.107+deb13-amd64', source: 'meta.json' },
      cpus: { value: 4, source: 'meta.json' },
      forcedac: { value: true, source: 'meta.json' },
      clock: { value: 'mono', source: 'meta.json' },
    });
    expect(facts.devices[1]!.maskBits).toEqual({ value: 48, source: 'meta.json' });
    expect(facts.domains[1]).toMatchObject({
      granule: { value: 16384, source: 'meta.json' },
      reserved: { value: [[0x3fb80, 0x3fbbf]], source: 'meta.json' },
      type: { value: 'DMA', source: 'meta.json' },
    });
  });

  const slot = (address: string) => [
    'fio-7 2 . 1 swiotlb_tbl_map_single: (swiotlb_tbl_map_single+0x4/0x770) dev="0000:00:04.0" orig_addr=0x4d09e00 mapping_size=512 alloc_align_mask=0x0 dir=2',
    `fio-7 2 . 2 swiotlb_tbl_map_single_ret: (swiotlb_map+0x63/0x280 <- swiotlb_tbl_map_single) tlb_addr=${address}`,
  ];

  test('a bounce pool that nothing names begins where its first slot says', async () => {
    const { facts } = await capture(slot('0x75e00e00'), { cpus: 4 });
    expect(facts.bounce).toMatchObject({
      slots: { value: 32_768, source: 'default' },
      areas: { value: 4, source: 'inferred' },
      start: { value: 0x73e0_0000, source: 'inferred' },
      dynamic: { value: false, source: 'default' },
    });
    expect(facts.devices[1]!.minAlignMask).toEqual({ value: 4095, source: 'inferred' });
  });

  test('a bounce pool is what command line, log and debugfs tell', async () => {
    const meta = {
      cmdline: 'quiet swiotlb=4096,2,force',
      dmesg: [
        'software IO TLB: area num 2.',
        '[    2.3] software IO TLB: mapped [mem 0x0000000075d00000-0x0000000076500000] (8MB)',
      ],
      before: {
        devices: [{ bdf: '0000:00:04.0', class: '0x020000' }],
        swiotlb_debugfs: { io_tlb_nslabs: 4096, io_tlb_used: 3, io_tlb_used_hiwater: 5 },
      },
    };
    const { facts } = await capture(slot('0x75d00000'), {}, JSON.stringify(meta));
    expect(facts.bounce).toMatchObject({
      slots: { value: 4096, source: 'meta.json' },
      areas: { value: 2, source: 'meta.json' },
      start: { value: 0x75d0_0000, source: 'meta.json' },
      force: { value: true, source: 'meta.json' },
      before: { slots: 4096, used: 3, hiwater: 5, transient: null },
      after: null,
    });
    expect(facts.devices[1]!.minAlignMask).toEqual({ value: 0, source: 'inferred' });
  });

  test('are what the caller states before all else', async () => {
    const { facts } = await capture(MAP, { hz: 1000, cpus: 8, kernel: '6.6.1', maskBits: 32 });
    expect(facts).toMatchObject({
      kernel: { value: '6.6.1', source: 'flag' },
      cpus: { value: 8, source: 'flag' },
      hz: { value: 1000, source: 'flag' },
    });
    expect(facts.devices[1]!.maskBits).toEqual({ value: 32, source: 'flag' });
  });

  test('a header tells the number of CPUs', async () => {
    const { facts } = await capture(['# entries-in-buffer/entries-written: 2/2   #P:16', ...MAP]);
    expect(facts.cpus).toEqual({ value: 16, source: 'trace' });
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[1, 2]'],
  ])('a meta.json that is %s is a counted warning', async (_, text) => {
    const { report, facts } = await capture(MAP, {}, text);
    expect(report.diagnostics.map(({ code, count }) => [code, count])).toEqual([['BAD_META', 1]]);
    expect(facts.cpus.source).toBe('inferred');
  });

  test('values of the wrong type in meta.json are not known', async () => {
    const meta =
      '{"kernel": 6, "machine": {"cpus": "many"}, "iommu_granule": 5000, "after": {"devices": [null, 3, {"bdf": 7}], "iommu_groups": []}}';
    const { report, facts } = await capture(MAP, {}, meta);
    expect(report.diagnostics).toEqual([]);
    expect(facts.kernel).toBeNull();
    expect(facts.domains[1]!.granule).toEqual({ value: 4096, source: 'default' });
  });
});
