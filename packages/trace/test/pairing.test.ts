import { type Capture, DomainClass, Op } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { capture, mapPage, range, unmapPage, words } from './support/text-trace.ts';

const FIO = 'fio-7 0 .';
const IRQ = 'fio-7 0 h';
const OTHER = 'fio-8 1 .';

function tableMap(who: string, time: number, iova: string, pages = 1): string {
  const [low, high] = range(iova, pages);
  return `${who} ${time} map: IOMMU: iova=${low} - ${high} paddr=0x0000000012345000 size=${pages * 4096}`;
}

function tableUnmap(who: string, time: number, iova: string, pages = 1): string {
  const [low, high] = range(iova, pages);
  const size = pages * 4096;
  return `${who} ${time} unmap: IOMMU: iova=${low} - ${high} size=${size} unmapped_size=${size}`;
}

describe('a page map and its unmap', () => {
  test('are two requests that share an id, with exact size and offset', async () => {
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff', '200', 512),
      ...unmapPage(OTHER, 5, 'fffff', '200', 512),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 fffff200+512 of 1 in 1',
      'unmap 1 fffff200+512 of 1 in 1',
    ]);
    expect(c.report.requests).toMatchObject({ map: 1, unmap: 1, openStart: 0, openEnd: 0 });
    expect(c.report.pairing).toEqual({});
    expect(c.facts.devices[1]).toMatchObject({ name: 'dev0', translated: { value: true } });
  });

  test('have the time of their first sign and the line of their main event', async () => {
    const c = await capture([...mapPage(FIO, 1, 'fffff'), ...unmapPage(FIO, 5, 'fffff')]);
    const [batch] = [...c.requests()];
    expect([...batch!.time.subarray(0, 2)]).toEqual([0, 4000]);
    expect([...batch!.line.subarray(0, 2)]).toEqual([4, 6]);
  });

  test('an interrupt between the table map and its event interposes its own calls', async () => {
    const [map, event] = mapPage(FIO, 5, 'ffffe');
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff'),
      map!,
      ...unmapPage(IRQ, 6, 'fffff'),
      event!.replace(' 6 ', ' 8 '),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 fffff000+4096 of 1 in 1',
      'map 2 ffffe000+4096 of 1 in 1 (openEnd)',
      'unmap 1 fffff000+4096 of 1 in 1',
    ]);
  });

  test('the address may be reused before the unmap is printed', async () => {
    const [table, line] = unmapPage(FIO, 5, 'fffff');
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff'),
      table!,
      ...mapPage(OTHER, 6, 'fffff'),
      line!.replace(' 6 ', ' 9 '),
      ...unmapPage(OTHER, 20, 'fffff'),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 fffff000+4096 of 1 in 1',
      'unmap 1 fffff000+4096 of 1 in 1 (reordered)',
      'map 2 fffff000+4096 of 1 in 1',
      'unmap 2 fffff000+4096 of 1 in 1',
    ]);
    expect(c.report.pairing).toEqual({ REORDERED: 1 });
  });

  test('a second map whose first was never unmapped is a double map, and the first is closed', async () => {
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff'),
      ...mapPage(FIO, 1000, 'fffff'),
      ...unmapPage(FIO, 2000, 'fffff'),
    ]);
    expect(c.report.pairing).toEqual({ DOUBLE_MAP: 1 });
    expect(words(c.requests()).filter((row) => row.startsWith('unmap'))).toEqual([
      'unmap 2 fffff000+4096 of 1 in 1',
      'unmap 1 fffff000+4096 of 1 in 1 (synthetic)',
    ]);
  });

  test('sizes and directions that differ are counted', async () => {
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff', '000', 4096),
      ...unmapPage(FIO, 5, 'fffff', '000', 512).map((l) => l.replace('TO_DEVICE', 'FROM_DEVICE')),
    ]);
    expect(c.report.pairing).toEqual({ SIZE_MISMATCH: 1, DIR_MISMATCH: 1 });
  });
});

