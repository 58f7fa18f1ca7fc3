// The bounce policy `dynamic`: pools that grow (CONFIG_SWIOTLB_DYNAMIC). See docs/models/swiotlb.md.

import type { BouncePolicy, BouncePort, Parameter, Parameters } from '../policy.ts';
import { Growth } from './growth.ts';
import { atomicPoolBytes, bootPoolSize } from './sizing.ts';
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

const NS_PER_MS = 1e6;
const KIB = 1024;
const GIB = 2 ** 30;

const flag = (name: string, value: boolean, summary: string): Parameter => ({
  name,
  type: 'boolean',
  default: value,
  summary,
});
const number = (
  name: string,
  range: readonly [number, number],
  value: number,
  unit: string,
  summary: string,
): Parameter => ({ name, type: 'number', range, default: value, unit, summary });

/** A pool made at boot, more in the background, and transient ones in between. */
export const dynamic: BouncePolicy = {
  kind: 'bounce',
  name: 'dynamic',
  summary: 'a pool that grows: transient pools at once, pools of up to 4 MiB in the background',
  parameters: [
    slotsParameter,
    areasParameter,
    startParameter,
    { ...kernelParameter, choices: ['6.6.0', '6.6', '6.12'], summary: 'how slots are searched' },
    number('growDelay', [0, 1e6], 1, 'ms', 'from a miss to the new pool'),
    number('rcuDelay', [0, 1e6], 20, 'ms', 'until the memory of a transient pool is free again'),
    flag('canGrow', true, 'false: something asked for the base of the pool, as Xen does'),
    flag('encrypted', false, 'encrypted guest: transient pools come from the atomic pools'),
    number('memory', [0.0625, 65_536], 4, 'GiB', 'of the guest: sets the size of the atomic pools'),
    number(
      'atomicPool',
      [0, 65_536],
      0,
      'KiB',
      'each atomic pool at boot (coherent_pool=); 0: by memory',
    ),
    flag('maySleep', false, 'a request that may sleep waits for a full pool (proposed in 2023)'),
    number(
      'earlyGrow',
      [0, 1],
      0,
      'of all slots',
      'share in use that adds a pool; 0: only a miss does',
    ),
    number('shrink', [0, 1e6], 0, 's', 'idle time after which an added pool goes; 0: never'),
    {
      name: 'keep',
      type: 'integer',
      range: [0, 1000],
      default: 1,
      unit: 'pools',
      summary: 'idle added pools that stay',
    },
    ...throttleParameters,
  ],
  create: createDynamicBounce,
};

/** As `dynamic.create`, with the whole surface of the model. */
export function createDynamicBounce(parameters: Parameters, port: BouncePort): Swiotlb {
  const { slots, areas } = bootPoolSize(
    numberOf(parameters, 'slots'),
    numberOf(parameters, 'areas'),
    port.cpus,
  );
  const stated = numberOf(parameters, 'atomicPool') * KIB;
  const growth = new Growth(
    {
      canGrow: parameters.canGrow === true,
      growDelayNs: numberOf(parameters, 'growDelay') * NS_PER_MS,
      rcuDelayNs: numberOf(parameters, 'rcuDelay') * NS_PER_MS,
      encrypted: parameters.encrypted === true,
      atomicPoolBytes: stated || atomicPoolBytes(numberOf(parameters, 'memory') * GIB),
      maySleep: parameters.maySleep === true,
      earlyGrow: numberOf(parameters, 'earlyGrow'),
      shrinkNs: numberOf(parameters, 'shrink') * 1000 * NS_PER_MS,
      keep: numberOf(parameters, 'keep'),
    },
    port,
  );
  const pool = new SlotPool(startOf(parameters), slots, areas);
  const rules = swiotlbRules(String(parameters.kernel));
  return new Swiotlb(rules, pool, growth, throttleOf(parameters));
}
