// The tracepoint swiotlb:swiotlb_bounced, and probes on kernel/dma/swiotlb.c of 6.1 and 6.12.
//
// swiotlb_bounced is one attempt to bounce; dev_addr is the address of the original buffer.
// tlb_addr with all bits set is a mapping that failed. The probes on the search for slots and on pools that
// come and go are of kernels with CONFIG_SWIOTLB_DYNAMIC, where no function of swiotlb.c is inlined.

import { EventKind } from '../batch.ts';
import { As, type EventDefinition, type Field, Form, field, optional, To } from './definition.ts';

const device: Field = field('dev', As.name, To.device);
const tlbAddr: Field = field('tlb_addr', As.hex, To.address);
const pool: Field = field('pool', As.pointer, To.token);
const work: Field = field('work', As.pointer, To.token);
const start: Field = field('start', As.hex, To.address);
const end: Field = field('end', As.hex, To.phys);
const slots: Field = field('nslabs', As.number, To.size);
const areas: Field = field('nareas', As.number, To.aux2);
const areaSlots: Field = optional('area_nslabs', As.number, To.aux);
const bytes: Field = field('bytes', As.number, To.size);
const physLimit: Field = optional('phys_limit', As.hex, To.address);
const page: Field = field('page', As.pointer, To.token0Failed);
const direction: Field = optional('dir', As.direction, To.direction);
const alignMask: Field = optional('alloc_align_mask', As.number, To.aux);
const isTransient: Field = optional('transient', As.number, To.aux);

export const swiotlbEvents: readonly EventDefinition[] = [
  {
    names: ['swiotlb_bounced'],
    kind: EventKind.bounced,
    form: Form.devName,
    fields: [
      field('dma_mask', As.hex, To.aux),
      field('dev_addr', As.hex, To.address),
      field('size', As.number, To.size),
      optional('FORCE', As.flag, To.aux2),
      optional('swiotlb_force', As.flag, To.aux2),
    ],
  },
  {
    names: ['swiotlb_tbl_map_single'],
    kind: EventKind.bounceMap,
    form: Form.probe,
    fields: [
      field('dev', As.name, To.device),
      field('orig_addr', As.hex, To.phys),
      field('mapping_size', As.number, To.size),
      optional('alloc_align_mask', As.number, To.aux),
      optional('dir', As.direction, To.direction),
    ],
  },
  {
    names: ['swiotlb_tbl_map_single_ret'],
    kind: EventKind.bounceMapRet,
    form: Form.probe,
    fields: [field('tlb_addr', As.hex, To.address)],
  },
  {
    names: ['swiotlb_tbl_unmap_single'],
    kind: EventKind.bounceUnmap,
    form: Form.probe,
    fields: [
      field('dev', As.name, To.device),
      field('tlb_addr', As.hex, To.address),
      field('mapping_size', As.number, To.size),
      optional('dir', As.direction, To.direction),
    ],
  },
  {
    names: ['swiotlb_release_slots'],
    kind: EventKind.bounceRelease,
    form: Form.probe,
    fields: [field('dev', As.name, To.device), field('tlb_addr', As.hex, To.address)],
  },
  probe('swiotlb_map', EventKind.bounceCall, [
    device,
    field('paddr', As.hex, To.phys),
    field('size', As.number, To.size),
    direction,
    optional('attrs', As.number, To.aux),
  ]),
  probe('swiotlb_map_ret', EventKind.bounceCallRet, [field('dma', As.hex, To.address)]),
  probe('swiotlb_bounce', EventKind.bounceCopy, [
    device,
    tlbAddr,
    field('size', As.number, To.size),
    direction,
  ]),
  ...['swiotlb_sync_single_for_cpu', 'swiotlb_sync_single_for_device'].map((name, aux) => ({
    ...probe(name, EventKind.bounceSync, [
      device,
      tlbAddr,
      field('size', As.number, To.size),
      direction,
    ]),
    aux,
  })),
  probe('swiotlb_find_slots', EventKind.bounceFind, [
    device,
    field('orig_addr', As.hex, To.phys),
    field('alloc_size', As.number, To.size),
    alignMask,
  ]),
  probe('swiotlb_find_slots_ret', EventKind.bounceFindRet, [field('index', As.signed, To.aux)]),
  probe('swiotlb_search_pool_area', EventKind.bounceSearch, [
    device,
    pool,
    start,
    field('area', As.number, To.aux2),
    field('orig_addr', As.hex, To.phys),
    field('alloc_size', As.number, To.size),
    alignMask,
  ]),
  probe('swiotlb_search_pool_area_ret', EventKind.bounceSearchRet, [
    field('index', As.signed, To.aux),
  ]),
  probe('swiotlb_alloc_pool', EventKind.poolAlloc, [
    field('dev', As.pointer, To.token),
    field('minslabs', As.number, To.aux),
    slots,
    areas,
    physLimit,
  ]),
  probe('swiotlb_alloc_pool_ret', EventKind.poolAllocRet, [
    field('pool', As.pointer, To.token0Failed),
    optional('start', As.hex, To.address),
    optional('end', As.hex, To.phys),
    optional('nslabs', As.number, To.size),
    optional('nareas', As.number, To.aux2),
    areaSlots,
  ]),
  probe('swiotlb_alloc_tlb', EventKind.poolMemory, [
    field('dev', As.pointer, To.token),
    bytes,
    physLimit,
  ]),
  probe('swiotlb_alloc_tlb_ret', EventKind.poolMemoryRet, [page]),
  probe('alloc_dma_pages', EventKind.poolPages, [bytes, physLimit]),
  probe('alloc_dma_pages_ret', EventKind.poolPagesRet, [page]),
  probe('swiotlb_dyn_alloc', EventKind.poolGrowth, [work]),
  probe('swiotlb_dyn_alloc_ret', EventKind.poolGrowthRet, []),
  probe('add_mem_pool', EventKind.poolAdd, [pool, start, end, slots, areas, areaSlots]),
  probe('swiotlb_del_transient_ret', EventKind.transientRet, [field('deleted', As.number, To.aux)]),
  probe('swiotlb_del_pool', EventKind.poolDelete, [device, pool, start, end, slots, isTransient]),
  probe('swiotlb_dyn_free', EventKind.poolFree, [
    field('rcu', As.pointer, To.token),
    start,
    end,
    slots,
    isTransient,
  ]),
  probe('swiotlb_free_tlb', EventKind.poolMemoryFree, [
    field('vaddr', As.pointer, To.token),
    bytes,
  ]),
];

function probe(name: string, kind: EventKind, fields: readonly Field[]): EventDefinition {
  return { names: [name], kind, form: Form.probe, fields };
}
