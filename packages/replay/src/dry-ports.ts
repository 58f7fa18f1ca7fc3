// Ports on which nothing happens: for creating a policy outside of a replay.

import { SharedPinBudget } from './host/pin-budget.ts';
import type { HostPort } from './host-policy.ts';
import { type BouncePort, NO_PAGES, type Port } from './policy.ts';
import { policyKit } from './policy-kit.ts';

/** A port of `cpus` CPUs, all online, with 4 KiB pages and a clock that stands still. */
export function dryPort(cpus: number = 2): Port {
  return {
    kit: policyKit,
    cpus,
    shift: 12,
    now: () => 0,
    isOnline: () => true,
    onlineCpus: () => cpus,
    timer: () => {},
    timerAt: () => {},
    invalidateAll: () => {},
    invalidate: () => {},
    freeIova: () => {},
    count: () => {},
  };
}

/** A port for bounce memory that has no pages to give. */
export function dryBouncePort(cpus: number = 2): BouncePort {
  return {
    kit: policyKit,
    cpus,
    now: () => 0,
    later: () => {},
    pages: { alloc: () => NO_PAGES, free: () => {} },
    event: () => {},
  };
}

/** A port for host resources with a budget for each guest. */
export function dryHostPort(): HostPort {
  return { kit: policyKit, pinBudget: (pages) => new SharedPinBudget(pages) };
}
