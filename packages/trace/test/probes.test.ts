import { DomainClass } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { capture, mapPage, unmapPage, words } from './support/text-trace.ts';

const INIT = 'init-1 0 .';
const FIO = 'fio-7 0 .';
const NMI = 'fio-7 0 Z';

/** A domain from its creation on. */
function domain(who: string, time: number, iovad = '0xa08', device = '0000:00:04.0'): string[] {
  return [
    `${who} ${time} attach_device_to_domain: IOMMU: device=${device}`,
    `${who} ${time + 1} init_iova_domain: (init_iova_domain+0x4/0x90) iovad=${iovad} granule=0x1000 start_pfn=0x1`,
  ];
}

function alloc(
  who: string,
  time: number,
  pfn: string,
  iovad = '0xa08',
  device = '0000:00:04.0',
  limit = '0xfffff',
): string[] {
  return [
    `${who} ${time} iommu_dma_alloc_iova: (iommu_dma_alloc_iova+0x0/0xe0) domain=0xd0 size=0x1000 dma_limit=0xffffffffffffffff dev="${device}"`,
    `${who} ${time + 1} alloc_iova_fast: (alloc_iova_fast+0x4/0x2c0) iovad=${iovad} size=1 limit_pfn=${limit} flush_rcache=0`,
    `${who} ${time + 2} alloc_iova_fast_ret: (iommu_dma_alloc_iova+0xd4/0xe0 <- alloc_iova_fast) pfn=${pfn}`,
  ];
}

function named(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace('dev0', '0000:00:04.0'));
}