describe('scatter lists', () => {
  const phys = 'phys_addrs={0x5000,0x9000}';
  const map = [
    tableMap(FIO, 1, 'ffffe'),
    tableMap(FIO, 2, 'fffff'),
    `${FIO} 3 dma_map_sg: dev0 dir=TO_DEVICE nents=2/2 ents=1/1 dma_addrs={0xffffe000} sizes={0x2000} ${phys} attrs=`,
  ];
  const unmap = `${OTHER} 9 dma_unmap_sg: dev0 dir=TO_DEVICE ${phys} attrs=`;

  test('are one request each, paired by their physical addresses', async () => {
    const c = await capture([...map, unmap, tableUnmap(OTHER, 10, 'ffffe', 2)]);
    expect(words(c.requests())).toEqual([
      'map 1 ffffe000+8192 of 1 in 1',
      'unmap 1 ffffe000+8192 of 1 in 1',
    ]);
    const [batch] = [...c.requests()];
    expect(batch!.segments[0]).toBe(2);
  });

  test('the same list mapped twice: the table unmap tells which one goes', async () => {
    const again = map.map((l) => l.replaceAll('ffffe', 'ffffc').replaceAll('fffff', 'ffffd'));
    const c = await capture([
      ...map,
      tableMap(FIO, 4, 'ffffc'),
      tableMap(FIO, 5, 'ffffd'),
      again[2]!.replace(' 3 ', ' 6 '),
      unmap,
      tableUnmap(OTHER, 10, 'ffffe', 2),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 ffffe000+8192 of 1 in 1',
      'map 2 ffffc000+8192 of 1 in 1 (openEnd)',
      'unmap 1 ffffe000+8192 of 1 in 1',
    ]);
  });

  test('of a device without IOMMU are closed by their event alone', async () => {
    const c = await capture([
      `${FIO} 3 dma_map_sg: dev0 dir=TO_DEVICE nents=2/2 ents=2/2 dma_addrs={0x5000,0x9000} sizes={0x1000,0x1000} ${phys} attrs=`,
      unmap,
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 5000+8192 of 1 in 0 (direct)',
      'unmap 1 5000+8192 of 1 in 0 (direct)',
    ]);
    expect(c.facts.devices[1]!.translated).toEqual({ value: false, source: 'inferred' });
  });
});

describe('coherent memory', () => {
  test('is allocated page by page and freed as one range', async () => {
    const c = await capture([
      tableMap(FIO, 1, 'ffffe'),
      tableMap(FIO, 2, 'fffff'),
      `${FIO} 3 dma_alloc: dev0 dir=BIDIRECTIONAL dma_addr=ffffe000 size=5000 virt_addr=0000000012345678 flags=GFP_KERNEL attrs=`,
      `${FIO} 4 dma_free: dev0 dir=BIDIRECTIONAL dma_addr=0 size=0 virt_addr=0000000000000000 attrs=`,
      `${FIO} 5 dma_free: dev0 dir=BIDIRECTIONAL dma_addr=ffffe000 size=5000 virt_addr=0000000012345678 attrs=`,
      tableUnmap(FIO, 6, 'ffffe', 2),
    ]);
    expect(words(c.requests())).toEqual([
      'alloc 1 ffffe000+5000 of 1 in 1',
      'free 1 ffffe000+5000 of 1 in 1',
    ]);
    expect(c.report.pairing).toEqual({ NULL_FREE: 1 });
  });

  test('a table unmap after the free belongs to the next page unmap', async () => {
    const c = await capture([
      ...mapPage(FIO, 0, 'ffffd'),
      tableMap(FIO, 2, 'fffff'),
      `${FIO} 3 dma_alloc: dev0 dir=BIDIRECTIONAL dma_addr=fffff000 size=40 virt_addr=0000000012345678 flags=GFP_KERNEL attrs=`,
      `${FIO} 5 dma_free: dev0 dir=BIDIRECTIONAL dma_addr=fffff000 size=40 virt_addr=0000000012345678 attrs=`,
      tableUnmap(FIO, 6, 'fffff'),
      ...unmapPage(FIO, 7, 'ffffd'),
    ]);
    expect(words(c.requests()).slice(2)).toEqual([
      'free 2 fffff000+40 of 1 in 1',
      'unmap 1 ffffd000+4096 of 1 in 1',
    ]);
  });
});

