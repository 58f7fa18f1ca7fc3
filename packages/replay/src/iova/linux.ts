// The IOVA policy `linux`: the allocator of the kernel, by preset. See docs/models/iova-linux.md.

import type { IovaPolicy, Parameters, Port } from '../policy.ts';
import { LinuxIova } from './linux-iova.ts';
import { linuxIovaParameterList, linuxIovaParameters } from './linux-parameters.ts';

/** The allocator of the kernel, by preset. */
export const linux: IovaPolicy = {
  kind: 'iova',
  name: 'linux',
  summary: 'rbtree and rcache of the kernel, bit for bit for 6.1 and 6.12',
  parameters: linuxIovaParameterList,
  create: createLinuxIova,
};

/** As `linux.create`, with the whole surface of the model. */
export function createLinuxIova(parameters: Parameters, port: Port): LinuxIova {
  return new LinuxIova(linuxIovaParameters(parameters), port);
}
