// The parameters that the lazy flush queues share.

import type { Parameter, ParameterList, Parameters } from '../policy.ts';
import type { LazyQueueOptions } from './lazy-queue.ts';

/** A ring per CPU or one for all, where that is not what the policy is about. */
export const ringsParameter: Parameter = {
  name: 'rings',
  type: 'choice',
  choices: ['single', 'percpu'],
  default: 'single',
  summary: 'one ring for all CPUs, or one for each',
};

/** Size and timer CPU, with the default of one kind of queue. */
export function ringParameters(size: number): ParameterList {
  return [
    {
      name: 'size',
      type: 'integer',
      default: size,
      range: [2, 4_194_304],
      unit: 'entries',
      summary: 'entries of a queue, one of which always stays free; since 6.7 a power of two',
    },
    {
      name: 'timerCpu',
      type: 'integer',
      default: -1,
      range: [-1, 65_534],
      summary: 'CPU that runs the timer and gets the freed ranges; -1: the one that armed it',
    },
  ];
}

/** Size, timeout and timer CPU, with the defaults of one kind of queue. */
export function lazyParameters(size: number, timeoutMs: number): ParameterList {
  const [ring, timerCpu] = ringParameters(size);
  return [
    ring!,
    {
      name: 'timeoutMs',
      type: 'integer',
      default: timeoutMs,
      range: [1, 3_600_000],
      unit: 'ms',
      summary: 'longest time from the first queued range to the flush',
    },
    timerCpu!,
  ];
}

/** Reads complete parameters of {@link lazyParameters}; without a timeout there is no timer. */
export function lazyQueueOptions(parameters: Parameters, perCpu: boolean): LazyQueueOptions {
  return {
    perCpu,
    size: Number(parameters.size),
    timeoutMs: Number(parameters.timeoutMs ?? Number.POSITIVE_INFINITY),
    timerCpu: Number(parameters.timerCpu),
  };
}
