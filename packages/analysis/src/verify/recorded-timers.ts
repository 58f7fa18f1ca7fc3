// Flush timers of a replay that fire when those of the recorded machine did.
//
// A recorded machine may run its timers late, and under steady load one late timer shifts all that
// follow. So each timer is judged by itself: armed where the trace shows it being armed, is it within
// a jiffy of the moment that the kernel's timer wheel gives? A replay that takes the recorded
// moments over can then be compared in what its queues release and which addresses follow.

import type { Firing, FiringRule } from '@dmalab/replay';
import { FlushCause } from '@dmalab/replay';
import type { Flush } from './recorded-flushes.ts';

/** How late or early the flush timers of a recorded machine fired. */
export interface TimerComparison {
  /** Recorded timers with a known moment of arming that the replay armed as well. */
  readonly compared: number;
  /** Those that fired within a jiffy of the timer wheel; the others were late or early. */
  readonly withinJiffy: number;
  readonly late: number;
  readonly early: number;
  /** ns after the moment of the timer wheel: median, and the latest with its line. */
  readonly medianNs: number;
  readonly worstNs: number;
  readonly worstLine: number;
}

/** Timers from here on are not of a flush queue but of the depots (100 ms). */
const LONGEST_MS = 100;
/** Distance between recorded and replayed arming: the replay sees the first line of the unmap. */
const ARMING_NS = 2e6;

export class RecordedTimers {
  readonly #timeouts: ReadonlyMap<number, readonly Flush[]>;
  readonly #next = new Map<number, number>();
  readonly #deviations: number[] = [];
  #worst = Number.NEGATIVE_INFINITY;
  #worstLine = 0;

  /** `flushes`: by the index of their domain. */
  constructor(flushes: ReadonlyMap<number, readonly Flush[]>) {
    const isTimer = ({ cause, armedAt }: Flush): boolean =>
      cause === FlushCause.timeout && armedAt >= 0;
    this.#timeouts = new Map([...flushes].map(([domain, list]) => [domain, list.filter(isTimer)]));
  }

  /** The rule for a replay; counts as it is asked. */
  readonly rule: FiringRule = (domain, _cpu, now, delayMs, planned): Firing | null => {
    if (delayMs >= LONGEST_MS) return null;
    const timeouts = this.#timeouts.get(domain);
    if (timeouts === undefined) return null;
    let i = this.#next.get(domain) ?? 0;
    while (i < timeouts.length && timeouts[i]!.armedAt < now - ARMING_NS) i++;
    this.#next.set(domain, i);
    const timeout = timeouts[i];
    if (timeout === undefined || timeout.armedAt > now + ARMING_NS) return null;
    this.#next.set(domain, i + 1);
    this.#count(timeout, planned);
    return { time: Math.max(now, timeout.time), cpu: timeout.cpu };
  };

  /** What was counted so far. `jiffy` in ns. */
  comparison(jiffy: number): TimerComparison | null {
    const sorted = [...this.#deviations].sort((a, b) => a - b);
    if (sorted.length === 0) return null;
    const late = sorted.filter((deviation) => deviation > jiffy).length;
    const early = sorted.filter((deviation) => deviation < -jiffy).length;
    return {
      compared: sorted.length,
      withinJiffy: sorted.length - late - early,
      late,
      early,
      medianNs: sorted[Math.floor((sorted.length - 1) / 2)]!,
      worstNs: this.#worst,
      worstLine: this.#worstLine,
    };
  }

  #count(timeout: Flush, planned: number): void {
    const deviation = timeout.time - planned;
    this.#deviations.push(deviation);
    if (deviation <= this.#worst) return;
    this.#worst = deviation;
    this.#worstLine = timeout.line;
  }
}
