// A hypervisor that pins each mapped page of a guest, within a budget that guests may share.
//
// Models the check against RLIMIT_MEMLOCK in drivers/vfio/vfio_iommu_type1.c, and hosts that are
// overcommitted; see docs/models/host.md.

import type { HostPolicy } from '../host-policy.ts';
import { entriesParameter, outOfResource, pagesParameter, shadowLimits } from './parameters.ts';
import { ShadowTable } from './shadow-table.ts';

/** 256 MiB of pages, no limit on entries. */
export const pinned: HostPolicy = {
  kind: 'host',
  name: 'pinned',
  summary: 'a hypervisor with a budget of pinned pages, alone or shared by several guests',
  parameters: [pagesParameter(65_536), entriesParameter(0), outOfResource],
  create: (parameters, port) =>
    new ShadowTable(shadowLimits(parameters), port.pinBudget(Number(parameters.pages))),
};
