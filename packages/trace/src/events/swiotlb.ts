// The tracepoint swiotlb:swiotlb_bounced, and probes on kernel/dma/swiotlb.c of 6.1 and 6.12.
//
// swiotlb_bounced is one attempt to bounce; dev_addr is the address of the original buffer.
// tlb_addr with all bits set is a mapping that failed. Left out: probes on the search for slots and on
// dynamic pools (counted by name).

import { EventKind } from '../batch.ts';
import { As, type EventDefinition, Form, field, optional, To } from './definition.ts';

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
];
