// The public surface of @dmalab/replay.

export { allocCost, DEFAULT_COST } from './cost.ts';
export { DmaLayer, type DmaLayerOptions } from './dma-layer.ts';
export { LazyQueue, type LazyQueueOptions } from './flush/lazy-queue.ts';
export { createLinuxIova } from './iova/linux.ts';
export {
  LinuxIova,
  type LinuxIovaCopy,
  type LinuxIovaCounters,
  NO_NODE,
} from './iova/linux-iova.ts';
export { VERIFIED_IOVA_KERNELS } from './iova/linux-parameters.ts';
export { KERNEL_PRESETS, kernelPreset, sacOfKernel } from './kernel-preset.ts';
export * from './machine.ts';
export {
  type DeviceOverride,
  type MachineOverrides,
  machineFromFacts,
} from './machine-from-facts.ts';
export * from './outcome.ts';
export { completeParameters } from './parameters.ts';
export { parseMachine } from './parse-machine.ts';
export { limitPfnOf, offsetOf, pagesOf, pfnOf } from './pfn.ts';
export {
  completeChoice,
  describePolicies,
  flushPolicies,
  flushPolicy,
  iovaPolicies,
  iovaPolicy,
  type PolicyDescription,
} from './policies.ts';
export * from './policy.ts';
export { type RequestSource, replay } from './replay.ts';
export { FNV_BASIS, fnvWord } from './structures/fnv.ts';
export type { Ring } from './structures/ring.ts';
export {
  type Firing,
  type FiringRule,
  msToJiffies,
  type TimerCallback,
  Timers,
  wheelJiffy,
} from './timers.ts';
