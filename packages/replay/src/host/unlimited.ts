// No host behind the page table, or one that takes every mapping; see docs/models/host.md.

import type { HostPolicy } from '../host-policy.ts';

/** Nothing is counted and nothing is refused. */
export const unlimited: HostPolicy = {
  kind: 'host',
  name: 'unlimited',
  summary: 'no host limit: bare metal, or a hypervisor that takes every mapping',
  parameters: [],
  create: () => null,
};
