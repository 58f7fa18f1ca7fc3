// Losses that only the statistics of a CPU's ring buffer tell (tracing/per_cpu/cpuN/stats).
//
//   CPU: 0
//   overrun: 1500
//   commit overrun: 0
//   dropped events: 0
//
// Pages carry a count of what was lost before them; what the totals have more has no place in time.

import type { EventCounts } from '../event-reader.ts';

/** By CPU: events that were lost and that no page told of. */
export function lossesBeyond(
  stats: readonly string[],
  { lostByCpu }: EventCounts,
): { cpu: number; lost: number }[] {
  const losses: { cpu: number; lost: number }[] = [];
  stats.forEach((text, i) => {
    const cpu = Number(/^CPU:\s*(\d{1,5})\b/m.exec(text)?.[1] ?? i);
    const total =
      number(text, /^overrun:\s*(\d{1,15})$/m) +
      number(text, /^commit overrun:\s*(\d{1,15})$/m) +
      number(text, /^dropped events:\s*(\d{1,15})$/m);
    const lost = total - (lostByCpu.get(cpu) ?? 0);
    if (lost > 0 && cpu < 65_535) losses.push({ cpu, lost });
  });
  return losses;
}

function number(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}
