// Where the jiffies of a recorded machine begin on the clock of its trace.
//
// No event says it. But timers expire at ticks: the flush timeouts of a lazy domain come shortly after
// one, sometimes late, never early. The phase is the moment within a jiffy that the most timeouts
// follow within a quarter of a jiffy.

/** The phase in ns, below `jiffy`, for the `times` of timeouts; 0 without any. */
export function tickPhase(times: readonly number[], jiffy: number): number {
  const phases = times.map((time) => time % jiffy).sort((a, b) => a - b);
  const { length } = phases;
  let best = 0;
  let most = 0;
  // A window that slides once around the circle: `end` is the first phase beyond it.
  for (let start = 0, end = 0; start < length; start++) {
    end = Math.max(end, start);
    while (end - start < length && around(phases, end, jiffy) < phases[start]! + jiffy / 4) end++;
    if (end - start <= most) continue;
    most = end - start;
    best = phases[start]!;
  }
  return best;
}

function around(phases: readonly number[], i: number, jiffy: number): number {
  return i < phases.length ? phases[i]! : phases[i - phases.length]! + jiffy;
}
