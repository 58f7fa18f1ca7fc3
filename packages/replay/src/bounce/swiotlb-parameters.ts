// The parameters that the bounce policies share, and what they stand for.

import type { Parameter, ParameterList, Parameters, Throttle } from '../policy.ts';
import { SearchRule } from '../structures/slot-search.ts';
import type { SwiotlbRules } from './swiotlb.ts';

const PAGE_SIZE = 4096;

/**
 * Kernels whose search is known, each compared with the kernel's own code, address by address. 6.6.0 stands for the
 * kernels from 6.6 on without the fixes of 6.9, 6.6 for those of its stable series that have them (6.6.57 was compared).
 */
export const SWIOTLB_KERNELS = ['6.1', '6.6.0', '6.6', '6.12'] as const;

export const kernelParameter: Parameter = {
  name: 'kernel',
  type: 'choice',
  choices: SWIOTLB_KERNELS,
  default: '6.12',
  summary: 'how slots are searched; 6.1 may search for ever',
};

export const startParameter: Parameter = {
  name: 'start',
  type: 'integer',
  range: [0, 2 ** 52],
  default: 0x7400_0000,
  unit: 'bytes',
  summary: 'physical address of the pool, rounded down to a page',
};

export const slotsParameter: Parameter = {
  name: 'slots',
  type: 'integer',
  range: [0, 2 ** 22],
  default: 0,
  unit: 'slots of 2 KiB',
  summary: 'as in swiotlb=slots, rounded up as the kernel does; 0: 64 MiB',
};

export const areasParameter: Parameter = {
  name: 'areas',
  type: 'integer',
  range: [0, 65_536],
  default: 0,
  unit: 'areas',
  summary: 'as in swiotlb=slots,areas; 0: as many as CPUs; rounded up to a power of two',
};

/** The option of 2024 that has requests wait which may sleep. */
export const throttleParameters: ParameterList = [
  {
    name: 'throttleHigh',
    type: 'number',
    range: [0, 1],
    default: 0,
    unit: 'of all slots',
    summary:
      'share in use above which a request that may sleep waits (proposed in 2024); 0: none waits',
  },
  {
    name: 'throttleLow',
    type: 'number',
    range: [0, 1],
    default: 0.5,
    unit: 'of all slots',
    summary: 'share in use below which those that wait go on',
  },
];

/** What {@link throttleParameters} say; a RangeError where the two are the wrong way round. */
export function throttleOf(parameters: Parameters): Throttle | null {
  const high = Number(parameters.throttleHigh ?? 0);
  const low = Number(parameters.throttleLow ?? 0);
  if (high === 0) return null;
  if (low > 0 && low <= high) return { high, low };
  throw new RangeError(
    `throttleLow: got ${low}, expected more than 0 and at most throttleHigh, ${high}`,
  );
}

/** The rules of a kernel of {@link SWIOTLB_KERNELS}. */
export function swiotlbRules(kernel: string): SwiotlbRules {
  const before68 = { areasOutermost: false, callerRounds: true, refusesLong: false };
  if (kernel === '6.1') return { rule: SearchRule.v6_1, ...before68 };
  if (kernel === '6.6.0') return { rule: SearchRule.v6_6, ...before68 };
  if (kernel === '6.6') return { rule: SearchRule.v6_12, ...before68 };
  return { rule: SearchRule.v6_12, areasOutermost: true, callerRounds: false, refusesLong: true };
}

/** The parameter `name` as a number; the caller knows that it is one. */
export function numberOf(parameters: Parameters, name: string): number {
  return Number(parameters[name]);
}

/** Where the pool starts: the parameter `start`, on a page border. */
export function startOf(parameters: Parameters): number {
  return Math.floor(numberOf(parameters, 'start') / PAGE_SIZE) * PAGE_SIZE;
}
