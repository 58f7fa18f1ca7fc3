// The bounce policy `restricted`: the pool of some devices, from the device tree. See docs/models/swiotlb.md.

import type { BouncePolicy } from '../policy.ts';
import { SlotPool } from './slot-pool.ts';
import { Swiotlb } from './swiotlb.ts';
import {
  kernelParameter,
  numberOf,
  slotsParameter,
  startOf,
  startParameter,
  swiotlbRules,
} from './swiotlb-parameters.ts';

/** One pool with one area, for coherent memory too; it never grows. */
export const restricted: BouncePolicy = {
  kind: 'bounce',
  name: 'restricted',
  summary: 'a pool of 1 area for some devices, their coherent memory included; never grows',
  parameters: [
    {
      ...slotsParameter,
      range: [128, 2 ** 22],
      default: 32_768,
      summary: 'size of the reserved region, in whole slots',
    },
    startParameter,
    kernelParameter,
  ],
  create: (parameters) => {
    const pool = new SlotPool(startOf(parameters), numberOf(parameters, 'slots'), 1);
    return new Swiotlb(swiotlbRules(String(parameters.kernel)), pool);
  },
};