describe('the edges of a trace', () => {
  test('an unmap without a map was mapped before the trace', async () => {
    const c = await capture(unmapPage(FIO, 5, 'fffff', '200', 512));
    expect(words(c.openStart())).toEqual(['map 1 fffff200+512 of 1 in 1 (synthetic openStart)']);
    expect(words(c.requests())).toEqual(['unmap 1 fffff200+512 of 1 in 1 (openStart)']);
    expect(c.report.requests.openStart).toBe(1);
  });

  test('a list unmap without a map takes address and size from the table unmap', async () => {
    const c = await capture([
      `${FIO} 1 dma_unmap_sg: dev0 dir=TO_DEVICE phys_addrs={0x5000} attrs=`,
      tableUnmap(FIO, 2, 'ffff0', 4),
    ]);
    expect(words(c.openStart())).toEqual([
      'map 1 ffff0000+16384 of 1 in 1 (sizeDerived synthetic openStart)',
    ]);
  });

  test('what is mapped at the end is flagged', async () => {
    const c = await capture(mapPage(FIO, 1, 'fffff'));
    expect(words(c.requests())).toEqual(['map 1 fffff000+4096 of 1 in 1 (openEnd)']);
    expect(c.report.requests.openEnd).toBe(1);
  });

  test('after a loss nothing is called a double map', async () => {
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff'),
      'CPU:1 [LOST 37 EVENTS]',
      ...mapPage(OTHER, 1000, 'fffff'),
    ]);
    expect(c.report.pairing).toEqual({ LOSS_WINDOW: 1 });
    expect(words(c.requests())).toEqual([
      'map 1 fffff000+4096 of 1 in 1',
      'loss 0 0+37 in 0',
      'map 2 fffff000+4096 of 1 in 1 (lossBefore openEnd)',
      'unmap 1 fffff000+4096 of 1 in 1 (synthetic)',
    ]);
  });
});

describe('failed maps', () => {
  const fail = (time: number, phys: string): string =>
    `${FIO} ${time} dma_map_page: dev0 dir=TO_DEVICE dma_addr=ffffffffffffffff size=4096 phys_addr=${phys} attrs=`;

  test('retries of one buffer are one demand; the retry that succeeds stands for it', async () => {
    const c = await capture([
      fail(1, '12345000'),
      fail(2, '12345000'),
      ...mapPage(FIO, 3, 'fffff'),
      fail(5, '7000'),
      fail(6, '7000'),
      ...unmapPage(FIO, 1003, 'fffff'),
    ]);
    const rows = words(c.requests());
    expect(rows.map((row) => row.replace(/ 0\+4096 of 1 in 1/, ''))).toEqual([
      'map 1 (failed superseded)',
      'map 2 (failed superseded)',
      'map 3 fffff000+4096 of 1 in 1',
      'map 4 (failed synthetic)',
      'map 5 (failed superseded)',
      'unmap 3 fffff000+4096 of 1 in 1',
    ]);
    expect(c.report.requests).toMatchObject({ map: 5, failed: 4 });
  });

  test('the demand that stands is held for the median lifetime of its kind', async () => {
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff'),
      ...unmapPage(FIO, 1001, 'fffff'),
      fail(2000, '7000'),
    ]);
    const [batch] = [...c.requests()];
    expect(batch!.hold[0]).toBe(0);
    expect(batch!.hold[2]! / 1_000_000).toBeCloseTo(1, 1);
  });

  test('a table unmap of nothing is the rollback of a failed map', async () => {
    const c = await capture([
      `${FIO} 1 unmap: IOMMU: iova=0x0000000000000000 - 0x0000000000000000 size=0 unmapped_size=0`,
      fail(2, '7000'),
    ]);
    expect(c.report.pairing).toEqual({ ROLLBACK: 1 });
    expect(c.report.requests).toMatchObject({ map: 1, unmap: 0, failed: 1, openStart: 0 });
  });

  test('a rollback of what was mapped already is part of the failure', async () => {
    const c = await capture([
      tableMap(FIO, 1, 'fffff'),
      tableUnmap(FIO, 2, 'fffff'),
      fail(3, '7000'),
    ]);
    expect(c.report.requests).toMatchObject({ map: 1, unmap: 0, failed: 1, openStart: 0 });
    expect(words(c.requests())).toHaveLength(1);
  });
});

