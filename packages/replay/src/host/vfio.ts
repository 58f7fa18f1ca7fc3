// A hypervisor that maps each page of a guest's table through vfio, which limits the entries.
//
// Models dma_entry_limit of drivers/vfio/vfio_iommu_type1.c (65535 concurrent mappings of a container);
// see docs/models/host.md.

import type { HostPolicy } from '../host-policy.ts';
import {
  entriesParameter,
  outOfResource,
  pagesParameter,
  shadowLimits,
  VFIO_ENTRY_LIMIT,
} from './parameters.ts';
import { ShadowTable } from './shadow-table.ts';

/** The default limit of vfio, without one on pinned pages. */
export const vfio: HostPolicy = {
  kind: 'host',
  name: 'vfio',
  summary: 'a hypervisor with vfio: at most 65535 mapping entries at once (dma_entry_limit)',
  parameters: [entriesParameter(VFIO_ENTRY_LIMIT), pagesParameter(0), outOfResource],
  create: (parameters, port) =>
    new ShadowTable(shadowLimits(parameters), port.pinBudget(Number(parameters.pages))),
};
