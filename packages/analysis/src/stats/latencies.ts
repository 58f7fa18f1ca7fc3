// Modelled time of requests and their waiting, by lock; and the work behind the modelled costs.

import {
  Lock,
  type Loop,
  lockOfRow,
  type OutcomeBatch,
  OutcomeKind,
  WorkSum,
} from '@dmalab/replay';
import type { LatencyFigures, WaitingFigures, WorkFigures } from '../figures/latency.ts';
import { SlicedHistogram } from '../structures/sliced-histogram.ts';
import { distributionFigures } from './distribution.ts';

const LOCKS = Object.entries(Lock).filter(([name]) => name !== 'none') as [
  WaitingFigures['lock'],
  number,
][];

/** Latencies of maps and unmaps, waiting by lock, and counts of work. */
export class LatencyStats {
  readonly map: SlicedHistogram = new SlicedHistogram();
  readonly unmap: SlicedHistogram = new SlicedHistogram();
  readonly #loop: Loop;
  readonly #work: WorkSum;
  readonly #waiting = new Float64Array(LOCKS.length + 1);
  readonly #waits = new Float64Array(LOCKS.length + 1);
  readonly #longest = new Float64Array(LOCKS.length + 1);

  constructor(loop: Loop, cpus: number) {
    this.#loop = loop;
    this.#work = new WorkSum(cpus);
  }

  accumulate(batch: OutcomeBatch): void {
    const { length, time, kind, path, waitNs, latencyNs } = batch;
    this.#work.accumulate(batch);
    for (let i = 0; i < length; i++) {
      switch (kind[i]) {
        case OutcomeKind.map:
        case OutcomeKind.mapFail:
        case OutcomeKind.retry:
          this.map.add(latencyNs[i]!, time[i]!);
          break;
        case OutcomeKind.unmap:
          this.unmap.add(latencyNs[i]!, time[i]!);
          break;
        case OutcomeKind.direct:
          // Without bouncing a direct request takes no time here.
          if (latencyNs[i]! > 0)
            (batch.value[i] === 2 ? this.unmap : this.map).add(latencyNs[i]!, time[i]!);
          break;
      }
      if (waitNs[i]! > 0) this.#wait(lockOfRow(kind[i]!, path[i]!), waitNs[i]!);
    }
  }

  figures(): LatencyFigures {
    return {
      modelled: true,
      loop: this.#loop,
      map: distributionFigures(this.map.whole, 'ns'),
      unmap: distributionFigures(this.unmap.whole, 'ns'),
      waiting: LOCKS.map(([lock, i]) => ({
        lock,
        total: this.#waiting[i]!,
        waits: this.#waits[i]!,
        longest: this.#longest[i]!,
      })),
    };
  }

  work(): WorkFigures {
    return this.#work.counts();
  }

  #wait(lock: number, ns: number): void {
    this.#waiting[lock]! += ns;
    this.#waits[lock]!++;
    if (ns > this.#longest[lock]!) this.#longest[lock] = ns;
  }
}
