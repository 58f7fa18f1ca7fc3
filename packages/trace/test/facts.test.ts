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
    });
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