describe('direct mappings', () => {
  const map = (time: number, size: number): string =>
    `${FIO} ${time} dma_map_page: dev0 dir=TO_DEVICE dma_addr=5000 size=${size} phys_addr=5000 attrs=`;
  const unmap = (time: number, size: number): string =>
    `${FIO} ${time} dma_unmap_page: dev0 dir=TO_DEVICE dma_addr=5000 size=${size} attrs=`;

  test('of one page are live several times; the unmap of the same size closes its own', async () => {
    const c = await capture([map(1, 64), map(2, 128), unmap(3, 64), unmap(4, 128)]);
    expect(words(c.requests())).toEqual([
      'map 1 5000+64 of 1 in 0 (direct)',
      'map 2 5000+128 of 1 in 0 (direct)',
      'unmap 1 5000+64 of 1 in 0 (direct)',
      'unmap 2 5000+128 of 1 in 0 (direct)',
    ]);
    expect(c.report.pairing).toEqual({ AMBIGUOUS_PAIR: 1 });
  });

  test('without iommu events, addresses that are not physical show a translated device', async () => {
    const c = await capture([map(1, 64).replace('phys_addr=5000', 'phys_addr=77000')]);
    expect(words(c.requests())).toEqual(['map 1 5000+64 of 1 in 1 (openEnd)']);
    expect(c.facts.devices[1]!.translated).toEqual({ value: true, source: 'inferred' });
  });

  test('a sync has the id of the mapping it lies in', async () => {
    const c = await capture([
      map(1, 4096),
      `${FIO} 2 dma_sync_single_for_cpu: dev0 dir=FROM_DEVICE dma_addr=5040 size=60`,
    ]);
    expect(words(c.requests())[1]).toBe('sync 1 5040+60 of 1 in 0 (direct)');
  });
});

describe('iommu events alone', () => {
  test('the closing unmap tells the extent of a request', async () => {
    const c = await capture([
      tableMap(FIO, 1, 'ffff0'),
      tableMap(FIO, 2, 'ffff1'),
      tableMap(FIO, 3, 'ffff2', 2),
      tableUnmap(OTHER, 9, 'ffff0', 4),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 ffff0000+16384 of 0 in 1 (domainInferred sizeDerived)',
      'unmap 1 ffff0000+16384 of 0 in 1 (domainInferred sizeDerived)',
    ]);
  });

  test('pieces that stay mapped are one request where one allocation can hold them', async () => {
    const c = await capture([
      tableMap(FIO, 1, 'ffff0'),
      tableMap(FIO, 2, 'ffff1').replace('12345', '55555'),
      tableMap(FIO, 3, 'fffd1'),
      tableMap(FIO, 4, 'fffd2').replace('12345', '55555'),
    ]);
    expect(words(c.requests()).map((row) => row.split(' ')[2])).toEqual([
      'ffff0000+8192',
      'fffd1000+4096',
      'fffd2000+4096',
    ]);
  });

  test('an address that is live twice makes two virtual domains', async () => {
    const c = await capture([
      tableMap(FIO, 1, 'fffff'),
      tableMap(OTHER, 2, 'fffff'),
      tableUnmap(FIO, 3, 'fffff'),
    ]);
    expect(c.facts.domains.map((domain) => domain.token)).toEqual(['', 'virtual:1', 'virtual:2']);
    expect(c.report.pairing).toEqual({ AMBIGUOUS_PAIR: 1, OVERLAP_UNKNOWN_DOMAIN: 1 });
  });

  test('where unmaps are missing, overlaps make 64 domains before the first unmap, and 1,024 at most', async () => {
    const again = (times: number, from: number): string[] =>
      Array.from({ length: times }, (_, i) =>
        tableMap(i % 2 === 0 ? FIO : OTHER, from + i, 'fffff'),
      );
    const domains = (c: Capture): number => c.facts.domains.length - 1;
    const mapsAlone = await capture(again(100, 1));
    expect(domains(mapsAlone)).toBe(64);
    expect(mapsAlone.report.pairing).toEqual({ DOUBLE_MAP: 36, OVERLAP_UNKNOWN_DOMAIN: 63 });
    expect(mapsAlone.report.requests).toMatchObject({ map: 100, unmap: 36, openEnd: 64 });
    const some = [tableMap(FIO, 1, 'ffff0'), tableUnmap(FIO, 2, 'ffff0')];
    expect(domains(await capture([...some, ...again(100, 3)]))).toBe(100);
    expect(domains(await capture([...some, ...again(1100, 3)]))).toBe(1024);
  });

  test('after a loss a mapping in the way is gone, and makes no other domain', async () => {
    const c = await capture([
      tableMap(FIO, 1, 'fffff'),
      'CPU:0 [LOST 9 EVENTS]',
      tableMap(OTHER, 2, 'fffff'),
      tableUnmap(FIO, 3, 'fffff'),
    ]);
    expect(c.facts.domains.map((domain) => domain.token)).toEqual(['', 'virtual:1']);
    expect(c.report.pairing).toEqual({ LOSS_WINDOW: 1 });
    expect(c.report.requests).toMatchObject({ map: 2, unmap: 2, openEnd: 0 });
  });

  test('the front of a mapping can be unmapped: the rest is a request from then on', async () => {
    const c = await capture([
      tableMap(FIO, 1, 'ffff0', 4),
      tableUnmap(FIO, 3, 'ffff0', 2),
      tableUnmap(FIO, 4, 'ffff2', 2),
    ]);
    expect(c.report.pairing).toEqual({ PARTIAL_UNMAP: 1 });
    expect(words(c.requests())).toEqual([
      'map 1 ffff0000+16384 of 0 in 1 (domainInferred sizeDerived)',
      'unmap 1 ffff0000+16384 of 0 in 1 (domainInferred sizeDerived synthetic)',
      'map 2 ffff2000+8192 of 0 in 1 (domainInferred sizeDerived synthetic)',
      'unmap 2 ffff2000+8192 of 0 in 1 (domainInferred sizeDerived)',
    ]);
  });

  test.each([4, 300, 70_000])(
    'an unmap inside a mapping of %d pages leaves both ends',
    async (pages) => {
      const first = 0x100000;
      const hex = (page: number): string => (first + page).toString(16);
      const c = await capture([
        tableMap(FIO, 1, hex(0), pages),
        tableUnmap(FIO, 3, hex(pages - 3), 2),
        tableUnmap(FIO, 4, hex(pages - 1)),
        tableUnmap(FIO, 5, hex(0), pages - 3),
      ]);
      expect(c.report.pairing).toEqual({ PARTIAL_UNMAP: 1 });
      expect(c.report.requests).toMatchObject({ map: 3, unmap: 3, openStart: 0, openEnd: 0 });
      const sizes = words(c.requests()).map((row) => Number(/\+(\d+)/.exec(row)![1]) / 4096);
      expect(sizes).toEqual([pages, pages, pages - 3, 1, 1, pages - 3]);
    },
  );

  test('an unmap that hits a hole takes what was there', async () => {
    const c = await capture([
      tableMap(FIO, 1, 'ffff0', 2),
      tableUnmap(FIO, 3, 'ffff0', 4).replace('unmapped_size=16384', 'unmapped_size=8192'),
    ]);
    expect(c.report.pairing).toEqual({ UNMAP_SHORT: 1 });
    expect(c.report.requests).toMatchObject({ map: 1, unmap: 1, openStart: 0, openEnd: 0 });
  });
});

