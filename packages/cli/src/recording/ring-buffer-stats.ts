// per_cpu/cpu*/stats of an ftrace instance: what the ring buffers took and lost.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { read } from './tracefs.ts';

/** Counts of one CPU, as in the meta.json of the bundled captures. */
export interface CpuStats {
  readonly entries: number;
  readonly overrun: number;
  readonly commit_overrun: number;
  readonly dropped: number;
}

/** By "cpu0", in the order of the CPUs. */
export function readStats(instance: string): Record<string, CpuStats> {
  const folder = join(instance, 'per_cpu');
  const stats: Record<string, CpuStats> = {};
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => /^cpu\d+$/.test(name));
  } catch {
    return stats;
  }
  names.sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)));
  for (const name of names) {
    const text = read(join(folder, name, 'stats'));
    if (text !== null) stats[name] = parseStats(text);
  }
  return stats;
}

/** The numbers of one stats file; what is not there is 0. */
function parseStats(text: string): CpuStats {
  const of = (name: string): number =>
    Number(text.match(new RegExp(`^${name}: (\\d+)`, 'm'))?.[1] ?? 0);
  return {
    entries: of('entries'),
    overrun: of('overrun'),
    commit_overrun: of('commit overrun'),
    dropped: of('dropped events'),
  };
}

/** The counts of all CPUs together. */
export function totalOf(stats: Readonly<Record<string, CpuStats>>): CpuStats {
  const total = { entries: 0, overrun: 0, commit_overrun: 0, dropped: 0 };
  for (const cpu of Object.values(stats)) {
    total.entries += cpu.entries;
    total.overrun += cpu.overrun;
    total.commit_overrun += cpu.commit_overrun;
    total.dropped += cpu.dropped;
  }
  return total;
}

/** Events that the ring buffers could not keep. */
export function lostOf({ overrun, commit_overrun, dropped }: CpuStats): number {
  return overrun + commit_overrun + dropped;
}
