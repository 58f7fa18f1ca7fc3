// A port whose clock stands still: for tests that drive a policy by hand.

import { type Port, policyKit } from '@dmalab/replay';

/** A port of `cpus` CPUs, all online; `timer` may be watched. */
export function stillPort(
  cpus: number,
  timer: Port['timer'] = () => {},
  count: Port['count'] = () => {},
): Port {
  return {
    kit: policyKit,
    cpus,
    shift: 12,
    now: () => 0,
    isOnline: () => true,
    onlineCpus: () => cpus,
    timer,
    timerAt: () => {},
    invalidateAll: () => {},
    invalidate: () => {},
    freeIova: () => {},
    count,
  };
}
