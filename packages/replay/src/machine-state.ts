// What a machine has beside its domains: bounce memory, and the host behind the page table. Their state is in
// every row.

import type { SegmentLists } from '@dmalab/trace';
import { Bouncing } from './bouncing.ts';
import { createPolicy } from './create-policy.ts';
import { SharedPinBudget } from './host/pin-budget.ts';
import type { HostPort, HostResources, PinBudget } from './host-policy.ts';
import type { Latency } from './latency.ts';
import type { Machine } from './machine.ts';
import type { MachineGauges, OutcomeLog } from './outcome-log.ts';
import { completeChoice, hostPolicy, type PolicyRegistry } from './policies.ts';
import type { BouncePool } from './policy.ts';
import { policyKit } from './policy-kit.ts';
import type { PoolSample } from './state-sampler.ts';
import type { Timers } from './timers.ts';

/** Owner of the timers that belong to no domain. */
export const MACHINE_OWNER = 0x1_0000;
/** Slots of a pool that a look passes in the time of one range. */
const SLOTS_PER_VISIT = 8;
/** Runs of 1, of 2 or 3, ... of 128 slots. */
const RUN_CLASSES = 8;

/** See the head of the file. */
export interface MachineState extends MachineGauges {
  /** Rows must tell of it. */
  readonly isActive: boolean;
  /** null: nothing can bounce. */
  readonly bouncing: Bouncing | null;
  /** null: no host limits. */
  readonly host: HostResources | null;
  /** What a look at bounce memory visits, about. */
  poolSize(): number;
  /** Bounce memory as it is now. */
  poolSample(): PoolSample | null;
}

/** The state of a machine at the start of its replay; `shared`: the budget of pinned pages that it draws on with others. */
export function machineState(
  machine: Machine,
  registry: PolicyRegistry,
  timers: Timers,
  log: OutcomeLog,
  latency: Latency,
  lists: SegmentLists | null,
  shared: PinBudget | null = null,
): MachineState {
  let budget: PinBudget | null = shared;
  const port: HostPort = {
    kit: policyKit,
    pinBudget: (pages) => {
      budget ??= new SharedPinBudget(pages);
      return budget;
    },
  };
  const { name, parameters } = completeChoice('host', machine.host, registry);
  const host = machine.tlbRefresh
    ? createPolicy(hostPolicy(name, registry), parameters, port)
    : null;
  const bouncing = mayBounce(machine)
    ? new Bouncing(machine, registry, timers, log, MACHINE_OWNER, lists, latency)
    : null;
  const pool = bouncing?.pool;
  return {
    host,
    bouncing,
    isActive: host !== null || bouncing !== null,
    bounceUsed: () => pool?.usedSlots() ?? 0,
    bounceTotal: () => (pool ? pool.totalSlots() + pool.transientSlots() : 0),
    hostEntries: () => host?.entries ?? 0,
    hostStale: () => host?.staleEntries ?? 0,
    hostPinned: () => budget?.used ?? 0,
    poolSize: () => (pool?.freeRuns === undefined ? 0 : pool.totalSlots() / SLOTS_PER_VISIT),
    poolSample: () => (pool === undefined ? null : samplePool(pool)),
  };
}

function samplePool(pool: BouncePool): PoolSample | null {
  if (pool.freeRuns === undefined) return null;
  const runs = new Float64Array(RUN_CLASSES);
  let freeSlots = 0;
  let longest = 0;
  pool.freeRuns((slots) => {
    freeSlots += slots;
    longest = Math.max(longest, slots);
    runs[31 - Math.clz32(slots)]!++;
  });
  return { freeSlots, usedSlots: pool.totalSlots() - freeSlots, runs, longest };
}

// Without bounce memory that is spoken of, a capture says nothing of what had to bounce.
function mayBounce({ bounce, swiotlb, devices }: Machine): boolean {
  if (bounce.name !== 'none' || swiotlb !== 'auto') return true;
  return devices.some(({ untrusted, forceBounce, kmallocAlign }) =>
    Boolean(untrusted || forceBounce || kmallocAlign > 0),
  );
}
