// The bounce policy `static`: one pool that was made at boot. See docs/models/swiotlb.md.

import type { BouncePolicy, BouncePort, Parameters } from '../policy.ts';
import { bootPoolSize } from './sizing.ts';
import { SlotPool } from './slot-pool.ts';
import { Swiotlb } from './swiotlb.ts';
import {
  areasParameter,
  kernelParameter,
  numberOf,
  slotsParameter,
  startOf,
  startParameter,
  swiotlbRules,
  throttleOf,
  throttleParameters,
} from './swiotlb-parameters.ts';

/** One pool in areas; what it cannot serve fails. */
export const staticBounce: BouncePolicy = {
  kind: 'bounce',
  name: 'static',
  summary: 'one pool made at boot, in areas with one lock each; bit for bit for 6.1 and 6.12',
  parameters: [
    slotsParameter,
    areasParameter,
    startParameter,
    kernelParameter,
    ...throttleParameters,
  ],
  create: createStaticBounce,
};

/** As `static.create`, with the whole surface of the model. */
export function createStaticBounce(
  parameters: Parameters,
  port: Pick<BouncePort, 'cpus'>,
): Swiotlb {
  const { slots, areas } = bootPoolSize(
    numberOf(parameters, 'slots'),
    numberOf(parameters, 'areas'),
    port.cpus,
  );
  const pool = new SlotPool(startOf(parameters), slots, areas);
  const rules = swiotlbRules(String(parameters.kernel));
  return new Swiotlb(rules, pool, null, throttleOf(parameters));
}