describe('how surely the domain is known', () => {
  const classes = (c: Capture): string[] =>
    [...c.requests()].flatMap(({ length, op, domainClass }) =>
      [...domainClass.subarray(0, length)]
        .filter((_, i) => op[i] === Op.map || op[i] === Op.unmap)
        .map((value) => Object.keys(DomainClass)[value]!),
    );
  const dev1 = (lines: string[]): string[] => lines.map((line) => line.replace('dev0', 'dev1'));

  test('B by the event of the DMA API, none where nothing is translated', async () => {
    const c = await capture([...mapPage(FIO, 1, 'fffff'), ...unmapPage(OTHER, 5, 'fffff')]);
    expect(classes(c)).toEqual(['B', 'B']);
    const direct = `${FIO} 1 dma_map_page: dev0 dir=TO_DEVICE dma_addr=5000 size=64 phys_addr=5000 attrs=`;
    expect(classes(await capture([direct]))).toEqual(['none']);
  });

  test('C for an unmap without its event, by the mapping that it closes', async () => {
    const [table] = unmapPage(OTHER, 5, 'fffff');
    const c = await capture([...mapPage(FIO, 1, 'fffff'), table!]);
    expect(classes(c)).toEqual(['B', 'C']);
  });

  test('D where there is only one domain', async () => {
    const c = await capture([...mapPage(FIO, 1, 'fffff'), tableMap(OTHER, 5, 'ffff0')]);
    expect(classes(c)).toEqual(['B', 'D']);
    expect(classes(await capture([tableMap(FIO, 1, 'fffff')]))).toEqual(['D']);
  });

  test('E by the task and the physical page, with the device inferred', async () => {
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff'),
      ...unmapPage(FIO, 3, 'fffff'),
      ...dev1(mapPage(OTHER, 5, 'ffffe')).map((line) => line.replaceAll('12345', '77777')),
      tableMap(FIO, 7, 'ffff0'),
      tableMap(OTHER, 9, 'fffe0'),
    ]);
    expect(classes(c)).toEqual(['B', 'B', 'B', 'E', 'none']);
    expect(words(c.requests())[3]).toBe(
      'map 3 ffff0000+4096 of 1 in 1 (deviceInferred domainInferred sizeDerived openEnd)',
    );
  });

  test('none for what lies in one of several virtual domains', async () => {
    const c = await capture([tableMap(FIO, 1, 'fffff'), tableMap(OTHER, 2, 'fffff')]);
    expect(classes(c)).toEqual(['none', 'none']);
  });
});

