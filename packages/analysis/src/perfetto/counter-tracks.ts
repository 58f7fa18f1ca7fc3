// The tracks of a Perfetto trace of counters: which there are, under which names and units.

import { hasHost } from '../stats/hosts.ts';
import { hasBounce, type RunContext } from '../stats/outcome-stats.ts';
import { domainNames } from '../tables/outcome-table.ts';
import { Unit } from './messages.ts';

/** What one counter is called and counts. */
export interface CounterKind {
  readonly name: string;
  readonly unit: Unit;
  /** Of counts: what is counted. */
  readonly unitName?: string;
}

const bytes = (name: string): CounterKind => ({ name, unit: Unit.bytes });
const counted = (name: string, unitName: string): CounterKind => ({
  name,
  unit: Unit.count,
  unitName,
});

/** Counters of a domain, in this order. */
export const DOMAIN_COUNTERS: readonly CounterKind[] = [
  bytes('live'),
  bytes('queued'),
  bytes('cached'),
  bytes('below 4 GiB'),
  counted('live mappings', 'mappings'),
  counted('queued entries', 'entries'),
  counted('flushes', 'flushes'),
  counted('range invalidations', 'invalidations'),
];

/** Counters of the machine, in this order; those of what it lacks are null. */
export function machineCounters({ machine }: RunContext): (CounterKind | null)[] {
  const bounce = hasBounce(machine);
  const host = hasHost(machine);
  return [
    counted('failed maps', 'maps'),
    bounce ? bytes('bounce memory in use') : null,
    bounce ? bytes('bounce memory') : null,
    host ? counted('host entries', 'entries') : null,
    host ? counted('host entries of unmapped pages', 'entries') : null,
    host ? counted('pinned by the host', 'pages') : null,
  ];
}

/** A domain as its track is called: its devices, and its name. */
export function domainTitles(context: RunContext): string[] {
  const { machine, facts } = context;
  return domainNames(context).map((name, index) => {
    const own = index - machine.domains.length;
    const members = own >= 0 ? [own] : (facts.domains[index]?.devices ?? []);
    const devices = members.flatMap((device) => facts.devices[device]?.name || []);
    return devices.length === 0 ? `domain ${name}` : `${devices.join(', ')} (domain ${name})`;
  });
}
