// Events of the system iommu (include/trace/events/iommu.h), Linux 3.x to 6.18.
//
// map and unmap name neither device nor domain. Their second address is exclusive and printed from
// 5.17 on only. Left out: io_page_fault and vendor events (counted by name).

import { EventKind } from '../batch.ts';
import { As, type EventDefinition, Form, field, optional, To } from './definition.ts';

export const iommuEvents: readonly EventDefinition[] = [
  {
    names: ['map'],
    kind: EventKind.iommuMap,
    form: Form.iommu,
    fields: [
      field('iova', As.range, To.address),
      field('paddr', As.hex, To.phys),
      field('size', As.number, To.size),
    ],
  },
  {
    names: ['unmap'],
    kind: EventKind.iommuUnmap,
    form: Form.iommu,
    fields: [
      field('iova', As.range, To.address),
      field('size', As.number, To.size),
      optional('unmapped_size', As.number, To.aux),
    ],
  },
  {
    names: ['add_device_to_group'],
    kind: EventKind.groupAdd,
    form: Form.iommu,
    fields: [field('groupID', As.number, To.aux), field('device', As.name, To.device)],
  },
  {
    names: ['remove_device_from_group'],
    kind: EventKind.groupAdd,
    form: Form.iommu,
    fields: [field('groupID', As.number, To.aux), field('device', As.name, To.device)],
    aux2: 1,
  },
  {
    names: ['attach_device_to_domain'],
    kind: EventKind.attach,
    form: Form.iommu,
    fields: [field('device', As.name, To.device)],
  },
];
