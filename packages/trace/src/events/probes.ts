// Probes on drivers/iommu/iova.c, dma-iommu.c and the VT-d driver, and lines written by the user.
//
// A probe is named after its function, "_ret" for a return; its arguments have the names of the
// kernel's parameters (docs/trace-format.md has the recipe). A probe may have the name of a
// tracepoint: its payload begins with "(". Left out: qi_flush_iotlb and whatever else a capture
// adds (counted by name).

import { EventKind } from '../batch.ts';
import { As, type EventDefinition, type Field, Form, field, optional, To } from './definition.ts';

const iovad: Field = field('iovad', As.pointer, To.token);
const domain: Field = field('domain', As.pointer, To.token);
const cookie: Field = field('cookie', As.pointer, To.token);
const pages: Field = field('size', As.number, To.size);
const pfn: Field = field('pfn', As.number, To.aux);
const pfnLo: Field = field('pfn_lo', As.number, To.aux);
const pfnHi: Field = field('pfn_hi', As.number, To.aux2);

export const probeEvents: readonly EventDefinition[] = [
  probe('alloc_iova_fast', EventKind.iovaAlloc, [
    iovad,
    pages,
    field('limit_pfn', As.number, To.aux),
    optional('flush_rcache', As.number, To.aux2),
  ]),
  probe('alloc_iova_fast_ret', EventKind.iovaAllocRet, [field('pfn', As.number, To.aux0Failed)]),
  probe('free_iova_fast', EventKind.iovaFree, [iovad, pfn, pages]),
  probe('alloc_iova', EventKind.treeAlloc, [
    iovad,
    pages,
    field('limit_pfn', As.number, To.aux),
    optional('size_aligned', As.number, To.aux2),
  ]),
  probe('alloc_iova_ret', EventKind.treeAllocRet, [
    optional('iova', As.pointer, To.failed0),
    pfnHi,
    pfnLo,
  ]),
  probe('free_iova', EventKind.treeFree, [iovad, pfn]),
  probe('__free_iova', EventKind.treeFree, [iovad, pfnHi, pfnLo]),
  probe('remove_iova', EventKind.treeRemove, [iovad, pfnHi, pfnLo]),
  probe('init_iova_domain', EventKind.domainInit, [
    iovad,
    field('granule', As.number, To.size),
    field('start_pfn', As.number, To.aux),
  ]),
  probe('put_iova_domain', EventKind.domainPut, [iovad]),
  probe('reserve_iova', EventKind.reserve, [iovad, pfnLo, pfnHi]),
  probe('iommu_dma_alloc_iova', EventKind.dmaAllocIova, [
    domain,
    pages,
    field('dma_limit', As.number, To.aux),
    optional('dev', As.name, To.device),
  ]),
  probe('__iommu_dma_unmap', EventKind.dmaUnmapCall, [
    optional('dev', As.name, To.device),
    field('dma_addr', As.hex, To.address),
    pages,
  ]),
  probe('iommu_dma_init_fq', EventKind.fqInit, [domain]),
  probe('fq_flush_iotlb', EventKind.fqFlush, [cookie]),
  probe('fq_flush_timeout', EventKind.fqTimeout, [field('timer', As.pointer, To.token)]),
  probe('fq_ring_free_locked', EventKind.fqRingFree, [
    cookie,
    field('fq', As.pointer, To.auxToken),
  ]),
  probe('fq_ring_free', EventKind.fqRingFree, [cookie, field('fq', As.pointer, To.auxToken)]),
  probe('iova_depot_work_func', EventKind.depotWork, [field('work', As.pointer, To.token)]),
  probe('free_cpu_cached_iovas', EventKind.cpuCacheFlush, [field('cpu', As.number, To.aux), iovad]),
  probe('iova_magazine_free_pfns', EventKind.magazineFree, [
    field('mag', As.pointer, To.auxToken),
    iovad,
  ]),
  probe('intel_iommu_tlb_sync', EventKind.tlbRange, [
    domain,
    field('start', As.hex, To.address),
    field('end', As.hex, To.auxLength),
  ]),
  probe('cache_tag_flush_range', EventKind.tlbRange, [
    domain,
    field('start', As.hex, To.address),
    field('end', As.hex, To.auxLength),
  ]),
  probe('cache_tag_flush_all', EventKind.tlbAll, [domain]),
  probe('intel_flush_iotlb_all', EventKind.tlbAll, [domain]),
  ...['iommu_map', 'iommu_map_nosync', 'iommu_unmap', 'iommu_unmap_fast'].map((name) =>
    probe(name, EventKind.domainHint, [
      domain,
      field('iova', As.hex, To.address),
      optional('paddr', As.hex, To.phys),
      pages,
    ]),
  ),
  {
    names: ['tracing_mark_write'],
    kind: EventKind.mark,
    form: Form.text,
    fields: [
      optional('io_tlb_nslabs', As.number, To.size),
      optional('io_tlb_used', As.number, To.aux),
      optional('io_tlb_used_hiwater', As.number, To.aux2),
      optional('io_tlb_transient_nslabs', As.number, To.address),
    ],
  },
];

function probe(name: string, kind: EventKind, fields: readonly Field[]): EventDefinition {
  return { names: [name], kind, form: Form.probe, fields };
}
