// Events of the system intel_iommu (include/trace/events/intel_iommu.h), Linux 5.4 to 5.10: maps and unmaps of VT-d.
//
//   map_single: dev=0000:00:17.0 dev_addr=0xf8f97200 phys_addr=0x169552200 size=4096
//   map_sg: dev=0000:00:17.0 [7/9] dev_addr=0xf8f97000 phys_addr=0x169552000 size=4096
//   unmap_single: dev=0000:00:17.0 dev_addr=0xf8f97200 size=512
//
// The segment in brackets is printed from 5.6 on; 5.4 and 5.5 print one line for a list. Left out: bounce_map_sg, which
// repeats what bounce_map_single told, and the events of invalidations and page requests (counted by name).

import { EventKind } from '../batch.ts';
import { As, type EventDefinition, type Field, Form, field, To } from './definition.ts';

const address: Field = field('dev_addr', As.hex, To.address);
const phys: Field = field('phys_addr', As.hex, To.phys);
const size: Field = field('size', As.number, To.size);

export const vtdEvents: readonly EventDefinition[] = [
  {
    names: ['map_single', 'bounce_map_single'],
    kind: EventKind.vtdMap,
    form: Form.dev,
    fields: [address, phys, size],
  },
  {
    names: ['map_sg'],
    kind: EventKind.vtdMap,
    form: Form.dev,
    fields: [address, phys, size],
    aux2: 1,
  },
  {
    names: ['unmap_single', 'bounce_unmap_single'],
    kind: EventKind.vtdUnmap,
    form: Form.dev,
    fields: [address, size],
  },
  {
    names: ['unmap_sg'],
    kind: EventKind.vtdUnmap,
    form: Form.dev,
    fields: [address, size],
    aux2: 1,
  },
];
