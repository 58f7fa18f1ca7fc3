// A hypervisor that advertises an address space no larger than what it can map at once.
//
// Models QEMU's zPCI since the end of 2022: end = start + entries x 4 KiB - 1; see docs/models/host.md.
// The guest runs out of addresses before the host runs out of entries.

import type { HostPolicy } from '../host-policy.ts';
import type { MachineDomain, PolicyChoice } from '../machine.ts';
import {
  entriesParameter,
  outOfResource,
  pagesParameter,
  shadowLimits,
  VFIO_ENTRY_LIMIT,
} from './parameters.ts';
import { ShadowTable } from './shadow-table.ts';

const PAGE = 4096;

/** vfio behind an aperture of as many pages. */
export const aperture: HostPolicy = {
  kind: 'host',
  name: 'aperture',
  summary: 'vfio, with the address space of each domain cut to as many pages as there are entries',
  parameters: [entriesParameter(VFIO_ENTRY_LIMIT), pagesParameter(0), outOfResource],
  create: (parameters, port) =>
    new ShadowTable(shadowLimits(parameters), port.pinBudget(Number(parameters.pages))),
};

/** The domain as the host of this choice advertises it. */
export function advertised(
  domain: MachineDomain,
  { name, parameters }: PolicyChoice,
): MachineDomain {
  const entries = Number(parameters.entries);
  if (name !== aperture.name || !(entries > 0)) return domain;
  const end = domain.startPfn * domain.granule + entries * PAGE - 1;
  const { apertureEnd } = domain;
  return { ...domain, apertureEnd: apertureEnd === 0 ? end : Math.min(apertureEnd, end) };
}