describe('swiotlb', () => {
  const slot = (who: string, time: number, address: string): string[] => [
    `${who} ${time} swiotlb_tbl_map_single: (swiotlb_tbl_map_single+0x4/0x770) dev="dev0" orig_addr=0x4d09000 mapping_size=4096 alloc_align_mask=0x0 dir=2 attrs=0x0`,
    `${who} ${time + 1} swiotlb_tbl_map_single_ret: (swiotlb_map+0x63/0x280 <- swiotlb_tbl_map_single) tlb_addr=${address}`,
  ];
  const back = (who: string, time: number): string =>
    `${who} ${time} swiotlb_tbl_unmap_single: (__swiotlb_tbl_unmap_single+0x4/0x60) dev="dev0" tlb_addr=0x75d00000 mapping_size=4096 dir=2 attrs=0x20`;

  test('without DMA API events each slot is a request', async () => {
    const c = await capture([
      ...slot('fio-7 0 Z', 1, '0x75d00000'),
      back('fio-8 1 Z', 5),
      ...slot('fio-7 0 Z', 6, '0xffffffffffffffff'),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 75d00000+4096 of 1 in 0 (direct bounced)',
      'unmap 1 75d00000+4096 of 1 in 0 (direct bounced)',
      'map 2 0+4096 of 1 in 0 (failed synthetic direct bounced)',
    ]);
  });

  test('with DMA API events a slot annotates its request', async () => {
    const c = await capture([
      `${FIO} 0 swiotlb_bounced: dev_name: dev0 dma_mask=ffffffff dev_addr=4d09000 size=4096 FORCE`,
      ...slot(FIO, 1, '0x75d00000'),
      `${FIO} 3 dma_map_page: dev0 dir=FROM_DEVICE dma_addr=75d00000 size=4096 phys_addr=4d09000 attrs=`,
      back(OTHER, 5),
      `${OTHER} 6 dma_unmap_page: dev0 dir=FROM_DEVICE dma_addr=75d00000 size=4096 attrs=`,
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 75d00000+4096 of 1 in 0 (direct bounced)',
      'unmap 1 75d00000+4096 of 1 in 0 (direct bounced)',
    ]);
    expect(c.facts.devices[1]!.maskBits).toEqual({ value: 32, source: 'trace' });
  });

  test('a list that found no room is a failed request of what it tried; the list that found some is its retry', async () => {
    const second = (lines: string[]): string[] => lines.map((line) => line.replace('4d09', '4d0a'));
    const failed = (time: number): string[] => [
      ...slot(FIO, time, '0x75d00000'),
      ...second(slot(FIO, time + 2, '0xffffffffffffffff')),
      back(FIO, time + 4),
    ];
    const list = `${FIO} 34 dma_map_sg: dev0 dir=TO_DEVICE nents=3/3 ents=3/3 dma_addrs={0x75d00000,0x75d01000,0x75d02000} sizes={0x1000,0x1000,0x1000} phys_addrs={0x4d09000,0x4d0a000,0x9000000} attrs=`;
    const page = `${OTHER} 40 dma_map_page: dev0 dir=TO_DEVICE dma_addr=9000 size=4096 phys_addr=9000 attrs=`;
    const alone = await capture([...failed(1), ...failed(11), page]);
    expect(words(alone.requests()).slice(0, 2)).toEqual([
      'map 1 0+8192 of 1 in 0 (failed listCapped synthetic direct bounced)',
      'map 3 0+8192 of 1 in 0 (failed listCapped direct bounced superseded)',
    ]);
    expect(alone.lists?.length).toBe(4);
    const retried = await capture([...failed(1), ...slot(FIO, 31, '0x75d00000'), list]);
    expect(words(retried.requests()).map((word) => word.split('in 0')[1])).toEqual([
      ' (failed listCapped direct bounced superseded)',
      ' (direct bounced openEnd)',
    ]);
  });
});