describe('domains', () => {
  test('have the default page size where the recorded one cannot be', async () => {
    for (const granule of ['0x3', '0x0', '0xffffffffffffffff']) {
      const lines = domain(INIT, 1).map((line) => line.replace('0x1000', granule));
      const c = await capture(lines);
      expect(c.facts.domains[1]?.granule).toEqual({ value: 4096, source: 'default' });
      expect(c.report.pairing).toEqual({ BAD_GRANULE: 1 });
    }
  });

  test('are created, given reserved ranges and destroyed; their requests stand in between', async () => {
    const c = await capture([
      ...domain(INIT, 1),
      `${INIT} 3 iommu_dma_init_fq: (iommu_dma_init_fq+0x4/0x1d0) domain=0xd0`,
      `${INIT} 4 reserve_iova: (reserve_iova+0x4/0x170) iovad=0xa08 pfn_lo=0xfee00 pfn_hi=0xfeeff`,
      ...named(mapPage(FIO, 5, 'fffff')),
      ...named(unmapPage(FIO, 7, 'fffff')),
      `${INIT} 9 put_iova_domain: (put_iova_domain+0x4/0x70) iovad=0xa08`,
    ]);
    expect(words(c.requests())).toEqual([
      'domainCreate 0 1000+4096 in 1',
      'reserve 0 fee00000+1048576 in 1',
      'map 1 fffff000+4096 of 1 in 1',
      'unmap 1 fffff000+4096 of 1 in 1',
      'domainDestroy 0 0+0 in 1',
    ]);
    expect(c.facts.domains[1]).toMatchObject({
      token: '0xa08',
      granule: { value: 4096, source: 'probe' },
      reserved: { value: [[0xfee00, 0xfeeff]], source: 'probe' },
      type: { value: 'DMA-FQ', source: 'probe' },
      devices: [1],
      createdAt: 1000,
      destroyedAt: 8000,
    });
  });

  test('a device that is plugged again has a new domain, though the pointer is the same', async () => {
    const c = await capture([
      ...domain(INIT, 1),
      ...named(mapPage(FIO, 5, 'fffff')),
      `${INIT} 9 put_iova_domain: (put_iova_domain+0x4/0x70) iovad=0xa08`,
      ...domain(INIT, 10),
      ...named(mapPage(FIO, 15, 'fffff')),
    ]);
    expect(words(c.requests()).filter((row) => row.startsWith('map'))).toEqual([
      'map 1 fffff000+4096 of 1 in 1',
      'map 2 fffff000+4096 of 1 in 2 (openEnd)',
    ]);
    expect(c.report.pairing).toEqual({ LIVE_AT_DESTROY: 1 });
  });

  test('a domain whose iovad is set up again was destroyed, though nothing recorded that', async () => {
    const c = await capture([
      ...domain(INIT, 1),
      ...named(mapPage(FIO, 5, 'fffff')),
      ...named(unmapPage(FIO, 7, 'fffff')),
      ...domain(INIT, 10),
    ]);
    expect(words(c.requests()).slice(-2)).toEqual([
      'domainDestroy 0 0+0 in 1',
      'domainCreate 0 1000+4096 in 2',
    ]);
    expect(c.facts.domains.map(({ destroyedAt }) => destroyedAt)).toEqual([null, 10000, null]);
  });

  test('a flush queue that is set up in use is a change of type', async () => {
    const c = await capture([
      ...domain(INIT, 1),
      ...alloc(FIO, 5, '0xfffff'),
      ...named(mapPage(FIO, 8, 'fffff')),
      `${INIT} 11 iommu_dma_init_fq: (iommu_dma_init_fq+0x4/0x1d0) domain=0xd0`,
    ]);
    expect(words(c.requests()).at(-1)).toBe('typeSwitch 0 0+0 in 1');
    expect(c.facts.domains[1]!.type).toEqual({ value: 'DMA', source: 'probe' });
  });

  test('emptied CPU caches take a CPU down, its next event brings it back', async () => {
    const c = await capture([
      ...domain(INIT, 1),
      `kworker-9 0 . 3 free_cpu_cached_iovas: (free_cpu_cached_iovas+0x0/0x70) cpu=1 iovad=0xa08`,
      ...named(mapPage('fio-7 1 .', 8, 'fffff')),
    ]);
    expect(words(c.requests()).map((row) => row.split(' ')[0])).toEqual([
      'domainCreate',
      'cpuDown',
      'cpuUp',
      'map',
    ]);
    const [batch] = [...c.requests()];
    expect([...batch!.cpu.subarray(1, 4)]).toEqual([1, 1, 1]);
  });

  test('an orphan in a domain whose history is complete is not preloaded', async () => {
    const c = await capture([...domain(INIT, 1), ...named(unmapPage(FIO, 5, 'fffff'))]);
    expect(c.report.pairing).toEqual({ ORPHAN_UNMAP: 1 });
    expect(c.report.requests).toMatchObject({ unmap: 0, openStart: 0 });
  });
});

describe('allocation probes', () => {
  test('give the limit, the domain and the moment a call takes effect', async () => {
    const c = await capture([...alloc(FIO, 1, '0xfffff'), ...named(mapPage(FIO, 5, 'fffff'))]);
    const [batch] = [...c.requests()];
    expect(batch!.time[0]).toBe(1000);
    expect(batch!.dmaLimit[0]).toBe(2 ** 64);
    expect(c.facts.domains[1]!.token).toBe('0xa08');
    expect(c.facts.domains[1]!.createdAt).toBeNull();
    expect(c.facts.forcedac).toEqual({ value: false, source: 'probe' });
  });

  test('a strict unmap in an interrupt comes before the allocation that it interrupts', async () => {
    const [dmaAlloc, ...fast] = alloc(FIO, 20, 'fffff');
    const irq = 'fio-7 0 h';
    const [table, event] = named(unmapPage(irq, 22, 'fffff'));
    const c = await capture([
      ...alloc(FIO, 1, '0xfffff'),
      ...named(mapPage(FIO, 5, 'fffff')),
      dmaAlloc!,
      `${irq} 21 __iommu_dma_unmap: (__iommu_dma_unmap+0x0/0x2d0) dev="0000:00:04.0" dma_addr=0xfffff000 size=4096`,
      table!,
      `${irq} 22 free_iova_fast: (free_iova_fast+0x4/0x140) iovad=0xa08 pfn=0xfffff size=1`,
      event!,
      ...fast.map((line) =>
        line.replace(/^fio-7 0 \. 2(\d)/, 'fio-7 0 . 3$1').replace('pfn=fffff', 'pfn=0xfffff'),
      ),
      ...named(mapPage(FIO, 35, 'fffff')),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 fffff000+4096 of 1 in 1',
      'unmap 1 fffff000+4096 of 1 in 1',
      'map 2 fffff000+4096 of 1 in 1 (openEnd)',
    ]);
  });

  test('a first try above 4 GiB shows forcedac, and its limit the aperture', async () => {
    const high = alloc(FIO, 1, '0xfffffffff', '0xa08', '0000:00:04.0', '0xfffffffff');
    const c = await capture([...high, ...named(mapPage(FIO, 5, 'fffffffff'))]);
    expect(c.facts.forcedac).toEqual({ value: true, source: 'probe' });
    expect(c.facts.domains[1]!.apertureEnd).toEqual({ value: 2 ** 48 - 1, source: 'probe' });
  });

  test('an allocation that fails without any event is a failed map', async () => {
    const c = await capture([
      ...alloc(FIO, 1, '0x0'),
      ...alloc(FIO, 5, '0xfffff'),
      ...named(mapPage(FIO, 8, 'fffff')),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 0+4096 of 1 in 1 (failed sizeDerived synthetic)',
      'map 2 fffff000+4096 of 1 in 1 (openEnd)',
    ]);
  });
});

