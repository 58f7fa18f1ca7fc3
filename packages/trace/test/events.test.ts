import { EventKind, Flag } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { type EventRow, eventLine, readText } from './support/read-text.ts';

async function read(body: string): Promise<EventRow> {
  const { rows, counts } = await readText(eventLine(body));
  expect(counts.unparsed).toBe(0);
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

describe('iommu events', () => {
  test('without the end address, as before 5.17', async () => {
    expect(
      await read('map: IOMMU: iova=0x00000000fffff000 paddr=0x0000000012345000 size=4096'),
    ).toMatchObject({
      kind: EventKind.iommuMap,
      address: 'fffff000',
      phys: '12345000',
      size: 4096,
    });
  });

  test('with one hexadecimal size, all of which was unmapped, as in 3.x vendor trees', async () => {
    expect(await read('unmap: IOMMU: iova=0x00000000fffff000 size=0x2000')).toMatchObject({
      kind: EventKind.iommuUnmap,
      size: 8192,
      aux: 8192,
    });
  });

  test('of nothing, which roll a failed map back', async () => {
    expect(await read('unmap: IOMMU: iova=0x0 - 0x0 size=0 unmapped_size=0')).toMatchObject({
      kind: EventKind.iommuUnmap,
      size: 0,
      aux: 0,
    });
  });

  test('at the top of 64 bits keep every bit', async () => {
    expect(
      await read(
        'map: IOMMU: iova=0xfffffffffffff000 - 0x0000000000000000 paddr=0xfedcba9876543000 size=4096',
      ),
    ).toMatchObject({ address: 'fffffffffffff000', phys: 'fedcba9876543000' });
  });

  test('of another subsystem with the same name are known by name only', async () => {
    expect(await read('map: va=0x1000 size=1')).toMatchObject({
      kind: EventKind.other,
      name: 'map',
    });
  });

  test('of groups and domains name the device', async () => {
    expect(
      await read('remove_device_from_group: IOMMU: groupID=2 device=0000:00:04.0'),
    ).toMatchObject({ kind: EventKind.groupAdd, device: '0000:00:04.0', aux: 2, aux2: 1 });
    expect(await read('attach_device_to_domain: IOMMU: device=virtio0')).toMatchObject({
      kind: EventKind.attach,
      device: 'virtio0',
    });
  });
});

describe('dma events', () => {
  test('with an unknown direction and attribute bits without a name', async () => {
    expect(
      await read(
        'dma_map_phys: 0000:00:04.0 dir=0x7 dma_addr=ffffffffffffffff size=4096 phys_addr=12345000 attrs=SKIP_CPU_SYNC|0x8000',
      ),
    ).toMatchObject({ kind: EventKind.dmaMap, direction: 7, flags: Flag.failed, aux: 0x8020 });
  });

  test('with keys in another order and keys that do not exist yet', async () => {
    expect(
      await read(
        'dma_map_page: dev-1 size=12 new=a,b dma_addr=1000 dir=NONE phys_addr=168b26000 attrs= extra',
      ),
    ).toMatchObject({ address: '1000', phys: '168b26000', size: 12, direction: 3 });
  });

  test('of a list show recorded and full counts, and that the list was cut', async () => {
    const row = await read(
      'dma_map_sg: 0000:00:04.0 dir=TO_DEVICE nents=128/200 ents=1/1 [TRUNCATED] dma_addrs={0xf000} sizes={0xc8000} phys_addrs={0x1000,0x3000} attrs=',
    );
    expect(row).toMatchObject({ kind: EventKind.dmaMapSg, aux: 200, aux2: 1, size: 0xc8000 });
    expect(row).toMatchObject({ address: 'f000', phys: '1000', flags: Flag.listCapped });
    expect(row.segments).toEqual([
      ['f000', '1000', 0xc8000],
      ['0', '3000', 0],
    ]);
  });

  test('of a list without counts, as in 6.12, count its entries', async () => {
    expect(
      await read(
        'dma_map_sg: d dir=TO_DEVICE dma_addrs={0xf000} sizes={0x2000} phys_addrs={0x1000,0x2000} attrs=',
      ),
    ).toMatchObject({ aux: 2, aux2: 1, size: 0x2000, flags: 0 });
  });

  test('that unmap a list have its physical side alone', async () => {
    const row = await read(
      'dma_unmap_sg: 0000:00:04.0 dir=TO_DEVICE phys_addrs={0x1000,0x3000} attrs=',
    );
    expect(row).toMatchObject({ kind: EventKind.dmaUnmapSg, phys: '1000', aux: 2, address: '0' });
    expect(row.segments.map(([, phys]) => phys)).toEqual(['1000', '3000']);
  });

  test('of a list that failed hold physical addresses under the wrong key', async () => {
    expect(
      await read('dma_map_sg_err: d dir=NONE dma_addrs={0x5000} err=-121 attrs='),
    ).toMatchObject({ kind: EventKind.dmaMapSgErr, phys: '5000', address: '0', aux: -121 });
  });

  test('of coherent memory, with and without a direction', async () => {
    const tail =
      'dma_addr=fffe0000 size=8192 virt_addr=0000000012345678 flags=GFP_KERNEL|__GFP_ZERO attrs=';
    const row = { kind: EventKind.dmaAlloc, address: 'fffe0000', token: '0x12345678', flags: 0 };
    expect(await read(`dma_alloc: d dir=BIDIRECTIONAL ${tail}`)).toMatchObject({
      ...row,
      direction: 0,
    });
    expect(await read(`dma_alloc: d ${tail}`)).toMatchObject({ ...row, direction: 255 });
  });

  test('of coherent memory that could not be had', async () => {
    expect(
      await read('dma_alloc: d dma_addr=0 size=8192 virt_addr=0000000000000000 flags=none attrs='),
    ).toMatchObject({ flags: Flag.failed, token: '' });
    expect(
      await read(
        'dma_alloc: d dma_addr=1000 size=8192 virt_addr=(____ptrval____) flags=none attrs=',
      ),
    ).toMatchObject({ flags: 0, token: '' });
  });

  test('that free nothing are events all the same', async () => {
    expect(
      await read(
        'dma_free: d dir=BIDIRECTIONAL dma_addr=0 size=0 virt_addr=0000000000000000 attrs=',
      ),
    ).toMatchObject({ kind: EventKind.dmaFree, size: 0, flags: 0 });
  });

  test('of synchronisation say for whom', async () => {
    expect(
      await read('dma_sync_single_for_device: d dir=TO_DEVICE dma_addr=1000 size=60'),
    ).toMatchObject({ kind: EventKind.dmaSync, size: 60, aux: 1 });
    expect(
      await read(
        'dma_sync_sg_for_cpu: d dir=TO_DEVICE dma_addrs={0x1000,0x9000} sizes={0x10,0x20}',
      ),
    ).toMatchObject({ kind: EventKind.dmaSyncSg, size: 0x30, aux: 0 });
  });
});

describe('probes', () => {
  const at = '(somewhere+0x4/0x2c0)';

  test('on the allocator', async () => {
    expect(
      await read(
        `alloc_iova_fast: ${at} iovad=0xffff8881015a4408 size=2 limit_pfn=0xfffff flush_rcache=1`,
      ),
    ).toMatchObject({
      kind: EventKind.iovaAlloc,
      token: '0xffff8881015a4408',
      size: 2,
      aux: 0xfffff,
      aux2: 1,
    });
    expect(
      await read('alloc_iova_fast_ret: (caller+0xd4/0xe0 <- alloc_iova_fast) pfn=0xbef96'),
    ).toMatchObject({ kind: EventKind.iovaAllocRet, aux: 0xbef96, flags: 0 });
    expect(await read(`alloc_iova_fast_ret: ${at} pfn=0x0`)).toMatchObject({ flags: Flag.failed });
    expect(
      await read(`alloc_iova_ret: ${at} iova=0xffff88800e33d300 pfn_hi=0xffff1 pfn_lo=0xffff0`),
    ).toMatchObject({ kind: EventKind.treeAllocRet, aux: 0xffff0, aux2: 0xffff1, flags: 0 });
    expect(
      await read(`alloc_iova_ret: ${at} iova=0x0 pfn_hi=(fault) pfn_lo=(fault)`),
    ).toMatchObject({ flags: Flag.failed });
    expect(await read(`free_iova_fast: ${at} iovad=0x10 pfn=0xffffd size=1`)).toMatchObject({
      kind: EventKind.iovaFree,
      token: '0x10',
      aux: 0xffffd,
    });
  });

  test('on the DMA layer, whose limit of all ones reads 2^64', async () => {
    expect(
      await read(
        `iommu_dma_alloc_iova: ${at} domain=0xffff888004bca6a0 size=0x1000 dma_limit=0xffffffffffffffff dev="0000:00:04.0"`,
      ),
    ).toMatchObject({
      kind: EventKind.dmaAllocIova,
      size: 4096,
      aux: 2 ** 64,
      device: '0000:00:04.0',
    });
    expect(
      await read(`__iommu_dma_unmap: ${at} dev="0000:00:04.0" dma_addr=0xffffd000 size=4096`),
    ).toMatchObject({ kind: EventKind.dmaUnmapCall, address: 'ffffd000', size: 4096 });
  });

  test('on the flush queue keep both pointers', async () => {
    const { rows, reader } = await readText(
      eventLine(`fq_ring_free_locked: ${at} cookie=0xffff888004bcae00 fq=0xffffe8ffffc85020`),
    );
    expect(rows[0]).toMatchObject({ kind: EventKind.fqRingFree, token: '0xffff888004bcae00' });
    expect(reader.tokens[rows[0]!.aux]).toBe('0xffffe8ffffc85020');
  });

  test('that share a tracepoint name are told by the parenthesis', async () => {
    expect(
      await read(
        'cache_tag_flush_range: (cache_tag_flush_range+0x4/0x310) domain=0x10 start=0xffffd000 end=0xffffefff',
      ),
    ).toMatchObject({ kind: EventKind.tlbRange, address: 'ffffd000', aux: 8192 });
    expect(
      await read(
        'cache_tag_flush_range: dmar0 dmar0[0] type iotlb did 4 [0xffffd000-0xffffdfff] addr 0xffffd000 pages 0x1 mask 0x0',
      ),
    ).toMatchObject({ kind: EventKind.other, name: 'cache_tag_flush_range' });
  });

  test('on bounce buffers', async () => {
    expect(
      await read(
        'swiotlb_bounced: dev_name: 0000:00:04.0 dma_mask=ffffffff dev_addr=12345000 size=1500 FORCE',
      ),
    ).toMatchObject({
      kind: EventKind.bounced,
      aux: 0xffff_ffff,
      address: '12345000',
      size: 1500,
      aux2: 1,
    });
    expect(
      await read(
        `swiotlb_tbl_map_single: ${at} dev="0000:00:04.0" orig_addr=0x5495000 mapping_size=4096 alloc_size=4096 alloc_align_mask=0xfff dir=2`,
      ),
    ).toMatchObject({
      kind: EventKind.bounceMap,
      phys: '5495000',
      size: 4096,
      aux: 0xfff,
      direction: 2,
    });
    expect(
      await read(`swiotlb_tbl_map_single_ret: ${at} tlb_addr=0xffffffffffffffff`),
    ).toMatchObject({ kind: EventKind.bounceMapRet, flags: Flag.failed });
  });

  test.each([
    [
      `swiotlb_search_pool_area: ${at} dev="0000:00:04.0" pool=0xffffffff81eb8b80 start=0x77f00000 area=3 orig_addr=0x2658800 alloc_size=6144 alloc_align_mask=0x0`,
      { kind: EventKind.bounceSearch, address: '77f00000', aux2: 3, phys: '2658800', size: 6144 },
    ],
    [
      `swiotlb_search_pool_area_ret: ${at} index=-1`,
      { kind: EventKind.bounceSearchRet, aux: -1, flags: 0 },
    ],
    [
      `swiotlb_alloc_pool: ${at} dev=0x0 minslabs=512 nslabs=1024 nareas=2 phys_limit=0xffffffff gfp=0xcc0`,
      { kind: EventKind.poolAlloc, aux: 512, size: 1024, aux2: 2, address: 'ffffffff' },
    ],
    [
      `swiotlb_alloc_pool_ret: ${at} pool=0xffff88802a88ba00 start=0xac40000 end=0xac7f000 nslabs=126 nareas=1 area_nslabs=126`,
      { kind: EventKind.poolAllocRet, address: 'ac40000', phys: 'ac7f000', size: 126, aux: 126 },
    ],
    [
      `swiotlb_alloc_pool_ret: ${at} pool=0x0 start=0x0 end=0x0 nslabs=0 nareas=0 area_nslabs=0`,
      { kind: EventKind.poolAllocRet, flags: Flag.failed },
    ],
    [
      'tracing_mark_write: swiotlb_debugfs io_tlb_nslabs=1536 io_tlb_used=7 io_tlb_used_hiwater=2452 io_tlb_transient_nslabs=126 end',
      { kind: EventKind.mark, size: 1536, aux: 7, aux2: 2452, address: '7e' },
    ],
    ['tracing_mark_write: step iodepth=4', { kind: EventKind.mark, size: 0, aux: 0 }],
  ])('on pools that come and go: %s', async (line, row) => {
    expect(await read(line)).toMatchObject(row);
  });
});