describe('hostile order', () => {
  const list = `${FIO} 3 dma_map_sg: dev0 dir=TO_DEVICE nents=1/1 ents=1/1 dma_addrs={0xfffff000} sizes={0x1000} phys_addrs={0x5000} attrs=`;
  const unlist = (time: number): string =>
    `${FIO} ${time} dma_unmap_sg: dev0 dir=TO_DEVICE phys_addrs={0x5000} attrs=`;

  test('a list unmap that is printed twice closes one mapping', async () => {
    const c = await capture([tableMap(FIO, 1, 'fffff'), list, unlist(5), unlist(6)]);
    expect(c.report.requests).toMatchObject({ map: 1, unmap: 1, openStart: 0, openEnd: 0 });
  });

  test('an unmap never stands before its map', async () => {
    const c = await capture([
      `${OTHER} 1 __iommu_dma_unmap: (__iommu_dma_unmap+0x0/0x2d0) dev="dev0" dma_addr=0xfffff000 size=4096`,
      ...mapPage(FIO, 2, 'fffff'),
      ...unmapPage(OTHER, 4, 'fffff'),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 fffff000+4096 of 1 in 1',
      'unmap 1 fffff000+4096 of 1 in 1',
    ]);
  });
});

test('an unmap that prints one size (vendor trees of 3.x) closes its mapping', async () => {
  const c = await capture([
    `${FIO} 1 map: IOMMU: iova=0x0000000000001000 paddr=0x0000000012345000 size=0x2000`,
    `${FIO} 5 unmap: IOMMU: iova=0x0000000000001000 size=0x2000`,
  ]);
  expect(c.report.requests).toMatchObject({ map: 1, unmap: 1, openStart: 0, openEnd: 0 });
  expect(c.report.pairing).toEqual({});
});

describe('a text without flags does not tell the context of an event', () => {
  const LIST = 'phys_addrs={0x51000,0x61000} attrs=';
  /** An interrupt unmaps a page while a list is being mapped; then it maps one behind the allocation of another call. */
  const events = (task: string, irq: string): string[] => [
    ...mapPage(task, 1, 'fffff'),
    tableMap(task, 10, '1000'),
    ...unmapPage(irq, 11, 'fffff'),
    tableMap(task, 13, '1001'),
    `${task} 14 dma_map_sg: dev0 dir=TO_DEVICE dma_addrs={0x1000000} sizes={0x2000} ${LIST}`,
    tableMap(task, 20, '2000'),
    ...unmapPage(irq, 21, '3000'),
    `${task} 25 dma_map_page: dev0 dir=TO_DEVICE dma_addr=2000000 size=4096 phys_addr=12345000 attrs=`,
    `${task} 30 dma_unmap_sg: dev0 dir=TO_DEVICE ${LIST}`,
    tableUnmap(task, 31, '1000', 2),
  ];

  test('an interrupt is told by what the call must go on with', async () => {
    const told = await capture(events(FIO, IRQ));
    const untold = await capture(events('fio-7 0 ?', 'fio-7 0 ?'));
    expect(words(untold.requests())).toEqual(words(told.requests()));
    expect(untold.report.requests).toEqual(told.report.requests);
    const [batch] = [...untold.requests()];
    expect(new Set(batch!.context.subarray(0, batch!.length))).toEqual(new Set([0]));
  });

  test('an unmap of what the call has mapped itself rolls it back', async () => {
    const c = await capture([
      tableMap('fio-7 0 ?', 1, '1000'),
      tableUnmap('fio-7 0 ?', 2, '1000'),
      'fio-7 0 ? 3 dma_map_page: dev0 dir=TO_DEVICE dma_addr=ffffffffffffffff size=8192 phys_addr=12345000 attrs=',
      ...mapPage('fio-7 0 ?', 5, 'fffff'),
    ]);
    expect(c.report.requests).toMatchObject({ map: 2, failed: 1, openEnd: 1 });
  });
});
