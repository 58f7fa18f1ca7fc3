// Which maps failed, at which stage, why, and since when.

import { FailCause, FailStage, type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import type { FailureCause, FailureFigures } from '../figures/requests.ts';

const CAUSES = 32;
const STAGE_NAMES = namesByNumber<FailureCause['stage']>(FailStage);
const CAUSE_NAMES = namesByNumber<FailureCause['cause']>(FailCause);

/** Counts of failed maps by stage and cause. */
export class FailureStats {
  readonly #count = new Float64Array(256 * CAUSES);
  readonly #firstAt = new Float64Array(256 * CAUSES);
  readonly #lastAt = new Float64Array(256 * CAUSES);
  #total = 0;
  #firstTime = 0;
  #firstLine = 0;

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, stage, cause, time, line } = batch;
    for (let i = 0; i < length; i++) {
      if (kind[i] !== OutcomeKind.mapFail) continue;
      if (this.#total++ === 0) {
        this.#firstTime = time[i]!;
        this.#firstLine = line[i]!;
      }
      const at = stage[i]! * CAUSES + (cause[i]! % CAUSES);
      if (this.#count[at]!++ === 0) this.#firstAt[at] = time[i]!;
      this.#lastAt[at] = time[i]!;
    }
  }

  figures(): FailureFigures {
    const causes: FailureCause[] = [];
    this.#count.forEach((count, at) => {
      if (count === 0) return;
      causes.push({
        stage: STAGE_NAMES[Math.floor(at / CAUSES)] ?? 'unknown',
        cause: CAUSE_NAMES[at % CAUSES] ?? 'unknown',
        count,
        firstAt: this.#firstAt[at]!,
        lastAt: this.#lastAt[at]!,
      });
    });
    const some = this.#total > 0;
    return {
      total: this.#total,
      firstAt: some ? this.#firstTime : null,
      firstLine: some ? this.#firstLine : null,
      causes,
    };
  }
}

function namesByNumber<Name extends string>(codes: Readonly<Record<string, number>>): Name[] {
  const names: Name[] = [];
  for (const [name, code] of Object.entries(codes)) names[code] = name as Name;
  return names;
}
