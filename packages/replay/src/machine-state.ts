// What a machine has beside its domains: the host behind the page table. Its state is in every row.

import { SharedPinBudget } from './host/pin-budget.ts';
import type { HostPort, HostResources, PinBudget } from './host-policy.ts';
import type { Machine } from './machine.ts';
import type { MachineGauges } from './outcome-log.ts';
import { completeChoice, hostPolicy, type PolicyRegistry } from './policies.ts';
import { policyKit } from './policy-kit.ts';

/** See the head of the file. */
export interface MachineState extends MachineGauges {
  /** Rows must tell of it. */
  readonly isActive: boolean;
  /** null: no host limits. */
  readonly host: HostResources | null;
}

/** The state of a machine at the start of its replay; `shared`: the budget of pinned pages that it draws on with others. */
export function machineState(
  machine: Machine,
  registry: PolicyRegistry,
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
  const host = machine.tlbRefresh ? hostPolicy(name, registry).create(parameters, port) : null;
  return {
    host,
    isActive: host !== null,
    bounceUsed: () => 0,
    bounceTotal: () => 0,
    hostEntries: () => host?.entries ?? 0,
    hostStale: () => host?.staleEntries ?? 0,
    hostPinned: () => budget?.used ?? 0,
  };
}
