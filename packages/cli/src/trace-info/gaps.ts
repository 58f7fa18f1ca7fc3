// Where events were lost: the places in the trace, as far as it tells them.

import { Op, type ReadReport, type RequestBatch, UNKNOWN_CPU } from '@dmalab/trace';

/** Events were lost on a CPU (-1: not known which) before this time. */
export interface Gap {
  readonly timeNs: number;
  readonly cpu: number;
  /** null where the number is not recorded. */
  readonly lost: number | null;
  readonly where: string;
}

/** All gaps are counted, the first ones listed. */
export interface Gaps {
  readonly count: number;
  readonly first: readonly Gap[];
  /** Requests that the gaps and the edges of the trace left without a partner. */
  readonly unmatched: {
    /** Mapped before the trace began, or in a gap. */
    readonly unmapWithoutMap: number;
    /** Not unmapped before the trace ended. */
    readonly stillMapped: number;
    /** Pairs across a gap of which nothing is claimed. */
    readonly acrossLoss: number;
  };
}

const SHOWN = 20;

/** Finds the gaps of a capture, batch by batch. */
export class GapLog {
  readonly #report: ReadReport;
  readonly #first: Gap[] = [];
  #count = 0;

  constructor(report: ReadReport) {
    this.#report = report;
  }

  accumulate({ length, op, time, cpu, size, line }: RequestBatch): void {
    for (let i = 0; i < length; i++) {
      if (op[i] !== Op.loss) continue;
      this.#count++;
      if (this.#first.length === SHOWN) continue;
      this.#first.push({
        timeNs: time[i]!,
        cpu: cpu[i] === UNKNOWN_CPU ? -1 : cpu[i]!,
        lost: size[i] === 0 ? null : size[i]!,
        where: `${this.#report.source}:${line[i]}`,
      });
    }
  }

  result(): Gaps {
    const { requests, pairing } = this.#report;
    const { ORPHAN_UNMAP = 0, LOSS_WINDOW = 0 } = pairing;
    return {
      count: this.#count,
      first: this.#first,
      unmatched: {
        unmapWithoutMap: requests.openStart + ORPHAN_UNMAP,
        stillMapped: requests.openEnd,
        acrossLoss: LOSS_WINDOW,
      },
    };
  }
}