describe('breakpoint probes (kernel 6.1)', () => {
  const [table] = mapPage(FIO, 5, 'fffff');
  const [unmap] = unmapPage('fio-8 1 s', 9, 'fffff');

  test('belong to the table event at their address; the unmap tells the exact size', async () => {
    const c = await capture([
      ...alloc(NMI, 1, '0xfffff'),
      table!,
      'fio-8 1 Z 8 __iommu_dma_unmap: (__iommu_dma_unmap+0x5/0x2d0) dev="0000:00:04.0" dma_addr=0xfffff200 size=512',
      unmap!,
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 fffff200+512 of 1 in 1',
      'unmap 1 fffff200+512 of 1 in 1',
    ]);
    const [batch] = [...c.requests()];
    expect([...batch!.context.subarray(0, 2)].map((byte) => String.fromCharCode(byte))).toEqual([
      '.',
      's',
    ]);
  });

  test('an allocation that an interrupt splits keeps its own address', async () => {
    const c = await capture([
      ...alloc(NMI, 1, '0xfffff'),
      ...alloc(NMI, 4, '0xffffe'),
      mapPage('fio-7 0 s', 7, 'ffffe')[0]!,
      mapPage(FIO, 8, 'fffff')[0]!,
    ]);
    expect(words(c.requests()).map((row) => row.split(' ')[2])).toEqual([
      'fffff000+4096',
      'ffffe000+4096',
    ]);
  });

  test('can be ignored', async () => {
    const c = await capture([...alloc(NMI, 1, '0xfffff'), table!], { ignoreProbes: true });
    expect(c.facts.domains[1]!.token).toBe('virtual:1');
  });
});

describe('iommu_map and iommu_unmap probes', () => {
  const map = (time: number, domain: string): string[] => [
    `${FIO} ${time} iommu_map: (iommu_map+0x0/0x130) domain=${domain} iova=0xfffff000 paddr=0x12345000 size=4096 prot=0x3`,
    mapPage(FIO, time + 1, 'fffff')[0]!,
  ];

  test('tell which domain an address belongs to', async () => {
    const c = await capture([
      ...map(1, '0xd1'),
      ...map(3, '0xd2'),
      `${FIO} 5 iommu_unmap: (iommu_unmap+0x0/0x130) domain=0xd1 iova=0xfffff000 size=4096`,
      unmapPage(FIO, 6, 'fffff')[0]!,
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 fffff000+4096 of 0 in 1 (sizeDerived)',
      'map 2 fffff000+4096 of 0 in 2 (sizeDerived openEnd)',
      'unmap 1 fffff000+4096 of 0 in 1 (sizeDerived)',
    ]);
    expect(c.facts.domains.map((domain) => domain.token)).toEqual(['', '0xd1', '0xd2']);
    expect(c.report.pairing).toEqual({});
  });

  test('inside a call of the DMA layer they only link pointer and iovad', async () => {
    const [table, event] = named(mapPage(FIO, 5, 'fffff'));
    const c = await capture([...alloc(FIO, 1, '0xfffff'), map(4, '0xd0')[0]!, table!, event!]);
    expect(c.facts.domains.map((domain) => domain.token)).toEqual(['', '0xa08']);
    expect(words(c.requests())).toEqual(['map 1 fffff000+4096 of 1 in 1 (openEnd)']);
  });
});

