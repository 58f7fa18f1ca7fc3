// What a machine is where nothing says otherwise. Facts of a capture and overrides come on top.

import { DEFAULT_COST } from './cost.ts';
import type { FailedRequests, Machine, MachineDevice } from './machine.ts';

/** A PCI device with a 64-bit mask behind an IOMMU. */
export const PLAIN_DEVICE: MachineDevice = {
  name: '',
  maskBits: 64,
  busDmaLimit: 0,
  pci: true,
  translated: true,
  minAlignMask: 0,
  segBoundary: 2 ** 32 - 1,
  untrusted: false,
  forceBounce: false,
  kmallocAlign: 0,
};

const failedRequests: FailedRequests = { mode: 'drop', delayMs: 10, tries: 10 };

/** A machine of one CPU with neither devices nor domains, bounce memory nor host limits. */
export const PLAIN_MACHINE: Machine = {
  kernel: '6.12',
  unverified: false,
  cpus: 1,
  hz: 250,
  timerMode: 'wheel',
  sac: 'sticky',
  devices: [],
  domains: [],
  allocator: { name: 'linux', parameters: {} },
  flush: null,
  recordedFailures: 'hold',
  load: null,
  loop: 'open',
  failedRequests,
  bounce: { name: 'none', parameters: {} },
  swiotlb: 'auto',
  encrypted: false,
  memory: 0,
  host: { name: 'unlimited', parameters: {} },
  tlbRefresh: true,
  cost: DEFAULT_COST,
};
