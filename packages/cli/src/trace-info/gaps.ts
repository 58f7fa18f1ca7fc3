// Where events were lost: the places in the trace, as far as it tells them.

import { type Capture, Op } from '@dmalab/trace';

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
const UNKNOWN_CPU = 65_535;

export function gapsOf(capture: Capture): Gaps {
  const { report } = capture;
  const first: Gap[] = [];
  let count = 0;
  for (const { length, op, time, cpu, size, line } of capture.requests()) {
    for (let i = 0; i < length; i++) {
      if (op[i] !== Op.loss) continue;
      count++;
      if (first.length === SHOWN) continue;
      first.push({
        timeNs: time[i]!,
        cpu: cpu[i] === UNKNOWN_CPU ? -1 : cpu[i]!,
        lost: size[i] === 0 ? null : size[i]!,
        where: `${report.source}:${line[i]}`,
      });
    }
  }
  const { ORPHAN_UNMAP = 0, LOSS_WINDOW = 0 } = report.pairing;
  return {
    count,
    first,
    unmatched: {
      unmapWithoutMap: report.requests.openStart + ORPHAN_UNMAP,
      stillMapped: report.requests.openEnd,
      acrossLoss: LOSS_WINDOW,
    },
  };
}