describe('probes alone', () => {
  const unmap = (who: string, time: number, address: string, size = 4096): string =>
    `${who} ${time} __iommu_dma_unmap: (__iommu_dma_unmap+0x0/0x2d0) dev="0000:00:04.0" dma_addr=${address} size=${size}`;
  const free = (who: string, time: number, pfn: string): string =>
    `${who} ${time} free_iova_fast: (free_iova_fast+0x4/0x140) iovad=0xa08 pfn=${pfn} size=1`;

  test('of the DMA layer give requests with device, size and address', async () => {
    const c = await capture([
      ...domain(INIT, 1),
      ...alloc(FIO, 5, '0xfffff').map((line) => line.replace('size=0x1000', 'size=0x200')),
      unmap('fio-8 1 .', 9, '0xfffff200', 512),
      free('ksoftirqd-2 0 s', 12, '0xfffff'),
      ...alloc(FIO, 15, '0xfffff'),
    ]);
    expect(words(c.requests())).toEqual([
      'domainCreate 0 1000+4096 in 1',
      'map 1 fffff200+512 of 1 in 1',
      'unmap 1 fffff200+512 of 1 in 1',
      'map 2 fffff000+4096 of 1 in 1 (openEnd)',
    ]);
    const [batch] = [...c.requests()];
    expect([...batch!.domainClass.subarray(1, 4)]).toEqual(Array(3).fill(DomainClass.A));
    expect(c.facts.devices[1]).toMatchObject({ translated: { value: true } });
  });

  test('of the IOVA allocator give ranges of whole pages, which end when they are free again', async () => {
    const c = await capture([
      ...domain(INIT, 1),
      ...alloc(FIO, 5, '0xfffff').slice(1),
      free('ksoftirqd-2 0 s', 12, '0xfffff'),
    ]);
    expect(words(c.requests()).slice(1)).toEqual([
      'map 1 fffff000+4096 of 1 in 1 (deviceInferred sizeDerived)',
      'unmap 1 fffff000+4096 of 1 in 1 (deviceInferred sizeDerived)',
    ]);
  });

  test('of iommu_map and iommu_unmap stand for the events of the page table', async () => {
    const probe = (time: number, name: string, domain: string): string =>
      `${FIO} ${time} ${name}: (${name}+0x0/0x130) domain=${domain} iova=0x100000 size=8192`;
    const c = await capture([
      probe(1, 'iommu_map', '0xd0'),
      probe(2, 'iommu_map_nosync', '0xd0'),
      probe(3, 'iommu_map', '0xd1'),
      probe(20, 'iommu_unmap', '0xd0'),
      probe(21, 'iommu_unmap_fast', '0xd1'),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 100000+8192 of 0 in 1 (sizeDerived)',
      'map 2 100000+8192 of 0 in 2 (sizeDerived)',
      'unmap 1 100000+8192 of 0 in 1 (sizeDerived)',
      'unmap 2 100000+8192 of 0 in 2 (sizeDerived)',
    ]);
  });

  test('what fails and what was mapped before is told as with events', async () => {
    const c = await capture([
      unmap(FIO, 1, '0xffff0000'),
      ...alloc(FIO, 5, '0x0'),
      `${FIO} 9 tracing_mark_write: end`,
    ]);
    expect(c.report.requests).toMatchObject({ map: 1, unmap: 1, failed: 1, openStart: 1 });
  });
});
