// The public surface of @dmalab/replay.

export { createDynamicBounce } from './bounce/dynamic.ts';
export { LARGEST_ORDER, ZonedPages } from './bounce/page-source.ts';
export { PoolMemory } from './bounce/pool-memory.ts';
export {
  atomicPoolBytes,
  bootPoolSize,
  coCoSlots,
  DEFAULT_SLOTS,
  halvedPoolSize,
  MIN_SLOTS,
  type PoolSize,
} from './bounce/sizing.ts';
export { type AreaCopy, SLOT_BYTES, SlotPool } from './bounce/slot-pool.ts';
export { createStaticBounce } from './bounce/static.ts';
export { Swiotlb, type SwiotlbRules } from './bounce/swiotlb.ts';
export {
  SWIOTLB_KERNELS,
  swiotlbRules,
} from './bounce/swiotlb-parameters.ts';
export { AGE_BOUNDS, type CachedRanges } from './cached-ranges.ts';
export { COSTS, type CostDescription, DEFAULT_COST } from './cost.ts';
export { createPolicy, PolicyError } from './create-policy.ts';
export { DmaLayer } from './dma-layer.ts';
export { dryBouncePort, dryHostPort, dryPort } from './dry-ports.ts';
export { LazyQueue } from './flush/lazy-queue.ts';
export { type FreeRegion, type FreeSpace, freeSpace, USABLE_SIZES } from './free-space.ts';
export { type Guest, type GuestOutcomes, replayGuests } from './guests.ts';
export { SharedPinBudget } from './host/pin-budget.ts';
export * from './host-policy.ts';
export { createLinuxIova } from './iova/linux.ts';
export {
  LinuxIova,
  type LinuxIovaCopy,
  NO_NODE,
} from './iova/linux-iova.ts';
export { linuxIovaParameters } from './iova/linux-parameters.ts';
export { KERNEL_PRESETS, kernelPreset, sacOfKernel, VERIFIED_KERNELS } from './kernel-preset.ts';
export { Lock } from './latency.ts';
export { type Load, loadedSource, RECORDED_LOAD } from './load/load.ts';
export { MAP_BENCHMARK, type MapBenchmark, mapBenchmark } from './load/map-benchmark.ts';
export * from './machine.ts';
export { PLAIN_DEVICE, PLAIN_MACHINE } from './machine-defaults.ts';
export { machineFromFacts } from './machine-from-facts.ts';
export * from './outcome.ts';
export { completeParameters } from './parameters.ts';
export { parseMachine } from './parse-machine.ts';
export { offsetOf, pagesOf, pfnOf } from './pfn.ts';
export {
  BUILT_IN,
  bouncePolicies,
  bouncePolicy,
  completeChoice,
  describePolicies,
  flushPolicies,
  flushPolicy,
  hostPolicies,
  hostPolicy,
  iovaPolicies,
  iovaPolicy,
  type Policy,
  type PolicyDescription,
  type PolicyRegistry,
} from './policies.ts';
export * from './policy.ts';
export { checkMade, checkPolicy, registryWith } from './policy-check.ts';
export { policyKit } from './policy-kit.ts';
export { replay } from './replay.ts';
export type { RequestSource } from './request-source.ts';
export { costOfWork, lockOfRow, type WorkCounts, WorkSum } from './row-work.ts';
export type { DomainSample, PoolSample, SampleReason, StateSample } from './state-sampler.ts';
export { fnvWord } from './structures/fnv.ts';
export { type Random, seededRandom } from './structures/random.ts';
export type { Ring } from './structures/ring.ts';
export { ENDLESS, NOT_FOUND, SearchRule, SlotSearch } from './structures/slot-search.ts';
export {
  type Firing,
  type FiringRule,
  msToJiffies,
  Timers,
  wheelJiffy,
} from './timers.ts';
export { SwitchResult } from './type-switch.ts';
