// Switches of the domain type: which queue was asked for, which was made, and the strict unmaps around them.

import { type OutcomeBatch, OutcomeKind, QueueKind, SwitchResult } from '@dmalab/replay';
import type { QueueName, TypeSwitchFigures } from '../figures/flushes.ts';

const QUEUES = Object.keys(QueueKind) as QueueName[];
const RESULTS = Object.entries(SwitchResult) as [TypeSwitchFigures['result'], number][];

interface Switch {
  readonly time: number;
  readonly domain: number;
  readonly requested: number;
  readonly got: number;
  readonly result: number;
  readonly strictBefore: number;
  readonly unmapsBefore: number;
}

/** Counts unmaps and synchronous invalidations of each domain around its switches. */
export class TypeSwitchStats {
  readonly #switches: Switch[] = [];
  readonly #strict: number[] = [];
  readonly #unmaps: number[] = [];

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, domain } = batch;
    for (let i = 0; i < length; i++) {
      const d = domain[i]!;
      if (kind[i] === OutcomeKind.sync) this.#strict[d] = (this.#strict[d] ?? 0) + 1;
      else if (kind[i] === OutcomeKind.unmap) this.#unmaps[d] = (this.#unmaps[d] ?? 0) + 1;
      else if (kind[i] === OutcomeKind.typeSwitch) this.#switch(batch, i, d);
    }
  }

  /** In the order of time; before and after count from the start and to the end of the replay. */
  figures(): TypeSwitchFigures[] {
    return this.#switches.map((one) => ({
      time: one.time,
      domain: one.domain,
      requested: QUEUES[one.requested] ?? 'none',
      got: QUEUES[one.got] ?? 'none',
      result: RESULTS.find(([, errno]) => errno === one.result)?.[0] ?? 'done',
      unmapsBefore: one.unmapsBefore,
      strictUnmapsBefore: one.strictBefore,
      unmapsAfter: (this.#unmaps[one.domain] ?? 0) - one.unmapsBefore,
      strictUnmapsAfter: (this.#strict[one.domain] ?? 0) - one.strictBefore,
    }));
  }

  #switch({ time, path, cause, value }: OutcomeBatch, i: number, domain: number): void {
    this.#switches.push({
      time: time[i]!,
      domain,
      requested: path[i]!,
      got: cause[i]!,
      result: value[i]!,
      strictBefore: this.#strict[domain] ?? 0,
      unmapsBefore: this.#unmaps[domain] ?? 0,
    });
  }
}
